"""Text that may grow without end, kept in bounded memory: its beginning and its end."""

from __future__ import annotations

from typing import List


class BoundedText:
    """Keeps the first and the last half of a number of bytes.

    Parameters
    ----------
    limit
        Bytes to keep; half of them from the beginning, half from the end.
    """

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head: List[bytes] = []
        self._head_size = 0
        self._tail = bytearray()
        self.dropped_bytes = 0

    def add(self, data: bytes) -> None:
        """Append bytes of UTF-8 text."""
        room = self._half - self._head_size
        if room > 0:
            self._head.append(data[:room])
            self._head_size += len(self._head[-1])
            data = data[room:]
        if not data:
            return
        self._tail += data
        # Trimming at twice the size makes the cost per byte constant.
        if len(self._tail) > 2 * self._half:
            self._trim()

    def _trim(self) -> None:
        excess = len(self._tail) - self._half
        if excess > 0:
            del self._tail[:excess]
            self.dropped_bytes += excess

    def text(self) -> str:
        """Return what was kept; a mark says how much is missing in between."""
        self._trim()
        head = b"".join(self._head)
        if not self.dropped_bytes:
            return (head + self._tail).decode("utf-8", "replace")
        mark = f"\n… {self.dropped_bytes} bytes dropped …\n"
        return (
            head.decode("utf-8", "replace")
            + mark
            + bytes(self._tail).decode("utf-8", "replace")
        )
