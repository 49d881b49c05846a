"""The commands with a board that uses TLS: which certificates they trust."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.helpers.commands import Command
from tests.helpers.harness import Board, until

TOKEN = "secret"
LINE = b'{"event":"price","data":{"symbol":"ACME","price":101.5}}\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """Return an authority, and the file of its certificate."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return authority, path


@pytest.fixture(scope="module")
def secure(authority: tuple[trustme.CA, Path]) -> Iterator[str]:
    """Yield the address of a board for which the authority vouches."""
    key = authority[1].with_name("localhost.pem")
    authority[0].issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        key
    )
    board = Board(
        FEED="published",
        PUBLISH_TOKEN=TOKEN,
        GUNICORN_CMD_ARGS=f"--certfile={key} --keyfile={key}",
    )
    board.start()
    try:
        until(lambda: "Booting worker" in board.log(), why="the board starts")
        yield f"https://localhost:{board.port}"
    finally:
        board.stop()


def test_what_is_published_over_tls_is_recorded_over_tls(
    secure: str, authority: tuple[trustme.CA, Path]
) -> None:
    trusted = str(authority[1])
    publish = ("-m", "feed", "publish", "-", "--to", secure)
    with Command(
        *publish, typed=LINE, SSL_CERT_FILE=trusted, PUBLISH_TOKEN=TOKEN
    ) as command:
        command.end_input()
        assert command.wait() == 0, command.err
        assert command.out == b"1 event published\n"
    record = ("-m", "feed", "record", f"{secure}/stream.ndjson?once=1")
    with Command(*record, SSL_CERT_FILE=trusted) as command:
        assert command.wait() == 0, command.err
        events = [json.loads(line) for line in command.out.splitlines()]
    assert [each["event"] for each in events] == ["hello", "price", "end"]
    assert events[1]["data"]["price"] == 101.5


@pytest.mark.parametrize("command", ["record", "publish"])
def test_a_board_that_nobody_vouches_for_is_told_nothing(
    secure: str, command: str
) -> None:
    arguments = [secure] if command == "record" else ["-", "--to", secure]
    with Command(
        "-m", "feed", command, *arguments, typed=LINE, PUBLISH_TOKEN=TOKEN
    ) as run:
        run.end_input()
        assert run.wait() == 1
        assert "the certificate is not trusted" in run.err
        assert "SSL_CERT_FILE" in run.err
        assert "Traceback" not in run.err
