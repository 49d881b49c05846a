"""Every figure and name in an answer stands on the board, or follows from it."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.answers.piece import Board, Piece, Question, Ref
from feed.answers.rules import answer
from feed.answers.suggestions import suggestions
from feed.events.event import Event, keyed
from feed.events.shapes import Quote
from tests.answers.checker import Untrue, check
from tests.helpers.asked import AFTERNOON, board_of, own, text_of
from tests.helpers.samples import match, team

BOARDS = 20  # of one example
MINUTE = 60_000
FIRST = ("Zar", "Quil", "Mox", "Vek", "Tyr", "Jast", "Bram", "Oxl", "Perd", "Lunk")
LAST = ("wick", "ford", "bury", "holm", "stead", "moor", "gate", "combe", "thorpe")
STATUSES = ("NS", "TBD", "PST", "1H", "HT", "2H", "ET", "P", "FT", "AET", "PEN", "ABD")
STATES = ("open", "closed", "waiting", "down")
QUESTIONS = (
    *("{symbol}", "price of {company}", "hows {symbol} today", "high of {symbol}"),
    *("{symbol} volume", "bid ask {symbol}", "compare {symbol} and {symbol2}"),
    *("{symbol} last 10 minutes", "{symbol} since {time}", "{symbol} at {time}"),
    *("which is dearer, {symbol} or {symbol2}", "{company} in the last hour"),
    *("who rose most", "who fell most in the last 15 minutes", "top 4 movers"),
    *("how is {sector}", "best in {sector}", "most traded", "cheapest stock"),
    *("how many are up", "which symbols are down", "list the symbols", "sectors"),
    *("{club}", "who scored for {club}", "cards in the {club} match", "goals"),
    *("goals since {time}", "{club} kick off", "what is on now", "what comes next"),
    *("results", "{competition}", "most goals", "red cards", "last goal"),
    *("is the market open", "how is the market doing", "notices", "overview"),
    *("what changed in the last 20 minutes", "whats new", "how old is the data"),
    *("{type} {key}", "how many {type}s are {state}", "which {type}s are {state}"),
    *("{type}s", "the {typo} price", "price of {absent}", "should i buy {symbol}"),
    *("help", "hello", "why did {symbol} fall", "{symbol} {club} {type}"),
)


def random_board(rng: Random) -> Board:
    events: list[Event] = []
    for index in range(rng.randrange(6)):
        events += quotes(rng, f"{rng.choice('XYZ')}{rng.choice('QJK')}{index}W")
    events += [score(rng, f"m{index}") for index in range(rng.randrange(5))]
    for type in ("ticket", "queue"):
        events += [
            own(type, f"k{index}", own_data(rng)) for index in range(rng.randrange(4))
        ]
    for index in range(rng.randrange(3)):
        status = rng.choice(("open", "closed", "halted"))
        until = rng.choice((None, AFTERNOON + rng.randrange(-9, 90) * MINUTE))
        market = {"market": f"MK{index}", "status": status, "until": until, "at": 1}
        events.append(own("market", f"MK{index}", market))
    events += [notice(rng, f"n{index}") for index in range(rng.randrange(3))]
    rng.shuffle(events)
    age = rng.choice((0.2, 40.0, 4000.0))
    feed = rng.choice(("published", "simulator"))
    away = rng.choice((None, None, None, "Redis is away"))
    return board_of(events, feed=feed, away=away, newest_event_age=age)


def quotes(rng: Random, symbol: str) -> list[Event]:
    decimals = rng.choice((0, 2, 2, 3, 5))
    close = rng.choice((None, round(rng.uniform(0.5, 2000), decimals)))
    known: dict[str, Any] = dict.fromkeys(Quote.__struct_fields__)
    known |= {"symbol": symbol, "decimals": decimals, "previous_close": close}
    known["name"] = rng.choice((None, f"{name(rng)} {name(rng)}"))
    known["sector"] = rng.choice((None, "Xylo", "Quarz"))
    known["currency"] = rng.choice((None, "EUR", "USD"))
    known["market"] = rng.choice((None, "MK0", "MK1"))
    events = []
    for at in sorted(rng.sample(range(60), rng.randrange(1, 5)), reverse=True):
        value = round((close or 50) * rng.uniform(0.9, 1.1), decimals)
        known |= {"price": value, "at": AFTERNOON - at * MINUTE - rng.randrange(9000)}
        if close:
            known["change"] = round(value - close, decimals)
            known["change_percent"] = round((value - close) / close * 100, 2)
        for field, factor in (
            ("high", 1.1),
            ("low", 0.9),
            ("bid", 0.99),
            ("ask", 1.01),
        ):
            unknown = rng.random() < 0.2
            known[field] = None if unknown else round(value * factor, decimals)
        known["open"] = rng.choice((None, value))
        known["volume"] = rng.choice((None, float(rng.randrange(10**6))))
        events.append(msgspec.convert(known, Quote).event())
    return events


def score(rng: Random, key: str) -> Event:
    status = rng.choice(STATUSES)
    has_begun = status not in ("NS", "TBD", "PST")
    goals = [rng.randrange(4) if has_begun else None for _ in range(2)]
    pens = [rng.randrange(6) if status in ("P", "PEN") else None for _ in range(2)]
    incidents = [incident(rng, key, at) for at in range(rng.randrange(6))]
    fields = match(
        status,
        match=key,
        competition=rng.choice((None, "Zark Cup", "Quell League")),
        minute=rng.choice((None, rng.randrange(1, 46))) if has_begun else None,
        stoppage=rng.choice((None, 3)) if has_begun else None,
        kick_off=rng.choice((None, AFTERNOON + rng.randrange(-90, 90) * MINUTE)),
        at=AFTERNOON - rng.randrange(9) * MINUTE,
        incidents=incidents if has_begun else [],
    )
    teams = {
        side: team(f"{name(rng)} {name(rng)}", goals[at], rng.randrange(2))
        | {"shoot_out": pens[at], "code": rng.choice((None, f"C{key.upper()}{at}"))}
        for at, side in enumerate(("home", "away"))
    }
    return keyed("score", key, msgspec.json.encode(fields | teams))


def incident(rng: Random, key: str, at: int) -> dict[str, Any]:
    kinds = ("goal", "own_goal", "penalty", "yellow_card", "red_card", "substitution")
    goals = rng.choice((None, rng.randrange(4)))
    return {
        **{"match": key, "incident": str(at), "kind": rng.choice(kinds)},
        **{"team": rng.choice(("home", "away", "home", None))},
        **{"player": rng.choice((None, f"{rng.choice('ABC')}. {name(rng)}"))},
        **{"minute": rng.choice((None, rng.randrange(1, 91)))},
        **{"stoppage": rng.choice((None, None, 4))},
        **{"home_score": goals, "away_score": goals},
        **{"at": AFTERNOON - rng.randrange(40) * MINUTE},
    }


def notice(rng: Random, key: str) -> Event:
    level = rng.choice(("info", "success", "warning", "critical"))
    until = rng.choice((None, AFTERNOON + rng.randrange(1, 900) * MINUTE))
    text = {"title": f"{name(rng)} {name(rng)}", "body": rng.choice((None, name(rng)))}
    fields = {"notice": key, "level": level, "topic": None, "until": until}
    return own("notice", key, fields | text | {"at": AFTERNOON - 5 * MINUTE})


def own_data(rng: Random) -> Any:
    fields = {
        "status": rng.choice(STATES),
        "load": rng.choice((0, 0.25, -3, 1e18, 12345.678)),
        "down": rng.random() < 0.5,
        "owner": {"name": name(rng), "since": None},
        "tags": rng.choice(([], ["a", "b"], [1, {}], [True])),
    }
    return rng.choice((fields, fields, name(rng), 17, None, True, [1, 2], {}))


def name(rng: Random) -> str:
    return rng.choice(FIRST) + rng.choice(LAST)


def random_question(rng: Random, board: Board) -> str:
    keys = {type: [key for it, key in board.newest if it == type] for type in KEYED}
    price, scores = keys["price"] or ["XQ9W"], keys["score"]
    clubs, companies, competitions = ["Vekmoor"], ["Tyrford Inc"], ["Zark Cup"]
    for key in scores:
        fields = msgspec.json.decode(board.newest["score", key].data)
        clubs += [fields["home"]["name"], fields["away"]["name"]]
    for key in keys["price"]:
        company = msgspec.json.decode(board.newest["price", key].data)["name"]
        companies += [company] if company else []
    type = rng.choice(("ticket", "queue"))
    text = rng.choice(QUESTIONS).format(
        symbol=rng.choice(price),
        symbol2=rng.choice(price),
        company=rng.choice(companies),
        typo=misspelt(rng, rng.choice(companies)),
        club=rng.choice(clubs),
        competition=rng.choice(competitions),
        sector=rng.choice(("Xylo", "Quarz")),
        time=f"{rng.randrange(13, 15)}:{rng.randrange(60):02}",
        type=type,
        key=rng.choice(keys[type] or ["k7"]),
        state=rng.choice(STATES),
        absent=rng.choice(("TSLA", "Gotham Gears", "zzz")),
    )
    return rng.choice((text, text + "?", text.upper(), f"please, {text}"))


KEYED = ("price", "score", "ticket", "queue")


def misspelt(rng: Random, text: str) -> str:
    at = rng.randrange(len(text))
    return text[:at] + text[at + 1 :]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_every_figure_and_name_follows_from_the_board(seed: int) -> None:
    rng = Random(seed)
    checked = 0
    for _ in range(BOARDS):
        board = random_board(rng)
        checked += ask_and_check(random_question(rng, board), board)
    assert checked > BOARDS


def ask_and_check(text: str, board: Board) -> int:
    pieces = answer(Question(text), board)
    said = text_of(pieces)
    assert said.endswith((".", "?", "!", "”", "…")), said
    assert not set(said) & set("\n\r\t"), said
    assert "  " not in said, said
    assert "None" not in said.replace("None of", ""), said
    try:
        return check(pieces, board, text)
    except Untrue as untrue:
        raise Untrue(f"{text!r} was answered {said!r}: {untrue}") from None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_suggestions_for_any_board_are_answered(seed: int) -> None:
    board = random_board(Random(seed))
    for about in (None, *board.newest):
        for question in suggestions(board, about):
            said = text_of(answer(Question(question, about), board))
            assert "can't be answered" not in said, question
            assert "isn't on the board" not in said, question


@pytest.mark.parametrize(
    "piece",
    [
        Piece("99.00", Ref("price", "XQ0W", "price", "{id}")),
        Piece("7.00", Ref("price", "XQ0W", "price", "1-1")),
        Piece("3.33", Ref("price", "XQ0W", None, "{id}")),
        Piece("there are 7 of them"),
        Piece("said Gothamstead"),
    ],
)
def test_the_checker_finds_what_is_untrue(piece: Piece) -> None:
    board = board_of([msgspec.convert(SAMPLE, Quote).event()])
    id = str(board.newest["price", "XQ0W"].id)
    if piece.ref and piece.ref.id == "{id}":
        ref = msgspec.structs.replace(piece.ref, id=id)
        piece = msgspec.structs.replace(piece, ref=ref)
    with pytest.raises(Untrue):
        check([piece], board, "XQ0W")


SAMPLE = dict.fromkeys(Quote.__struct_fields__) | {
    **{"symbol": "XQ0W", "price": 7.0, "decimals": 2, "at": AFTERNOON},
}
