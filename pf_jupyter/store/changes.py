"""Tells what has changed in a store, whoever changed it.

Each kind of database has its own way to tell cheaply that something was written; only
then are the tables looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..errors import PfError
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
    "computes": ("SELECT value FROM settings WHERE key LIKE 'compute%'",),
    "connections": ("SELECT name, changed_at FROM connections",),
    "roles": (
        "SELECT * FROM role_assignments",
        "SELECT name, changed_at FROM roles",
        "SELECT id, state FROM access_requests",
    ),
}
NOUNS = tuple(_LOOKED_AT)


class Watch(Protocol):
    """A connection that knows whether anybody has written."""

    def changed(self) -> bool:
        """Return whether there was a change since the last time; True at first."""

    def rows(self, query: str) -> list[Any]:
        """Return what a query finds."""

    def close(self) -> None:
        """Close the connection."""


class Changes:
    """Looks at a store, for one thread at a time.

    Parameters
    ----------
    place
        Where the store is, for messages.
    watch
        Opens a connection.
    """

    def __init__(self, place: str, watch: Callable[[], Watch]) -> None:
        self._place = place
        self._open = watch
        self._watch: Watch | None = None
        self._again = True
        self._marks: dict[str, str] = {}

    def look(self) -> list[str]:
        """Return the nouns that changed since the last look; all of them at first.

        Raises
        ------
        Unreachable, InternalError
            As every transaction of the store. The next look tells what changed
            meanwhile.
        """
        try:
            with translated(self._place):
                watch = self._watch = self._watch or self._open()
                if not watch.changed() and not self._again:
                    return []
                self._again = True
                marks = {noun: _mark(watch, noun) for noun in NOUNS}
                self._again = False
        except PfError:
            self.close()
            raise
        changed = [noun for noun in NOUNS if marks[noun] != self._marks.get(noun)]
        self._marks = marks
        return changed

    def close(self) -> None:
        """Close the connection; the next look opens another one."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()


def _mark(watch: Watch, noun: str) -> str:
    mark = hashlib.sha1(usedforsecurity=False)
    for query in _LOOKED_AT[noun]:
        for row in watch.rows(query):
            mark.update(repr(row).encode())
    return mark.hexdigest()
