"""An independent reading of answers: what each figure and name in one stands for.

Nothing here is shared with the rules but the way in which the page writes values. A
figure with a ref is looked up in the JSON of its event. Any other figure has to follow
from the board by one operation: a difference, a percentage, a count, an extreme.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate, combinations, permutations
from typing import Any

import msgspec

from feed.answers.piece import Board, Piece, Ref
from feed.streams.written import MINUS, date, hours, percent, price, signed, whole

NUMBER = re.compile(r"[0-9][0-9,.:]*")
CAPITALISED = re.compile(r"\b[A-Z][\w'’-]*")
DURATION = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
PHASES = {"NS": "next", "TBD": "next", "PST": "next"}
PHASES |= dict.fromkeys(("1H", "2H", "HT", "ET", "P", "LIVE", "SUSP", "INT"), "live")
SCORED = ("goal", "own_goal", "penalty")
LISTED = 5  # items of a list that are named; the others are counted
# Words that begin a sentence of an answer or are always written so.
_WORDS_TEXT = (
    "A An After At Before Buyers Goal Half Hello If In It Its No Nobody None Of On "
    "Since The There That These This Try UTC You Which How Who What When Until "
    "Goodbye Nothing New"
)
WORDS = frozenset(_WORDS_TEXT.split())


class Untrue(AssertionError):
    """An answer has a figure or a name that the board doesn't give."""


def check(pieces: Iterable[Piece], board: Board, question: str) -> int:
    """Return how many figures and names were checked; Untrue for one that is wrong."""
    facts = BoardFacts(board, question)
    checked = 0
    for piece in pieces:
        if piece.ref:
            facts.check_ref(piece.text, piece.ref)
            checked += 1
        else:
            checked += facts.check_words(piece.text)
    return checked


class BoardFacts:
    """What a board says, by the ways in which an answer may write it."""

    def __init__(self, board: Board, question: str) -> None:
        self.board = board
        self.question = question.lower()
        self.asked = {*NUMBER.findall(question)}
        self.data = {
            slot: msgspec.json.decode(event.data)
            for slot, event in board.newest.items()
        }
        self.quotes = [it for (type, _), it in self.data.items() if type == "price"]
        self.scores = [it for (type, _), it in self.data.items() if type == "score"]
        self.counts = {*map(whole, self._counts())}
        self.names = {*self._names()}

    def check_ref(self, text: str, ref: Ref) -> None:
        """Check a text that refers to a place on the board."""
        slot = ref.event, ref.key
        if slot not in self.data or str(self.board.newest[slot].id) != ref.id:
            raise Untrue(f"{text!r} refers to {ref}, which isn't on the board")
        if ref.field is None:
            allowed = {*self._of_key(slot)}
        else:
            parent, value = find(self.data[slot], ref.field)
            allowed = {*self._written(ref.field, value, parent, slot)}
        if text not in allowed:
            raise Untrue(f"{text!r} isn't {ref}: it can be {sorted(allowed)[:40]}")

    def check_words(self, text: str) -> int:
        """Check the numbers and the names in words without a ref."""
        plain = re.sub(r"“[^”]*”", " ", text)  # the question's words, or a suggestion
        plain = re.sub(r"\d{4}-\d\d-\d\d (?=\d\d:\d\d UTC)", "", plain)
        numbers = [it.rstrip(".,:") for it in NUMBER.findall(plain)]
        for number in numbers:
            if not self._is_known(number, plain):
                raise Untrue(f"{number!r} in {text!r} follows from nothing")
        names = CAPITALISED.findall(plain)
        for name in names:
            known = name in WORDS or name in self.names or name.lower() in self.question
            if not known:
                raise Untrue(f"{name!r} in {text!r} is no name on the board")
        return len(numbers) + len(names)

    def _is_known(self, number: str, text: str) -> bool:
        if number in self.counts or number in self.asked:
            return True
        if re.search(rf"(?:[Ss]ince|[Aa]t|of) {number} UTC", text):
            return bool(re.fullmatch(r"[0-2]\d:[0-5]\d", number))
        if re.search(rf"{number} (?:seconds?|minutes?|hours?|days?)\b", text):
            return self._is_duration(number, text)
        return False

    def _is_duration(self, number: str, text: str) -> bool:
        """Whether a number is a length that the question gives, or an age."""
        found = re.search(rf"{number} (second|minute|hour|day)", text)
        if found is None:
            return False
        size = float(number.replace(",", "")) * DURATION[found[1]]
        age = self.board.newest_event_age
        if age - DURATION[found[1]] < size <= age:
            return True
        return bool(
            re.search(r"last|past|since|ago|half|hour|new|chang|happen", self.question)
        )

    def _counts(self) -> Iterator[int]:
        """Yield the sizes of what is counted, and of what lists leave out."""
        yield 300  # the symbols that are compared over a time
        groups = Counter[Any]()
        for quote in self.quotes:
            way = direction_of(quote)
            sector = quote["sector"]
            for scope in ("all", ("sector", sector)):
                groups.update(
                    [(scope, "price"), (scope, way), (scope, way == "unknown")]
                )
        for score in self.scores:
            phase = PHASES.get(score["status"], "over")
            groups.update([("phase", phase), ("phase", phase, score["competition"])])
        for (type, _), value in self.data.items():
            groups.update([("type", type), *((type, it) for it in words_in(value))])
        groups.update(["sectors"] * len({it["sector"] for it in self.quotes} - {None}))
        groups["types"] = len({type for type, _ in self.data})
        for count in groups.values():
            yield from (count, count - LISTED, 2 * LISTED)
        yield from (len(it) for data in self.data.values() for it in lists_in(data))
        goals = sum(
            it["kind"] in SCORED for at in self.scores for it in at["incidents"]
        )
        yield from range(goals + 1)
        yield from (LISTED, 3)

    def _names(self) -> Iterator[str]:
        yield from CAPITALISED.findall(self.board.away or "")
        for (type, key), data in self.data.items():
            yield from re.findall(r"[\w'’-]+", f"{type} {type.capitalize()} {key}")
            for text in texts_in(data):
                yield from re.findall(r"[\w'’-]+", text)
        for type, _ in self.data:
            yield from (f"{type}s".capitalize(), f"{type}es".capitalize())

    def _of_key(self, slot: tuple[str, str]) -> Iterator[str]:
        """Yield what a ref to a key can be: its name, or what follows from it."""
        type, key = slot
        yield key
        data = self.data[slot]
        if type == "price":
            yield from self._computed(data)
        elif type == "score":
            home, away = data["home"]["score"], data["away"]["score"]
            yield str((home or 0) + (away or 0))
        elif not isinstance(data, dict | list):
            yield from json_written(data)

    def _computed(self, quote: Any) -> Iterator[str]:
        """Yield the differences, percentages and extremes of a symbol's prices."""
        decimals = quote["decimals"]
        candles = self.board.history.candles(quote["symbol"], 5, 5000) or []
        past = {value for candle in candles for value in candle[1:5]}
        fields = ("price", "previous_close", "open", "high", "low", "bid", "ask")
        known = {quote[name] for name in fields if quote[name] is not None}
        for value in past:
            yield price(value, decimals)
        for first, second in permutations(past | known, 2):
            yield price(abs(first - second), decimals)
            if second:
                share = (first - second) / second * 100
                yield from (percent(share), f"{price(abs(share), 2)}%")
        yield from (percent(0.0), price(0.0, decimals))
        volumes = [0.0, *accumulate(candle[5] for candle in candles)]
        for begin, end in combinations(volumes, 2):
            yield whole(end - begin)
        changes = [it["change_percent"] for it in self.quotes]
        own = quote["change_percent"]
        if own is not None:
            yield from (price(own - it, 2) for it in changes if it is not None)

    def _written(
        self, field: str, value: Any, parent: Any, slot: tuple[str, str]
    ) -> Iterator[str]:
        """Yield how the value of a field may be written."""
        name = field.rpartition(".")[2]
        if slot[0] not in ("price", "score", "market", "notice"):
            yield from json_written(value)
        elif name in ("at", "until", "kick_off"):
            yield from self._instant(value)
        elif name == "minute":
            stoppage = f"+{parent['stoppage']}" if parent["stoppage"] else ""
            yield f"{value}{stoppage}′"
        elif name == "change_percent":
            yield from (percent(value), f"{price(abs(value), 2)}%")
        elif name == "volume":
            yield whole(value)
        elif isinstance(value, str):
            yield from (value, f"“{value}”", value.lower())
        elif slot[0] == "price":
            decimals = self.data[slot]["decimals"]
            yield from (price(value, decimals), signed(value, decimals))
            if name == "change":
                yield price(abs(value), decimals)
        else:
            yield str(value)

    def _instant(self, at: int) -> Iterator[str]:
        yield from (f"{hours(at)} UTC", date(at))
        seconds = abs(at - self.board.now) // 1000
        for name, size in DURATION.items():
            count = seconds // size
            yield f"{count:,} {name}{'' if count == 1 else 's'}"


def find(data: Any, path: str) -> tuple[Any, Any]:
    """Return the value at a path, and what it is in. A name may have a dot itself."""
    if isinstance(data, list):
        head, _, rest = path.partition(".")
        return find(data[int(head)], rest) if rest else (data, data[int(head)])
    if path in data:
        return data, data[path]
    names = [name for name in data if path.startswith(f"{name}.")]
    return find(data[names[0]], path[len(names[0]) + 1 :])


def direction_of(quote: Any) -> str:
    """Return the direction of a quote's change, as the page colours it."""
    if quote["change"] is None:
        return "unknown"
    text = signed(quote["change"], quote["decimals"])
    return {"+": "up", MINUS: "down"}.get(text[0], "flat")


def json_written(value: Any) -> Iterator[str]:
    """Yield how a scalar of a publisher's own data may be written."""
    if isinstance(value, str):
        yield f"“{value}”"
    elif value is None:
        yield "empty"
    else:
        yield msgspec.json.encode(value).decode().replace("-", MINUS)


def words_in(data: Any) -> Iterator[str]:
    """Yield the short texts in JSON, and the names of what is true."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from ([name] if value is True else words_in(value))
    elif isinstance(data, str):
        yield data.lower()


def lists_in(data: Any) -> Iterator[list[Any]]:
    """Yield the lists in JSON that aren't in other lists."""
    if isinstance(data, list):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from lists_in(value)


def texts_in(data: Any) -> Iterator[str]:
    """Yield all texts and names in JSON."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from texts_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts_in(value)
    elif isinstance(data, str):
        yield data
