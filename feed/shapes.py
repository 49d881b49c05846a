"""The shapes of what the board shows, declared once: each becomes an event's JSON.

The fields are the contract (`docs/feed.md`, section 2). A field is always there;
what isn't known is None, never 0 or "". Instants are epoch milliseconds.
"""

from typing import Literal

import msgspec

from feed.event import Event, keyed, unkeyed

Status = Literal[
    "NS", "1H", "HT", "2H", "ET", "AET", "PEN", "FT", "PST", "SUSP", "ABD", "CANC"
]
FINAL: frozenset[str] = frozenset({"FT", "AET", "PEN", "ABD", "CANC"})
"""The statuses after which a match's score does not change any more."""

IncidentKind = Literal[
    "kick_off",
    "goal",
    "own_goal",
    "penalty",
    "penalty_missed",
    "yellow_card",
    "red_card",
    "substitution",
    "var_cancelled",
    "half_time",
    "second_half",
    "full_time",
]

_encode = msgspec.json.Encoder().encode


class Quote(msgspec.Struct, frozen=True):
    """A symbol's quote, whole. `change` is `price - previous_close`."""

    symbol: str
    name: str | None
    currency: str | None
    market: str | None
    sector: str | None
    price: float
    decimals: int
    change: float | None
    change_percent: float | None
    previous_close: float | None
    open: float | None
    high: float | None
    low: float | None
    bid: float | None
    ask: float | None
    volume: float | None
    at: int

    def event(self) -> Event:
        """Return the `price` event."""
        return keyed("price", self.symbol, _encode(self))


class Team(msgspec.Struct, frozen=True):
    """One side of a match; `score` is None until it kicks off."""

    name: str
    code: str | None
    score: int | None
    red_cards: int | None


class Incident(msgspec.Struct, frozen=True):
    """Something that happened in a match; `incident` is its id within the match.

    `home_score` and `away_score` are the score after it. `team` is the side whose score
    a `goal`, `own_goal` or `penalty` raises and a `var_cancelled` takes back, else the
    player's own. The `player` of a `substitution` is the one who goes off; a second
    yellow card is a `red_card`.
    """

    match: str
    incident: str
    kind: IncidentKind
    team: Literal["home", "away"] | None
    player: str | None
    minute: int | None
    stoppage: int | None
    home_score: int | None
    away_score: int | None
    at: int

    def event(self) -> Event:
        """Return the `incident` event, which is never conflated."""
        return unkeyed("incident", _encode(self), self.match)


class Score(msgspec.Struct, frozen=True):
    """A match, whole, with its incidents so far, oldest first."""

    match: str
    competition: str | None
    home: Team
    away: Team
    status: Status
    minute: int | None
    stoppage: int | None
    kick_off: int | None
    period_started: int | None
    at: int
    incidents: list[Incident]

    def event(self) -> Event:
        """Return the `score` event."""
        return keyed("score", self.match, _encode(self))


class MarketState(msgspec.Struct, frozen=True):
    """Whether a market trades, and until when."""

    market: str
    status: Literal["open", "halted", "closed"]
    until: int | None
    at: int

    def event(self) -> Event:
        """Return the `market` event."""
        return keyed("market", self.market, _encode(self))


class Notice(msgspec.Struct, frozen=True):
    """Something to tell people; the server retires it at `until`."""

    notice: str
    title: str
    body: str | None
    level: Literal["info", "success", "warning", "critical"]
    topic: str | None
    until: int | None
    at: int

    def event(self) -> Event:
        """Return the `notice` event."""
        return keyed("notice", self.notice, _encode(self))
