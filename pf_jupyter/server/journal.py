"""What a server has begun, written down for the one that comes after it.

Each server has a folder of its own and holds a lock in it for as long as it lives; the
system lets go of the lock however the server ends. A folder whose lock can be had is
that of a server that is gone, and what is in it was not done.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .log import log


@dataclass(frozen=True)
class Entry:
    """One operation that has begun.

    Parameters
    ----------
    id, verb, target, principal
        As of the operation.
    path, body
        What it was asked with; the body only where it is needed to go on, and holds
        no secret.
    run_id
        The run that it began.
    """

    id: str
    verb: str
    target: str
    principal: str
    path: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    run_id: str | None = None


class Journal:
    """The operations of one server that have not ended.

    Parameters
    ----------
    folder
        Where all servers of a workspace have theirs.
    """

    def __init__(self, folder: Path) -> None:
        self._all = folder
        self._mine: Path | None = None
        self._lock: FileLock | None = None
        self._guard = threading.Lock()
        self._entries: dict[str, Entry] = {}

    def begun(self, entry: Entry) -> None:
        """Write down an operation before it is begun."""
        self._entries[entry.id] = entry
        self._write(entry)

    def runs(self, key: str, run_id: str) -> None:
        """Write down which run an operation began."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries[key] = entry = replace(entry, run_id=run_id)
            self._write(entry)

    def ended(self, key: str) -> None:
        """Forget an operation that is over."""
        if self._entries.pop(key, None) is not None:
            (self._folder() / f"{key}.json").unlink(missing_ok=True)

    def left(self) -> list[Entry]:
        """Return what servers that are gone had begun, and take it over."""
        found: list[Entry] = []
        folders = self._all.iterdir() if self._all.is_dir() else ()
        for folder in sorted(folders):
            if folder == self._mine or not folder.is_dir():
                continue
            lock = FileLock(folder / "lock", mode=0o600)
            try:
                with lock.acquire(timeout=0):
                    for file in sorted(folder.glob("*.json")):
                        entry = _read(file)
                        if entry is not None:
                            found.append(entry)
                            self.begun(entry)
                        file.unlink(missing_ok=True)
            except Timeout:
                continue  # that server lives
            except OSError as error:
                log.warning("cannot read %s: %s", folder, error)
                continue
            shutil.rmtree(folder, ignore_errors=True)
        return found

    def close(self) -> None:
        """Let go of the lock; what has not ended is left for the next server."""
        with self._guard:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _folder(self) -> Path:
        with self._guard:
            if self._mine is None:
                mine = self._all / uuid.uuid4().hex
                mine.mkdir(mode=0o700, parents=True)
                self._lock = FileLock(mine / "lock", mode=0o600, thread_local=False)
                self._lock.acquire(timeout=0)
                self._mine = mine
            return self._mine

    def _write(self, entry: Entry) -> None:
        file = self._folder() / f"{entry.id}.json"
        part = file.with_suffix(".part")
        with open(
            os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w"
        ) as f:
            json.dump(asdict(entry), f)
        part.replace(file)


def _read(file: Path) -> Entry | None:
    try:
        return Entry(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
