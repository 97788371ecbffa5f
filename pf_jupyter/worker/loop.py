"""Control's single thread: waits for whatever can be read or written, and for time."""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import socket
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional

Call = Callable[[], Any]


class _Watch:
    __slots__ = ("pausable", "read", "registered", "write")

    def __init__(self) -> None:
        self.read: Optional[Call] = None
        self.write: Optional[Call] = None
        self.pausable = False
        self.registered = 0


class Timer:
    """A call that is due later; `cancel` forgets it."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call: Optional[Call] = call

    def cancel(self) -> None:
        """Forget the call."""
        self._call = None

    def fire(self) -> None:
        """Make the call unless it was canceled."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Loop:
    """Calls back when files are ready and when times have come.

    Readers marked ``pausable`` rest while `pause` holds: then nothing new comes in and
    whoever writes to us waits, which bounds our memory.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watches: Dict[int, _Watch] = {}
        self._timers: List[Any] = []
        self._count = itertools.count()
        self._soon: List[Call] = []
        self._paused = False
        self._foreign: Deque[Call] = deque()
        self._bell: Optional[socket.socket] = None
        self.running = True

    def watch_read(self, fd: int, call: Call, *, pausable: bool = False) -> None:
        """Call when ``fd`` has something to read."""
        watch = self._watches.setdefault(fd, _Watch())
        watch.read, watch.pausable = call, pausable
        self._update(fd, watch)

    def watch_write(self, fd: int, call: Optional[Call]) -> None:
        """Call when ``fd`` can be written; None ends that."""
        watch = self._watches.setdefault(fd, _Watch())
        if watch.write is not call:
            watch.write = call
            self._update(fd, watch)

    def forget(self, fd: int) -> None:
        """Watch ``fd`` no longer; do this before it is closed."""
        watch = self._watches.pop(fd, None)
        if watch is not None and watch.registered:
            self._selector.unregister(fd)

    def pause(self, paused: bool) -> None:
        """Rest from reading what is pausable, or go on."""
        if paused is not self._paused:
            self._paused = paused
            for fd, watch in self._watches.items():
                if watch.pausable:
                    self._update(fd, watch)

    def _update(self, fd: int, watch: _Watch) -> None:
        wanted = selectors.EVENT_WRITE if watch.write else 0
        if watch.read and not (self._paused and watch.pausable):
            wanted |= selectors.EVENT_READ
        if wanted == watch.registered:
            return
        if not watch.registered:
            self._selector.register(fd, wanted)
        elif wanted:
            self._selector.modify(fd, wanted)
        else:
            self._selector.unregister(fd)
        watch.registered = wanted

    def call_later(self, seconds: float, call: Call) -> Timer:
        """Call once after ``seconds``."""
        timer = Timer(call)
        due = time.monotonic() + seconds
        heapq.heappush(self._timers, (due, next(self._count), timer))
        return timer

    def call_soon(self, call: Call) -> None:
        """Call before the next wait."""
        self._soon.append(call)

    def call_from_thread(self, call: Call) -> None:
        """Call from our own thread; any thread may ask once `open_bell` was called."""
        self._foreign.append(call)
        assert self._bell is not None
        try:
            self._bell.send(b"!")
        except BlockingIOError:
            # It is ringing already.
            pass

    def open_bell(self) -> int:
        """Allow other threads and signals to wake us; returns what signals write to."""
        listen, self._bell = socket.socketpair()
        listen.setblocking(False)
        self._bell.setblocking(False)

        def answer() -> None:
            listen.recv(4096)
            while self._foreign:
                self._foreign.popleft()()

        self.watch_read(listen.fileno(), answer)
        return self._bell.fileno()

    def run(self) -> None:
        """Wait and call until `running` is false."""
        while self.running:
            self.run_once()

    def run_once(self, longest: Optional[float] = None) -> None:
        """Wait once, at most ``longest`` seconds, and make the calls that are due."""
        wait = longest
        if self._soon:
            wait = 0.0
        elif self._timers:
            until = max(self._timers[0][0] - time.monotonic(), 0.0)
            wait = until if wait is None else min(wait, until)
        for key, mask in self._selector.select(wait):
            watch = self._watches.get(key.fd)
            if watch is None:
                continue
            if mask & selectors.EVENT_WRITE and watch.write:
                watch.write()
            if mask & selectors.EVENT_READ and watch.read:
                watch.read()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2].fire()
        soon, self._soon = self._soon, []
        for call in soon:
            call()


def read_available(fd: int, limit: int) -> Optional[bytes]:
    """Return what a non-blocking pipe holds now, at most ``limit`` bytes.

    b"" means nothing yet, None that nothing will come any more.
    """
    pieces: List[bytes] = []
    while limit > 0:
        try:
            data = os.read(fd, min(limit, 1 << 16))
        except BlockingIOError:
            break
        except OSError:
            data = b""
        if not data:
            return b"".join(pieces) or None
        pieces.append(data)
        limit -= len(data)
    return b"".join(pieces)


def fileno(output: Any) -> int:
    """Return the number of a pipe, which is one, or of a socket."""
    return output if isinstance(output, int) else int(output.fileno())


def read_now(output: Any, limit: int) -> Optional[bytes]:
    """Do as `read_available`, also for a non-blocking socket."""
    if isinstance(output, int):
        return read_available(output, limit)
    try:
        return output.recv(limit) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None
