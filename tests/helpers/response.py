"""HTTP responses read piece by piece, by h11, which shares no code with the server."""

import contextlib

import h11


class Response:
    """The response to one request, whose bytes are given to `feed` as they arrive.

    `status` is 0 and `headers` (lower-case names) is empty until the head is complete.
    `complete` says whether the body reached its end: the last chunk or the announced
    length; a body with neither ends when the server closes the connection.
    """

    def __init__(self, method: str = "GET") -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self._connection = h11.Connection(h11.CLIENT)
        # h11 needs the method, because a response to HEAD has no body.
        request = h11.Request(method=method, target="/", headers=[("Host", "board")])
        self._connection.send(request)
        self._connection.send(h11.EndOfMessage())

    def feed(self, data: bytes) -> bytes:
        """Return the part of the body that `data` contains, without its chunk sizes.

        h11.RemoteProtocolError if the server breaks HTTP. Bytes after the end of the
        body are ignored.
        """
        if not data or self.complete:
            return b""
        return self._receive(data)

    def close(self) -> None:
        """Report that the server closed the connection in order (FIN)."""
        if not self.complete:
            # h11 raises where the connection was closed before the announced end.
            with contextlib.suppress(h11.RemoteProtocolError):
                self._receive(b"")

    def _receive(self, data: bytes) -> bytes:
        self._connection.receive_data(data)
        body = bytearray()
        while not self.complete:
            match self._connection.next_event():
                case h11.Response() as head:
                    self.status = head.status_code
                    for name, value in head.headers:
                        self._add_header(name.decode(), value.decode("latin-1"))
                case h11.Data(data=part):
                    body += part
                case h11.EndOfMessage():
                    self.complete = True
                case h11.NEED_DATA:
                    break
        return bytes(body)

    def _add_header(self, name: str, value: str) -> None:
        earlier = self.headers.get(name)
        self.headers[name] = f"{earlier}, {value}" if earlier else value
