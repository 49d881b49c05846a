"""Which servers can run the board, and what a server that can't is answered.

A stream occupies its thread for hours, and without Redis the log lives in one process.
So the board needs gunicorn with the gevent worker of `gunicorn.conf.py`. Flask's
development server will do for one person. Every other way to start it ends here.
"""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
REMEDY = f"start it with `gunicorn app:app` in {FOLDER}"
CONFIGURATION = "gunicorn.conf.py"
APP_LOAD_ERROR = 4  # the status with which a worker tells gunicorn to give up

logger = logging.getLogger("liveboard.serving")

# Set by the board's configuration of gunicorn, so it tells whether gunicorn read that.
configured = False


def refuse_unconfigured() -> None:
    """Exit with one line if gunicorn runs the board without its configuration.

    gunicorn looks for it only in the folder in which it is started, and takes no notice
    if there is none: its default worker would serve one request at a time.
    """
    if "gunicorn.arbiter" in sys.modules and not configured:
        print(
            f"liveboard: gunicorn didn't read {CONFIGURATION}: {REMEDY}, or add "
            f"`--config {FOLDER / CONFIGURATION}`",
            file=sys.stderr,
        )
        sys.exit(APP_LOAD_ERROR)


def judge_server(environ: Mapping[str, Any], shared: bool) -> str | None:
    """Return why the server of a request must not serve the board, or None.

    `environ` is that of WSGI (PEP 3333). `shared` is whether processes share one log.
    The reason is logged, and so is a server that can serve the board but is limited.
    """
    software = environ.get("SERVER_SOFTWARE")
    if software is None:  # no server: a test client, for example
        return None
    refusal = _find_refusal(environ, shared)
    if refusal:
        logger.error("%s", refusal)
    elif not str(software).startswith(
        "Werkzeug"
    ):  # it starts a thread for each request
        logger.warning(
            "The server %s isn't made for streams: each of them occupies a thread, "
            "and may end without `bye`. To serve many, %s",
            software,
            REMEDY,
        )
    return refusal


def _find_refusal(environ: Mapping[str, Any], shared: bool) -> str | None:
    if environ.get("wsgi.multiprocess") and not shared:
        return (
            "This server may run several processes, and without REDIS_URL each would "
            f"show other prices: {REMEDY}"
        )
    if not environ.get("wsgi.multithread"):
        return (
            "This server answers one request at a time, so one stream would block "
            f"it: {REMEDY}"
        )
    return None
