"""A match reported in sentences: all incidents so far, then each new one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from feed.answers.match_reports import MatchReport, MatchReports, sentences_of
from feed.answers.piece import Piece
from feed.events.event import EventId, gone, keyed
from feed.events.reading import decode_shape
from feed.events.shapes import Score
from feed.log import Log
from tests.helpers.harness import Board
from tests.helpers.samples import EVENING, goal, match, score_of
from tests.helpers.sse import Parsed

BEARER = {"Authorization": "Bearer secret"}
GOALS = [
    goal("kick_off", None, None, None, 0, 0),
    goal("goal", "home", "A. Iveskin", 12, 1, 0),
    goal("own_goal", "away", None, 30, 1, 1),
]
LAST = goal("full_time", None, None, 90, 1, 1)
REPORT = (
    "Acton v Burton in the Cup.\n"
    "The match has kicked off.\n"
    "Goal for Acton, 12′: A. Iveskin makes it 1–0.\n"
    "Own goal for Burton, 30′: an unnamed player of Acton makes it 1–1."
)


def score(fields: dict[str, Any]) -> Score:
    shape = decode_shape("score", json.dumps(fields).encode())
    assert isinstance(shape, Score)
    return shape


def text_of(events: list[Any]) -> str:
    return "".join(json.loads(event.data)["text"] for event in events)


def publish(log: Log, fields: dict[str, Any]) -> None:
    data = json.dumps(fields).encode()
    log.append([keyed("score", "acton-burton", data)], EVENING)


def text_in(report: MatchReport) -> str:
    return text_of(report.log.state())


def test_a_match_is_reported_from_its_kick_off() -> None:
    log = Log(100, EVENING)
    publish(log, score_of(1, 1, GOALS))
    report = MatchReports(log).find("acton-burton")
    assert report
    assert text_in(report) == REPORT
    assert report.end_at(report.log.tail, None) is None


def test_a_report_goes_on_and_ends_with_the_match() -> None:
    log = Log(100, EVENING)
    publish(log, score_of(1, 0, GOALS[:2]))
    report = MatchReports(log).find("acton-burton")
    assert report
    publish(log, score_of(1, 1, GOALS))
    report.append_news()
    report.append_news()
    assert text_in(report) == REPORT
    publish(log, score_of(1, 1, [*GOALS, LAST]) | {"status": "FT"})
    report.append_news()
    assert text_in(report) == f"{REPORT}\nFull time: Acton and Burton draw 1–1."
    end = report.end_at(report.log.tail, None)
    assert end
    assert end.reason == "complete"


def test_a_sentence_has_the_same_id_at_any_time() -> None:
    early = sentences_of(score(score_of(1, 0, GOALS[:2])), EventId(1, 0))
    late = sentences_of(score(score_of(1, 1, [*GOALS, LAST])), EventId(2, 0))
    ids = [event.id for event in late]
    assert [event.id for event in early] == ids[: len(early)]
    assert sorted({*ids}) == ids


def test_a_match_that_ends_without_the_incident_or_is_retired_ends_too() -> None:
    log = Log(100, EVENING)
    publish(log, match("FT"))
    reports = MatchReports(log)
    over = reports.find("acton-burton")
    assert over
    assert text_in(over).endswith("\nThe match is over: Acton 0–0 Burton.")
    assert over.end_at(over.log.tail, None)
    log.append([gone("score", "acton-burton", EVENING)], EVENING)
    over.append_news()
    assert over.end_at(over.log.tail, None)
    assert MatchReports(log).find("acton-burton") is None
    assert MatchReports(log).find("none") is None


def test_readers_share_a_report_and_it_is_forgotten_with_them() -> None:
    log = Log(100, EVENING)
    publish(log, match())
    reports = MatchReports(log)
    report = reports.find("acton-burton")
    assert reports.find("acton-burton") is report
    del report
    assert not reports._reports


@pytest.fixture(scope="module")
def published() -> Iterator[Board]:
    with Board(FEED="published", PUBLISH_TOKEN="secret", HEARTBEAT="1") as board:
        yield board


def put(board: Board, fields: dict[str, Any]) -> None:
    body = json.dumps(fields).encode()
    path = "/api/scores/acton-burton"
    assert board.request("PUT", path, BEARER, body)[0] == 201


def is_sentence(event: Parsed) -> bool:
    return event.event == "message"


def test_a_match_is_streamed_as_it_happens_and_resumed(published: Board) -> None:
    path = "/ask?match=acton-burton"
    assert published.get(path)[0] == 404
    put(published, score_of(1, 0, GOALS[:2]))
    with published.stream(path) as stream:
        events = stream.events(4)
        put(published, score_of(1, 1, GOALS))
        events += stream.read_until(is_sentence)
    put(published, score_of(1, 1, [*GOALS, LAST]) | {"status": "FT"})
    with published.stream(path, {"Last-Event-ID": stream.last_id}) as again:
        events += again.read_all()
    sentences = [Piece(json.loads(it.data)["text"]) for it in events if is_sentence(it)]
    text = f"{REPORT}\nFull time: Acton and Burton draw 1–1."
    assert "".join(piece.text for piece in sentences) == text
    assert [it.event for it in events].count("end") == 1
    assert published.get(path, {"Last-Event-ID": again.last_id})[0] == 204
    assert published.get(path, {"Accept": "*/*"})[2].decode() == f"{text}\n"
