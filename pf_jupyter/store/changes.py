"""Tells what has changed in a store, whoever changed it.

Another process's change makes no sound: it is found by asking SQLite for the number
of its file's version, which costs a few microseconds, and only then by looking.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .failures import translated

_NEWEST = 200
_LOOKED_AT: Mapping[str, tuple[str, ...]] = {
    "runtimes": (
        "SELECT id, revision, state, phase, environment_digest FROM runtimes",
        "SELECT value FROM settings WHERE key LIKE 'current_runtime%'",
    ),
    "runs": (
        "SELECT run_id, status, ended_at, archived_at FROM runs "
        f"ORDER BY created_at DESC, run_id DESC LIMIT {_NEWEST}",
    ),
    "environments": (
        "SELECT name, changed_at FROM environments",
        "SELECT name, changed_at FROM environment_versions",
    ),
    "computes": (
        "SELECT value FROM settings WHERE key LIKE 'compute%'",
        "SELECT * FROM computes",
    ),
    "connections": ("SELECT name, changed_at FROM connections",),
    "roles": ("SELECT * FROM role_assignments",),
}
NOUNS = tuple(_LOOKED_AT)


class Changes:
    """Looks at a store, for one thread at a time.

    Parameters
    ----------
    file
        The database.
    connect
        Opens a connection that is set up like all others.
    """

    def __init__(self, file: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._file = file
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._version: Any = None
        self._marks: dict[str, str] = {}

    def look(self) -> list[str]:
        """Return the nouns that changed since the last look; all of them at first.

        Raises
        ------
        Unreachable, InternalError
            As every transaction of the store.
        """
        with translated(str(self._file)):
            if self._connection is None:
                self._connection = self._connect()
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return []
            marks = {noun: self._mark(noun) for noun in NOUNS}
            self._version = version
        changed = [noun for noun in NOUNS if marks[noun] != self._marks.get(noun)]
        self._marks = marks
        return changed

    def close(self) -> None:
        """Close the connection; the next look opens another one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _mark(self, noun: str) -> str:
        assert self._connection is not None
        mark = hashlib.sha1(usedforsecurity=False)
        for query in _LOOKED_AT[noun]:
            try:
                found = self._connection.execute(query)
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                continue  # a noun whose table comes with a later schema
            for row in found:
                mark.update(repr(row).encode())
        return mark.hexdigest()
