"""The one thread that tells front ends what changed.

Whatever thread changes something, the messages leave from this one, so that no two
threads write to a widget at once, and many changes become one message.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

INTERVAL_SECONDS = 0.04
"""The least time between two messages about the same thing."""


class Sender(Protocol):
    """What has something to tell."""

    def flush(self) -> None:
        """Send what changed since the last time; called by the outbox's thread."""


class Outbox:
    """Calls `flush` of whoever asked for it, soon, and not too often."""

    def __init__(self, interval: float = INTERVAL_SECONDS) -> None:
        self._interval = interval
        self._waiting: dict[int, Sender] = {}
        self._sent: dict[int, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, sender: Sender) -> None:
        """Have ``sender`` flushed; asking again before that changes nothing."""
        with self._changed:
            self._waiting[id(sender)] = sender
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="pf_jupyter panels", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            for sender in self._due():
                try:
                    sender.flush()
                except Exception:
                    # One panel that cannot be drawn must not silence the others.
                    import logging

                    logging.getLogger(__name__).exception("a panel could not be drawn")

    def _due(self) -> list[Sender]:
        with self._changed:
            while True:
                now = time.monotonic()
                late = {k: self._sent.get(k, 0.0) for k in self._waiting}
                due = [k for k, at in late.items() if now - at >= self._interval]
                if due:
                    break
                wait = None
                if late:
                    wait = max(min(late.values()) + self._interval - now, 0.001)
                self._changed.wait(wait)
            # what was sent long ago may be sent at once: nothing to remember of it
            self._sent = {k: t for k, t in self._sent.items() if now - t < 1}
            for key in due:
                self._sent[key] = now
            return [self._waiting.pop(key) for key in due]


OUTBOX = Outbox()
