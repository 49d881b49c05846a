"""Publishes to nginx + nchan over HTTP: it writes a round's events, then reads answers.

It runs on the client's core and isn't measured. Environment: PORT, and the variables of
`ticks`.
"""

import os
import socket

from bench.servers import ticks

PORT = int(os.environ["PORT"])
ANSWER = b"HTTP/1.1 "  # each answer begins with it, and nothing else contains it
REQUEST = (
    "POST /publish HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    "X-EventSource-Event: tick\r\nContent-Length: {}\r\n\r\n{}"
)


def publish() -> None:
    """Publish every event; wait for all answers of a round before the next one."""
    number = ticks.FIRST
    ticks.wait_for_go()
    with socket.create_connection(("127.0.0.1", PORT)) as nginx:
        for due_us, count in ticks.rounds():
            events = ticks.ticks(number, count, due_us)
            requests = (REQUEST.format(len(tick.data), tick.data) for tick in events)
            nginx.sendall("".join(requests).encode())
            await_answers(nginx, count)
            number += count


def await_answers(nginx: socket.socket, count: int) -> None:
    """Read until `count` answers have begun; ConnectionError if nginx closes."""
    kept = b""
    while count > 0:
        if not (got := nginx.recv(1 << 16)):
            raise ConnectionError("nginx closed the publisher's connection")
        kept += got
        count -= kept.count(ANSWER)
        kept = kept[-len(ANSWER) + 1 :]


if __name__ == "__main__":
    publish()
