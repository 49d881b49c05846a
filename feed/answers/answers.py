"""The answers of this process: begin one, find it, stop it, and type its words.

Theory of operation: the rules return a whole answer at once. One loop types it at a
reading pace: it appends the words that are due to the logs of all answers. The text of
a model is appended as it arrives, by one thread for each call. If the model fails
before its first word, the rules answer.

An answer is written by one thread at a time. Any thread may ask for its end, by `stop`;
the thread that writes it then ends it. So an answer has exactly one end, and nothing
follows it.
"""

import logging
import math
import secrets
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from feed.answers import rules
from feed.answers.answer import MOST_TURNS, Answer, Opening, words_of
from feed.answers.figures import AnswerFigures
from feed.answers.keeping import Addition, Keeper
from feed.answers.limits import Rate, TooManyAnswers
from feed.answers.piece import Board, Piece, Question, Turn
from feed.answers.shelf import Shelf
from feed.answers.upstream import UpstreamError
from feed.clock import now_ms
from feed.events.control import End
from feed.publishing.idempotency import Idempotency
from feed.streams.text import printable

RULES = "rules"
PACE = 0.04  # seconds between two words: about as fast as people read
QUICKEST = 0.001  # seconds; words that come in less than that come at once
QUESTIONS_A_MINUTE = 120  # from one address
COSTLY_QUESTIONS_A_MINUTE = 20  # where a model answers
MOST_CALLS = 4  # answers by a model at once
UNREAD = 60.0  # seconds without a reader after which an answer is stopped
MOST_WRITES = 1000  # a second, to all answers that are typed
SHORTEST_TURN = 0.02  # seconds between two steps of the loop
LOOK_AT_READERS = 1.0  # seconds between two searches for unread answers
LONGEST_TURN = 0.2  # seconds, also if nothing is due: the process may be about to end
GRACE = 0.5  # seconds for models to finish when the process ends
ANSWERS_A_TURN = (
    4  # answers that are written to before the board's streams have their turn
)
STOPPING = 1.0  # seconds within which an answer ends once it is stopped

STOPPED = "The answer was stopped."
NOBODY_READS = f"Nobody read the answer for {UNREAD:g} seconds."
RESTARTING = "The server restarted before the answer was whole."
FAILED = "The answer failed by a fault of the server; its log has the place."
INSTEAD = "{} The board's own rules answer instead."

logger = logging.getLogger("liveboard.answers")


class Speech(Protocol):
    """The answer of a model to a question: its pieces, once, as they arrive.

    The iteration raises UpstreamError unless the model came to its end or was stopped.
    """

    def __iter__(self) -> Iterator[Piece]:
        """Ask the model, and wait for each piece."""

    def close(self) -> None:
        """Stop the model: the iteration ends within a second. Never blocks."""


class Model(Protocol):
    """A model that answers; `Upstream` is one."""

    @property
    def by(self) -> str:
        """The name of the model."""

    def begin(self, question: Question, board: Board) -> Speech:
        """Return the answer to a question, which the model is asked on iteration."""


class Asking(msgspec.Struct, frozen=True):
    """A question with the board that it is about, and its answer.

    `pace` is in seconds between two words, if the rules answer.
    """

    question: Question
    board: Board
    answer: Answer
    pace: float


class Typing(msgspec.Struct):
    """An answer whose words are known, and the instant at which the next is due.

    `write_at` is when words are written: later than that if several come together.
    """

    answer: Answer
    words: deque[list[Piece]]
    pace: float
    due_at: float
    write_at: float = 0.0


class Answers:
    """The answers that this process gives, and those that it has given.

    `board` returns the board as it is, and `most` is how many answers may be given at
    once. `upstream` is the model that answers, if there is one. `clock` returns
    monotonic seconds.
    """

    def __init__(
        self,
        board: Callable[[], Board],
        most: int,
        keeper: Keeper,
        upstream: Model | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._most = most
        self._keeper = keeper
        self._upstream = upstream
        self._clock = clock
        costs = upstream is not None
        self._rate = Rate(COSTLY_QUESTIONS_A_MINUTE if costs else QUESTIONS_A_MINUTE)
        self._page_rate = Rate(QUESTIONS_A_MINUTE)
        self._shelf = Shelf()
        self._typing: dict[str, Typing] = {}
        self._calls: dict[str, Speech] = {}
        self._work = threading.Event()
        self._beginning = threading.Lock()
        self._stepping = threading.RLock()
        self._leaving = False
        self._looked_at = 0.0  # when unread answers were last searched for
        self.figures = AnswerFigures()

    def __len__(self) -> int:
        """Return how many answers are being given."""
        return len(self._typing) + len(self._calls)

    @property
    def kept(self) -> int:
        """How many answers this process keeps, with those that are being given."""
        return len(self._shelf)

    @property
    def by(self) -> str:
        """The name of the model that answers; "rules" if there is none."""
        return RULES if self._upstream is None else self._upstream.by

    @property
    def costs(self) -> bool:
        """Whether a model answers, which costs its owner something."""
        return self._upstream is not None

    def begin(
        self,
        question: Question,
        address: str,
        pace: float = PACE,
        idempotency: Idempotency | None = None,
    ) -> Answer:
        """Begin the answer to a question, and return it; by the rules, with a word.

        `pace` is in seconds between two words; 0 gives the whole at once, and so does
        less than `QUICKEST`. A question with a known idempotency key gets the answer
        that it got before. Raise KeyReused if that was a different question,
        AskedTooOften if the address has asked too often, TooManyAnswers if too many are
        being given, and Unavailable if the answer can't be shared with other processes.
        """
        with self._beginning:
            known = None if idempotency is None else self._recall(idempotency)
            if known is not None:
                return known
            self._check_room()
            self._rate.count(address, self._clock())
            board = self._board()
            answer = self._open(question, board)
            begun = self._keeper.begin(answer, idempotency)
            if begun is not answer:
                return begun
            self._shelf.add(answer, idempotency)
            asking = Asking(question, board, answer, pace if pace >= QUICKEST else 0.0)
            if self._upstream is None:
                self._begin_typing(asking, [])
            else:
                self._begin_call(asking, self._upstream)
            _let_others_run()  # before the next question takes its time
        return answer

    def count_page(self, address: str) -> None:
        """Count a page or panel of Ask, which the rules make; AskedTooOften if refused.

        They are counted apart: a page with a script then asks the question itself.
        """
        with self._beginning:
            self._page_rate.count(address, self._clock())

    def find(self, id: str) -> Answer | None:
        """Return the answer with an id; None if there is none any more."""
        return self._shelf.find(id) or self._keeper.find(id)

    def turns_of(self, id: str) -> tuple[Turn, ...]:
        """Return the turns of the conversation that an answer ended, oldest first."""
        answer = self.find(id)
        if answer is None:
            return ()
        return (*answer.opening.turns, answer.turn)[-MOST_TURNS:]

    def stop(self, answer: Answer) -> None:
        """Stop an answer, and wait until it has ended. Its text so far stays."""
        if not answer.process:
            self._ask_to_end(answer, "stopped", STOPPED)
            self.step()
        elif answer.ending is None:
            self._keeper.stop(answer)
        ends = time.monotonic() + STOPPING
        while answer.ending is None and time.monotonic() < ends:
            log = answer.outlet.log
            log.wait(log.tail, ends - time.monotonic())

    def run(self, ending: threading.Event) -> None:
        """Type and forget until `ending` is set; then end all answers."""
        while not ending.is_set():
            self._work.wait(self._next_turn())
            self._work.clear()
            self.step()
        self._leave()

    def step(self) -> None:
        """Type the words that are due, and forget old answers."""
        now = self._clock()
        with self._stepping:
            due = [
                typing
                for typing in self._typing.values()
                if typing.write_at <= now or typing.answer.stop
            ]
            self._add([self._next_words(typing) for typing in due])
            self._keeper.forget(self._shelf.tidy(now))
        if now >= self._looked_at + LOOK_AT_READERS:
            self._looked_at = now
            self._stop_unread(now)

    def follow(self, ending: threading.Event) -> None:
        """Follow the answers of other processes until `ending` is set."""
        self._keeper.run(lambda it: self._ask_to_end(it, "stopped", STOPPED), ending)

    def _stop_unread(self, now: float) -> None:
        """Stop unread answers, because a model that works costs money."""
        for id in [*self._calls, *self._typing]:
            answer = self._shelf.find(id)
            if answer is not None and answer.read_at + UNREAD <= now:
                self._ask_to_end(answer, "stopped", NOBODY_READS)

    def close(self) -> None:
        """Close the keeper's connections."""
        self._keeper.close()

    def _next_turn(self) -> float:
        """Return in how many seconds the loop has something to do."""
        due = (typing.write_at for typing in [*self._typing.values()])
        wait = min(due, default=math.inf) - self._clock()
        return min(max(wait, SHORTEST_TURN), LONGEST_TURN)

    def _check_room(self) -> None:
        """Raise TooManyAnswers if no further answer may be given now."""
        if len(self._calls) >= MOST_CALLS:
            raise TooManyAnswers(MOST_CALLS)
        if len(self) >= self._most:
            raise TooManyAnswers(self._most)

    def _recall(self, idempotency: Idempotency) -> Answer | None:
        return self._shelf.recall(idempotency) or self._keeper.recall(idempotency)

    def _open(self, question: Question, board: Board) -> Answer:
        id = secrets.token_hex(16)
        opening = Opening(id, question.text, board.as_of, board.now, question.turns)
        return Answer(opening, self.by, self._clock)

    def _begin_typing(self, asking: Asking, beginning: list[Piece]) -> None:
        """Let the rules answer, after a beginning; the first word is typed at once."""
        answer, pace = asking.answer, 0.0 if self._leaving else asking.pace
        try:
            pieces = beginning + rules.answer(asking.question, asking.board)
        except Exception as error:  # an answer must have an end; the place is logged
            _log_place(error)
            answer.stop, pieces = ("failed", FAILED), beginning
        typing = Typing(answer, words_of(pieces), pace, self._clock())
        with self._stepping:
            self._typing[answer.id] = typing
            self._add([self._next_words(typing)])
        self._work.set()

    def _begin_call(self, asking: Asking, upstream: Model) -> None:
        try:
            call = upstream.begin(asking.question, asking.board)
        except Exception as error:  # an answer must have an end; the place is logged
            _log_place(error)
            self._answer_instead(asking, FAILED)
            return
        self._calls[asking.answer.id] = call
        threading.Thread(
            target=self._follow_call, args=(asking, call), name="answer", daemon=True
        ).start()

    def _follow_call(self, asking: Asking, call: Speech) -> None:
        """Append the text of the model; without any, let the rules answer."""
        answer = asking.answer
        reason, detail = "complete", None
        try:
            for piece in call:
                self._add([Addition(answer, answer.prepare([piece], now_ms()), None)])
        except UpstreamError as error:
            reason, detail = error.reason, error.detail
        except Exception as error:  # an answer must have an end; the place is logged
            _log_place(error)
            reason, detail = "failed", FAILED
        self._calls.pop(answer.id, None)
        if answer.stop is None and answer.first_word is None and detail is not None:
            self._answer_instead(asking, detail)
        else:
            self._add([Addition(answer, [], _end_of(answer, reason, detail))])

    def _answer_instead(self, asking: Asking, why: str) -> None:
        """Let the rules answer instead of the model, and say why."""
        asking.answer.by = RULES
        self._begin_typing(asking, [Piece(INSTEAD.format(why) + " ")])

    def _next_words(self, typing: Typing) -> Addition:
        """Return the words that are due, and after the last word the end."""
        answer, words = typing.answer, typing.words
        due = len(words)
        if answer.stop is not None:
            due = 0
        elif typing.pace:
            late = self._clock() - typing.due_at
            due = min(due, math.floor(late / typing.pace) + 1)
            typing.due_at += due * typing.pace
            together = min(self._together(typing.pace), max(len(words) - due, 1))
            typing.write_at = typing.due_at + (together - 1) * typing.pace
        pieces = [piece for _ in range(due) for piece in words.popleft()]
        events = answer.prepare(pieces, now_ms())
        is_over = answer.stop is not None or not words
        return Addition(answer, events, _end_of(answer) if is_over else None)

    def _together(self, pace: float) -> int:
        """Return how many words of an answer are written together.

        It is one, unless so many answers are typed that the board's streams would have
        to wait for them.
        """
        seconds = len(self._typing) / MOST_WRITES
        return max(math.ceil(seconds / pace), 1)

    def _add(self, additions: list[Addition]) -> None:
        """Append to answers, after the keeper has written the additions.

        So no client has a word that other processes don't know.
        """
        with self._stepping:
            additions = [it for it in additions if it.events or it.ending]
            self._keeper.add(additions)
            for number, (answer, events, ending) in enumerate(additions, 1):
                is_first = answer.first_word is None
                answer.append(events)
                if is_first and answer.first_word is not None:
                    self.figures.count_first_word(answer.first_word)
                if ending is not None:
                    self._end(answer, ending)
                if number % ANSWERS_A_TURN == 0:
                    _let_others_run()

    def _end(self, answer: Answer, ending: End) -> None:
        self._typing.pop(answer.id, None)
        answer.end(ending)
        self._shelf.end(answer)
        self.figures.ended[answer.by, ending.reason] += 1
        logger.info(
            "an answer ended: by %s, %s, first word after %.2f s, whole after %.1f s",
            printable(answer.by),
            ending.reason,
            answer.first_word or 0.0,
            answer.ended_at - answer.began_at,
        )

    def _ask_to_end(self, answer: Answer, reason: str, detail: str) -> None:
        """Let the thread that writes an answer end it for this reason."""
        answer.stop = answer.stop or (reason, detail)
        self._work.set()
        call = self._calls.get(answer.id)
        if call is not None:
            call.close()

    def _leave(self) -> None:
        """End all answers: by the rules whole, by a model after a moment of grace."""
        self._leaving = True
        for typing in [*self._typing.values()]:
            typing.pace = typing.write_at = 0.0
        self.step()
        self._await_calls(GRACE)
        for id in [*self._calls]:
            answer = self._shelf.find(id)
            if answer is not None:
                self._ask_to_end(answer, "incomplete", RESTARTING)
        self._await_calls(STOPPING)

    def _await_calls(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while self._calls and time.monotonic() < ends:
            time.sleep(SHORTEST_TURN)


def _end_of(answer: Answer, reason: str = "complete", detail: str | None = None) -> End:
    """Return the end of an answer; if it is to be stopped, that is the reason."""
    if answer.stop is not None:
        reason, detail = answer.stop
    return answer.make_end(reason, detail, now_ms())


def _let_others_run() -> None:
    """Let the streams of the board write, so that answers don't delay them."""
    time.sleep(0)


def _log_place(error: Exception) -> None:
    """Log where an error happened, but not its message: it may have the question."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error(
        "An answer failed: %s in %s:%s",
        type(error).__name__,
        place.filename,
        place.lineno,
    )
