"""What people are told of the sources: which is out of date, and what is simulated.

`static/board/sources.js` follows the same rules.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from feed.sources.conditions import COINBASE, KRAKEN, SIMULATOR

Fields = Mapping[str, Any]

# By the status of a source that isn't live; a later version may have others.
FAULTS = {
    "late": "late data",
    "mute": "no data",
    "away": "no answer",
    "refused": "no access",
}
# The sources whose changes are over 24 hours, because their markets never close.
BY_DAY = frozenset({KRAKEN, COINBASE})


class SourceFault(msgspec.Struct, frozen=True):
    """A source that isn't live: "Kraken: no answer since", the instant, the reason."""

    words: str
    since: int
    detail: str


def faults_of(sources: list[Fields]) -> list[SourceFault]:
    """Return what is wrong with sources, given the data of their events."""
    return [
        SourceFault(
            f"{it['source']}: {FAULTS.get(it['status'], it['status'])} since",
            it["since"],
            it["detail"] or "",
        )
        for it in sources
        if it["status"] != "live"
    ]


def mark_old(state: dict[str, Any]) -> None:
    """Give the rows of a state `is_old`: whether their source isn't live."""
    faulty = {it["source"] for it in state["sources"] if it["status"] != "live"}
    for row in (*state["prices"], *state["scores"], *state["markets"]):
        row["is_old"] = row["source"] in faulty


def simulated_words(prices: Sequence[Fields], scores: Sequence[Fields]) -> str:
    """Return the tag for what is shown: "Simulated data", or empty if nothing is."""
    kinds = [
        [it.get("source") == SIMULATOR for it in rows] for rows in (prices, scores)
    ]
    in_prices, in_scores = map(any, kinds)
    if in_prices and not in_scores and scores:
        return "Simulated prices"
    if in_scores and not in_prices and prices:
        return "Simulated scores"
    return "Simulated data" if in_prices or in_scores else ""


def day_words(prices: Sequence[Fields]) -> str:
    """Return which sources of quotes have changes over a day; empty if none has."""
    names = sorted(BY_DAY & {it.get("source") for it in prices})
    return f"{', '.join(names)}: change over 24 h" if names else ""
