"""Another version of Liveboard: a copy of its code with another set of shapes."""

import shutil
from pathlib import Path

from tests.helpers.harness import ROOT, Board

NEW_STATUS = "VAR"  # of a match
NEW_TYPE = "weather"
REMOVED = "sector"  # of a quote
ADDED = "venue"
ADDED_VALUE = "XETR"  # which the new version writes into each quote

Changes = dict[str, tuple[tuple[str, str], ...]]

# By file: what stands there, and what stands there in the newer version.
CHANGES: Changes = {
    "feed/events/shapes.py": (
        ("    sector: Name | None\n", ""),
        (
            "    late: Late | None\n    at: Instant\n",
            "    late: Late | None\n    at: Instant\n"
            f'    venue: Name | None = "{ADDED_VALUE}"\n',
        ),
        ('"1H", "HT",', f'"1H", "{NEW_STATUS}", "HT",'),
        (
            "class Notice(",
            "class Weather(msgspec.Struct, frozen=True, forbid_unknown_fields=True):\n"
            '    """The weather."""\n\n'
            "    place: Name\n    degrees: Amount\n    at: Instant\n\n"
            "    def event(self) -> Event:\n"
            '        """Return the `weather` event."""\n'
            '        return keyed("weather", self.place, _encode(self))\n\n\n'
            "class Notice(",
        ),
    ),
    "feed/events/catalogue.py": (
        ("import Incident, MarketState,", "import Weather, Incident, MarketState,"),
        (
            '    "incident": EventType(',
            '    "weather": EventType(Weather, key="place", section="weathers"),\n'
            '    "incident": EventType(',
        ),
    ),
    "feed/cluster/relay.py": (('"trial")', '"trial", "newer")'),),
    "feed/cluster/relay.lua": (
        (
            "-- The shared log in Redis.",
            "-- The shared log in Redis, of a newer version.",
        ),
    ),
    "feed/sources/market.py": (("            sector=company.sector,\n", ""),),
}


# The changes that make an older version: one that doesn't know that keys expire.
WITHOUT_EXPIRY: Changes = {
    "feed/cluster/relay.py": (
        (
            '    until = "" if event.until is None else str(event.until)\n',
            '    until = ""\n',
        ),
    ),
    "feed/cluster/door.py": (
        ('_expiring(event, fields.get(b"until"))', "event"),
        ("_expiring(event, until if expires == id else None)", "event"),
    ),
    "feed/cluster/relay.lua": (
        (
            "-- The shared log in Redis.",
            "-- The shared log in Redis, of an older version.",
        ),
        ("  expire(slot, id, ARGV[at + 4])\n", ""),
        ("    expire(oldest, '', '')\n", ""),
        ("'DEL', events, state, retired, expiries)", "'DEL', events, state, retired)"),
    ),
}


class VersionBoard(Board):
    """A board whose code is in the folder `root`."""

    def __init__(self, root: Path, **env: str) -> None:
        super().__init__("app:app", None, **env)
        self._cwd = root


def newer_version(folder: Path) -> Path:
    """Copy the code into `folder`, change its shapes, and return its root.

    The newer version has a field of a quote more and another one less, a new status of
    a match, a new event type, and another script in Redis with one more table.
    """
    return changed_version(folder / "newer", CHANGES)


def older_version(folder: Path) -> Path:
    """Copy the code into `folder` as it was before keys could expire."""
    return changed_version(folder / "older", WITHOUT_EXPIRY)


def changed_version(root: Path, all_changes: Changes) -> Path:
    """Copy the code to `root`, and change it."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("feed", "serving", "web", "templates"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    (root / "static").symlink_to(ROOT / "static")
    for name in ("app.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, root / name)
    for name, changes in all_changes.items():
        text = (root / name).read_text()
        for before, after in changes:
            assert text.count(before) == 1, (name, before, text.count(before))
            text = text.replace(before, after)
        (root / name).write_text(text)
    return root
