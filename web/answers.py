"""Answers over HTTP: ask, read the answer as a stream or as JSON, stop it."""

import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Annotated, cast

import msgspec
from flask import Blueprint, Response, redirect, request
from msgspec import Meta
from werkzeug.exceptions import Forbidden, NotFound

from feed.answers import rules
from feed.answers.answer import ANSWER_ID, Answer, Opening, pieces_of
from feed.answers.answers import PACE, RULES
from feed.answers.piece import Piece, Question
from feed.answers.suggestions import suggestions
from feed.clock import now_ms
from feed.events.control import End
from feed.events.event import EventId, Slot
from feed.events.shapes import Name
from feed.log import Unavailable
from feed.publishing.batch import NotJson, Refused
from feed.publishing.idempotency import Idempotency
from feed.streams.admission import Outlet
from feed.streams.clients import client_of
from feed.streams.view import LAST_EVENT_ID, Subscription, View, WireFormat
from feed.streams.wire import WIRES
from web import pages, the_feed
from web.format import address
from web.publish import read_body, read_idempotency
from web.query import InvalidParameter, parse_query, read_last_event_id
from web.streams import MIME_TYPES, preferred_format, read_cursor, respond

LONGEST_QUESTION = 500  # characters
LONGEST_PACE = 1.0  # seconds between two words
ABOUT = {"match": "score", "price": "price"}  # event types by the first part of `about`
READ_PARAMETERS = ("after", "once", LAST_EVENT_ID[0])
REPORT_PARAMETERS = ("match", *READ_PARAMETERS)
ASK_PARAMETERS = ("q", "about", "symbols", "follow", "pace", *READ_PARAMETERS)
LOST_ANSWER = "This answer is lost: the server was restarted, or the time is over."
# In the stream of /ask, an event's id ends in the id of its answer.
ID_ON_WIRE = re.compile(rb'^(?:id: |\{"id":")[0-9]+-[0-9]+', re.MULTILINE)

blueprint = Blueprint("answers", __name__)


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question as it is posted.

    `about` is `match/<key>` or `price/<symbol>`, the row that "it" refers to. `symbols`
    are the asker's pins. `follow` is the id of the answer that the question follows.
    `pace` is in seconds between two words; 0 gives the whole at once.
    """

    question: str
    about: str | None = None
    symbols: Annotated[list[Name], Meta(max_length=1000)] = []
    follow: str | None = None
    pace: Annotated[float, Meta(ge=0, le=LONGEST_PACE)] = PACE


class AnswerBegun(msgspec.Struct, frozen=True):
    """The response to a question: the id and the stream of its answer, and its origin.

    `as_of` is the cursor of the board that is answered from, `at` the instant of the
    question, and `by` is `rules` or the name of a model.
    """

    answer: str
    stream: str
    as_of: str
    at: int
    by: str


class AnswerSoFar(msgspec.Struct, frozen=True):
    """An answer so far: its pieces up to the cursor `id`, and its end.

    `end` is null until the answer has ended.
    """

    answer: str
    stream: str
    as_of: str
    at: int
    by: str
    id: str
    text: str
    pieces: list[Piece]
    end: End | None


@blueprint.post("/api/answers")
def ask() -> Response:
    """Begin the answer to a question; respond with the URL of its stream."""
    body = read_body()
    plain = request.mimetype == "text/plain"
    asked = _read_text(body) if plain else _read_json(body)
    _refuse_cross_site()
    answer = _begin(asked, "$" if plain else "$.question", read_idempotency(body))
    opening, stream = answer.opening, _stream_of(answer)
    begun = AnswerBegun(answer.id, stream, str(opening.as_of), opening.at, answer.by)
    response = _respond_json(begun, 201)
    response.headers["Location"] = stream
    return response


@blueprint.get("/api/answers/<answer>")
def answer_so_far(answer: str) -> Response:
    """Return an answer so far."""
    return _respond_json(_so_far(_find(answer)))


@blueprint.delete("/api/answers/<answer>")
def stop(answer: str) -> Response:
    """Stop an answer, and return its text so far."""
    found = _find(answer)
    the_feed().answers.stop(found)
    return _respond_json(_so_far(found))


@blueprint.get("/stream/answers/<answer>")
def stream_answer(answer: str) -> Response:
    """Stream an answer; 204 if the client has all of it."""
    query = parse_query(request.args.items(multi=True), READ_PARAMETERS)
    return _stream(_find(answer), read_cursor(query), query.once)


@blueprint.get("/ask")
def ask_at_once() -> Response:
    """Answer the question `q`: as a page, as a stream, or in bare words."""
    match = request.args.get("match")
    if "text/html" in request.headers.get("Accept", ""):
        return _page() if match is None else _go_to(match)
    if match is not None:
        return _report(match)
    asked, cursor, once = _read_parameters()
    if request.method == "HEAD":  # it asks nothing
        return Response(content_type=WIRES[_wire()].content_type)
    id, after = _read_named(cursor)
    if id is not None:
        found = the_feed().answers.find(id)
        if found is None:
            found = _lost_answer(id)
            after = after if after == found.outlet.end_id else None
        return _name_answer(_stream(found, after, once), found.id)
    _refuse_cross_site()
    answer = _begin(asked, "q")
    return _name_answer(_stream(answer, None, once), answer.id)


def _go_to(match: str) -> Response:
    """Lead a browser to the page of a match, where its timeline grows."""
    return cast(Response, redirect(address(match, "m"), 303, Response))


def _report(match: str) -> Response:
    """Stream a match in sentences; 204 if it is over and the client has all of them."""
    query = parse_query(request.args.items(multi=True), REPORT_PARAMETERS)
    report, away = the_feed().match_reports.find(match), the_feed().away
    if report is None and away:
        raise Unavailable(away)  # a 404 would say that there is no such match
    if report is None:
        raise NotFound(f"There is no match {match!r}; /api/state lists the matches.")
    return _respond_stream(report, read_cursor(query), query.once)


@blueprint.get("/ask/panel")
def ask_panel() -> Response:
    """Return the panel that a page shows when a person opens Ask on it."""
    the_feed().answers.count_page(client_of(request.remote_addr))
    about, slot = _about_in_page()
    offered = suggestions(the_feed().board(), slot)
    return pages.ask_panel(pages.AskPanel("", [], about, offered))


def _stream(answer: Answer, cursor: EventId | None, once: bool) -> Response:
    return _respond_stream(answer.outlet, cursor, once)


def _respond_stream(outlet: Outlet, cursor: EventId | None, once: bool) -> Response:
    """Stream an outlet; 204 if it has ended, and the client has all of it."""
    if cursor is not None and outlet.end_id is not None and cursor >= outlet.end_id:
        return Response(status=204)
    # It isn't compressed: a word alone would become longer.
    return respond(Subscription(View(wire=_wire()), cursor, once), outlet)


def _wire() -> WireFormat:
    """Return the wire format that `Accept` prefers: as text, the words are bare.

    If it names none of the three, /ask gives the words, and a stream is server-sent
    events.
    """
    accepted = request.headers.get("Accept", "")
    if request.path == "/ask" and not any(kind in accepted for kind in MIME_TYPES):
        return "words"
    preferred = preferred_format()
    return "words" if preferred == "text" else preferred


def _find(id: str) -> Answer:
    found = the_feed().answers.find(id)
    if found is None:
        raise NotFound("There is no such answer any more; ask the question again.")
    return found


def _so_far(answer: Answer) -> AnswerSoFar:
    answer.read_at = answer.clock()
    opening, end = answer.opening, answer.ending  # before its words: it may end now
    read = answer.outlet.log.read(None)
    pieces = pieces_of(read.events)
    return AnswerSoFar(
        answer=answer.id,
        stream=_stream_of(answer),
        as_of=str(opening.as_of),
        at=opening.at,
        by=answer.by,
        id=str(read.tail),
        text="".join(piece.text for piece in pieces),
        pieces=pieces,
        end=end,
    )


def _begin(asked: Asked, place: str, idempotency: Idempotency | None = None) -> Answer:
    """Begin the answer to a question; `place` is where the request has the question."""
    text = asked.question.strip()
    if not 0 < len(text) <= LONGEST_QUESTION:
        problem = f"a question has 1 to {LONGEST_QUESTION} characters, not {len(text)}"
        raise Refused(place, problem)
    answers = the_feed().answers
    turns = () if asked.follow is None else answers.turns_of(asked.follow)
    question = Question(text, _slot_of(asked.about), tuple(asked.symbols), turns)
    address = client_of(request.remote_addr)
    return answers.begin(question, address, asked.pace, idempotency)


def _page() -> Response:
    """Return the page, with the answer by the rules for browsers without a script.

    With a script, the page asks the question itself, unless a link on another site led
    here and a model would answer.
    """
    the_feed().answers.count_page(client_of(request.remote_addr))
    text = request.args.get("q", "").strip()[:LONGEST_QUESTION]
    about, slot, board = *_about_in_page(), the_feed().board()
    pieces = rules.answer(Question(text, slot), board) if text else []
    asks = not (the_feed().answers.costs and _is_cross_site())
    offered = suggestions(board, slot)
    return pages.ask_page(pages.AskPanel(text, pieces, about, offered, asks))


def _read_json(body: bytes) -> Asked:
    try:
        return msgspec.json.decode(body, type=Asked)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise Refused(place.strip("`") or "$", message) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson("$", str(error)) from error


def _read_text(body: bytes) -> Asked:
    """Return a bare question. Its parameters are in the URL."""
    try:
        return _asked_in(
            body.decode(), _parameters(("about", "symbols", "follow", "pace"))
        )
    except UnicodeDecodeError as error:
        raise Refused("$", "the question isn't UTF-8") from error


def _read_parameters() -> tuple[Asked, str | None, bool]:
    """Return the question in the URL, the cursor as the client sent it, and `once`."""
    found = _parameters(ASK_PARAMETERS)
    once = parse_query([("once", found.get("once", "0"))], ("once",)).once
    cursor = found.get(LAST_EVENT_ID[0], found.get("after"))
    cursor = request.headers.get("Last-Event-ID", cursor)
    return _asked_in(found.get("q", ""), found), cursor, once


def _parameters(allowed: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters of the URL; InvalidParameter if one is unknown or twice."""
    found: dict[str, str] = {}
    for spelling, text in request.args.items(multi=True):
        name = LAST_EVENT_ID[0] if spelling in LAST_EVENT_ID else spelling
        if name not in allowed:
            known = f"there is no such parameter; there are {', '.join(allowed)}"
            raise InvalidParameter(spelling[:80], known)
        if name in found and name != LAST_EVENT_ID[0]:
            raise InvalidParameter(name, "is given twice")
        found[name] = text
    return found


def _asked_in(question: str, found: dict[str, str]) -> Asked:
    named = [(name, found[name]) for name in ("symbols",) if name in found]
    symbols = parse_query(named, ("symbols",)).symbols
    fields: dict[str, str | list[str]] = {
        "question": question,
        "symbols": sorted(symbols or ()),
        **{name: found[name] for name in ("about", "follow", "pace") if name in found},
    }
    try:
        return msgspec.convert(fields, Asked, strict=False)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise InvalidParameter(place.strip("`$."), message) from error


def _slot_of(about: str | None) -> Slot | None:
    """Return the slot that `about` names; Refused if it isn't valid."""
    if about is None:
        return None
    kind, _, key = about.partition("/")
    if kind not in ABOUT or not key:
        raise Refused("about", 'is "match/<key>" or "price/<symbol>"')
    return ABOUT[kind], key


def _about_in_page() -> tuple[str, Slot | None]:
    """Return `about` in the URL of a page, as text and as a slot.

    A value that isn't valid is ignored.
    """
    about = request.args.get("about", "")
    try:
        return about, _slot_of(about or None)
    except Refused:
        return "", None


def _refuse_cross_site() -> None:
    """Refuse a question of a page of another site if a model would answer."""
    feed = the_feed()
    allowed = {"*", request.headers.get("Origin", "")} & {
        *feed.settings.allowed_origins
    }
    if feed.answers.costs and _is_cross_site() and not allowed:
        raise Forbidden("A page of another site can't ask here: see ALLOWED_ORIGINS.")


def _is_cross_site() -> bool:
    return request.headers.get("Sec-Fetch-Site") == "cross-site"


def _read_named(cursor: str | None) -> tuple[str | None, EventId | None]:
    """Return the answer and the place in it that an event's id of /ask leads to.

    A malformed id of an answer leads nowhere: the id becomes a part of
    the stream.
    """
    id, _, answer = (cursor or "").partition("@")
    if not ANSWER_ID.fullmatch(answer):
        return None, None
    return answer, read_last_event_id(id)


def _name_answer(response: Response, id: str) -> Response:
    """Append the answer's id to each event's id, so that any process finds the answer.

    An EventSource of /ask has no other way to say which answer it was reading. Bare
    words have no ids, but may look like one.
    """
    if response.status_code == 200 and _wire() != "words":
        frames = cast(Generator[bytes, None, None], response.response)
        response.response = _named(frames, f"@{id}".encode())
    return response


def _named(frames: Generator[bytes, None, None], name: bytes) -> Iterator[bytes]:
    with closing(frames):
        for frame in frames:
            yield ID_ON_WIRE.sub(lambda found: found[0] + name, frame)


def _lost_answer(id: str) -> Answer:
    """Return an answer that says that it is lost, for a reader that had its beginning.

    The reader must not get a second answer after half of the first.
    """
    answer = Answer(Opening(id, "", EventId(0, 0), 0), RULES, time.monotonic)
    answer.end(answer.make_end("incomplete", LOST_ANSWER, now_ms()))
    return answer


def _stream_of(answer: Answer) -> str:
    return f"/stream/answers/{answer.id}"


def _respond_json(body: msgspec.Struct, status: int = 200) -> Response:
    response = Response(msgspec.json.encode(body) + b"\n", status)
    response.content_type = "application/json"
    response.headers["Cache-Control"] = "no-store"
    return response
