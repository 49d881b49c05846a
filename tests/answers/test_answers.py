"""Answers as they begin, are typed, end, and are forgotten, by a clock of the test."""

import gc
import logging
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from feed.answers import rules, shelf
from feed.answers.answer import Answer, AnswerLog, words_of
from feed.answers.answers import (
    COSTLY_QUESTIONS_A_MINUTE,
    FAILED,
    MOST_CALLS,
    MOST_WRITES,
    NOBODY_READS,
    PACE,
    QUESTIONS_A_MINUTE,
    QUICKEST,
    RESTARTING,
    STOPPED,
    UNREAD,
    Answers,
)
from feed.answers.keeping import KeptAlone
from feed.answers.limits import (
    MOST_ADDRESSES,
    RATE_WINDOW,
    AskedTooOften,
    Rate,
    TooManyAnswers,
)
from feed.answers.piece import Board, Piece, Question, Ref
from feed.answers.shelf import KEPT_FOR
from feed.answers.upstream import UpstreamError
from feed.events.control import Cited, End
from feed.publishing.idempotency import Idempotency, KeyReused
from tests.answers.boards import board_of
from tests.helpers.harness import until
from tests.helpers.samples import quote

BOARD = board_of(("price", quote()))
ID = str(next(iter(BOARD.newest.values())).id)
REF = Ref("price", "ACME", "price", ID)
PIECES = [
    Piece("ACME", Ref("price", "ACME", None, ID)),
    Piece(" stands at "),
    Piece("100.00", REF),
    Piece(". It rose."),
]
TEXT = "ACME stands at 100.00. It rose."
LARGEST = 32 << 10  # bytes of memory that an answer may take


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Saying:
    """A call of a model that says what the test lets it say."""

    def __init__(self, script: Callable[["Saying"], Iterator[Piece]]) -> None:
        self._script = script
        self.closed = threading.Event()
        self.may_go_on = threading.Event()

    def close(self) -> None:
        self.closed.set()
        self.may_go_on.set()

    def __iter__(self) -> Iterator[Piece]:
        return self._script(self)


class Speaker:
    """A model for the tests; `calls` are those that it was asked."""

    by = "tiny"

    def __init__(self, script: Callable[[Saying], Iterator[Piece]]) -> None:
        self._script = script
        self.calls: list[Saying] = []

    def begin(self, question: Question, board: Board) -> Saying:
        self.calls.append(Saying(self._script))
        return self.calls[-1]


def saying(*words: str, error: Exception | None = None) -> Speaker:
    """Return a model that says words at once, then ends or raises."""

    def script(call: Saying) -> Iterator[Piece]:
        yield from map(Piece, words)
        if error is not None:
            raise error

    return Speaker(script)


def waiting(*words: str) -> Speaker:
    """Return a model that says words, and goes on once the test lets it or stops it."""

    def script(call: Saying) -> Iterator[Piece]:
        yield from map(Piece, words)
        call.may_go_on.wait(30)
        if not call.closed.is_set():
            yield Piece(" on")

    return Speaker(script)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def known_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "answer", lambda question, board: [*PIECES])


def answers_of(clock: Clock, most: int = 100, model: Speaker | None = None) -> Answers:
    return Answers(lambda: BOARD, most, KeptAlone(), model, clock)


def ask(answers: Answers, **options: Any) -> Answer:
    return answers.begin(Question("How is ACME?"), "192.0.2.1", **options)


def ended(answer: Answer) -> End:
    """Return the end of an answer, when it has ended."""
    until(lambda: answer.ending)
    assert answer.ending
    return answer.ending


# Words


def test_a_word_has_the_space_before_it_and_its_punctuation() -> None:
    words = [[piece.text for piece in word] for word in words_of(PIECES)]
    assert words == [
        ["ACME"],
        [" stands"],
        [" at"],
        [" 100.00", "."],
        [" It"],
        [" rose."],
    ]


def test_a_piece_with_a_reference_or_a_mark_stays_whole() -> None:
    pieces = [Piece("A B", REF), Piece(" 1 000 ", unchecked=True), Piece("  \n"), REST]
    words = [piece for word in words_of(pieces) for piece in word]
    assert [piece.text for piece in words] == ["A B", " 1 000", "   \nrest"]
    assert [piece.ref for piece in words] == [REF, None, None]
    assert [piece.unchecked for piece in words] == [False, True, False]


REST = Piece("rest ")


# Typing


def test_an_answer_has_its_first_word_at_once_and_then_one_at_each_pace(
    clock: Clock,
) -> None:
    answers = answers_of(clock)
    answer = ask(answers)
    assert (answer.text, answer.first_word, len(answers)) == ("ACME", 0.0, 1)
    texts = []
    while answer.ending is None:
        clock.now += PACE
        answers.step()
        texts.append(answer.text)
    assert texts == [
        "ACME stands",
        "ACME stands at",
        "ACME stands at 100.00.",
        "ACME stands at 100.00. It",
        TEXT,
    ]
    assert answer.ending.reason == "complete"
    assert answer.ending.sources == [Cited("price", "ACME", ID)]
    assert len(answers) == 0


def test_words_that_are_late_come_together(clock: Clock) -> None:
    answers = answers_of(clock)
    answer = ask(answers, pace=1.0)
    clock.now += 2.5
    answers.step()
    assert answer.text == "ACME stands at"
    clock.now += 0.5
    answers.step()
    assert answer.text == "ACME stands at 100.00."


def test_of_many_answers_several_words_come_together(clock: Clock) -> None:
    answers = answers_of(clock)
    given = [ask(answers) for _ in range(MOST_WRITES * 2 // 25)]
    last = given[-1]
    clock.now += 1.5 * PACE
    answers.step()
    assert last.text == "ACME"
    clock.now += PACE
    answers.step()
    assert last.text == "ACME stands at"


@pytest.mark.parametrize("pace", [0, 5e-324, 1e-312, QUICKEST / 2])
def test_without_a_pace_the_whole_comes_at_once(clock: Clock, pace: float) -> None:
    answer = ask(answers_of(clock), pace=pace)
    assert answer.text == TEXT
    assert ended(answer).reason == "complete"


def test_an_answer_that_is_stopped_keeps_its_words_and_ends_once(
    clock: Clock,
) -> None:
    answers = answers_of(clock)
    answer = ask(answers, pace=1.0)
    answers.stop(answer)
    end = ended(answer)
    assert (answer.text, end.reason, end.detail) == ("ACME", "stopped", STOPPED)
    answers.stop(answer)
    clock.now += 10
    answers.step()
    assert answer.ending is end
    assert answer.text == "ACME"


def test_an_answer_without_a_reader_for_a_minute_is_stopped(clock: Clock) -> None:
    answers = answers_of(clock)
    read, unread = ask(answers, pace=1.0), ask(answers, pace=1.0)
    for answer in (read, unread):
        answer.began_at = clock.now
    typing = [*answers._typing.values()]
    for each in typing:
        each.write_at += 3600  # the next word is far away
    clock.now += UNREAD
    assert read.outlet.end_at(read.outlet.log.tail, None) is None
    answers.step()
    answers.step()
    assert ended(unread).detail == NOBODY_READS
    assert read.ending is None


def test_at_the_end_of_the_process_the_rest_comes_at_once(clock: Clock) -> None:
    answers = answers_of(clock)
    answer = ask(answers, pace=1.0)
    ending = threading.Event()
    ending.set()
    answers.run(ending)
    assert (answer.text, ended(answer).reason) == (TEXT, "complete")


def test_a_fault_of_the_rules_is_an_end_and_the_log_has_only_its_place(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(question: Question, board: Board) -> list[Piece]:
        raise KeyError(question.text)

    monkeypatch.setattr(rules, "answer", fail)
    with caplog.at_level(logging.INFO):
        end = ended(ask(answers_of(clock)))
    assert (end.reason, end.detail) == ("failed", FAILED)
    assert "KeyError in" in caplog.text
    assert "ACME" not in caplog.text


# A model


def test_the_text_of_a_model_arrives_as_it_is_written(clock: Clock) -> None:
    model = waiting("The", " price")
    answers = answers_of(clock, model=model)
    answer = ask(answers)
    until(lambda: answer.text == "The price")
    assert (answer.by, answers.costs, len(answers)) == ("tiny", True, 1)
    model.calls[0].may_go_on.set()
    assert ended(answer).reason == "complete"
    assert answer.text == "The price on"
    assert answers.figures.ended["tiny", "complete"] == 1


def test_a_model_that_is_stopped_is_closed_at_once(clock: Clock) -> None:
    model = waiting("The")
    answers = answers_of(clock, model=model)
    answer = ask(answers)
    until(lambda: answer.text)
    answers.stop(answer)
    assert model.calls[0].closed.is_set()
    assert (answer.text, ended(answer).reason) == ("The", "stopped")


def test_a_model_that_breaks_off_is_incomplete(clock: Clock) -> None:
    model = saying("The", error=UpstreamError("incomplete", "The model fell silent."))
    answer = ask(answers_of(clock, model=model))
    end = ended(answer)
    assert (end.reason, end.detail) == ("incomplete", "The model fell silent.")
    assert answer.text == "The"


def test_if_a_model_fails_before_its_first_word_the_rules_answer_and_say_so(
    clock: Clock,
) -> None:
    model = saying(error=UpstreamError("failed", "The model said nothing."))
    answers = answers_of(clock, model=model)
    answer = ask(answers, pace=0)
    assert ended(answer).reason == "complete"
    said = "The model said nothing. The board's own rules answer instead. "
    assert (answer.text, answer.by) == (said + TEXT, "rules")
    assert answers.figures.ended["rules", "complete"] == 1


def test_if_a_model_cannot_even_be_asked_the_rules_answer(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(question: Question, board: Board) -> Saying:
        raise ValueError(question.text)

    model = saying()
    monkeypatch.setattr(model, "begin", fail)
    answers = answers_of(clock, model=model)
    answer = ask(answers, pace=0)
    assert ended(answer).reason == "complete"
    assert answer.text.startswith(FAILED)
    assert answer.text.endswith(TEXT)
    assert len(answers) == 0
    assert "ACME" not in caplog.text


def test_a_fault_within_an_answer_of_a_model_is_an_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    model = saying("The", error=ValueError("How is ACME?"))
    end = ended(ask(answers_of(clock, model=model)))
    assert (end.reason, end.detail) == ("failed", FAILED)
    assert "ACME" not in caplog.text


def test_at_the_end_of_the_process_a_model_is_stopped_and_its_answer_incomplete(
    clock: Clock,
) -> None:
    answers = answers_of(clock, model=waiting("The"))
    answer = ask(answers)
    until(lambda: answer.text)
    ending = threading.Event()
    ending.set()
    answers.run(ending)
    end = ended(answer)
    assert (end.reason, end.detail) == ("incomplete", RESTARTING)


def test_few_models_answer_at_once_and_an_address_asks_them_seldom(
    clock: Clock,
) -> None:
    answers = answers_of(clock, model=waiting("The"))
    running = [ask(answers) for _ in range(MOST_CALLS)]
    with pytest.raises(TooManyAnswers):
        ask(answers)
    for answer in running:
        answers.stop(answer)
    quick = answers_of(clock, model=saying("The"))
    for _ in range(COSTLY_QUESTIONS_A_MINUTE):
        ended(ask(quick))
        until(lambda: not len(quick))
    with pytest.raises(AskedTooOften):
        ask(quick)


# Limits


def test_more_answers_than_may_be_given_at_once_are_refused(clock: Clock) -> None:
    answers = answers_of(clock, most=2)
    first, _ = ask(answers), ask(answers)
    with pytest.raises(TooManyAnswers):
        ask(answers)
    answers.stop(first)
    assert ask(answers)


def test_an_address_that_asks_too_often_sees_when_to_ask_again(
    clock: Clock,
) -> None:
    answers = answers_of(clock)
    for _ in range(QUESTIONS_A_MINUTE):
        clock.now += 0.25
        ask(answers, pace=0)
    with pytest.raises(AskedTooOften) as refused:
        ask(answers, pace=0)
    assert refused.value.retry_after == RATE_WINDOW - 0.25 * QUESTIONS_A_MINUTE + 1
    assert answers.begin(Question("?"), "192.0.2.2")
    clock.now += refused.value.retry_after
    assert ask(answers, pace=0)


def test_addresses_are_forgotten_so_that_they_take_no_memory() -> None:
    rate = Rate(1)
    for number in range(MOST_ADDRESSES + 100):
        rate.count(f"a{number}", 0.0)
    assert len(rate._asked) == MOST_ADDRESSES
    for number in range(MOST_ADDRESSES):
        rate.count(f"b{number}", RATE_WINDOW + number)
    assert len(rate._asked) == RATE_WINDOW


# Keeping


def test_a_thousand_answers_are_forgotten_half_an_hour_after_their_end(
    clock: Clock,
) -> None:
    others = logs_of_answers()  # of other tests in this process
    answers = answers_of(clock)
    ids = []
    for number in range(1000):
        question = Question(f"question {number}")
        ids.append(answers.begin(question, str(number), pace=0).id)
    clock.now += KEPT_FOR - 1
    answers.step()
    assert answers.kept == 1000
    assert all(answers.find(id) for id in ids)
    clock.now += 1
    answers.step()
    assert answers.kept == 0
    assert not any(answers.find(id) for id in ids)
    gc.collect()
    assert not [it for it in logs_of_answers() if not any(it is one for one in others)]


def logs_of_answers() -> list[AnswerLog]:
    """Return the logs of all answers that are in the memory of this process."""
    return [it for it in gc.get_objects() if isinstance(it, AnswerLog)]


@pytest.mark.parametrize(("bound", "most"), [("MOST_KEPT", 3), ("MOST_BYTES", 700)])
def test_of_too_many_answers_those_that_ended_first_are_forgotten(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(shelf, bound, most)
    answers = answers_of(clock)
    running = ask(answers, pace=1.0)
    done = [ask(answers, pace=0) for _ in range(10)]
    answers.step()
    kept = [answer for answer in done if answers.find(answer.id)]
    assert kept == done[-len(kept) :]
    assert 0 < len(kept) <= 3
    assert answers.find(running.id) is running


def test_a_packed_answer_reads_as_before_and_its_readers_share_one_log(
    clock: Clock,
) -> None:
    answers = answers_of(clock)
    answer = ask(answers, pace=0)
    outlet = answer.outlet
    before = outlet.log.read(None)
    answers.step()
    assert outlet.log.read(None) == before == answer.outlet.log.read(None)
    assert answer.outlet is outlet
    assert outlet.end_at(before.tail, None) is answer.ending
    left = weakref.ref(outlet)
    del outlet
    assert left() is None
    first, second = answer.outlet, answer.outlet
    assert first is second
    assert first.log.read(None) == before


def test_an_answer_takes_little_memory(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    typical = [Piece(f" word{n}", REF if n % 5 == 0 else None) for n in range(60)]
    longest = [Piece(f" word{n:03}", REF if n % 9 == 0 else None) for n in range(1000)]
    assert sum(len(piece.text) for piece in longest) >= 8000
    running = measure(clock, monkeypatch, typical, 3600.0)
    assert measure(clock, monkeypatch, typical, 0) < running < LARGEST
    assert measure(clock, monkeypatch, longest, 0) < LARGEST


def measure(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, pieces: list[Piece], pace: float
) -> float:
    """Return the bytes of one answer, after its reader has read all that there is."""
    monkeypatch.setattr(rules, "answer", lambda question, board: pieces)
    answers = answers_of(clock)

    def begin(number: int) -> None:
        answer = answers.begin(Question("x" * 500), str(number), pace=pace)
        answer.outlet.log.read(None)
        answers.step()

    begin(0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, 21):
            begin(number)
        return (tracemalloc.get_traced_memory()[0] - before) / 20
    finally:
        tracemalloc.stop()


# Retries and conversations


def test_a_question_that_is_asked_twice_with_one_key_has_one_answer(
    clock: Clock,
) -> None:
    answers = answers_of(clock, most=1)
    key = Idempotency("k", "same")
    answer = ask(answers, idempotency=key)
    assert ask(answers, idempotency=key) is answer
    with pytest.raises(KeyReused):
        ask(answers, idempotency=Idempotency("k", "other"))
    answers.stop(answer)
    clock.now += KEPT_FOR
    answers.step()
    assert ask(answers, idempotency=Idempotency("k", "other")) is not answer


def test_a_question_has_the_turns_of_the_answer_that_it_follows(clock: Clock) -> None:
    answers = answers_of(clock)
    id = ""
    for number in range(5):
        turns = answers.turns_of(id)
        question = Question(f"question {number}", turns=turns)
        id = answers.begin(question, "a", pace=0).id
    asked = [turn.question for turn in answers.turns_of(id)]
    assert asked == ["question 2", "question 3", "question 4"]
    assert answers.turns_of(id)[-1].answer == TEXT
    assert answers.turns_of("0" * 32) == ()
