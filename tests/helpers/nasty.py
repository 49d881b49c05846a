"""Events that may be published and are likely to break a line, a name or a parser."""

import json

from feed.events.event import DATA_LENGTH, Event, keyed, unkeyed

TEXTS = (
    "CR \r LF \n CRLF \r\n NUL \0 ESC \x1b[31m TAB \t VT \v FF \f NEL \x85",
    "\u2028 and \u2029, which str.splitlines() takes for line ends",
    "\N{ZERO WIDTH NO-BREAK SPACE}BOM, \u202eright to left\u202c, \u200b, \U0010ffff",
    "😀 👩‍👩‍👧‍👦 ß ﷽ e\u0301 日本語",
    "data: forged\n\nevent: forged\nid: 9-9\nretry: 1\n: comment",
    '"quoted", \\back\\slash, </script>, \'; DROP TABLE',
    "",
    " spaces at both ends ",
)
KEYS = (
    " ",
    ":",
    "id: 9-9",
    "a,b;c=d&e%0A",
    "../../etc/passwd",
    "\u2060\u200b",
    "\N{ZERO WIDTH NO-BREAK SPACE}",
    "😀" * 200,
    "x" * 200,
)
NAMES = ("note", "messages", "others", "errors", "opened", "a" + "._-9" * 15 + "zzz")
LARGE = json.dumps("🙂" * ((DATA_LENGTH - 2) // 4), ensure_ascii=False).encode()


def nasty_events() -> list[Event]:
    """Return the oddest events that may be published."""
    plain = [json.dumps(text).encode() for text in TEXTS]
    raw = [json.dumps(text, ensure_ascii=False).encode() for text in TEXTS]
    spaced = [b'  {"a": [ 1 ,\t2 ] } ', b"0"]
    return [
        *(unkeyed("note", data) for data in plain + raw + spaced),
        *(keyed("note", key, json.dumps([key]).encode()) for key in KEYS),
        *(unkeyed(name, b'"the name"') for name in NAMES),
        unkeyed("note", LARGE),
        unkeyed("last", b"1"),
    ]
