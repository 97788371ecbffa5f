"""What changes in the workspace, told to everybody who follows it.

One thread looks for all of them, and only while somebody follows. Nothing of what
changed is told but its noun: whoever hears of it asks for it, with rights of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..errors import PfError
from .log import log

PAUSE_SECONDS = 0.25
"""Between two looks; each costs some microseconds while nothing changes."""

Wake = Callable[[list[str]], None]


class News:
    """The changes of one workspace.

    Parameters
    ----------
    changes
        Makes what looks: its ``look()`` returns the nouns that changed since the last
        time.
    """

    def __init__(self, changes: Callable[[], Any]) -> None:
        self._changes = changes
        self._guard = threading.Lock()
        self._readers: set[Wake] = set()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self.round = 0
        """Grows before each time that something is told."""

    def listen(self, wake: Wake) -> Callable[[], None]:
        """Have a function called with the nouns that changed; return what ends that."""
        with self._guard:
            self._readers.add(wake)
            if self._thread is None and not self._over.is_set():
                self._thread = threading.Thread(
                    target=self._look, name="pf-news", daemon=True
                )
                self._thread.start()

        def leave() -> None:
            with self._guard:
                self._readers.discard(wake)

        return leave

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def _look(self) -> None:
        changes = self._changes()
        try:
            while not self._over.is_set():
                with self._guard:
                    readers = list(self._readers)
                    if not readers:
                        self._thread = None
                        return
                try:
                    nouns = changes.look()
                except PfError as error:
                    log.warning("cannot look for changes: %s", error)
                    nouns = []
                if nouns:
                    self.round += 1
                    for wake in readers:
                        wake(nouns)
                self._over.wait(PAUSE_SECONDS)
        finally:
            changes.close()
