"""The settings PRICES and SCORES: which of the world's prices and scores are shown.

Each is a list, separated by spaces, of a source with the names that it is asked for:
`kraken:BTC/USD,ETH/EUR simulator`. A source alone stands for a well-known choice.
"""

import re
from urllib.parse import urlsplit

import msgspec

SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,39}")
MOST_NAMES = 100  # of one source; each league is polled by itself

KRAKEN_PAIRS = (
    *("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD", "LTC/USD"),
    *("LINK/USD", "DOT/USD", "AAPLx/USD", "TSLAx/USD", "NVDAx/USD", "SPYx/USD"),
)
COINBASE_PRODUCTS = (
    *("BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD", "ADA-USD", "DOGE-USD", "LTC-USD"),
    *("LINK-USD", "DOT-USD"),
)

# The sources of each setting, with the names that they are asked for by default.
PRICE_SOURCES: dict[str, tuple[str, ...]] = {
    "kraken": KRAKEN_PAIRS,
    "coinbase": COINBASE_PRODUCTS,
}
SCORE_SOURCES: dict[str, tuple[str, ...]] = {
    "openligadb": ("bl1", "bl2"),
    "espn": ("eng.1", "uefa.champions"),
}
SIMULATED, NOTHING = "simulator", "none"

# What PRICES and SCORES are if they aren't set, by FEED.
DEFAULTS = {
    "PRICES": {"live": "kraken", "published": NOTHING},
    "SCORES": {"live": "openligadb", "published": NOTHING},
}


class Selected(msgspec.Struct, frozen=True):
    """A source, and the names that it is asked for; the simulator has none."""

    source: str
    names: tuple[str, ...] = ()


def parse_selection(
    text: str, known: dict[str, tuple[str, ...]]
) -> tuple[Selected, ...]:
    """Return what a setting selects; ValueError with a remedy if it can't be used."""
    found = [_parse_part(part, known) for part in text.split()]
    sources = [each.source for each in found]
    twice = next((name for name in sources if sources.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice: write its names as one list")
    return tuple(each for each in found if each.source != NOTHING)


def _parse_part(part: str, known: dict[str, tuple[str, ...]]) -> Selected:
    source, colon, rest = part.partition(":")
    if not colon and source in (SIMULATED, NOTHING):
        return Selected(source)
    if source not in known:
        forms = [f"{name}:{','.join(of[:2])}" for name, of in known.items()]
        raise ValueError(
            f"{part[:80]!r} is none of {', '.join([*forms, SIMULATED, NOTHING])}"
        )
    names = tuple(dict.fromkeys(filter(None, rest.split(",")))) or known[source]
    wrong = next((name for name in names if not SOURCE_NAME.fullmatch(name)), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:80]!r} is no name like {known[source][0]}")
    if len(names) > MOST_NAMES:
        raise ValueError(f"{source} has {len(names)} names: {MOST_NAMES} are possible")
    return Selected(source, names)


def find_fault(url: str, schemes: tuple[str, ...]) -> str | None:
    """Return why the URL of a source can't be used; None if it can."""
    form = f"it is not like {schemes[0]}://example.org/path"
    if not re.fullmatch("[!-~]{1,2000}", url):
        return form
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return form
    if not named or parts.scheme not in schemes:
        return form
    if "@" in parts.netloc or "?" in url or "#" in url:
        return "it has more than a host and a path"
    return None
