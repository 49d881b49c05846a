"""A model's answer: asked for, read, limited and stopped, on a server of our own."""

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import trustme

from feed.answers import deltas, request, upstream
from feed.answers.piece import Piece, Question, Ref, Turn
from feed.answers.upstream import AnswerLimits, Call, Upstream, UpstreamError
from feed.settings import Settings
from tests.answers.boards import board_of
from tests.helpers.harness import LOOPBACK, free_port
from tests.helpers.model_server import (
    Answering,
    ModelServer,
    Script,
    answer,
    chunk,
    reply,
)
from tests.helpers.samples import EVENING, quote

KEY = "sk-very-secret"
QUESTION = "What of the BOLT I never mentioned?"
BOARD = board_of(
    ("price", quote()), ("price", quote("BOLT", 123.65, name="Bolt Batteries"))
)
QUICK = AnswerLimits(between_pieces=0)


@pytest.fixture(autouse=True)
def quiet_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Neither the key nor the question is logged, at any level and by any library."""
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text
    assert "never mentioned" not in caplog.text


def call(url: str, limits: AnswerLimits = QUICK) -> Call:
    settings = Settings(ask_url=url, ask_model="tiny", ask_key=KEY)
    return Upstream(settings, limits).begin(Question(QUESTION), BOARD)


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def fault_of(url: str, limits: AnswerLimits = QUICK) -> tuple[str, str, str]:
    """Return the text, the reason and the sentence of an answer that breaks."""
    said: list[Piece] = []
    with pytest.raises(UpstreamError) as caught:
        said.extend(call(url, limits))
    return text_of(said), caught.value.reason, caught.value.detail


def fault_after(script: Script, limits: AnswerLimits = QUICK) -> tuple[str, str, str]:
    """Return what `fault_of` does, for a server that answers with a script."""
    said: list[Piece] = []
    with ModelServer(script) as server, pytest.raises(UpstreamError) as caught:
        said.extend(call(server.url, limits))
    error = caught.value
    # Whatever happened: nothing of the key, the address, or the server's own text.
    for secret in (KEY, LOOPBACK, str(server.port), "secret", "/v1"):
        assert secret not in f"{error} {error.detail}"
    return text_of(said), error.reason, error.detail


# Asking


def test_an_answer_is_the_sum_of_its_deltas_and_its_figures_have_their_place() -> None:
    words = ("\n BOLT is at ", "123", ".65", " EUR, not 99.", "")
    with ModelServer(answer(*words)) as server:
        pieces = [*call(server.url)]
        server.wait_ended()
    id = f"{EVENING}-1"
    assert [piece for piece in pieces if piece != Piece(piece.text)] == [
        Piece("BOLT", Ref("price", "BOLT", None, id)),
        Piece("123.65", Ref("price", "BOLT", "price", id)),
        Piece("99", unchecked=True),
    ]
    assert text_of(pieces) == "BOLT is at 123.65 EUR, not 99."


def test_the_request_is_that_of_the_api_and_has_the_key_in_one_header() -> None:
    settings = Settings(ask_model="tiny", ask_key=KEY)
    with ModelServer(answer("Hi.")) as server:
        for path, key in (("/chat/completions?a=b", KEY), ("", "")):
            with_url = Settings(
                ask_url=server.url + path, ask_model="tiny", ask_key=key
            )
            turns = (Turn("Hello?", "Hello."),)
            assert [*Upstream(with_url).begin(Question(QUESTION, turns=turns), BOARD)]
    with_key, without = server.asked
    assert (with_key.method, without.method) == ("POST", "POST")
    assert with_key.target == "/v1/chat/completions?a=b"
    assert without.target == "/v1/chat/completions"
    assert with_key.headers["host"] == f"{LOOPBACK}:{server.port}"
    assert with_key.headers["content-type"] == "application/json"
    assert with_key.headers["accept-encoding"] == "identity"
    assert with_key.headers.pop("authorization") == f"Bearer {KEY}"
    assert "authorization" not in without.headers
    assert KEY not in str(with_key.headers) + str(with_key.body)
    assert {*with_key.body} == {"model", "stream", "messages"}
    assert (with_key.body["model"], with_key.body["stream"]) == ("tiny", True)
    assert Upstream(settings).by == "tiny"
    roles = [message["role"] for message in with_key.body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert QUESTION in with_key.last_message


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until close"])
def test_the_bytes_may_come_in_any_cut(size: int, chunked: bool) -> None:
    body = (chunk({"content": "Zürich "}) + chunk({"content": "123.65"})).encode()
    body += chunk({}, finish_reason="stop").encode()

    def script(it: Answering) -> None:
        it.begin("Transfer-Encoding: chunked\r\n" if chunked else "")
        for at in range(0, len(body), size):
            part = body[at : at + size]
            it.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)

    with ModelServer(script) as server:
        pieces = [*call(server.url)]
    assert text_of(pieces) == "Zürich 123.65"
    assert pieces[-1].ref


def test_an_answer_that_is_not_a_stream_is_taken_whole() -> None:
    body = '{"choices":[{"message":{"content":"BOLT: 123.65"},"finish_reason":"stop"}]}'
    with ModelServer(reply("200 OK", body)) as server:
        pieces = [*call(server.url)]
    assert text_of(pieces) == "BOLT: 123.65"


def test_deltas_are_joined_so_that_pieces_keep_their_distance() -> None:
    def script(it: Answering) -> None:
        it.begin()
        for _ in range(40):
            it.say("word ")
            time.sleep(0.005)
        it.end()

    distance = AnswerLimits().between_pieces
    with ModelServer(script) as server:
        began = time.monotonic()
        pieces = [*call(server.url, AnswerLimits())]
        took = time.monotonic() - began
    assert text_of(pieces) == "word " * 40
    assert 1 < len(pieces) <= 1 + took / distance


# What goes wrong


def refused(status: int) -> str:
    return f"The model's server refused the question (status {status})."


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (reply("401 Unauthorized", "secret"), request.STATUS_FAULTS[401]),
        (reply("403 Forbidden", "secret"), request.STATUS_FAULTS[403]),
        (reply("404 Not Found", "secret"), request.STATUS_FAULTS[404]),
        (reply("429 Too Many Requests", "secret"), request.STATUS_FAULTS[429]),
        (reply("500 secret", "x"), "The model's server failed (status 500)."),
        (reply("503 secret", "x"), "The model's server failed (status 503)."),
        (reply("400 secret"), refused(400)),
        (reply("204 No Content"), refused(204)),
        (reply("200 OK", "<p>secret", "text/html; charset=utf-8"), deltas.NO_STREAM),
        (reply("200 OK", "secret", "text/plain"), deltas.NO_STREAM),
        (reply("200 OK", "secret"), deltas.INVALID),
        (reply("200 OK", '{"error":{"message":"secret"}}'), deltas.ERROR),
        (reply("200 OK", "data: {secret\n\n", "text/event-stream"), deltas.INVALID),
        (reply("200 OK", "", "text/event-stream"), deltas.NO_STREAM),
        (lambda it: None, deltas.CUT),
        (lambda it: it.write("secret\r\n\r\n"), deltas.CUT),
        (lambda it: it.write("HTTP/1.1 200 OK\r\n" + "a: b\r\n" * 999), deltas.CUT),
        (lambda it: it.write("HTTP/1.1 200 OK\r\nsecret" + "a" * 99_999), deltas.CUT),
        (answer(), upstream.EMPTY),
        (answer(" ", "\n"), upstream.EMPTY),
    ],
)  # fmt: skip
def test_a_failure_before_the_first_word_has_its_sentence(
    script: Script, detail: str
) -> None:
    assert fault_after(script) == ("", "failed", detail)


def after_words(end: str | bytes, head: str = "") -> Script:
    def script(it: Answering) -> None:
        it.begin(head)
        it.say("It is 12")
        it.write(end)

    return script


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (after_words(""), deltas.CUT),
        (after_words("data: {"), deltas.CUT),
        (after_words("", "Content-Length: 9999\r\n"), deltas.CUT),
        (after_words('data: {"error":"secret"}\n\n'), deltas.ERROR),
        (after_words("data: secret\n\n"), deltas.INVALID),
        (after_words("data: " + "x" * deltas.LONGEST_LINE), deltas.OVERLONG),
        (after_words(chunk({}, "length")), deltas.UNFINISHED["length"]),
        (after_words(chunk({}, "content_filter")), deltas.UNFINISHED["content_filter"]),
    ],
)
def test_a_failure_after_words_keeps_them_and_has_its_sentence(
    script: Script, detail: str
) -> None:
    assert fault_after(script) == ("It is 12", "incomplete", detail)


def test_a_chunked_answer_that_is_cut_is_incomplete() -> None:
    def script(it: Answering) -> None:
        it.begin("Transfer-Encoding: chunked\r\n")
        part = chunk({"content": "It is"})
        it.write(f"{len(part):x}\r\n{part}\r\n5\r\nda")

    assert fault_after(script) == ("It is", "incomplete", deltas.CUT)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Moved", "308 Moved"])
def test_a_redirect_is_not_followed_so_no_other_host_gets_the_key(status: str) -> None:
    with ModelServer(answer("Hi.")) as other, ModelServer() as server:
        head = (
            f"HTTP/1.1 {status}\r\nLocation: {other.url}\r\nConnection: close\r\n\r\n"
        )
        server.scripts.append(lambda it: it.write(head))
        assert fault_of(server.url) == ("", "failed", request.REDIRECTS)
        assert (len(server.asked), other.asked) == (1, [])


def test_a_server_that_is_not_there_has_its_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"http://{LOOPBACK}:{free_port()}"
    assert fault_of(url) == ("", "failed", request.REFUSED)

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "secret")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert fault_of("http://models.invalid") == ("", "failed", request.UNKNOWN_NAME)


def test_tls_is_spoken_only_with_a_trusted_server(
    monkeypatch: pytest.MonkeyPatch, authority: trustme.CA, ca_file: str
) -> None:
    with ModelServer(answer("Hi."), authority=authority) as server:
        assert fault_of(server.url) == ("", "failed", request.UNTRUSTED)
        monkeypatch.setenv("SSL_CERT_FILE", ca_file)
        assert text_of([*call(server.url)]) == "Hi."
        by_number = server.url.replace("localhost", LOOPBACK)
        assert fault_of(by_number) == ("", "failed", request.UNTRUSTED)
        plain = server.url.replace("https", "http")
        assert fault_of(plain)[1:] == ("failed", deltas.CUT)
        assert len(server.asked) == 1
    with socket.create_server((LOOPBACK, 0)) as listener:
        threading.Thread(target=answer_in_plain_text, args=[listener]).start()
        url = f"https://{LOOPBACK}:{listener.getsockname()[1]}"
        assert fault_of(url) == ("", "failed", request.NO_TLS)


def answer_in_plain_text(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA) -> Iterator[str]:
    with authority.cert_pem.tempfile() as path:
        yield path


# Limits


def drip(data: str) -> Script:
    """Return a script that writes without an end, until the client closes."""

    def script(it: Answering) -> None:
        it.begin()
        it.say("One")
        while True:
            it.write(data)

    return script


def wait_closed(it: Answering) -> None:
    it.wait_closed()


def begin_and_wait(it: Answering) -> None:
    it.begin()
    it.wait_closed()


def speak_and_wait(it: Answering) -> None:
    it.begin()
    it.say("It is 12")
    it.wait_closed()


@pytest.mark.parametrize("script", [wait_closed, begin_and_wait])
def test_a_model_that_does_not_begin_is_given_up(script: Script) -> None:
    limits = AnswerLimits(first_token=0.2)
    assert fault_after(script, limits) == ("", "failed", upstream.NO_BEGIN)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (speak_and_wait, "It is 12"),
        (drip(": still there\n\n"), "One"),
        (drip("data: " + chunk({"role": "assistant"})[6:]), "One"),
    ],
    ids=["silent", "comments", "without text"],
)
def test_a_model_that_falls_silent_is_given_up_and_its_words_stay(
    script: Script, said: str
) -> None:
    limits = AnswerLimits(between_tokens=0.3, between_pieces=0)
    assert fault_after(script, limits) == (said, "incomplete", upstream.SILENT)


def test_the_limits_count_from_the_last_word_even_if_it_was_a_thought() -> None:
    thought = chunk({"reasoning_content": "Hm"})
    limits = AnswerLimits(first_token=0.1, whole=0.6)

    def script(it: Answering) -> None:
        it.begin()
        while True:
            it.write(thought)

    assert fault_after(script, limits) == ("", "failed", upstream.TOO_SLOW)


def test_an_answer_has_a_last_moment_and_a_last_character() -> None:
    slow = AnswerLimits(whole=0.4, characters=1 << 30)
    said, reason, detail = fault_after(drip(chunk({"content": "x"})), slow)
    assert (said[:4], reason, detail) == ("Onex", "incomplete", upstream.TOO_SLOW)
    said, reason, detail = fault_after(drip(chunk({"content": "xyz"})))
    assert (len(said), reason, detail) == (8000, "incomplete", upstream.TOO_MUCH)


def test_a_server_that_can_not_be_reached_in_time_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The connection is accepted by the kernel, but nobody speaks TLS there.
    limits = AnswerLimits(connect=0.2)
    with socket.create_server((LOOPBACK, 0)) as silent:
        url = f"https://{LOOPBACK}:{silent.getsockname()[1]}"
        _, reason, detail = fault_of(url, limits)
        assert reason == "failed"
        assert detail in (upstream.NOT_CONNECTED, request.UNREACHABLE)
    # A resolver that doesn't return has no timeout that the board could set.
    answered = threading.Event()

    def hang(*_: object, **__: object) -> None:
        answered.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert fault_of("http://m.invalid", limits)[1:] == (
        "failed",
        upstream.NOT_CONNECTED,
    )
    answered.set()


# Stopping


def stop(server: ModelServer, asked: Call, after: int) -> list[Piece]:
    """Stop a call after some pieces, from another thread, and return the pieces.

    The server has to see the end within a second.
    """
    pieces: list[Piece] = []
    ended = threading.Event()

    def run() -> None:
        for piece in asked:
            pieces.append(piece)
            if len(pieces) == after:
                spoken.set()
        ended.set()

    spoken = server.began if after == 0 else threading.Event()
    threading.Thread(target=run, daemon=True).start()
    assert spoken.wait(30)
    asked.close()
    server.wait_ended(1)
    assert ended.wait(30)
    return pieces


@pytest.mark.parametrize(
    ("script", "after"),
    [(wait_closed, 0), (begin_and_wait, 0), (speak_and_wait, 1)],
    ids=["before the head", "before a word", "in a figure"],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_stop_closes_the_connection_at_once_and_ends_quietly(
    script: Script,
    after: int,
    tls: bool,
    monkeypatch: pytest.MonkeyPatch,
    authority: trustme.CA,
    ca_file: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    with ModelServer(script, authority=authority if tls else None) as server:
        pieces = stop(server, call(server.url), after)
    assert text_of(pieces) == ("It is " if after else "")


def test_a_stop_ends_what_never_ends_though_much_has_arrived_that_is_unread() -> None:
    with ModelServer(drip(": still there\n\n")) as server:
        pieces = stop(server, call(server.url), after=1)
    assert text_of(pieces) == "One"


def test_a_reader_that_leaves_stops_the_model() -> None:
    with ModelServer(speak_and_wait) as server:
        pieces = iter(call(server.url))
        assert next(pieces) == Piece("It is ")
        del pieces
        server.wait_ended(1)


def test_a_model_that_was_stopped_before_it_began_is_never_asked() -> None:
    with ModelServer(answer("Hi.")) as server:
        asked = call(server.url)
        asked.close()
        assert [*asked] == []
        asked.close()
        assert text_of([*call(server.url)]) == "Hi."
        assert len(server.asked) == 1
