"""The answers of this process: which there are, what is being typed, what is forgotten.

Theory of operation: what the rules answer is known at once. It is typed at a reading
pace by one loop, which appends the words that are due to the logs of all answers. An
answer is kept for half an hour after its end, packed. If too many are kept, those that
ended first are forgotten first.
"""

import logging
import math
import secrets
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

import msgspec

from feed.answers import rules
from feed.answers.answer import MOST_TURNS, Answer, Opening, words_of
from feed.answers.limits import Rate, TooManyAnswers
from feed.answers.piece import Board, Piece, Question, Turn
from feed.clock import now_ms
from feed.publishing.idempotency import Idempotency, KeyReused

PACE = 0.04  # seconds between two words, at which people read
KEPT_FOR = 1800.0  # seconds after its end for which an answer is kept
MOST_KEPT = 5000  # answers that have ended; those that ended first are forgotten first
MOST_BYTES = 32 << 20  # of the text of answers that have ended
QUESTIONS_A_MINUTE = 120  # questions a minute from one address
IDLE = 1.0  # seconds between two looks at what is over its time
SHORTEST_TURN = 0.02  # seconds between two steps of the loop
RULES = "rules"
STOPPED = "The answer was stopped."

logger = logging.getLogger("liveboard.answers")


class Typing(msgspec.Struct):
    """An answer whose words are known, and the instant at which the next is due."""

    answer: Answer
    words: deque[list[Piece]]
    pace: float
    due_at: float


class Answers:
    """The answers that this process gives and keeps.

    `board` returns the board as it is; `clock` returns monotonic seconds, and `most` is
    how many answers may be given at once.
    """

    def __init__(
        self,
        board: Callable[[], Board],
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._most = most
        self._clock = clock
        self._rate = Rate(QUESTIONS_A_MINUTE)
        self._kept: OrderedDict[str, Answer] = OrderedDict()  # running ones, too
        self._ended: OrderedDict[str, int] = OrderedDict()  # their sizes, oldest first
        self._bytes = 0
        self._unpacked: list[Answer] = []  # answers that have just ended
        self._typing: dict[str, Typing] = {}
        self._asked: dict[str, tuple[str, str]] = {}  # by idempotency key
        self._key_of: dict[str, str] = {}
        self._work = threading.Event()
        self._beginning = threading.Lock()
        self._stepping = threading.Lock()  # one thread at a time writes to answers
        self.ended: Counter[tuple[str, str]] = Counter()  # by answerer and reason

    def __len__(self) -> int:
        return len(self._typing)

    @property
    def kept(self) -> int:
        """How many answers are kept, with those that are being given."""
        return len(self._kept)

    @property
    def costs(self) -> bool:
        """Whether a model answers, which costs its owner something."""
        return False

    def begin(
        self,
        question: Question,
        address: str,
        pace: float = PACE,
        idempotency: Idempotency | None = None,
    ) -> Answer:
        """Begin the answer to a question, and return it with its first word.

        `pace` is in seconds between two words; 0 gives the whole at once. A question
        with a known idempotency key gets the answer that it got before. Raise KeyReused
        if that was a different question, AskedTooOften if the address has asked too
        often, and TooManyAnswers if too many are being given.
        """
        with self._beginning:
            known = None if idempotency is None else self._recall(idempotency)
            if known is not None:
                return known
            if len(self) >= self._most:
                raise TooManyAnswers(self._most)
            self._rate.count(address, self._clock())
            board = self._board()
            opening = Opening(
                secrets.token_hex(16),
                question.text,
                board.as_of,
                board.now,
                question.turns,
            )
            answer = self._kept[opening.id] = Answer(opening, RULES, self._clock)
            if idempotency is not None:
                self._asked[idempotency.key] = idempotency.fingerprint, opening.id
                self._key_of[opening.id] = idempotency.key
        words = words_of(rules.answer(question, board))
        typing = Typing(answer, words, pace, self._clock())
        with self._stepping:
            self._typing[answer.id] = typing
            self._type(typing)
        self._work.set()
        return answer

    def find(self, id: str) -> Answer | None:
        """Return the answer with an id; None if there is none any more."""
        return self._kept.get(id)

    def turns_of(self, id: str) -> tuple[Turn, ...]:
        """Return the turns of the conversation that an answer ended, oldest first."""
        answer = self.find(id)
        if answer is None:
            return ()
        return (*answer.opening.turns, answer.turn)[-MOST_TURNS:]

    def stop(self, answer: Answer) -> None:
        """Stop an answer; what it has said stays."""
        answer.stop = answer.stop or STOPPED
        self.step()

    def run(self, ending: threading.Event) -> None:
        """Type and forget until `ending` is set; then type the rest at once."""
        while not ending.is_set():
            self._work.wait(IDLE)
            self._work.clear()
            self.step()
            if self._typing:
                ending.wait(max(self._next_due() - self._clock(), SHORTEST_TURN))
                self._work.set()
        for typing in [*self._typing.values()]:
            typing.pace = 0.0
        self.step()

    def step(self) -> None:
        """Type the words that are due, and forget what is over its time."""
        with self._stepping:
            for typing in [*self._typing.values()]:
                self._type(typing)
            self._pack_and_forget()

    def _recall(self, idempotency: Idempotency) -> Answer | None:
        """Return the answer to an earlier request with this key; None if it is new."""
        fingerprint, id = self._asked.get(idempotency.key, ("", ""))
        if not id:
            return None
        if fingerprint != idempotency.fingerprint:
            raise KeyReused(f"the key {idempotency.key!r} was used for another request")
        return self.find(id)

    def _next_due(self) -> float:
        return min((it.due_at for it in [*self._typing.values()]), default=0.0)

    def _type(self, typing: Typing) -> None:
        """Append the words that are due; end the answer after its last word."""
        answer, words = typing.answer, typing.words
        if answer.stop is not None:
            self._end(answer, "stopped", answer.stop)
            return
        due = len(words)
        if typing.pace:
            late = self._clock() - typing.due_at
            due = min(due, math.floor(late / typing.pace) + 1)
            typing.due_at += due * typing.pace
        if due > 0:
            pieces = [piece for _ in range(due) for piece in words.popleft()]
            answer.append(answer.events_of(pieces, now_ms()))
        if not words:
            self._end(answer, "complete", None)

    def _end(self, answer: Answer, reason: str, detail: str | None) -> None:
        self._typing.pop(answer.id, None)
        answer.end(answer.make_end(reason, detail, now_ms()))
        self._unpacked.append(answer)
        self.ended[answer.by, reason] += 1
        logger.info(
            "an answer ended: by %s, %s, first word after %.2f s, whole after %.1f s",
            answer.by,
            reason,
            answer.first_word or 0.0,
            answer.ended_at - answer.began_at,
        )

    def _pack_and_forget(self) -> None:
        """Pack what has ended, and forget what is over its time or one too many."""
        for answer in self._unpacked:
            answer.pack()
            self._ended[answer.id] = answer.size
            self._bytes += answer.size
        self._unpacked.clear()
        over = self._clock() - KEPT_FOR
        while self._ended:
            id = next(iter(self._ended))
            is_over = self._kept[id].ended_at <= over
            if (
                not is_over
                and len(self._ended) <= MOST_KEPT
                and self._bytes <= MOST_BYTES
            ):
                return
            self._forget(id)

    def _forget(self, id: str) -> None:
        self._bytes -= self._ended.pop(id)
        del self._kept[id]
        key = self._key_of.pop(id, None)
        if key is not None:
            del self._asked[key]
