"""The tests' own reader of HTTP responses: bodies, their ends, and what is no HTTP."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.response import Response

HEAD = b"HTTP/1.1 200 OK\r\nX-Note: one\r\nX-Note: two\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b"event: a\ndata: 1\n\ndata: 0\r\n\r\n"
CHUNKS = b"8\r\nevent: a\r\n15;x=y\r\n\ndata: 1\n\ndata: 0\r\n\r\n\r\n0\r\n\r\n"
RESPONSES = {
    "chunked": CHUNKED + CHUNKS,
    "length": HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "until closed": HEAD + b"\r\n" + BODY,
}


@given(coding=st.sampled_from([*RESPONSES]), sizes=st.lists(st.integers(1, 40)))
def test_a_body_is_the_same_however_its_bytes_arrive(
    coding: str, sizes: list[int]
) -> None:
    response, body, left = Response(), b"", RESPONSES[coding]
    for size in sizes:
        body += response.feed(left[:size])
        left = left[size:]
    body += response.feed(left)
    assert body == BODY
    assert response.complete == (coding != "until closed")
    response.close()
    assert response.complete
    assert (response.status, response.headers["x-note"]) == (200, "one, two")


@pytest.mark.parametrize("coding", ["chunked", "length"])
def test_a_body_that_was_cut_anywhere_is_not_complete(coding: str) -> None:
    whole = RESPONSES[coding]
    for end in range(len(whole)):
        response = Response()
        response.feed(whole[:end])
        response.close()
        assert not response.complete


def test_what_follows_the_end_is_no_part_of_the_body() -> None:
    response = Response()
    assert response.feed(CHUNKED + CHUNKS + b"5\r\nextra\r\n") == BODY
    assert response.feed(b"more") == b""


@pytest.mark.parametrize("chunk", [b"x\r\n", b"-1\r\n", b"2\r\nabc\r\n", b"\r\n"])
def test_a_chunk_that_breaks_http_is_an_error(chunk: bytes) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        Response().feed(CHUNKED + chunk)


def test_a_response_to_head_has_no_body() -> None:
    response = Response("HEAD")
    response.feed(CHUNKED)
    assert response.complete
