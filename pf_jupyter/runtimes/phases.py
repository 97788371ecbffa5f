"""A runtime's way to ready, phase by phase: told to listeners, kept in its log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from ..engines.api import BuildProgress
from ..errors import PfError
from ..store.records import LifeLine, timestamp
from ..store.store import Store
from .model import OnPhase, Phase, PhaseEvent

_LOG_TAIL = 40


class Step:
    """One phase while it lasts."""

    def __init__(self, way: Way, phase: Phase) -> None:
        self.phase: Phase = phase
        self.detail = ""
        self._way = way
        self._began = time.monotonic()
        self._lines: list[LifeLine] = []
        self._last = ""

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def progress(self, progress: BuildProgress) -> None:
        """Pass on how far it is; a text that is new goes into the log, too."""
        if progress.text and progress.text != self._last:
            self._last = progress.text
            self._lines.append(self._line("text", progress.text))
        self._tell("progress", progress.text, progress.current, progress.total)

    def note(self, text: str) -> None:
        """Write something into the log that is worth no event."""
        self._lines.append(self._line("text", text))

    def begin(self) -> None:
        """Tell that it began."""
        self._tell("started")

    def end(self, status: Literal["done", "failed"]) -> None:
        """Tell how it ended, and keep what it said."""
        self._lines.append(self._line(status, self.detail, self.elapsed))
        self._way.keep(self._lines)
        self._lines = []
        self._tell(status, self.detail)

    def _line(self, kind: str, text: str, elapsed: float | None = None) -> LifeLine:
        return LifeLine(timestamp(), kind, self.phase, text, elapsed)

    def _tell(
        self,
        status: Literal["started", "progress", "done", "failed"],
        detail: str = "",
        current: int | None = None,
        total: int | None = None,
    ) -> None:
        if self._way.on_phase is not None:
            self._way.on_phase(
                PhaseEvent(
                    runtime=self._way.name,
                    phase=self.phase,
                    status=status,
                    elapsed=self.elapsed,
                    detail=detail,
                    current=current,
                    total=total,
                )
            )


class Way:
    """What a runtime goes through on its way to ready.

    Parameters
    ----------
    name
        The runtime's.
    on_phase
        Told of every step, from the thread that walks.

    Attributes
    ----------
    failed_in
        The phase that raised, or None.
    """

    def __init__(self, name: str, on_phase: OnPhase | None) -> None:
        self.name = name
        self.on_phase = on_phase
        self.failed_in: Phase | None = None
        self._record: tuple[Store, str] | None = None
        self._lines: list[LifeLine] = []

    def attach(self, store: Store, key: str) -> None:
        """Keep the log with the runtime's record from now on, what was said included.

        A way begins before its record does: a runtime is remembered only once its
        engine answered.
        """
        self._record = (store, key)
        store.log(key, self._lines)

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[Step]:
        """Walk one phase; an exception makes it the one that failed."""
        if self._record is not None:
            store, key = self._record
            store.change_runtime(key, phase=phase, phase_since=timestamp())
        step = Step(self, phase)
        step.begin()
        try:
            yield step
        except BaseException as error:
            self.failed_in = step.phase
            step.detail = error.message if isinstance(error, PfError) else repr(error)
            step.end("failed")
            raise
        step.end("done")

    def keep(self, lines: list[LifeLine]) -> None:
        """Add lines to the log."""
        self._lines.extend(lines)
        if self._record is not None:
            store, key = self._record
            store.log(key, lines)

    def log(self) -> str:
        """Return the last lines that were said on the way."""
        return "\n".join(line.text for line in self._lines[-_LOG_TAIL:] if line.text)
