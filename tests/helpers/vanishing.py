"""Clients that vanish without a word: `unshare -rn python -m tests.helpers.vanishing`.

The network is this process's own, so that it can take the clients' address away from
under their connections. It prints in JSON for how many heartbeats each stream outlived
its client, by its path, and the lines of the board's log that report an error.
"""

import json
import re
import socket
import subprocess
import time
from contextlib import ExitStack, closing

from tests.helpers.harness import Board

HEARTBEAT = 1.0  # seconds
PATHS = (
    "/stream",
    "/stream?symbols=ZZZZ&events=price",  # only heartbeats
    "/stream?symbols=ACME",
    "/stream?pace=2",
)
SERVER, CLIENT = "198.51.100.1", "192.0.2.1"  # of the ranges for documentation


def main() -> None:
    """Let a client of each view vanish, all at the same instant."""
    ip("link set lo up")
    ip(f"address add {SERVER}/32 dev lo")
    ip(f"address add {CLIENT}/32 dev lo")
    settings = {"HOST": "0.0.0.0", "HEARTBEAT": str(HEARTBEAT), "SEED": "7"}
    with Board("app:app", None, **settings) as board, ExitStack() as held:
        for path in PATHS:
            held.enter_context(closing(reader(board, path)))
        time.sleep(1.5 * HEARTBEAT)
        vanish()
        began = time.monotonic()
        outlived = {
            path: ended_after(board, number, began) / HEARTBEAT
            for number, path in enumerate(PATHS, 1)
        }
        errors = re.findall(r".*(?:ERROR|Traceback).*", board.log())
    print(json.dumps({"outlived": outlived, "errors": errors}))


def reader(board: Board, path: str) -> socket.socket:
    """Return the socket of a client whose stream is open."""
    client = socket.socket()
    client.bind((CLIENT, 0))
    client.connect((SERVER, board.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {SERVER}\r\n\r\n".encode())
    client.recv(1)
    return client


def ended_after(board: Board, number: int, began: float) -> float:
    """Return how many seconds after `began` a stream has ended, or 60."""
    while f" stream {number} ended" not in board.log():
        if time.monotonic() > began + 60:
            break
        time.sleep(0.02)
    return time.monotonic() - began


def vanish() -> None:
    """Take the client's address away; what is sent to it is lost without an error."""
    ip(f"address del {CLIENT}/32 dev lo")
    # It comes back by the same device, is addressed to nobody, and is dropped.
    ip(f"route add {CLIENT}/32 dev lo")


def ip(arguments: str) -> None:
    """Run a command of iproute2; CalledProcessError if it fails."""
    subprocess.run(["ip", *arguments.split()], check=True)


if __name__ == "__main__":
    main()
