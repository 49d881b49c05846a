"""The streaming form of chat completions, read from bytes however they are cut."""

import json
from collections.abc import Iterable

import pytest

from feed.answers import deltas
from feed.answers.deltas import BrokenAnswer, read_stream, read_whole
from tests.helpers.model_server import chunk

DONE = "data: [DONE]\n\n"


def read(*parts: str | bytes) -> list[str]:
    return [
        delta.text
        for delta in read_stream(
            part.encode() if isinstance(part, str) else part for part in parts
        )
    ]


def fault_of(*parts: str | bytes) -> str:
    with pytest.raises(BrokenAnswer) as caught:
        read(*parts)
    return str(caught.value)


def say(*words: str) -> str:
    return "".join(chunk({"content": word}) for word in words)


def whole(**completion: object) -> Iterable[bytes]:
    return [json.dumps(completion).encode()]


USAGE = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
STREAM = (
    ": a comment\n\n"
    + chunk({"role": "assistant", "content": "", "refusal": None})
    + say("Zürich", " 2:1", " \U0001f600")
    + "event: message\nid: 7\nretry: 10\nunknown: x\n"
    + say("!")
    + chunk({"content": None}, system_fingerprint="fp_1", service_tier="default")
    + f"data: {json.dumps(USAGE)}\n\n"
    + chunk({"content": "."}, finish_reason="stop")
    + f"data: {json.dumps(USAGE)}\n\n"
    + DONE
)
SAID = ["Zürich", " 2:1", " \U0001f600", "!", "."]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_stream_is_read_however_its_bytes_are_cut(line_end: str) -> None:
    data = STREAM.replace("\n", line_end).encode()
    assert read(data) == SAID
    assert read(*(data[at : at + 1] for at in range(len(data)))) == SAID
    for at in range(len(data)):
        assert read(data[:at], data[at:]) == SAID, at


def test_a_delta_is_there_as_soon_as_its_blank_line_is() -> None:
    def parts() -> Iterable[bytes]:
        yield say("one").replace("\n", "\r").encode()
        raise AssertionError("more was read")

    assert next(iter(read_stream(parts()))).text == "one"


def test_letters_that_are_escaped_or_spread_over_json_are_read() -> None:
    assert read('data: {"choices":[{"delta":{"content":"\\ud83d\\ude00"}}]}\n\n', DONE)
    assert read('data: {"choices":[\ndata: {"delta":{"content":"a"}}]}\n\n', DONE) == [
        "a"
    ]
    assert read('data:{"choices":[{"delta":{"content":"a"}}]}\n\n', DONE) == ["a"]


def test_the_end_is_a_reason_or_done_and_what_follows_is_not_read() -> None:
    assert read(say("a"), chunk({}, finish_reason="stop"), b"\xff\n\n") == ["a"]
    assert read(say("a"), DONE, b"data: {\n\n") == ["a"]
    assert read(say("a"), "data: [DONE]") == ["a"]
    assert read(say("a"), chunk({}, finish_reason="eos")) == ["a"]


@pytest.mark.parametrize("cut", ["", "data: {", chunk({"content": "b"})[:-1], ": x\n"])
def test_a_stream_without_an_end_is_cut(cut: str) -> None:
    assert fault_of(say("a"), cut) == deltas.CUT


@pytest.mark.parametrize("reason", [*deltas.UNFINISHED])
def test_a_reason_that_is_no_end_has_its_sentence(reason: str) -> None:
    fault = fault_of(say("a"), chunk({"content": "b"}, finish_reason=reason), DONE)
    assert fault == deltas.UNFINISHED[reason]


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "sk-secret at http://10.0.0.1", "type": "server_error"}},
        {"error": "overloaded"},
        {"object": "error", "message": "overloaded", "code": 400},
    ],
    ids=["object", "text", "vLLM"],
)
def test_an_error_in_the_middle_has_its_sentence_and_not_its_text(
    error: dict[str, object],
) -> None:
    assert fault_of(say("a"), f"data: {json.dumps(error)}\n\n") == deltas.ERROR
    with pytest.raises(BrokenAnswer, match=deltas.ERROR):
        [*read_whole(whole(**error))]


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"5",
        b"null",
        b"[]",
        b'"text"',
        b"<html>",
        b'{"choices":{}}',
        b'{"choices":[{"delta":"a"}]}',
        b'{"choices":[{"delta":{"content":"\xff"}}]}',
        b'{"choices":[{"delta":{"content":"\\ud83d"}}]}',
        b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    ],
)
def test_a_malformed_chunk_is_invalid(data: bytes) -> None:
    assert fault_of(say("a"), b"data: " + data + b"\n\n") == deltas.INVALID


def test_anything_but_a_stream_is_named_as_such() -> None:
    for body in ("", "<html>\n\n</html>", '{"message":{"content":"a"}}\n', "\0" * 999):
        assert fault_of(body) == deltas.NO_STREAM


def test_a_line_or_an_event_without_an_end_is_given_up_early() -> None:
    def endless(part: bytes) -> Iterable[bytes]:
        for count in range(1 << 30):
            assert count * len(part) < 3 * deltas.LONGEST_LINE
            yield part

    for part in (b"x" * 999, b"data: " + b"x" * 999 + b"\n", b"data:\n"):
        with pytest.raises(BrokenAnswer, match=deltas.OVERLONG):
            [*read_stream(endless(part))]
    with pytest.raises(BrokenAnswer, match=deltas.OVERLONG):
        [*read_whole(b"x" * (1 << 16) for _ in range(99))]


def test_thinking_is_a_sign_of_life_but_no_text() -> None:
    thoughts = chunk({"reasoning_content": "Hm"}) + chunk({"reasoning": [{"a": 1}]})
    assert read(thoughts, chunk({"reasoning": ""}), say("a"), DONE) == ["", "", "a"]


def test_only_the_first_choice_is_read() -> None:
    choices = [
        {"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"},
        {"index": 0, "delta": {"content": "a"}},
    ]
    second = f"data: {json.dumps({'choices': choices[:1]})}\n\n"
    assert read(f"data: {json.dumps({'choices': choices})}\n\n", second, DONE) == ["a"]


def test_text_of_another_kind_is_not_text() -> None:
    parts = chunk({"content": [{"type": "text", "text": "a"}]}) + chunk({"content": 5})
    assert read(parts, say("b"), DONE) == ["b"]


def test_an_answer_that_is_not_a_stream_is_read_whole() -> None:
    message = {"role": "assistant", "content": "All of it."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({"object": "chat.completion", "choices": [choice]}).encode()
    cut = (body[at : at + 1] for at in range(len(body)))
    assert [delta.text for delta in read_whole(cut)] == ["All of it."]
    with pytest.raises(BrokenAnswer, match=deltas.UNFINISHED["length"]):
        [*read_whole(whole(choices=[choice | {"finish_reason": "length"}]))]
    with pytest.raises(BrokenAnswer, match=deltas.INVALID):
        [*read_whole([body[:-1]])]
