"""What goes to the host: in order, without blocking, bounded when it reads slowly."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, List, Optional

from .loop import Loop, Timer

PREVIEW_LIMIT = 4 << 20
"""Bytes waiting beyond which events that may be dropped are."""
PAUSE_LIMIT = 32 << 20
"""Bytes waiting beyond which we read no more from executors and from the host."""
_LINGER_SECONDS = 0.002
_LINGER_LIMIT = 1 << 14
Make = Callable[[], bytes]


class Outbox:
    """The way out.

    Parameters
    ----------
    loop
        Tells when there is room again.
    fd
        Tells the loop what to watch.
    write
        Writes what there is room for and returns how much that was.
    on_broken
        Called when nobody reads any more.
    """

    def __init__(
        self,
        loop: Loop,
        fd: int,
        write: Callable[[Any], int],
        on_broken: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._fd = fd
        self._write = write
        self._on_broken = on_broken
        self._frames: Deque[memoryview] = deque()
        self._size = 0
        self._flushing = False
        self._lingering: Optional[Timer] = None
        self._broken = False
        self.dropped = 0

    def put(self, frame: bytes, *, linger: bool = False) -> None:
        """Send a frame, before the loop waits again.

        Parameters
        ----------
        frame
            Its bytes.
        linger
            Wait up to 2 ms for others that can go along: each write wakes the host and
            whatever carries the stream there, while a short run needs the processor.
        """
        if self._broken:
            return
        self._frames.append(memoryview(frame))
        self._size += len(frame)
        if linger and self._size < _LINGER_LIMIT:
            if not self._flushing and self._lingering is None:
                self._lingering = self._loop.call_later(_LINGER_SECONDS, self.flush)
        elif not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)
        if self._size > PAUSE_LIMIT:
            self._loop.pause(True)

    def put_later(self, waiting: List[Make], make: Make) -> None:
        """Send a frame in 2 ms, unless ``waiting``, which takes it, is cleared before.

        It is made when it is sent. Who sends what is waiting earlier, in its place,
        does it by `put_all`.
        """
        if not waiting:
            self._loop.call_later(_LINGER_SECONDS, lambda: self.put_all(waiting))
        waiting.append(make)

    def put_all(self, waiting: List[Make]) -> None:
        """Send what waits, and clear it."""
        for make in waiting:
            self.put(make())
        waiting.clear()

    def offer(self, frame: bytes) -> None:
        """Send a frame, or drop it when too much is waiting."""
        if self._size > PREVIEW_LIMIT:
            self.dropped += 1
        else:
            self.put(frame, linger=True)

    @property
    def empty(self) -> bool:
        """Whether all of it was written."""
        return not self._frames or self._broken

    def flush(self) -> None:
        """Write as much as there is room for."""
        self._flushing = False
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        try:
            while self._frames:
                if len(self._frames) > 1 and len(self._frames[0]) < 1 << 14:
                    self._join()
                view = self._frames[0]
                sent = self._write(view)
                self._size -= sent
                if sent == len(view):
                    self._frames.popleft()
                else:
                    self._frames[0] = view[sent:]
        except BlockingIOError:
            self._flushing = True
            self._loop.watch_write(self._fd, self.flush)
            return
        except OSError:
            self._broken = True
            self._frames.clear()
            self._on_broken()
        self._loop.watch_write(self._fd, None)
        self._loop.pause(False)

    def _join(self) -> None:
        """Make one piece of the small frames at the front: one write, one wake-up."""
        pieces = []
        size = 0
        while self._frames and size < 1 << 16:
            pieces.append(self._frames.popleft())
            size += len(pieces[-1])
        self._frames.appendleft(memoryview(b"".join(pieces)))
