"""The board: a page for browsers, a table for terminals.

Each page shows the state of its URL without a script: the server renders the selection
of the URL. In a browser with scripts, `static/page.js` continues from there.
"""

import gzip
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, render_template, request, url_for
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from feed.answers.piece import Piece
from feed.clock import now_ms
from feed.events.catalogue import SECTIONS
from feed.events.reading import read_fields
from feed.events.shapes import Quote
from feed.feed import Feed
from web import the_feed
from web.address import FILTER_LABELS, LEAGUE_VIEWS, SORT_LABELS, Selection, is_own
from web.api import encode_state
from web.assets import FOREIGN, compressible
from web.charts import chart_of
from web.format import directions
from web.panels import activity_of, boot_of, detail_of, own_events, own_types, panels_of
from web.terminal import SHOWN, text_board

SPARK_INTERVAL = 45  # seconds between the points of a sparkline
SPARK_POINTS = 40  # of half an hour: as many as a line of 100 px shows
SPARK_POINTS_UNSEEN = 12  # of rows that a script adds; a page may have a thousand
ROWS = 200  # prices in the HTML; a script adds the others, or a link shows them
CHART_LIBRARY = "vendor/lightweight-charts.js"  # where `scripts/set-up` puts it
# Modules and folders below `static/` that the page does not fetch at once: entry points
# and modules that it loads when a person opens something, and the names by which pages
# of the release before load those modules.
NOT_PRELOADED = {
    *("page.js", "embed.js", "theme.js", "stream/worker.js", "stylesheets.js"),
    *("detail", "ask", "panels", "alerts/alerts.js", "alerts/alerts-dialog.js"),
    *("alerts/away-sentence.js", "alerts/gap.js", "alerts/notify.js"),
    *("alerts/own-alert-form.js", "alerts/own-alerts.js", "board/nothing.js"),
    *("controls/appearance.js", "controls/dialogs.js", "controls/keys.js"),
    *("controls/selecting.js", "controls/settings-dialog.js"),
    *("controls/shortcuts.js", "controls/terminal.js", "openers.js", "renewal.js"),
    *("alerts-dialog.js", "candles.js", "chart.js", "detail.js", "library.js"),
    "sentences.js",
}
# The fields that no page shows are not sent to it, and the types of the page's scripts
# omit the same ones (`static/board/state.js`). Most bytes of a state are of incidents.
NOT_SHOWN_OF_QUOTE = {"late"}
NOT_SHOWN_OF_INCIDENT = {"match", "incident", "at"}
POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
)
# HTML doesn't allow them, and they could send commands to a terminal that shows the
# source of a page. In the JSON for the scripts they are escaped.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x80-\x9f]")
# The section of the text board for a detail's row, by the kind of the detail.
SECTIONS_OF_DETAILS = {"quote": "prices", "match": "scores", "own": "details"}
CONTENT_SECURITY_POLICY = "; ".join((*POLICY, "frame-ancestors 'self'"))
# Any site may show the compact board in a frame. It has no secrets, and no control that
# acts for a visitor, so clickjacking gains nothing.
EMBED_SECURITY_POLICY = "; ".join((*POLICY, "frame-ancestors *"))

State = dict[str, Any]


class AskPanel(msgspec.Struct, frozen=True):
    """The content of the page of a question without a script.

    `about` is "price/<symbol>", "match/<key>" or empty. `pieces` are the answer, which
    is empty if there is no question. `suggestions` are questions for which the board
    has an answer. If `asks_at_once` is false, the script waits until a person sends
    the question.
    """

    question: str
    pieces: list[Piece]
    about: str = ""
    suggestions: list[str] = []
    asks_at_once: bool = True


blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    """Return the page if the client accepts HTML, else a readable table."""
    feed, selection = the_feed(), Selection.of(request.args)
    return _answer(feed, _state(feed), selection)


@blueprint.get("/s/<key:symbol>")
def symbol(symbol: str) -> Response:
    """Return the page with a symbol's detail; 404 and a page that waits if unknown."""
    feed, selection = the_feed(), Selection.of(request.args)
    state = _state(feed)
    quote = _find(state["prices"], "symbol", symbol)
    chart = chart_of(feed.history, symbol)
    detail = {"kind": "quote", "key": symbol, "of": quote, "chart": chart}
    return _answer(feed, state, selection, detail)


@blueprint.get("/m/<key:match>")
def match(match: str) -> Response:
    """Return the page with a match's timeline; 404 and a page that waits if unknown."""
    feed, selection = the_feed(), Selection.of(request.args)
    state = _state(feed)
    score = _find(state["scores"], "match", match)
    return _answer(feed, state, selection, {"kind": "match", "key": match, "of": score})


@blueprint.get("/k/<type>/<key:key>")
def own(type: str, key: str) -> Response:
    """Return the page with a row's detail; 404 and a page that waits if unknown."""
    if not is_own(type):
        raise NotFound(f"{type[:80]!r} is no event type of a publisher's own.")
    feed, selection = the_feed(), Selection.of(request.args)
    event = feed.log.newest((type, key))
    of = None if event is None or event.retires else detail_of(event, now_ms())
    detail = {"kind": "own", "type": type, "key": key, "of": of}
    return _answer(feed, _state(feed), selection, detail)


@blueprint.get("/detail/panel")
def detail_panel() -> Response:
    """Return the empty panel that a page fetches when a person opens a detail on it."""
    panel = render_template(
        "detail.html", selection=Selection(), chart_library=_chart_library()
    )
    return _html(panel, CONTENT_SECURITY_POLICY)


@blueprint.get("/dialogs")
def dialogs() -> Response:
    """Return the dialogs that a page fetches when a person opens one."""
    return _html(render_template("dialogs.html"), CONTENT_SECURITY_POLICY)


@blueprint.get("/panels/templates")
def panel_templates() -> Response:
    """Return what a page fetches with the first event of a publisher's own type."""
    return _html(render_template("panels.html"), CONTENT_SECURITY_POLICY)


@blueprint.get("/embed")
def embed() -> Response:
    """Return a compact board, for a frame on any site."""
    feed, selection = the_feed(), Selection.of(request.args)
    page = _page("embed.html", feed, _state(feed), selection)
    return _html(page, EMBED_SECURITY_POLICY)


def ask_panel(ask: AskPanel) -> Response:
    """Return the panel of Ask, for a page that was made without it."""
    panel = render_template(
        "ask.html", ask=ask, ask_by=the_feed().answers.by, selection=Selection()
    )
    return _html(panel, CONTENT_SECURITY_POLICY)


def ask_page(ask: AskPanel) -> Response:
    """Return the page with Ask open: a question, and its whole answer in the HTML."""
    feed = the_feed()
    selection = Selection.of({**request.args, "q": ""})  # there `q` is the question
    page = _page("board.html", feed, _state(feed), selection, ask=ask)
    response = _html(page, CONTENT_SECURITY_POLICY)
    response.vary.add("Accept")
    return response


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Return the icon, for documents that name none, such as a stream in a tab."""
    return current_app.send_static_file("icon.svg")


def _answer(
    feed: Feed, state: State, selection: Selection, detail: State | None = None
) -> Response:
    if "text/html" in request.headers.get("Accept", ""):
        page = _page("board.html", feed, state, selection, detail)
        response = _html(page, CONTENT_SECURITY_POLICY)
    else:
        chosen = _chosen(feed, state, selection, detail)
        board = text_board(chosen, f"{_origin(feed)}/", _curl(feed))
        response = Response(board, content_type="text/plain; charset=utf-8")
    response.vary.add("Accept")
    response.headers["Cache-Control"] = "no-cache"
    if detail is not None and detail["of"] is None:
        response.status_code = 404
    return response


def _html(page: str, policy: str) -> Response:
    body = CONTROL_CHARACTERS.sub(" ", page).encode()
    zipped = gzip.compress(body, compresslevel=9)
    response = compressible(body, "text/html; charset=utf-8", zipped)
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cache-Control"] = "no-cache"
    return response


def _state(feed: Feed) -> State:
    """Return the state of the board, with all the fields that a page shows.

    With a shared log, another version may have written more fields or fewer. The keyed
    events of publishers' own types stand in `own`; few of them are ever decoded.
    """
    tail, events = feed.log.tail, feed.log.state()
    known = [event for event in events if event.type in SECTIONS]
    encoded = encode_state(feed.streams.source, tail, known)
    state: State = msgspec.json.decode(encoded)
    state["own"] = own_events(events)
    for type, section in SECTIONS.items():
        read = (read_fields(type, value) for value in state[section])
        state[section] = [fields for fields in read if fields is not None]
    return state


def _find(values: list[State], name: str, key: str) -> State | None:
    return next((value for value in values if value[name] == key), None)


def _chosen(
    feed: Feed, state: State, selection: Selection, detail: State | None
) -> State:
    """Return the part of the state that the URL selects, for a terminal."""
    nothing: State = {section: [] for section in SHOWN}
    chosen = {**state, **nothing}
    if detail is not None:
        of = [] if detail["of"] is None else [detail["of"]]
        return {**chosen, SECTIONS_OF_DETAILS[detail["kind"]]: of}
    if selection.view in ("both", "prices"):
        chosen["prices"] = selection.prices(state["prices"])
    if selection.view in ("both", "scores"):
        chosen["scores"] = selection.scores(state["scores"])
    chosen["panels"] = panels_of(state["own"], selection, now_ms())
    chosen["activity"] = activity_of(feed.log, selection)
    return chosen


def _page(
    template: str,
    feed: Feed,
    state: State,
    selection: Selection,
    detail: State | None = None,
    ask: AskPanel | None = None,
) -> str:
    own = state["own"]
    shows_league = selection.view in LEAGUE_VIEWS
    prices = selection.prices(state["prices"]) if shows_league else []
    shown = prices if request.args.get("rows") == "all" else prices[:ROWS]
    boot = {
        **_without(state, {"own"}),
        **boot_of(own, feed.log),
        "scores": [_trimmed(score) for score in state["scores"]],
        "version": feed.streams.version,
        "heartbeat": feed.settings.heartbeat,
        "sparks": _sparks(feed, state["prices"], {it["symbol"] for it in shown}),
    }
    # Last, so that the rows repeat them within the window of gzip.
    boot["prices"] = _table(boot.pop("prices"))
    return render_template(
        template,
        boot=boot,
        prices=shown,
        changes=directions(prices),
        left_out=len(prices) - len(shown),
        scores=selection.scores(state["scores"]) if shows_league else [],
        own_types=own_types(own),
        panels=panels_of(own, selection, now_ms()),
        activity=activity_of(feed.log, selection),
        selection=selection,
        detail=detail,
        ask=ask,
        ask_by=feed.answers.by,
        filters=FILTER_LABELS,
        sorts=SORT_LABELS,
        chart_library=_chart_library(),
        curl=_curl(feed),
        origin=_origin(feed),
        modules=_modules(),
        version=feed.streams.version,
    )


def _origin(feed: Feed) -> str:
    """Return the beginning of the URLs that commands name."""
    return feed.settings.public_url or request.url_root.rstrip("/")


def _curl(feed: Feed) -> str:
    """Return the command that may read the board; a shell fills in the token."""
    return 'curl -u ":$VIEW_TOKEN"' if feed.settings.view_tokens else "curl"


@blueprint.app_template_filter()
def boot_json(boot: State) -> Markup:
    """Return the state as JSON for a script element, without needless spaces."""
    return htmlsafe_json_dumps(boot, json.dumps, separators=(",", ":"))


def _trimmed(score: State) -> State:
    """Return a match without the fields of its incidents that no page shows."""
    incidents = [_without(it, NOT_SHOWN_OF_INCIDENT) for it in score["incidents"]]
    return {**score, "incidents": incidents}


def _table(quotes: list[State]) -> State:
    """Return quotes as rows, with the names of their fields once."""
    shown = [name for name in Quote.__struct_fields__ if name not in NOT_SHOWN_OF_QUOTE]
    rows = [[quote[name] for name in shown] for quote in quotes]
    return {"columns": shown, "rows": rows}


def _without(fields: State, left_out: set[str]) -> State:
    return {name: value for name, value in fields.items() if name not in left_out}


def _chart_library() -> str:
    """Return the URL of the chart library; empty if it isn't installed."""
    folder = Path(current_app.static_folder or "")
    if not (folder / CHART_LIBRARY).is_file():
        return ""
    return url_for("static", filename=CHART_LIBRARY)


def _modules() -> list[str]:
    """Return the modules that the browser fetches at once, as the page loads."""
    folder = Path(current_app.static_folder or "")
    paths = (path.relative_to(folder) for path in folder.rglob("*.js"))
    return sorted(path.as_posix() for path in paths if _is_preloaded(path))


def _is_preloaded(path: Path) -> bool:
    return not {path.as_posix(), path.parts[0]} & {*NOT_PRELOADED, FOREIGN}


def _sparks(feed: Feed, quotes: list[State], shown: set[str]) -> dict[str, list[int]]:
    """Return each symbol's sparkline; only its end for symbols that aren't shown."""
    sparks = {}
    for quote in quotes:
        symbol = quote["symbol"]
        points = SPARK_POINTS if symbol in shown else SPARK_POINTS_UNSEEN
        closes = feed.history.closes(symbol, SPARK_INTERVAL, points)
        sparks[symbol] = _steps(closes, quote["decimals"])
    return sparks


def _steps(prices: list[float], decimals: int) -> list[int]:
    """Return the first price and the step to each further one, in units of a decimal.

    They are small numbers, and weigh less than half of the prices.
    """
    units = [round(price * 10**decimals) for price in prices]
    return [after - before for before, after in pairwise([0, *units])]
