"""The board itself: a page for browsers, a table for terminals."""

import msgspec
from flask import Blueprint, Response, current_app, render_template, request

from feed.feed import Feed
from feed.view import View
from web import the_feed
from web.api import state_json
from web.board import text_board

SPARK_INTERVAL = 30  # seconds between the points of a sparkline
SPARK_POINTS = 60
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    """Return the page where HTML is accepted, else a readable table of the board."""
    feed = the_feed()
    state = msgspec.json.decode(state_json(feed, View()))
    if "text/html" in request.headers.get("Accept", ""):
        response = Response(_page(feed, state), content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    else:
        board = text_board(state, request.url_root)
        response = Response(board, content_type="text/plain; charset=utf-8")
    response.headers["Vary"] = "Accept"
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Return the icon for what names none, such as a stream opened in a tab."""
    return current_app.send_static_file("icon.svg")


def _page(feed: Feed, state: dict[str, object]) -> str:
    boot = {
        **state,
        "version": feed.streams.version,
        "heartbeat": feed.settings.heartbeat,
        "sparks": _sparks(feed),
    }
    return render_template("board.html", boot=boot, version=feed.streams.version)


def _sparks(feed: Feed) -> dict[str, list[float]]:
    symbols = (
        event.slot[1]
        for event in feed.log.state()
        if event.slot and event.type == "price"
    )
    return {
        symbol: feed.history.closes(symbol, SPARK_INTERVAL, SPARK_POINTS)
        for symbol in symbols
    }
