"""Events as lines that a person reads: in `curl -N host/stream.txt`, and on the board.

Nothing that a terminal would obey gets through, whoever wrote the names.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]+")
MOST_DECIMALS = 20  # of a price
_EPOCH = datetime.fromtimestamp(0, UTC)


def line(name: str, said: str, id: str | None) -> bytes:
    """Return one line: the event type, what it says, and the id to resume from."""
    text = f"{name:<9} {said}" + (f"  [{id}]" if id else "")
    return UNPRINTABLE.sub(" ", text).encode("utf-8", "replace") + b"\n"


def say(type: str, json: bytes) -> str:
    """Return what an event of the log says, given its JSON."""
    data = msgspec.json.decode(json)
    try:
        return _SAY.get(type, _say_other)(data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # a user's own shape under this name
        return _say_other(data)


def say_fields(fields: dict[str, Any]) -> str:
    """Return `name=value` pairs, for what has no better words."""
    return " ".join(f"{name}={_plain(value)}" for name, value in fields.items())


def time_of(at: int) -> str:
    """Return an instant (epoch ms) as `14:03:07`, UTC."""
    return (_EPOCH + timedelta(milliseconds=at)).strftime("%H:%M:%S")


def signed(value: float | None, decimals: int) -> str:
    """Return `+0.36` or, with a real minus sign, `−0.36`; `–` where it isn't known."""
    if value is None:
        return "–"
    text = f"{abs(value):.{decimals}f}"
    if not float(text):
        return text
    return ("−" if value < 0 else "+") + text


def _say_price(data: dict[str, Any]) -> str:
    change, decimals = data["change"], int(data["decimals"])
    if not 0 <= decimals <= MOST_DECIMALS:
        raise ValueError(f"{decimals} decimals would be a line without end")
    arrow = "▲" if (change or 0) > 0 else "▼" if (change or 0) < 0 else "■"
    return (
        f"{time_of(data['at'])}  {data['symbol']:<6} {data['price']:>10.{decimals}f}"
        f"  {arrow} {signed(change, decimals)}  {signed(data['change_percent'], 2)} %"
    )


def _say_score(data: dict[str, Any]) -> str:
    home, away = data["home"], data["away"]
    return (
        f"{time_of(data['at'])}  {data['status']:<3} {_minute(data):>6}"
        f"  {home['name']} {_result(home['score'], away['score'])} {away['name']}"
    )


def _say_incident(data: dict[str, Any]) -> str:
    who = " ".join(part for part in (data["team"], data["player"]) if part)
    kind = data["kind"].replace("_", " ")
    score = f"{_plain(data['home_score'])}–{_plain(data['away_score'])}"
    said = f"{time_of(data['at'])}  {_minute(data):>10}  {data['match']}  {kind}"
    return f"{said}  {who}  {score}" if who else f"{said}  {score}"


def _say_market(data: dict[str, Any]) -> str:
    until = data["until"]
    said = f"{time_of(data['at'])}  {data['market']} is {data['status']}"
    return said if until is None else f"{said} until {time_of(until)}"


def _say_notice(data: dict[str, Any]) -> str:
    body = f": {data['body']}" if data["body"] else ""
    return f"{time_of(data['at'])}  {data['level']}  {data['title']}{body}"


def _say_gone(data: dict[str, Any]) -> str:
    return f"{time_of(data['at'])}  {data['event']} {data['key']}"


def _say_other(data: object) -> str:
    return msgspec.json.encode(data).decode()


_SAY = {
    "price": _say_price,
    "score": _say_score,
    "incident": _say_incident,
    "market": _say_market,
    "notice": _say_notice,
    "gone": _say_gone,
}


def _minute(data: dict[str, Any]) -> str:
    if data["minute"] is None:
        return ""
    stoppage = f"+{data['stoppage']}" if data["stoppage"] else ""
    return f"{data['minute']}{stoppage}′"


def _result(home: int | None, away: int | None) -> str:
    return "v" if home is None or away is None else f"{home}–{away}"


def _plain(value: object) -> str:
    return "–" if value is None else str(value)
