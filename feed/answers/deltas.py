"""The bytes of a model's answer, read as the pieces of text that it consists of.

This is the streaming form of OpenAI's chat completions: server-sent events whose data
is a JSON object each, and `[DONE]` at the end. Many other servers speak it, each a
little differently, so all that isn't needed is ignored.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from feed.events.reading import UNREADABLE

LONGEST_LINE = 64 << 10  # bytes; a delta is a few hundred
LARGEST_BODY = 256 << 10  # bytes of an answer that isn't a stream
DONE = b"[DONE]"
LINE_END = re.compile(rb"\r\n|\r|\n")

CUT = "The model's answer broke off."
ERROR = "The model's server reported an error."
NO_STREAM = "The model's server sent something other than an answer."
OVERLONG = "The model's server sent more at once than an answer can be."
INVALID = "The model's server sent an answer that can't be read."
UNFINISHED = {
    "length": "The model stopped at its own limit of length.",
    "content_filter": "The filter of the model's server stopped the answer.",
    "tool_calls": "The model asked for a tool, and it has none here.",
    "function_call": "The model asked for a tool, and it has none here.",
    "abort": CUT,
    "error": ERROR,
}
"""Sentences about models that stopped before the end of their text, by reason."""


class BrokenAnswer(Exception):
    """The answer broke off; the message is a sentence for people."""


class Delta(msgspec.Struct, frozen=True):
    """What a model said next; nothing while it is thinking."""

    text: str


class _Words(msgspec.Struct):
    # The types are checked here and not by msgspec: text that isn't a string, as some
    # servers send for a model's thoughts, must not spoil the answer.
    content: object = None
    reasoning_content: object = None
    reasoning: object = None


class _Choice(msgspec.Struct):
    delta: _Words | None = None
    message: _Words | None = None
    finish_reason: str | None = None
    index: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice] | None = None
    error: object = None
    kind: object = msgspec.field(default=None, name="object")


_decode = msgspec.json.Decoder(_Completion).decode


def read_stream(parts: Iterable[bytes]) -> Iterator[Delta]:
    """Yield the text of a stream, however its bytes are cut; BrokenAnswer if it breaks.

    Deltas without text are left out, unless the model is thinking. The iteration ends
    at the first word of the end, `finish_reason` or `[DONE]`.
    """
    found = False
    for data in _read_data(parts):
        if data == DONE:
            return
        found = True
        choice = _read_choice(data)
        yield from _read_words(choice.delta)
        if choice.finish_reason is not None:
            _check_finish(choice.finish_reason)
            return
    raise BrokenAnswer(CUT if found else NO_STREAM)


def read_whole(parts: Iterable[bytes]) -> Iterator[Delta]:
    """Yield the text of an answer that isn't a stream; BrokenAnswer if there is none.

    Some servers don't stream, whatever the request says.
    """
    body = bytearray()
    for part in parts:
        body += part
        if len(body) > LARGEST_BODY:
            raise BrokenAnswer(OVERLONG)
    choice = _read_choice(bytes(body))
    yield from _read_words(choice.message)
    _check_finish(choice.finish_reason or "stop")


def _read_data(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data of each event (WHATWG HTML standard, section 9.2.6)."""
    data: list[bytes] = []
    length = 0
    for line in _split_lines(parts):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
            length += len(line)
            if length > LONGEST_LINE:
                raise BrokenAnswer(OVERLONG)
        elif not line and data:
            yield b"\n".join(data)
            data, length = [], 0
    if data == [DONE]:  # a server that leaves out the blank line after it
        yield DONE


def _split_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each line as soon as its end is there: CR, LF or both."""
    line = bytearray()
    after_cr = False
    for part in parts:
        rest = part[1:] if after_cr and part.startswith(b"\n") else part
        after_cr = part.endswith(b"\r")
        begin, *following = LINE_END.split(rest)
        line += begin
        for begin in following:
            yield bytes(line)
            line = bytearray(begin)
        if len(line) > LONGEST_LINE:
            raise BrokenAnswer(OVERLONG)
    if line:
        yield bytes(line)


def _read_choice(data: bytes) -> _Choice:
    """Return the first choice of a completion; an empty one if it has none."""
    try:
        completion = _decode(data)
    except UNREADABLE as error:
        raise BrokenAnswer(INVALID) from error
    if completion.error or completion.kind == "error":
        raise BrokenAnswer(ERROR)
    firsts = (each for each in completion.choices or () if each.index == 0)
    return next(firsts, _Choice())


def _read_words(words: _Words | None) -> Iterator[Delta]:
    if words is None:
        return
    if isinstance(words.content, str) and words.content:
        yield Delta(words.content)
    elif words.reasoning_content or words.reasoning:
        yield Delta("")


def _check_finish(reason: str) -> None:
    if reason in UNFINISHED:
        raise BrokenAnswer(UNFINISHED[reason])
