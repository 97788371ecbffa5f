"""Session runtimes are removed when nobody has used them for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ..errors import PfError
from ..store.records import RuntimeRecord, moment
from ..store.store import Store
from .lifecycle import Lifecycle
from .seats import SEAT, outdated
from .states import ON_THE_WAY

SESSION_NAME = "session"
"""The runtime that is started for whoever names none."""

FALLBACK_NAME = "session-here"
"""The one that is taken while the engine of the first does not answer."""

Clock = Callable[[], datetime]
_CHECK_SECONDS = 60.0
_log = logging.getLogger(__name__)


def now() -> datetime:
    """Return the present moment; the clock used when no other is given."""
    return datetime.now(UTC)


def idle_since(record: RuntimeRecord) -> datetime:
    """Return when a runtime was last used: started, or a run began or ended in it."""
    times = (record.created_at, record.started_at, record.last_used_at)
    return max(moment(time) for time in times if time)


def expired(record: RuntimeRecord, at: datetime) -> bool:
    """Return whether a runtime has been idle for too long.

    Only sessions and seats ever are: what a person made, a person removes.
    """
    if record.kind not in ("session", SEAT) or not record.idle_minutes:
        return False
    if record.state == "busy" or record.state in ON_THE_WAY:
        return False
    return at - idle_since(record) >= timedelta(minutes=record.idle_minutes)


class Sessions:
    """Removes what is idle.

    Parameters
    ----------
    store, lifecycle
        What it works with.
    clock
        Tells the present moment.
    seconds
        Time between two looks in a process that lives long.
    """

    def __init__(
        self,
        store: Store,
        lifecycle: Lifecycle,
        clock: Clock = now,
        seconds: float = _CHECK_SECONDS,
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._clock = clock
        self._seconds = seconds
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def sweep(self) -> list[str]:
        """Remove every session that is idle for too long, and return their names."""
        at = self._clock()
        removed = []
        records = self._store.runtimes()
        stale = {seat.id for seat in outdated(records)}
        for record in records:
            if record.id in stale or expired(record, at):
                try:
                    if self._lifecycle.delete_unused(record):
                        removed.append(record.name)
                except PfError as error:
                    _log.warning(
                        "cannot remove the idle session %s: %s",
                        record.name,
                        error.message,
                    )
        return removed

    def watch(self) -> None:
        """Sweep now and then from a thread of its own, until `close`."""
        with self._guard:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(
                    target=self._go_on, name="pf-sessions", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    def _go_on(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self.sweep()
            except PfError as error:
                _log.warning("cannot look for idle sessions: %s", error.message)
