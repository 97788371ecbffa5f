"""One background thread for what must happen later: late log lines, long-running notes.

It starts with the first run that needs it, never while modules are prepared (their
process is forked), and ends by itself when nothing has run for a while.
"""

from __future__ import annotations

import os
import threading
import time
from typing import List, Protocol

FLUSH_SECONDS = 0.05
_IDLE_SECONDS = 5.0


class Flushable(Protocol):
    """Something that holds text back for a moment."""

    def flush_late(self) -> None:
        """Send what is held back."""


class Watched(Protocol):
    """A run that wants to be looked at now and then."""

    poll_seconds: float

    def poll(self, now: float) -> None:
        """Look at what is running; ``now`` is `time.monotonic()`."""


class Ticker:
    """Calls `flush_late` on what is held, and polls the runs under way."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._held: List[Flushable] = []
        self._watched: List[Watched] = []
        self._alive = False

    def watch(self, run: Watched) -> None:
        """Poll ``run`` until `unwatch`."""
        with self._lock:
            self._watched.append(run)
            start = not self._alive
            self._alive = True
        if start:
            thread = threading.Thread(target=self._work, name="pf-ticker", daemon=True)
            thread.start()
        elif run.poll_seconds < 1:
            self._wake.set()

    def unwatch(self, run: Watched) -> None:
        """Leave ``run`` alone again."""
        with self._lock:
            self._watched.remove(run)

    def hold(self, held: Flushable) -> None:
        """Have ``held`` flushed within a second or so, without haste."""
        with self._lock:
            self._held.append(held)

    def hurry(self) -> None:
        """Flush what is held in about 50 ms."""
        self._wake.set()

    def _work(self) -> None:
        idle_since = time.monotonic()
        while True:
            with self._lock:
                period = min([1.0, *(run.poll_seconds for run in self._watched)])
            if self._wake.wait(period):
                time.sleep(FLUSH_SECONDS)
            now = time.monotonic()
            with self._lock:
                self._wake.clear()
                held, self._held = self._held, []
                watched = list(self._watched)
                if held or watched:
                    idle_since = now
                elif now - idle_since > _IDLE_SECONDS:
                    self._alive = False
                    return
            for item in held:
                item.flush_late()
            for run in watched:
                run.poll(now)


ticker = Ticker()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ticker._reset)
