"""The time of `/healthz` while some clients load the largest page over and over.

Each client sends its next request as soon as it has read the page. All of them want the
page with the most rows, and none waits for another.
"""

import http.client
import threading
import time
from typing import Any

CLIENTS = 10
PATHS = ("/?rows=all", "/?rows=all&sort=-price", "/?rows=all&q=s")
HEADERS = {"Accept": "text/html", "Accept-Encoding": "gzip"}


class Loaders:
    """Clients that load pages from their creation on, until they are stopped."""

    def __init__(self, port: int) -> None:
        self.pages = 0
        self._port = port
        self._going = True
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._load, args=(PATHS[number % len(PATHS)],))
            for number in range(CLIENTS)
        ]
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def figures(self) -> dict[str, Any]:
        """Stop the clients; return how many pages they got, and in which time."""
        self._going = False
        for thread in self._threads:
            thread.join()
        return {"pages": self.pages, "window": time.monotonic() - self._began}

    def _load(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while self._going:
            connection.request("GET", path, headers=HEADERS)
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                raise RuntimeError(f"{path} was answered with {answer.status}")
            with self._lock:
                self.pages += 1
        connection.close()
