"""Follows instances without a container: their records, and what they write."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pf_jupyter.engines.api import LABEL, InstanceEvent
from pf_jupyter.engines.process_records import Record, Records

_LOOK_SECONDS = 0.25
_FOLLOW_SECONDS = 0.1
_PIECE = 64 * 1024


class RecordWatch:
    """A thread that compares the records with what they were.

    Parameters
    ----------
    records
        The records to watch, also those that other processes change.
    changed
        Notified by this process's own changes, which are then told at once.
    callback
        Called with each event from the watch's own thread.
    """

    def __init__(
        self,
        records: Records,
        changed: threading.Condition,
        callback: Callable[[InstanceEvent], None],
    ) -> None:
        self._records = records
        self._changed = changed
        self._callback = callback
        self._closed = False
        self._known = self._look()
        self._thread = threading.Thread(
            target=self._run, daemon=True, name="pf-process-watch"
        )
        self._thread.start()

    def close(self) -> None:
        """Stop watching; no callback is under way or comes after this returns."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(5)

    def _look(self) -> dict[str, Record]:
        return {record.id: record for record in self._records.all()}

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._closed:
                    self._changed.wait(_LOOK_SECONDS)
                if self._closed:
                    return
            now = self._look()
            for event in differences(self._known, now):
                self._tell(event)
            self._known = now

    def _tell(self, event: InstanceEvent) -> None:
        if self._closed:
            return
        try:
            self._callback(event)
        except Exception:
            logging.getLogger(__name__).exception("a watcher of events failed")


def differences(
    before: dict[str, Record], now: dict[str, Record]
) -> Iterator[InstanceEvent]:
    """Yield what happened between two looks at the records."""
    for identity, record in now.items():
        old = before.get(identity)
        status = old.status if old is not None else "created"
        restarted = old is not None and old.started_at != record.started_at
        if status == "running" and (record.status == "exited" or restarted):
            yield _event("died", record, record.exit_code)
        if record.status == "running" and (status != "running" or restarted):
            yield _event("started", record)
        if status == "created" and record.status == "exited":
            yield _event("started", record)
            yield _event("died", record, record.exit_code)
    for identity, record in before.items():
        if identity not in now:
            if record.status == "running":
                yield _event("died", record, 137)
            yield _event("removed", record)


def _event(kind: Any, record: Record, exit_code: int | None = None) -> InstanceEvent:
    return InstanceEvent(
        kind=kind,
        id=record.id,
        time=datetime.now(UTC),
        exit_code=exit_code,
        labels={k: v for k, v in record.labels.items() if k.startswith(LABEL)},
    )


class Tail:
    """Pieces of a file that grows.

    Parameters
    ----------
    path
        The file; none is an empty one.
    lines
        How many of its last lines to begin with; None for all.
    ended
        Tells that nothing more will come; None not to follow at all.
    """

    def __init__(
        self, path: Path, lines: int | None, ended: Callable[[], bool] | None
    ) -> None:
        self._path = path
        self._lines = lines
        self._ended = ended
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        data = self._read(0)
        position = len(data)
        if self._lines is not None:
            kept = data.splitlines(keepends=True)
            data = b"".join(kept[len(kept) - min(self._lines, len(kept)) :])
        yield data
        while self._ended is not None and not self._closed.is_set():
            last = self._ended()
            piece = self._read(position)
            position += len(piece)
            if piece:
                yield piece
            elif last:
                return
            else:
                self._closed.wait(_FOLLOW_SECONDS)

    def _read(self, position: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(position)
                return file.read()
        except OSError:
            return b""

    def close(self) -> None:
        """End following."""
        self._closed.set()
