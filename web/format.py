"""How values read: prices, changes, clocks, match minutes and scorers, as text.

The first HTML and the board for a terminal use these; `static/format.js` has the same
rules for the page, and a test holds the two side by side. Unknown values read "–".
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any
from urllib.parse import quote

Values = Mapping[str, Any]
"""The data of a `price`, `score` or `market` event (`docs/feed.md`, section 2)."""

UNKNOWN = "–"
MINUS = "−"
PRIME = "′"
MOST_DECIMALS = 20
EXTRA_TIME_ENDS = (
    120  # the minute; a penalty with a later or no minute is a shoot-out's
)
PHASES = ("live", "upcoming", "over")  # in the order in which matches are listed
LIVE = frozenset({"1H", "HT", "2H", "ET", "SUSP"})
UPCOMING = frozenset({"NS", "PST"})
CHIPS = {
    "PST": "Postponed",
    "SUSP": "Suspended",
    "ABD": "Abandoned",
    "CANC": "Cancelled",
}
GOALS = frozenset({"goal", "own_goal", "penalty"})
REMARKS = {"own_goal": " (og)", "penalty": " (pen)"}
LEVELS = {
    "info": "ⓘ Info",
    "success": "✓ Good news",
    "warning": "⚠ Warning",
    "critical": "✕ Critical",
}
SCORING = GOALS | {"var_cancelled"}
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

# Room for the largest number below 1e21 with the most decimals. JavaScript's toFixed
# (ECMA-262, 21.1.3.3) rounds the exact binary value, halves away from zero; so do we.
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


def price(value: float | None, decimals: int) -> str:
    """Return a price to its decimals, thousands apart: "1,234.50"."""
    if value is None:
        return UNKNOWN
    size = _grouped(_fixed(abs(value), decimals))
    return MINUS + size if value < 0 and _is_nonzero(size) else size


def signed(value: float | None, decimals: int) -> str:
    """Return a change with its sign: "+0.36", "−0.36"; "0.00" has none."""
    if value is None:
        return UNKNOWN
    text = price(value, decimals)
    return "+" + text if value > 0 and _is_nonzero(text) else text


def percent(value: float | None) -> str:
    """Return a change in percent with its sign: "+0.36 %"."""
    return UNKNOWN if value is None else f"{signed(value, 2)} %"


def direction(value: float | None, decimals: int) -> str:
    """Return "up", "down" or "flat", as the change reads when it is rounded."""
    return {"+": "up", MINUS: "down"}.get(signed(value, decimals)[0], "flat")


def arrow(value: float | None, decimals: int) -> str:
    """Return the arrow that goes before a change; nothing where it is flat."""
    return {"up": "▲", "down": "▼", "flat": ""}[direction(value, decimals)]


def directions(quotes: Iterable[Values]) -> list[str]:
    """Return each quote's direction, for counting."""
    return [direction(quote["change"], quote["decimals"]) for quote in quotes]


def clock(at: int | None) -> str:
    """Return the UTC time of epoch milliseconds: "14:03:07"."""
    return _written(at, "%H:%M:%S")


def hours(at: int | None) -> str:
    """Return the UTC hour and minute of epoch milliseconds: "19:45"."""
    return _written(at, "%H:%M")


def date(at: int | None) -> str:
    """Return the UTC date and time of epoch milliseconds: "2026-03-05 19:45 UTC"."""
    return _written(at, "%Y-%m-%d %H:%M UTC")


def minute(score: Values) -> str:
    """Return the text of a match's status chip: "67′", "45+2′", "HT" or "19:45"."""
    status = str(score["status"])
    if status == "NS":
        return "Upcoming" if score["kick_off"] is None else hours(score["kick_off"])
    if status == "PEN":
        return _shoot_out(score)
    if status in ("1H", "2H", "ET") and score["minute"] is not None:
        return _at_minute(score)
    return CHIPS.get(status, status)


def phase(score: Values) -> str:
    """Return "live", "upcoming" or "over"."""
    status = score["status"]
    if status in LIVE:
        return "live"
    return "upcoming" if status in UPCOMING else "over"


def live_matches(scores: Iterable[Values]) -> int:
    """Return how many matches are on."""
    return sum(phase(score) == "live" for score in scores)


def scorers(score: Values, side: str) -> list[str]:
    """Return who scored for a side, "Salah 23′ 67′ (pen)" each; cancelled goals not."""
    goals: dict[tuple[str, bool], list[str]] = {}
    for goal in _standing_goals(score):
        if goal["side"] == side:
            own = goal["kind"] == "own_goal"
            goals.setdefault((goal["player"] or "Goal", own), []).append(_when(goal))
    # No line ends between a name and its first minute.
    lines = ((player, " ".join(whens)) for (player, _), whens in goals.items())
    return ["\u00a0".join(line).strip() for line in lines]


def red_cards(count: int | None) -> str:
    """Return a side's red cards in words; nothing where there are none."""
    if not count:
        return ""
    return "1 red card" if count == 1 else f"{count} red cards"


def level(name: str) -> str:
    """Return a notice's level as an icon and a word: "⚠ Warning"."""
    return LEVELS.get(name, f"● {name}")


def market_status(market: Values) -> str:
    """Return a market's status in words: "Open until 16:00 UTC"."""
    words = str(market["status"]).capitalize()
    until = market["until"]
    return words if until is None else f"{words} until {hours(until)} UTC"


def line(values: Sequence[float], width: int, height: int) -> str:
    """Return values as an SVG polyline's points, in a viewBox of that size."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    steps = len(values) - 1
    return " ".join(
        f"{_fixed(i * width / steps, 1)},{_height(value, low, high, height)}"
        for i, value in enumerate(values)
    )


def chart_sentence(symbol: str, candles: Sequence[Sequence[float]], places: int) -> str:
    """Return what a chart shows, in words, for those who don't see it."""
    if len(candles) < 2:
        return f"No past prices of {symbol} yet."
    first, last = candles[0][1], candles[-1][4]
    low, high = min(c[3] for c in candles), max(c[2] for c in candles)
    went = {"up": "rose", "down": "fell", "flat": "stands"}
    way = direction(last - first, places)
    how = price(abs(last - first), places)
    moved = "where it began" if way == "flat" else f"by {how}"
    return (
        f"{symbol} {went[way]} {moved} between {hours(int(candles[0][0]))} and "
        f"{hours(int(candles[-1][0]))} UTC, to {price(last, places)}; "
        f"low {price(low, places)}, high {price(high, places)}."
    )


def whole(value: float | None) -> str:
    """Return a count, thousands apart: "118,261"."""
    return price(value, 0)


def moment(incident: Values) -> str:
    """Return the minute of an incident, "45+2′"; nothing where it isn't known."""
    return "" if incident["minute"] is None else _at_minute(incident)


def incident_text(incident: Values, score: Values) -> str:
    """Return what happened, in words: "Goal 1–0 · A. Ames (Acton)"."""
    kind = INCIDENTS.get(incident["kind"]) or str(incident["kind"]).replace("_", " ")
    stands = (incident["home_score"], incident["away_score"])
    if incident["kind"] in SCORING and None not in stands:
        kind += f" {stands[0]}–{stands[1]}"
    side = incident["team"]
    team = score[side]["name"] if side in ("home", "away") else ""
    player = incident["player"] or ""
    who = f"{player} ({team})" if player and team else player or team
    return f"{kind} · {who}" if who else kind


def score_line(score: Values) -> str:
    """Return a match in words: "Acton 2–1 Burton", or "Acton v Burton" before it."""
    home, away = score["home"], score["away"]
    if None in (home["score"], away["score"]):
        return f"{home['name']} v {away['name']}"
    return f"{home['name']} {home['score']}–{away['score']} {away['name']}"


def segment(key: str) -> str:
    """Return a key as one segment of a URL's path."""
    return quote(key, safe="")


def position(quote: Values) -> str:
    """Return where the price stands between the day's low and high, 0.0 to 100.0."""
    value, low, high = quote["price"], quote["low"], quote["high"]
    if low is None or high is None or not low < high:
        return "50.0"
    share = (value - low) / (high - low) * 100
    return _fixed(min(max(share, 0), 100), 1)


def by_symbol(quotes: Iterable[Values]) -> list[Values]:
    """Return quotes in the order in which the page lists them."""
    return sorted(quotes, key=lambda quote: str(quote["symbol"]))


def by_competition(scores: Iterable[Values]) -> list[tuple[str, list[Values]]]:
    """Return matches by competition, in the order in which the page lists them.

    By kick-off within each phase, so that a match keeps its place when it kicks off,
    and leaves it once: at full time.
    """
    groups: dict[str, list[Values]] = {}
    for score in sorted(scores, key=_match_order):
        groups.setdefault(score["competition"] or "", []).append(score)
    return sorted(groups.items(), key=lambda group: (group[0] == "", group[0]))


def _match_order(score: Values) -> tuple[int, float, str]:
    kick_off = score["kick_off"]
    at = float("inf") if kick_off is None else kick_off
    return PHASES.index(phase(score)), at, score["match"]


def _fixed(value: float, decimals: int) -> str:
    """Return a number that isn't negative to its decimals, as toFixed does."""
    if value >= 1e21:
        return repr(float(value))
    places = Decimal(1).scaleb(-min(max(decimals, 0), MOST_DECIMALS))
    return format(Decimal(float(value)).quantize(places, context=_EXACT), "f")


def _grouped(digits: str) -> str:
    if "e" in digits:
        return digits
    whole, point, rest = digits.partition(".")
    return f"{int(whole):,}{point}{rest}"


def _is_nonzero(text: str) -> bool:
    return re.search("[1-9]", text) is not None


def _written(at: int | None, form: str) -> str:
    if at is None:
        return UNKNOWN
    try:
        return datetime.fromtimestamp(at // 1000, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):  # beyond the year 9999
        return UNKNOWN


def _at_minute(values: Values) -> str:
    stoppage = values["stoppage"]
    return f"{values['minute']}{f'+{stoppage}' if stoppage else ''}{PRIME}"


def _when(goal: Values) -> str:
    at = "" if goal["minute"] is None else _at_minute(goal)
    return (at + REMARKS.get(goal["kind"], "")).strip()


def _shoot_out(score: Values) -> str:
    kicks = [kick["team"] for kick in score["incidents"] if _is_shoot_out(kick, score)]
    if not kicks:
        return "PEN"
    return f"PEN {kicks.count('home')}–{kicks.count('away')}"


def _is_shoot_out(incident: Values, score: Values) -> bool:
    if incident["kind"] != "penalty" or score["status"] != "PEN":
        return False
    return incident["minute"] is None or incident["minute"] > EXTRA_TIME_ENDS


def _standing_goals(score: Values) -> list[dict[str, Any]]:
    """Return the goals that count, each with the `side` that it counts for."""
    goals: list[dict[str, Any]] = []
    home: int | None = 0
    for incident in score["incidents"]:
        if incident["kind"] == "var_cancelled":
            _cancel(goals, incident)
        elif incident["kind"] in GOALS and not _is_shoot_out(incident, score):
            goals.append({**incident, "side": _side(incident, home)})
        home = incident["home_score"]
    return goals


def _side(goal: Values, home_before: int | None) -> str | None:
    """Return whose goal it is: the score tells, where both are known."""
    if goal["kind"] != "own_goal" or None in (goal["home_score"], home_before):
        team: str | None = goal["team"]
        return team
    return "home" if goal["home_score"] > home_before else "away"


def _cancel(goals: list[dict[str, Any]], incident: Values) -> None:
    """Take out the newest goal that a `var_cancelled` can mean."""
    for wanted in (("side", "player"), ("side",), ()):
        for goal in reversed(goals):
            meant = {"side": incident["team"], "player": incident["player"]}
            if all(goal[name] == meant[name] for name in wanted):
                goals.remove(goal)
                return


def _height(value: float, low: float, high: float, height: int) -> str:
    """Return a point's y: 2 from the edges, in the middle where nothing moved."""
    share = (value - low) / (high - low) if high > low else 0.5
    return _fixed(height - 2 - share * (height - 4), 1)


FILTERS: dict[str, Callable[..., Any]] = {
    filter.__name__: filter
    for filter in (
        arrow,
        by_competition,
        by_symbol,
        chart_sentence,
        clock,
        date,
        direction,
        hours,
        incident_text,
        level,
        line,
        live_matches,
        market_status,
        minute,
        moment,
        percent,
        phase,
        position,
        price,
        red_cards,
        score_line,
        scorers,
        segment,
        signed,
        whole,
    )
}
"""Every function that a template may use, by name."""
