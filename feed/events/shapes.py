"""The shapes of the board's data, each declared once. A shape becomes an event's JSON.

The fields are the contract (`docs/feed.md`, section 2). Every field is always present;
an unknown value is None, never 0 or "". Instants are epoch milliseconds.
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from feed.events.event import KEY_LENGTH, Event, keyed, unkeyed

Upcoming = Literal["TBD", "NS", "PST"]
InPlay = Literal["1H", "HT", "2H", "BT", "ET", "P", "LIVE", "SUSP", "INT"]
Over = Literal["FT", "AET", "PEN", "AWD", "WO", "ABD", "CANC"]
Status = Literal[Upcoming, InPlay, Over]
FINAL: frozenset[str] = frozenset(get_args(Over))
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

# The characters of FORBIDDEN_IN_KEY are excluded, except surrogates: decoded JSON has
# none. JSON Schema can use the pattern, too. A `$` alone would let a final break pass.
ON_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$(?!\n)"
Name = Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH, pattern=ON_ONE_LINE)]
Prose = Annotated[str, Meta(max_length=4000)]
MAX_AMOUNT = 1e15
Amount = Annotated[float, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Volume = Annotated[float, Meta(ge=0, le=1e18)]
Instant = Annotated[int, Meta(ge=0, le=8_640_000_000_000_000)]
"""Epoch milliseconds, up to the last of JavaScript's clock (ECMA-262, time values)."""
Decimals = Annotated[int, Meta(ge=0, le=20)]
Count = Annotated[int, Meta(ge=0, le=9999)]

_encode = msgspec.json.Encoder().encode


class Late(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trade that was published after a newer one: its price, and when it was made."""

    price: Amount
    at: Instant


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A symbol's quote, whole. `change` is `price - previous_close`.

    `late` is a trade older than the quote, which this event reports. It has changed no
    more of the quote than `high`, `low` and `volume`.
    """

    symbol: Name
    name: Name | None
    currency: Name | None
    market: Name | None
    sector: Name | None
    source: Name | None
    price: Amount
    decimals: Decimals
    change: Amount | None
    change_percent: float | None
    previous_close: Amount | None
    open: Amount | None
    high: Amount | None
    low: Amount | None
    bid: Amount | None
    ask: Amount | None
    volume: Volume | None
    late: Late | None
    at: Instant

    def event(self) -> Event:
        """Return the `price` event."""
        return keyed("price", self.symbol, _encode(self))


class Team(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One side of a match; `score` is None until it kicks off.

    `shoot_out` is its goals in the shoot-out, which aren't part of `score`. `aggregate`
    is its goals in all legs of a tie, with those of this match.
    """

    name: Name
    code: Name | None
    score: Count | None
    red_cards: Count | None
    shoot_out: Count | None
    aggregate: Count | None


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happened in a match; `incident` is its id within the match.

    `home_score` and `away_score` are the score after it. `team` is the side whose score
    a `goal`, `own_goal` or `penalty` raises and a `var_cancelled` takes back, else the
    player's own. The `player` of a `substitution` is the one who goes off; a second
    yellow card is a `red_card`.
    """

    match: Name
    incident: Name
    kind: IncidentKind
    team: Literal["home", "away"] | None
    player: Name | None
    minute: Count | None
    stoppage: Count | None
    home_score: Count | None
    away_score: Count | None
    at: Instant

    def event(self) -> Event:
        """Return the `incident` event, which is never conflated."""
        return unkeyed("incident", _encode(self), self.match)


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A match, whole, with its incidents so far, oldest first."""

    match: Name
    competition: Name | None
    source: Name | None
    home: Team
    away: Team
    status: Status
    minute: Count | None
    stoppage: Count | None
    kick_off: Instant | None
    period_started: Instant | None
    at: Instant
    incidents: Annotated[list[Incident], Meta(max_length=500)]

    def event(self) -> Event:
        """Return the `score` event."""
        return keyed("score", self.match, _encode(self))


class MarketState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a market trades, and until when."""

    market: Name
    status: Literal["open", "halted", "closed"]
    until: Instant | None
    source: Name | None
    at: Instant

    def event(self) -> Event:
        """Return the `market` event."""
        return keyed("market", self.market, _encode(self))


class SourceState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether data of a source comes as it should, since when, and why not.

    `late`: its data is older than it should be. `mute`: it is connected, and nothing
    comes. `away`: it can't be reached. `refused`: it doesn't serve this board, or its
    answers can't be understood. `detail` is a sentence for people.
    """

    source: Name
    status: Literal["live", "late", "mute", "away", "refused"]
    since: Instant
    detail: Prose | None
    at: Instant

    def event(self) -> Event:
        """Return the `source` event."""
        return keyed("source", self.source, _encode(self))


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message for people; the server retires it at `until`."""

    notice: Name
    title: Name
    body: Prose | None
    level: Literal["info", "success", "warning", "critical"]
    topic: Name | None
    until: Instant | None
    at: Instant

    def event(self) -> Event:
        """Return the `notice` event."""
        return keyed("notice", self.notice, _encode(self), self.until)
