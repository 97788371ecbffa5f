"""Output in pieces, told line by line, until somebody closes it."""

from __future__ import annotations

import codecs
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any


class LogLines(Iterator[str]):
    """Lines from pieces of bytes; `close` ends it, also from another thread.

    Parameters
    ----------
    pieces
        Yields bytes; its ``close``, if it has one, ends a piece that is waited for.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._source = pieces
        self._pieces: Iterator[bytes] | None = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines: deque[str] = deque()
        self._rest = ""
        self._closed = threading.Event()

    def __next__(self) -> str:
        while not self._lines:
            if self._pieces is None or self._closed.is_set():
                raise StopIteration
            self._more(self._pieces)
        return self._lines.popleft()

    def _more(self, pieces: Iterator[bytes]) -> None:
        try:
            piece: bytes | None = next(pieces, None)
        except Exception:
            # a connection that breaks ends the log; what was told stays told
            piece = None
        if piece is None:
            self._pieces = None
            if self._rest:
                self._lines.append(self._rest)
            return
        *lines, self._rest = (self._rest + self._decoder.decode(piece)).split("\n")
        self._lines.extend(line.rstrip("\r") for line in lines)

    def close(self) -> None:
        """End it; a `next` that waits in another thread stops."""
        self._closed.set()
        source: Any = self._source
        try:
            source.close()
        except Exception:
            pass  # it has no close, or it ended by itself
