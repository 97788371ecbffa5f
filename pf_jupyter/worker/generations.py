"""Executors from one set of layers after another, without disturbing what runs.

A change of layers makes a new generation, which takes all further runs. The one before
stays until its last run has ended.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Dict, List, Protocol, Set

from .active_run import ActiveRun
from .backend import Backend
from .loop import Loop
from .snapshots import Snapshot

_LOOK_SECONDS = 0.5


class Generation(Backend, Protocol):
    """A backend that can be left alone until it has nothing to do any more."""

    @property
    def busy(self) -> bool:
        """Whether any run depends on it."""

    def own(self) -> Set[int]:
        """Return the processes that are no executors and must not be swept."""

    def sweep(self, keep: AbstractSet[int] = frozenset()) -> bool:
        """Kill what outlived its executor; whether there was anything."""


class Generations:
    """A backend that can be renewed.

    Parameters
    ----------
    loop
        As everywhere.
    make
        Makes the backend of a generation.
    """

    def __init__(self, loop: Loop, make: Callable[[], Generation]) -> None:
        self._loop = loop
        self._make = make
        self._current = make()
        self._retired: List[Generation] = []
        self.kept: Set[int] = set()
        self.feature = self._current.feature

    def renew(self) -> None:
        """Let all further runs have executors that are started from now on."""
        old, self._current = self._current, self._make()
        self._retired.append(old)
        self._current.start()
        self._look()

    def _look(self) -> None:
        for generation in [item for item in self._retired if not item.busy]:
            self._retired.remove(generation)
            generation.close()
        if self._retired:
            self._loop.call_later(_LOOK_SECONDS, self._look)

    def start(self) -> None:
        """Begin to load what runs will need."""
        self._current.start()

    def ask(self, run: ActiveRun, snapshot: Snapshot) -> None:
        """Find an executor."""
        self._current.ask(run, snapshot)

    def has_loaded(self, run: ActiveRun, snapshot: Snapshot) -> bool:
        """Whether finding an executor runs no code of the flow."""
        return self._current.has_loaded(run, snapshot)

    def withdraw(self, run: ActiveRun, *, stuck: bool) -> bool:
        """Forget a run that waits; False when it does not."""
        return any(item.withdraw(run, stuck=stuck) for item in self._all())

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        """End what lives in a folder that is about to go."""
        for item in self._all():
            item.drop_snapshot(snapshot)

    def reaped(self, pid: int, status: int) -> None:
        """Take note of a child that ended."""
        for item in self._all():
            item.reaped(pid, status)

    def sweep(self) -> bool:
        """Kill what outlived its executor; whether there was anything."""
        keep = set(self.kept)
        for item in self._retired:
            keep |= item.own()
        return self._current.sweep(keep)

    def processes(self) -> List[Dict[str, Any]]:
        """Return what exists: pid, kind, snapshot."""
        return [process for item in self._all() for process in item.processes()]

    def close(self) -> None:
        """End everything."""
        for item in self._all():
            item.close()
        self._retired.clear()
        self.kept.clear()

    def _all(self) -> List[Generation]:
        return [self._current, *self._retired]
