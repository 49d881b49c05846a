"""The application: `create_app` connects feed and web; gunicorn serves `app`."""

import atexit
import hashlib
import logging
import sys
from functools import cache
from pathlib import Path

from flask import Flask, Response, request

from feed.feed import Feed
from feed.publishing.batch import MAX_BODY
from feed.settings import InvalidSetting, Settings
from serving import servers
from serving.sink import STANDARD_ERROR, sink
from serving.slots import current_slot
from web import (
    access,
    answers,
    api,
    assets,
    keys,
    openapi,
    ops,
    pages,
    problems,
    publish,
    streams,
)
from web.format import TEMPLATE_FILTERS
from web.forwarded import Forwarded, check_client, check_host

ROOT = Path(__file__).parent
VERSION = "0.1.0"
SMALL_BODY = 64 << 10  # bytes of a body that are read though nobody wants them
ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"
)

logger = logging.getLogger("liveboard.app")


def create_app(settings: Settings) -> Flask:
    """Return an application with its own feed, which the first request starts.

    Under gunicorn the worker starts the feed, before any request (`gunicorn.conf.py`).
    """
    app = Flask(__name__)
    feed = Feed(settings, version())
    app.extensions["feed"] = feed
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.jinja_env.filters.update(TEMPLATE_FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension(assets.Unindented)
    access.register(app, feed)  # before everything else that looks at a request
    app.before_request(check_host)
    keys.register(app)
    for module in (pages, streams, answers, api, publish, openapi, ops):
        app.register_blueprint(module.blueprint)
    # Flask's own route and `url_for` of static files stay; only the response differs.
    app.view_functions["static"] = assets.serve
    problems.register(app)
    app.before_request(lambda: feed.start())
    app.after_request(lambda response: _add_headers(response, settings))
    app.after_request(_close_if_body_is_left)
    if settings.trusted_proxies:
        app.before_request(check_client)
        app.wsgi_app = Forwarded(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]  # Flask's documented way to add middleware
    return app


def version() -> str:
    """Return the version, with a hash of all files that a browser may load."""
    digest = hashlib.sha256()
    for folder in ("templates", "static"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file():
                digest.update(path.read_bytes())
    return f"{VERSION}+{digest.hexdigest()[:8]}"


def _add_headers(response: Response, settings: Settings) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.path.startswith("/static/"):
        response.headers["Cache-Control"] = (
            "no-cache"  # the browser revalidates, and mostly gets a 304
        )
        # A frame in a sandbox has an origin of its own, and must be able to load the
        # scripts that say why it isn't live. These files are no secret.
        response.headers["Access-Control-Allow-Origin"] = "*"
    if settings.allowed_origins:
        _allow_origin(response, settings.allowed_origins)
    return response


def _allow_origin(response: Response, allowed: tuple[str, ...]) -> None:
    """Allow pages of other origins to read the feed (Fetch standard, CORS protocol)."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if not origin or not {"*", origin} & {*allowed}:
        return
    response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
    response.headers["Access-Control-Expose-Headers"] = "ETag"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Allow-Methods"] = (
            "GET, HEAD, POST, PUT, DELETE"
        )
        response.headers["Access-Control-Max-Age"] = "600"


def _close_if_body_is_left(response: Response) -> Response:
    """Close the connection if much is left of the request's body, and announce that.

    Only a small rest is read in order to keep the connection.
    """
    slot = current_slot.get(None)
    if slot is not None and not slot.has_read_body:
        length = request.content_length
        if request.headers.get("Transfer-Encoding") or (length or 0) > SMALL_BODY:
            slot.close_after_response()
    return response


def _log_to_stderr() -> None:
    """Write the board's log to standard error, without waiting for its reader.

    Its lines show neither the thread nor the calling function, so logging needn't look
    them up: that would cost each stream a kilobyte (Python's logging HOWTO, section
    "Optimization").
    """
    logging.logThreads = False
    logging._srcfile = ""
    handler = logging.StreamHandler(sink(STANDARD_ERROR))
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logger = logging.getLogger("liveboard")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


def _app_from_environment() -> Flask:
    servers.refuse_unconfigured()
    _log_to_stderr()
    try:
        app = create_app(Settings.from_env())
    except InvalidSetting as error:
        sys.exit(f"liveboard: {error}")
    if not servers.configured:  # for servers other than gunicorn (gunicorn.conf.py)
        for warning in app.extensions["feed"].settings.warnings():
            logger.warning("%s", warning)
        atexit.register(app.extensions["feed"].close)
        _check_server(app)
    return app


def _check_server(app: Flask) -> None:
    """Refuse all requests if the server can't serve the board; log it if it is limited.

    Only a request tells which server it is, so the first one decides.
    """
    shared = bool(app.extensions["feed"].settings.redis_url)
    find_fault = cache(lambda: servers.judge_server(dict(request.environ), shared))

    def check() -> Response | None:
        fault = find_fault()
        return problems.problem(503, "Wrong server", fault) if fault else None

    app.before_request(check)


app = _app_from_environment()
