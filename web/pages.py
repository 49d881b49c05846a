"""The board: a page for browsers, a table for terminals.

Each page shows the state of its URL without a script: the server renders the selection
of the URL. In a browser with scripts, `static/page.js` continues from there.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import MAX_WBITS
from zlib import compressobj as start_gzip

import msgspec
from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from feed.answers.piece import Piece
from feed.clock import now_ms
from feed.events.catalogue import SECTIONS
from feed.events.reading import read_shape
from feed.events.shapes import Quote
from feed.feed import Feed
from feed.streams.written import Fields
from web import the_feed
from web.address import (
    LEAGUE_VIEWS,
    SORT_LABELS,
    Selection,
    is_own,
    phase_counts,
)
from web.assets import FOREIGN, wants_gzip
from web.charts import chart_of
from web.format import by_competition, directions
from web.pagecache import Page, PageCache
from web.panels import activity_of, boot_of, detail_of, own_events, own_types, panels_of
from web.sources import BY_DAY, day_words, faults_of, mark_old, simulated_words
from web.terminal import SHOWN, text_board
from web.turns import give_turn, in_turns

SPARK_INTERVAL = 45  # seconds between the points of a sparkline
SPARK_POINTS = 40  # of half an hour: as many as a line of 100 px shows
SPARK_POINTS_UNSEEN = 12  # of rows that a script adds; a page may have a thousand
# Prices and matches in the HTML. A script adds the others; without one, a link shows
# more of them, and beyond that a search does.
ROWS, MOST_ROWS = 200, 1000
LARGE_PAGE = 256 << 10  # bytes of a page
COMPRESSION, BEST = 5, 9  # zlib's levels: a large page is 4% larger, in half the time
COMPRESSED_AT_ONCE = 64 << 10  # bytes to compress at once
CHART_LIBRARY = "vendor/lightweight-charts.js"  # where `scripts/set-up` puts it
# Modules and folders below `static/` that the page does not fetch at once: entry points
# and modules that it loads when a person opens something, and the names by which pages
# of the release before load those modules.
NOT_PRELOADED = {
    *(
        "page.js",
        "embed.js",
        "theme.js",
        "board/sources.js",
        "board/glide.js",
        "stream/worker.js",
        "stylesheets.js",
    ),
    *("detail", "ask", "panels", "wall", "alerts/alerts.js", "alerts/alerts-dialog.js"),
    *("alerts/away-sentence.js", "alerts/gap.js", "alerts/notify.js"),
    *("alerts/own-alert-form.js", "alerts/own-alerts.js", "board/nothing.js"),
    "board/notices.js",
    *("controls/appearance.js", "controls/dialogs.js", "controls/keys.js"),
    *("controls/selecting.js", "controls/settings-dialog.js"),
    *("controls/shortcuts.js", "controls/terminal.js", "openers.js", "renewal.js"),
    *("alerts-dialog.js", "candles.js", "chart.js", "detail.js", "library.js"),
    "sentences.js",
}
# A page that opens a detail fetches these at once, too.
DETAIL_MODULES = (
    *("board/sources.js", "detail/panel.js", "detail/detail.js"),
    "detail/quote-detail.js",
    *("detail/match-detail.js", "detail/own-detail.js", "detail/sentences.js"),
    *("panels/cells.js", "panels/row.js", "own-fetch.js", "stylesheets.js"),
)
CHART_MODULES = ("detail/chart.js", "detail/candles.js")
# The fields that no page shows are not sent to it, and the types of the page's scripts
# omit the same ones (`static/board/state.js`). Most bytes of a state are of incidents.
NOT_SHOWN_OF_QUOTE = {"late"}
NOT_SHOWN_OF_TEAM = {"code"}
SIDES = ("home", "away")
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
Finder = Callable[[Feed, State], State | None]
"""Returns the detail that a page shows, if any, from the state of the board."""


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


@blueprint.record_once
def _add_cache(setup: BlueprintSetupState) -> None:
    feed = setup.app.extensions["feed"]
    setup.app.extensions["pages"] = PageCache(lambda: feed.log.tail)


@blueprint.get("/")
def index() -> Response:
    """Return the page if the client accepts HTML, else a readable table."""
    return _answer(lambda feed, state: None)


@blueprint.get("/s/<key:symbol>")
def symbol(symbol: str) -> Response:
    """Return the page with a symbol's detail; 404 and a page that waits if unknown."""

    def find(feed: Feed, state: State) -> State:
        quote = _find(state["prices"], "symbol", symbol)
        chart = chart_of(feed.history, symbol)
        return {"kind": "quote", "key": symbol, "of": quote, "chart": chart}

    return _answer(find)


@blueprint.get("/m/<key:match>")
def match(match: str) -> Response:
    """Return the page with a match's timeline; 404 and a page that waits if unknown."""

    def find(feed: Feed, state: State) -> State:
        score = _find(state["scores"], "match", match)
        return {"kind": "match", "key": match, "of": score}

    return _answer(find)


@blueprint.get("/k/<type>/<key:key>")
def own(type: str, key: str) -> Response:
    """Return the page with a row's detail; 404 and a page that waits if unknown."""
    if not is_own(type):
        raise NotFound(f"{type[:80]!r} is no event type of a publisher's own.")

    def find(feed: Feed, state: State) -> State:
        event = feed.log.newest((type, key))
        of = None if event is None or event.retires else detail_of(event, now_ms())
        return {"kind": "own", "type": type, "key": key, "of": of}

    return _answer(find)


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
    zips, theme = wants_gzip(), request.args.get("theme", "")[:5]

    def make() -> Page:
        feed, selection = the_feed(), Selection.of(request.args)
        page = _page("embed.html", feed, _state(feed), selection)
        return Page(_encode(page, zips))

    page = _cached((zips, theme), make)
    return _respond_html(page.body, zips, EMBED_SECURITY_POLICY)


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
    zips = wants_gzip()
    cache: PageCache = current_app.extensions["pages"]

    def make() -> Page:
        page = _page("board.html", feed, _state(feed), selection, ask=ask)
        return Page(_encode(page, zips))

    page = cache.alone(make)
    response = _respond_html(page.body, zips, CONTENT_SECURITY_POLICY)
    response.vary.add("Accept")
    return response


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Return the icon, for documents that name none, such as a stream in a tab."""
    return current_app.send_static_file("icon.svg")


def _answer(find: Finder) -> Response:
    is_html = "text/html" in request.headers.get("Accept", "")
    zips = is_html and wants_gzip()

    def make() -> Page:
        feed, selection = the_feed(), Selection.of(request.args)
        state = _state(feed)
        detail = find(feed, state)
        status = 404 if detail is not None and detail["of"] is None else 200
        if is_html:
            page = _page("board.html", feed, state, selection, detail)
            return Page(_encode(page, zips), status)
        chosen = _chosen(feed, state, selection, detail)
        board = text_board(chosen, f"{_origin(feed)}/", _curl(feed))
        return Page(board.encode(), status)

    page = _cached((is_html, zips), make)
    if is_html:
        response = _respond_html(page.body, zips, CONTENT_SECURITY_POLICY)
    else:
        response = Response(page.body, content_type="text/plain; charset=utf-8")
    response.vary.add("Accept")
    response.headers["Cache-Control"] = "no-cache"
    response.status_code = page.status
    return response


def _cached(form: tuple[object, ...], make: Callable[[], Page]) -> Page:
    """Return the page of the request's URL in a form; `make` it if it isn't kept.

    Parameters that no page reads don't make another page.
    """
    cache: PageCache = current_app.extensions["pages"]
    selection, rows = Selection.of(request.args), request.args.get("rows") == "all"
    address = repr((request.path, selection, rows, request.url_root, *form))
    return cache.get(sha256(address.encode(errors="surrogatepass")).digest(), make)


def _html(page: str, policy: str) -> Response:
    """Return a part of a page, which is small."""
    zips = wants_gzip()
    return _respond_html(_encode(iter([page]), zips), zips, policy)


def _respond_html(body: bytes, is_zipped: bool, policy: str) -> Response:
    response = Response(body, content_type="text/html; charset=utf-8")
    if is_zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cache-Control"] = "no-cache"
    return response


def _encode(page: Iterator[str], zips: bool) -> bytes:
    """Return the pieces of a page as they are sent."""
    pieces = (CONTROL_CHARACTERS.sub(" ", it).encode() for it in in_turns(page))
    if not zips:
        return b"".join(pieces)
    whole = list(pieces)
    is_large = sum(map(len, whole)) > LARGE_PAGE
    gzip = start_gzip(COMPRESSION if is_large else BEST, wbits=MAX_WBITS | 16)
    slices = (
        it[at : at + COMPRESSED_AT_ONCE]
        for it in whole
        for at in range(0, len(it), COMPRESSED_AT_ONCE)
    )
    zipped = [gzip.compress(it) for it in in_turns(slices)]
    return b"".join([*zipped, gzip.flush()])


def _state(feed: Feed) -> State:
    """Return the state of the board, with all the fields that a page shows.

    With a shared log, another version may have written more fields or fewer. The keyed
    events of publishers' own types stand in `own`; few of them are ever decoded.
    """
    tail, events = feed.log.tail, feed.log.state()
    state: State = {"id": str(tail), "at": tail.ms, "source": feed.streams.source}
    state |= {section: [] for section in SECTIONS.values()}
    known = [event for event in events if event.type in SECTIONS]
    for event in in_turns(sorted(known, key=lambda event: event.slot or ("", ""))):
        shape = read_shape(event)
        if shape is not None:
            state[SECTIONS[event.type]].append(msgspec.to_builtins(shape))
    mark_old(state)
    give_turn()
    return {**state, "own": own_events(events)}


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
) -> Iterator[str]:
    """Yield the pieces of a page."""
    own = state["own"]
    shows_league = selection.view in LEAGUE_VIEWS
    prices = selection.prices(state["prices"]) if shows_league else []
    scores = selection.scores(state["scores"]) if shows_league else []
    seen = (
        prices if selection.view != "scores" else [],
        scores if selection.view != "prices" else [],
    )
    every_price, every_score = prices, scores
    if shows_league and selection.filter not in ("all", "pinned"):
        every = selection.without_filter()
        every_price = every.prices(state["prices"])
        every_score = every.scores(state["scores"])
    rows = MOST_ROWS if request.args.get("rows") == "all" else ROWS
    shown = prices[:rows]
    boot = {
        **_without(state, {"own"}),
        **boot_of(own, feed.log),
        "scores": [_trimmed(score) for score in state["scores"]],
        "markets": [_without(market, {"is_old"}) for market in state["markets"]],
        "version": feed.streams.version,
        "heartbeat": feed.settings.heartbeat,
        "sparks": _sparks(feed, state["prices"], {it["symbol"] for it in shown}),
    }
    # Last, so that the rows repeat them within the window of gzip.
    boot["prices"] = _table(boot.pop("prices"))
    give_turn()
    return _render(
        template,
        boot=boot,
        prices=shown,
        changes=directions(in_turns(every_price)),
        phases=phase_counts(every_score),
        left_out=len(prices) - len(shown),
        scores=_first_matches(scores, rows),
        scores_left_out=max(len(scores) - rows, 0),
        more_rows=MOST_ROWS if rows == ROWS else 0,
        faults=faults_of(state["sources"]),
        simulated=simulated_words(*seen),
        day_change=day_words(seen[0]),
        own_types=own_types(own),
        panels=panels_of(own, selection, now_ms()),
        activity=activity_of(feed.log, selection),
        selection=selection,
        detail=detail,
        ask=ask,
        ask_by=feed.answers.by,
        sorts=SORT_LABELS,
        chart_library=_chart_library(),
        curl=_curl(feed),
        origin=_origin(feed),
        modules=_modules(detail["kind"] if detail else ""),
        version=feed.streams.version,
    )


def _render(template: str, **context: Any) -> Iterator[str]:
    """Yield a template's output piece by piece; Flask's own function returns all."""
    current_app.update_template_context(context)
    return current_app.jinja_env.get_template(template).generate(context)


def _first_matches(scores: list[Fields], rows: int) -> list[Fields]:
    """Return the matches that are first on the page."""
    if len(scores) <= rows:
        return scores
    return [score for _, group in by_competition(scores) for score in group][:rows]


def _origin(feed: Feed) -> str:
    """Return the beginning of the URLs that commands name."""
    return feed.settings.public_url or request.url_root.rstrip("/")


def _curl(feed: Feed) -> str:
    """Return the command that may read the board; a shell fills in the token."""
    return 'curl -u ":$VIEW_TOKEN"' if feed.settings.view_tokens else "curl"


@blueprint.app_template_filter()
def is_by_day(source: str | None) -> bool:
    """Return whether the changes in the quotes of a source are over 24 hours."""
    return source in BY_DAY


@blueprint.app_template_filter()
def boot_json(boot: State) -> Markup:
    """Return the state as JSON for a script element, without needless spaces."""
    parts = (f"{_json(name)}:{_json(value)}" for name, value in boot.items())
    return Markup("{" + ",".join(in_turns(parts)) + "}")  # noqa: S704 - `_json` escapes


def _json(value: Any) -> Markup:
    return htmlsafe_json_dumps(value, json.dumps, separators=(",", ":"))


def _trimmed(score: State) -> State:
    """Return a match without the fields that no page shows or that are null.

    The page's scripts read a field that is missing like one that is null.
    """
    incidents = [
        _known(_without(it, NOT_SHOWN_OF_INCIDENT)) for it in score["incidents"]
    ]
    teams = {side: _known(_without(score[side], NOT_SHOWN_OF_TEAM)) for side in SIDES}
    return _known({**_without(score, {"is_old"}), **teams, "incidents": incidents})


def _known(fields: State) -> State:
    return {name: value for name, value in fields.items() if value is not None}


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


def _modules(detail: str) -> list[str]:
    """Return the modules that the browser fetches at once, as the page loads.

    `detail` is the kind of the detail that the page opens; it is empty for none.
    """
    modules = _modules_in(Path(current_app.static_folder or ""))
    opened = (*DETAIL_MODULES, *(CHART_MODULES if detail == "quote" else ()))
    return list(dict.fromkeys([*modules, *(opened if detail else ())]))


@cache
def _modules_in(folder: Path) -> list[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*.js"))
    return sorted(path.as_posix() for path in paths if _is_preloaded(path))


def _is_preloaded(path: Path) -> bool:
    return not {path.as_posix(), path.parts[0]} & {*NOT_PRELOADED, FOREIGN}


def _sparks(feed: Feed, quotes: list[State], shown: set[str]) -> dict[str, list[int]]:
    """Return each symbol's sparkline; only its end for symbols that aren't shown."""
    sparks = {}
    for quote in in_turns(quotes):
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
