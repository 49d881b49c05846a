"""gunicorn's logger, whose access log can't be forged and can't act on a terminal."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger, SafeAtoms  # type: ignore[import-untyped]  # no types

from feed.streams.text import printable

PATH_CHARACTERS = "/:@!$&'()*+,;=~"  # besides letters, digits and - . _


class PrintableAtoms(SafeAtoms):  # type: ignore[misc]  # its base has no types
    """The fields of a line of the access log; those of clients are made harmless."""

    def __init__(self, atoms: Mapping[str, Any]) -> None:
        shown = {
            name: printable(value) if isinstance(value, str) else value
            for name, value in atoms.items()
        }
        # gunicorn has decoded the path, so it could contain a whole forged line.
        path = str(atoms.get("U") or "").encode("latin-1", "replace")
        super().__init__({**shown, "U": quote(path, PATH_CHARACTERS)})


class PrintableLogger(Logger):  # type: ignore[misc]  # its base has no types
    """gunicorn's logger with an access log of these fields."""

    atoms_wrapper_class = PrintableAtoms
