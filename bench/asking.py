"""Clients that ask: each reads its answer word by word, and then asks again."""

import selectors
import socket
import threading
import time
from typing import Any

QUESTION = "/ask?q=help"
END = b"event: end\n"
ERROR = b"HTTP/1.1 "


class Asker:
    """One client, with an address of its own."""

    def __init__(self, port: int, number: int) -> None:
        self._port = port
        self._address = f"10.0.{number >> 8}.{number & 255}"
        self._tail = b""
        self.words = 0
        self.answers = 0
        self.refused = 0
        self.socket = self._ask()

    def read(self) -> bool:
        """Read what has come; return False once another socket has to be read."""
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        self.words += data.count(b'\ndata: {"text"')
        if data.startswith(ERROR) and not data.startswith(ERROR + b"200"):
            self.refused += 1
            data = b""
        ended = END in self._tail + data
        self._tail = data[-len(END) :]
        if data and not ended:
            return True
        self.answers += ended
        self.socket.close()
        self.socket = self._ask()
        return False

    def _ask(self) -> socket.socket:
        self._tail = b""
        opened = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        head = f"Host: bench\r\nX-Forwarded-For: {self._address}\r\n"
        accept = "Accept: text/event-stream\r\n\r\n"
        opened.sendall(f"GET {QUESTION} HTTP/1.1\r\n{head}{accept}".encode())
        opened.setblocking(False)
        return opened


class Askers:
    """A number of clients at once, in a thread that starts with the creation."""

    def __init__(self, port: int, count: int) -> None:
        self._askers = [Asker(port, number) for number in range(count)]
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def figures(self) -> dict[str, Any]:
        """Stop, and return what was read, and how many questions were refused."""
        self._over.set()
        self._thread.join(10)
        seconds = time.monotonic() - self._began
        for asker in self._askers:
            asker.socket.close()
        return {
            "answers": sum(asker.answers for asker in self._askers),
            "words_per_second": sum(it.words for it in self._askers) / seconds,
            "questions_refused": sum(asker.refused for asker in self._askers),
        }

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for asker in self._askers:
                selector.register(asker.socket, selectors.EVENT_READ, asker)
            while not self._over.is_set():
                for key, _ in selector.select(0.2):
                    asker: Asker = key.data
                    if not asker.read():
                        selector.unregister(key.fileobj)
                        selector.register(asker.socket, selectors.EVENT_READ, asker)
