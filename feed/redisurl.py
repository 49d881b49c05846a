"""The URL of Redis: the faults that it can have, found without a connection.

The board chooses most of redis-py's options itself. redis-py takes any of them from the
URL and finds out at its first connection whether it can use them, which is too late: a
board that can never connect shouldn't start.
"""

import re
import ssl
from urllib.parse import SplitResult, parse_qsl, urlsplit

SHAPE = "it is not like redis://:password@host:6379/0 (or rediss://, unix:///path)"

NAME = re.compile("[a-z_]{1,40}")  # of an option; other text may be a lost password

# The options that may be set, and the values that each takes.
OPTIONS = {
    "client_name": "[!-~]+",
    "db": "[0-9]{1,9}",
    "password": ".+",
    "username": ".+",
}
TLS_OPTIONS = {
    "ssl_ca_certs": ".+",
    "ssl_ca_path": ".+",
    "ssl_cert_reqs": "none|optional|required",
    "ssl_certfile": ".+",
    "ssl_check_hostname": "(?i:0|1|no|yes|false|true)",
    "ssl_keyfile": ".+",
    "ssl_password": ".+",
}


def find_fault(url: str) -> str | None:
    """Return why the board can't use a URL of Redis; None if it can.

    The text contains no password, even where the URL has one in the wrong place.
    """
    parts = _split(url)
    if parts is None:
        return SHAPE
    options = parse_qsl(parts.query, keep_blank_values=True)
    known = OPTIONS | (TLS_OPTIONS if parts.scheme == "rediss" else {})
    for name, value in options:
        if name not in known:
            return _describe_unknown(name, parts.scheme, known)
        if not re.fullmatch(known[name], value):
            return f"its option {name} has a value that can't be used"
    return _find_tls_fault(dict(options))


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if it isn't one of Redis."""
    try:
        parts = urlsplit(url)
        database = parts.path.removeprefix("/")
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    if parts.scheme == "unix":
        return parts if database and not parts.hostname else None
    numbered = not database or re.fullmatch(OPTIONS["db"], database)
    known = parts.scheme in ("redis", "rediss")
    return parts if known and named and numbered else None


def _describe_unknown(name: str, scheme: str, known: dict[str, str]) -> str:
    if name in TLS_OPTIONS:
        return f"its option {name} needs rediss://"
    shown = (
        f"{name} is none of" if NAME.fullmatch(name) else "one of its options is not"
    )
    return f"{shown} the options that {scheme}:// takes here: {', '.join(known)}"


def _find_tls_fault(options: dict[str, str]) -> str | None:
    """Return why the files that the options name can't be used; None if they can."""
    authorities = options.get("ssl_ca_certs"), options.get("ssl_ca_path")
    certificate, key = options.get("ssl_certfile"), options.get("ssl_keyfile")
    if key and not certificate:
        return "its option ssl_keyfile needs ssl_certfile"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if any(authorities):
            context.load_verify_locations(*authorities)
        if certificate:
            # With an empty password OpenSSL doesn't ask for one at the terminal.
            context.load_cert_chain(certificate, key, options.get("ssl_password", ""))
    except OSError as error:
        return f"its ssl_ files can't be used: {error.strerror or error}"
    return None
