"""What the standard library's client lacks for asking a server."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

_PIECE = 1024 * 1024


class Response:
    """What a server answered, its body read once."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status = response.status
        kind = response.getheader("Content-Type") or ""
        self.is_json = "json" in kind  # a proxy's own answers are for people
        self.body = b""

    def read(self) -> bytes:
        """Read all of it, so that its connection is free again."""
        self.body = self._response.read()
        return self.body

    def readline(self) -> bytes:
        """Return the next line of a stream, empty at its end."""
        return self._response.readline()

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; its end must be the one that was announced."""
        left = self._response.length  # None where pieces carry their own lengths
        while piece := self._response.read(_PIECE):
            left = None if left is None else left - len(piece)
            yield piece
        if left:
            raise http.client.IncompleteRead(b"", left)

    def close(self) -> None:
        """Read no more of it."""
        self._response.close()


class UnixConnection(http.client.HTTPConnection):
    """A connection to a server that listens on a socket of the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
