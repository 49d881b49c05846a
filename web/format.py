"""Filters for templates: they describe quotes, matches, markets and notices in words.

`feed/streams/written.py` writes the numbers, minutes and times of day in it.
`static/format.js` has the same rules for the page in a browser, and a test compares the
two.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from feed.answers.piece import Piece
from feed.clock import now_ms
from feed.events.catalogue import CATALOGUE
from feed.events.goals import GOALS, is_shoot_out, phase, standing_goals
from feed.streams.written import (
    Fields,
    age,
    arrow,
    direction,
    fixed,
    further_results,
    isolated,
    moment,
    percent,
    price,
    result,
    score_line,
    shoot_out,
    signed,
    whole,
)
from web.times import iso_time, page_time
from web.turns import in_turns

ROW_PAGES = {"price": "s", "score": "m"}  # a publisher's own type has "k/<type>"
NAME_FIELDS = frozenset({"name", "player"})
NO_PAGE = frozenset(CATALOGUE) - frozenset(ROW_PAGES)  # event types without a page
PHASES = ("live", "upcoming", "over")  # in the order in which matches are listed
PHASE_NAMES = {"live": "● Live", "upcoming": "Upcoming", "over": "Finished"}
BETWEEN_WORDS = re.compile(r"[^\w'’.]+")
HUES = 8  # of monograms
LONGEST_SUM = 1_000_003  # a prime
SHOOT_OUT_CHIPS = {"P": "Pens", "PEN": "PEN"}  # in progress, and over
CHIPS = {
    "TBD": "TBA",
    "PST": "Postponed",
    "BT": "Break",
    "LIVE": "Live",
    "SUSP": "Suspended",
    "INT": "Interrupted",
    "AWD": "Awarded",
    "WO": "Walkover",
    "ABD": "Abandoned",
    "CANC": "Cancelled",
}
REMARKS = {"own_goal": " (og)", "penalty": " (pen)"}
LEVELS = {
    "info": "ⓘ Info",
    "success": "✓ Good news",
    "warning": "⚠ Warning",
    "critical": "✕ Critical",
}
OLD = 60_000  # ms; the age of a newer price says nothing; as in static/board/prices.js
COLUMN_WIDTHS = (6, 8, 10, 12, 15, 19, 28)  # characters; as in static/styles/prices.css
NONE_THERE = {  # by filter
    "up": "Nothing has risen.",
    "down": "Nothing has fallen.",
    "live": "No match is live at the moment.",
    "finished": "No match is over yet.",
    "upcoming": "No match is coming up.",
}
SCORING = GOALS | {"var_cancelled", "half_time", "full_time"}
TRADING = {"open": "Market open", "halted": "Trading halted", "closed": "Market closed"}
INCIDENTS = {
    "kick_off": "Kick-off",
    "goal": "Goal",
    "own_goal": "Own goal",
    "penalty": "Penalty scored",
    "penalty_missed": "Penalty missed",
    "yellow_card": "Yellow card",
    "red_card": "Red card",
    "substitution": "Substitution",
    "var_cancelled": "Goal cancelled (VAR)",
    "half_time": "Half-time",
    "second_half": "Second half",
    "full_time": "Full time",
}


def directions(quotes: Iterable[Fields]) -> list[str]:
    """Return the direction of each quote, so that a template can count them."""
    return [direction(quote["change"], quote["decimals"]) for quote in quotes]


def widths(quotes: Iterable[Fields]) -> dict[str, int]:
    """Return for how many characters each column of figures has room, by its name.

    Each column has room for its widest figure. A price column shows the day's low and
    high, too.
    """
    longest = dict.fromkeys(("last", "change", "percent"), 0)
    for fields in quotes:
        decimals = fields["decimals"]
        prices = (price(fields[name], decimals) for name in ("price", "low", "high"))
        figures = {
            "last": max(prices, key=len),
            "change": signed(fields["change"], decimals),
            "percent": percent(fields["change_percent"]),
        }
        longest = {name: max(longest[name], len(figures[name])) for name in longest}
    return {name: room_for(length) for name, length in longest.items()}


def shut_markets(markets: Iterable[Fields]) -> dict[str, str]:
    """Return the status, "closed" or "halted", of each market that isn't open."""
    return {it["market"]: it["status"] for it in markets if it["status"] != "open"}


def room_for(length: int) -> int:
    """Return the width of the narrowest column with room for `length` characters."""
    return next(
        (width for width in COLUMN_WIDTHS if width >= length), COLUMN_WIDTHS[-1]
    )


def minute(score: Fields, now: int | None = None) -> str:
    """Return the text of a match's status chip: "67′", "45+2′", "HT" or "19:45".

    `now` (epoch ms) is the present by default; a kick-off of another day has its date.
    """
    status = str(score["status"])
    if status == "NS":
        kick_off = score["kick_off"]
        return "Upcoming" if kick_off is None else page_time(kick_off, "hours", now)
    if status in SHOOT_OUT_CHIPS:
        return f"{SHOOT_OUT_CHIPS[status]} {_shoot_out_result(score)}".rstrip()
    at = moment(score) if status in ("1H", "2H", "ET", "LIVE") else ""
    return at or CHIPS.get(status, status)


def monogram(name: str) -> str:
    """Return two letters: the first ones of a name's words, or of its only word."""
    words = [word for word in BETWEEN_WORDS.split(name) if word]
    letters = [word[0] for word in words] if len(words) > 1 else [*(*words, name)[0]]
    return "".join(letters[:2]).upper()


def hue(name: str) -> str:
    """Return the hue of a name's monogram, a number below 8, from its letters."""
    total = 0
    for letter in name:
        total = (total * 31 + ord(letter)) % LONGEST_SUM
    return str(total % HUES)


def scorers(score: Fields, side: str) -> list[str]:
    """Return a line for each scorer of a side: "Salah 23′ 67′ (pen)".

    Cancelled goals are left out.
    """
    minutes: dict[tuple[str, bool], list[str]] = {}
    for goal in standing_goals(score):
        if goal["side"] == side:
            scorer = (goal["player"] or "Goal", goal["kind"] == "own_goal")
            minutes.setdefault(scorer, []).append(_minute_of(goal))
    # The no-break space keeps a name and its first minute on one line.
    return [
        f"{isolated(player)}\u00a0{' '.join(texts)}".strip()
        for (player, _), texts in minutes.items()
    ]


def red_cards(count: int | None) -> str:
    """Return a side's red cards in words. It is empty if there are none."""
    if not count:
        return ""
    return "1 red card" if count == 1 else f"{count} red cards"


def quote_line(quote: Fields) -> str:
    """Return a quote in short, for a link to it: "KEEL 71.92 ▲ +1.58%"."""
    decimals, share = quote["decimals"], quote["change_percent"]
    line = f"{isolated(quote['symbol'])} {price(quote['price'], decimals)}"
    mark = arrow(share, 2)
    return line if share is None else f"{line} {mark}{mark and ' '}{percent(share)}"


def nothing_words(q: str, filter: str, symbols: Sequence[str]) -> str:
    """Return what the board says if a search, a filter or symbols select nothing.

    The server doesn't know a reader's pins, so it shows all rows instead of them.
    """
    if q:
        return f"No results for “{q}”."
    missing = "None of these symbols is on the board."
    return NONE_THERE.get(filter) or (missing if symbols else "Nothing here yet.")


def age_of(at: int | None) -> str:
    """Return how old a price of this instant (epoch ms) is, "3 min"; "" if new."""
    return "" if at is None or now_ms() - at < OLD else age(now_ms() - at)


def level(name: str) -> str:
    """Return a notice's level as an icon and a word: "⚠ Warning"."""
    return LEVELS.get(name, f"● {name}")


def by_urgency(notices: Iterable[Fields]) -> list[Fields]:
    """Return notices with the critical ones first, then the newest first."""
    return sorted(notices, key=lambda it: (it["level"] != "critical", -it["at"]))


def market_status(market: Fields) -> str:
    """Return a market's status as a word: "open"."""
    return str(market["status"]).lower()


def line(values: Sequence[float], width: int, height: int) -> str:
    """Return values as the points of an SVG polyline in a viewBox of that size."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    steps = len(values) - 1
    return " ".join(
        f"{fixed(i * width / steps, 1)},{_height(value, low, high, height)}"
        for i, value in enumerate(values)
    )


def trading(status: str) -> str:
    """Return the status of a quote's market in words: "Market closed"."""
    return TRADING.get(status, status)


def chart_sentence(symbol: str, bars: Sequence[Sequence[float]], places: int) -> str:
    """Return a chart in words, for people who can't see it."""
    symbol = isolated(symbol)
    if not bars:
        return f"No past prices of {symbol} yet."
    (at, first, *_), last = bars[0], bars[-1][4]
    if len(bars) == 1:
        return (
            f"In this chart: {symbol} was {price(last, places)} "
            f"at {page_time(int(at), 'hours')}, and has no other price."
        )
    low, high = min(bar[3] for bar in bars), max(bar[2] for bar in bars)
    verbs = {"up": "rose", "down": "fell", "flat": "stands"}
    way = direction(last - first, places)
    distance = price(abs(last - first), places)
    moved = "where it began" if way == "flat" else f"by {distance}"
    return (
        f"In this chart: {symbol} {verbs[way]} {moved} between "
        f"{page_time(int(at), 'hours')} and {page_time(int(bars[-1][0]), 'hours')}, "
        f"to {price(last, places)}; "
        f"low {price(low, places)}, high {price(high, places)}."
    )


def hero_score(score: Fields) -> str:
    """Return the score between the teams' names: "2–1", or "v" before kick-off."""
    return result(score["home"]["score"], score["away"]["score"]) or "v"


def incident_words(incident: Fields, score: Fields) -> dict[str, str]:
    """Return an incident in words: what happened, the result, by whom, on which side.

    They are empty if they aren't known. The result is that after a goal or a period.
    """
    kind, side = incident["kind"], incident["team"]
    stands = result(incident["home_score"], incident["away_score"])
    return {
        "what": INCIDENTS.get(kind) or str(kind).replace("_", " "),
        "result": stands if kind in SCORING else "",
        "by": incident["player"] or "",
        "side": f"({score[side]['name']})" if side in ("home", "away") else "",
    }


def address(key: str, page: str) -> str:
    """Return the path of the page of a key: "s" is a symbol's page, "m" a match's.

    It is the board itself for the keys "." and "..": browsers take them out of a path,
    encoded or not.
    """
    return "/" if key in (".", "..") else f"/{page}/{quote(key, safe='')}"


def row_address(piece: Piece) -> str:
    """Return the path of the page that a name or a figure of an answer leads to.

    It is empty for other pieces, and if there is no such page.
    """
    ref = piece.ref
    if ref is None or ref.event in NO_PAGE:
        return ""
    page = ROW_PAGES.get(ref.event, f"k/{ref.event}")
    is_name = ref.field is None or ref.field.split(".")[-1] in NAME_FIELDS
    has_number = any(map(str.isdigit, piece.text))
    return address(ref.key, page) if is_name or has_number else ""


def position(quote: Fields) -> str:
    """Return the place of the price in the day's range: "0.0" (low) to "100.0"."""
    value, low, high = quote["price"], quote["low"], quote["high"]
    if low is None or high is None or not low < high:
        return "50.0"
    share = (value - low) / (high - low) * 100
    return fixed(min(max(share, 0), 100), 1)


def by_symbol(quotes: Iterable[Fields]) -> list[Fields]:
    """Return quotes in the order in which the page lists them."""
    return sorted(quotes, key=lambda quote: str(quote["symbol"]))


def by_competition(scores: Iterable[Fields]) -> list[tuple[str, list[Fields]]]:
    """Return matches by competition, in the order in which the page lists them.

    Within a competition they are in the order of phase, then of kick-off. The next
    match to kick off follows the ones in play, so it keeps its place when it does.
    """
    groups: dict[str, list[Fields]] = {}
    for score in sorted(scores, key=_match_order):
        groups.setdefault(score["competition"] or "", []).append(score)
    return sorted(groups.items(), key=lambda group: (group[0] == "", group[0]))


def by_phase(scores: Iterable[Fields]) -> list[tuple[str, str, list[Fields]]]:
    """Return matches by phase, in their order: the phase, its name, the matches."""
    return [
        (each, PHASE_NAMES[each], [*found])
        for each, found in groupby(scores, key=phase)
    ]


def _match_order(score: Fields) -> tuple[int, float, str]:
    kick_off = score["kick_off"]
    at = float("inf") if kick_off is None else kick_off
    return PHASES.index(phase(score)), at, score["match"]


def _minute_of(goal: Fields) -> str:
    return (moment(goal) + REMARKS.get(goal["kind"], "")).strip()


def _shoot_out_result(score: Fields) -> str:
    """Return the result of the shoot-out, which its kicks give if no field does."""
    kicks = [kick["team"] for kick in score["incidents"] if is_shoot_out(kick, score)]
    counted = result(kicks.count("home"), kicks.count("away")) if kicks else ""
    return shoot_out(score) or counted


def _height(value: float, low: float, high: float, height: int) -> str:
    """Return the y of a point: 2 or more from the edges, the middle of a flat line."""
    share = (value - low) / (high - low) if high > low else 0.5
    return fixed(height - 2 - share * (height - 4), 1)


TEMPLATE_FILTERS: dict[str, Callable[..., Any]] = {
    filter.__name__: filter
    for filter in (
        address,
        age_of,
        arrow,
        by_competition,
        by_phase,
        by_symbol,
        by_urgency,
        chart_sentence,
        direction,
        further_results,
        hero_score,
        hue,
        in_turns,
        incident_words,
        iso_time,
        isolated,
        level,
        line,
        market_status,
        minute,
        moment,
        monogram,
        nothing_words,
        page_time,
        percent,
        phase,
        position,
        price,
        quote_line,
        red_cards,
        row_address,
        score_line,
        scorers,
        shut_markets,
        signed,
        trading,
        whole,
        widths,
    )
}
"""The filters of templates by name, from several modules."""
