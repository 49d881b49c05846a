"""Boards to ask: one of the simulator, and one on which everything was published."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from feed.answers.piece import Board, Piece, Question, Turn
from feed.answers.rules import answer
from feed.events.catalogue import News, encode
from feed.events.event import Event, EventId, Slot, keyed
from feed.events.shapes import Quote
from feed.history import History, marks
from feed.sources.league import League
from feed.sources.market import Market
from tests.helpers.samples import goal, match, team

SEED = 7
MINUTE = 60_000
BEGIN = 1_772_719_200_000  # 2026-03-05 14:00:00 UTC
AFTERNOON = BEGIN + 4 * MINUTE + 10_000  # the instant of all questions


@cache
def simulated_board() -> Board:
    """Return the simulator's board after some minutes of a day."""
    market, league = Market(SEED, BEGIN), League(SEED, BEGIN)
    history = History()
    for past in market.past():
        history.add_quote(past)
    news: list[News] = []
    for now in range(BEGIN, AFTERNOON + 1, 5000):
        news += [*market.step(now), *league.step(now)]
    return board_of([encode(it) for it in news], history=history, feed="simulator")


@cache
def published_board() -> Board:
    """Return a board of invented data of all types, published by different people."""
    return board_of(published_events())


def board_of(
    events: Iterable[Event],
    *,
    history: History | None = None,
    now: int = AFTERNOON,
    feed: str = "published",
    **others: Any,
) -> Board:
    """Return the board after events, which get ids in their order."""
    history = history or History()
    newest: dict[Slot, Event] = {}
    tail = EventId(now, 0)
    for index, event in enumerate(events):
        tail = EventId(_instant(event, now), index)
        numbered = event.with_id(tail)
        history.add(marks([numbered]))
        if numbered.slot:
            newest.pop(numbered.slot, None)
            if not numbered.retires:
                newest[numbered.slot] = numbered
    return Board(tail, newest, history, now, feed, **others)


def ask(
    text: str,
    board: Board,
    about: Slot | None = None,
    symbols: Sequence[str] = (),
    turns: Sequence[Turn] = (),
) -> str:
    """Return the text of an answer."""
    question = Question(text, about, tuple(symbols), tuple(turns))
    return text_of(answer(question, board))


def text_of(pieces: Iterable[Piece]) -> str:
    """Return the text of pieces."""
    return "".join(piece.text for piece in pieces)


def own(type: str, key: str, data: Any) -> Event:
    """Return a keyed event of a publisher's own type."""
    return keyed(type, key, msgspec.json.encode(data))


def published_events() -> list[Event]:
    """Return the events of the published board, with past quotes of two symbols."""
    return [*_quotes(), *_matches(), *_others()]


def _quotes() -> list[Event]:
    brent = {"name": "Brent crude", "currency": "USD", "market": "ICE", "sector": "Oil"}
    gold = {"name": "Gold", "currency": "USD", "market": "COMEX", "sector": "Metals"}
    return [
        *_past("BRN", [82.1, 82.6, 81.9, 82.44], 81.7, brent),
        *_past("XAU", [2391.5, 2388.2, 2390.1], 2401.0, gold),
        _published("BTC/USDT", 64250.5, AFTERNOON - 9 * MINUTE, {"decimals": 1}),
        _published("NULL", 7, AFTERNOON, {}),
        _published("SILVER", 28.4, AFTERNOON, {"sector": "Metals", "name": "Silver"}),
    ]


def _past(
    symbol: str, prices: Sequence[float], close: float, fields: dict[str, Any]
) -> list[Event]:
    return [
        _published(
            symbol,
            price,
            AFTERNOON - (len(prices) - 1 - index) * 2 * MINUTE,
            {
                **fields,
                "previous_close": close,
                "change": round(price - close, 2),
                "change_percent": round((price - close) / close * 100, 2),
                "open": prices[0],
                "high": max(prices[: index + 1]),
                "low": min(prices[: index + 1]),
                "bid": price - 0.02,
                "ask": price + 0.03,
                "volume": 1200.0 * (index + 1),
            },
        )
        for index, price in enumerate(prices)
    ]


def _published(symbol: str, price: float, at: int, fields: dict[str, Any]) -> Event:
    unknown = dict.fromkeys(Quote.__struct_fields__)
    known = {"symbol": symbol, "price": price, "decimals": 2, "at": at}
    return msgspec.convert({**unknown, **known, **fields}, Quote).event()


def _matches() -> list[Event]:
    at = AFTERNOON - 40 * MINUTE
    incidents = [
        {**goal("goal", "home", "A. Ames", 12, 1, 0), "at": at + 12 * MINUTE},
        {**goal("yellow_card", "away", "B. Bond", 20, 1, 0), "at": at + 20 * MINUTE},
        {**goal("penalty", "away", "C. Cole", 31, 1, 1), "at": at + 31 * MINUTE},
        {**goal("red_card", "away", "B. Bond", 36, 1, 1), "at": at + 36 * MINUTE},
        {**goal("own_goal", "home", "D. Dunn", 38, 2, 1), "at": at + 38 * MINUTE},
    ]
    fixtures = [
        match("1H", minute=40, kick_off=at, at=AFTERNOON, incidents=incidents)
        | {"home": team("Acton", 2), "away": team("Burton", 1, 1, code=None)},
        _match("m-2", "NS", "Crewe", "Derby", kick_off=AFTERNOON + 51 * MINUTE),
        _match("m-3", "FT", "Epsom", "Frome", 0, 3, kick_off=at - 100 * MINUTE),
        _match("m-4", "PEN", "Goole", "Hove", 1, 1, shoot_outs=(4, 5)),
        _match("m-5", "PST", "Ilkley", "Jarrow"),
        _match("m-6", "TBD", "Kendal", "Luton"),
        _match("m-7", "HT", "Marlow", "Neath", 0, 0, kick_off=at - 20 * MINUTE),
        _match("m-8", "ABD", "Oban", "Penrith", 2, 2),
        _match("m-9", "XYZ", "Quorn", "Ripon", 1, 0),
    ]
    return [keyed("score", it["match"], msgspec.json.encode(it)) for it in fixtures]


def _match(
    key: str,
    status: str,
    home: str,
    away: str,
    home_score: int | None = None,
    away_score: int | None = None,
    shoot_outs: tuple[int, int] | None = None,
    kick_off: int | None = None,
) -> dict[str, Any]:
    pens = shoot_outs or (None, None)
    teams = {
        "home": team(home, home_score, shoot_out=pens[0]),
        "away": team(away, away_score, shoot_out=pens[1]),
    }
    times = {"minute": None, "kick_off": kick_off, "at": AFTERNOON - MINUTE}
    return match(status, match=key, competition="Shire Cup") | teams | times


def _others() -> list[Event]:
    ice = {"market": "ICE", "status": "open", "until": AFTERNOON + 90 * MINUTE, "at": 1}
    comex = {"market": "COMEX", "status": "halted", "until": None, "at": 1}
    notice = {
        "notice": "early-close",
        "title": "Early close today",
        "body": "ICE closes at 15:30 UTC.",
        "level": "warning",
        "topic": "ICE",
        "until": AFTERNOON + 60 * MINUTE,
        "at": AFTERNOON - 3 * MINUTE,
    }
    ticket = {"subject": "Printer on fire", "status": "open", "priority": 2}
    return [
        own("market", "ICE", ice),
        own("market", "COMEX", comex),
        own("notice", "early-close", notice),
        own("ticket", "4711", {**ticket, "owner": {"name": "Ann", "team": None}}),
        own("ticket", "4712", {"subject": "No toner", "status": "closed"}),
        own("ticket", "4713", {"subject": "Paper jam", "status": "open"}),
        own("server", "web-1", {"status": "up", "load": 0.93, "tags": ["eu", "blue"]}),
        own("server", "web-2", {"status": "down", "load": 0}),
        own("server", "db-1", {"status": "down", "backup": True}),
        own("agent", "Mia", "on a call"),
        own("agent", "Tom", "free"),
        own("temperature", "hall-2", {"celsius": 21.5}),
        own("queue", "waiting", 12),
    ]


def _instant(event: Event, now: int) -> int:
    """Return when an event was probably published: `at` in its data, if it is there."""
    try:
        data = msgspec.json.decode(event.data)
    except msgspec.DecodeError:
        return now
    at = data.get("at", now) if isinstance(data, dict) else now
    return int(at) if at > 1 else now - 5 * MINUTE
