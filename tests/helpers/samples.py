"""Sample quotes, matches and incidents, with fields that a test can change."""

from typing import Any

from feed.events.shapes import Quote, Team

EVENING = 1_772_739_907_250  # 2026-03-05 19:45:07.250 UTC
HOSTILE = "<img src=x onerror=alert(1)>\"'&\u2028{{7*7}}"


def quote(symbol: str = "ACME", price: float = 100, **changes: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(Quote.__struct_fields__),
        "symbol": symbol,
        "name": "Acme Anvil Works",
        "currency": "EUR",
        "market": "MAIN",
        "price": price,
        "decimals": 2,
        "change": 0.5,
        "change_percent": 0.5,
        "previous_close": 99.5,
        "at": EVENING,
    } | changes


def quote_at(
    at: int, price: float, volume: float | None = 0, symbol: str = "A"
) -> Quote:
    unknown: dict[str, Any] = dict.fromkeys(Quote.__struct_fields__)
    known = {"symbol": symbol, "price": price, "decimals": 2, "volume": volume}
    return Quote(**unknown | known | {"at": at})


def team(
    name: str, score: int | None = 0, red: int | None = 0, **changes: int | None
) -> dict[str, Any]:
    known = {"name": name, "score": score, "red_cards": red}
    return dict.fromkeys(Team.__struct_fields__) | known | changes


def match(status: str = "2H", **changes: Any) -> dict[str, Any]:
    return {
        "match": "acton-burton",
        "competition": "Cup",
        "source": None,
        "home": team("Acton"),
        "away": team("Burton"),
        "status": status,
        "minute": 67,
        "stoppage": None,
        "kick_off": EVENING,
        "period_started": None,
        "at": EVENING,
        "incidents": [],
    } | changes


def score_of(
    home: int, away: int, incidents: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    teams = {"home": team("Acton", home), "away": team("Burton", away)}
    return match(incidents=incidents or []) | teams


def goal(
    kind: str,
    side: str | None,
    player: str | None,
    at: int | None,
    home: int,
    away: int,
) -> dict[str, Any]:
    return {
        "match": "acton-burton",
        "incident": f"{kind}{at}",
        "kind": kind,
        "team": side,
        "player": player,
        "minute": at,
        "stoppage": None,
        "home_score": home,
        "away_score": away,
        "at": EVENING,
    }
