"""The phases that an environment goes through until it is there: told, timed, named."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from pf_jupyter.engines.api import BuildProgress
from pf_jupyter.errors import (
    AlreadyExists,
    EnvironmentFailed,
    Invalid,
    PfError,
    RuntimeFailed,
)

EnvironmentPhase = Literal[
    "check",
    "look",
    "compare",
    "context",
    "base",
    "build",
    "contract",
    "push",
    "pull",
    "export",
    "import",
]
_LOG_LINES = 2000
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class StepEvent:
    """One step of making an environment; sizes in bytes, ``elapsed`` in seconds."""

    phase: EnvironmentPhase
    status: Literal["started", "progress", "done", "failed"]
    elapsed: float
    detail: str = ""
    current: int | None = None
    total: int | None = None


OnStep = Callable[[StepEvent], None]


class Step:
    """One phase while it lasts; ``detail`` is a short remark on how it went."""

    def __init__(self, steps: Steps, phase: EnvironmentPhase) -> None:
        self.phase: EnvironmentPhase = phase
        self.detail = ""
        self._steps = steps
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def progress(self, progress: BuildProgress) -> None:
        """Pass on how far it is; its text goes into the log, too."""
        text = _LOGIN.sub("***@", progress.text)
        if progress.total is None:
            self._steps.log.append(text)
        self.tell("progress", text, progress.current, progress.total)

    def tell(
        self,
        status: Literal["started", "progress", "done", "failed"],
        detail: str = "",
        current: int | None = None,
        total: int | None = None,
    ) -> None:
        """Tell the listener where it is."""
        if self._steps.on_step is not None:
            self._steps.on_step(
                StepEvent(self.phase, status, self.elapsed, detail, current, total)
            )


class Steps:
    """What an environment goes through.

    Parameters
    ----------
    name
        The environment's, for messages.
    on_step
        Told of every step, from the thread that does the work.

    Attributes
    ----------
    log
        What was said on the way, without logins.
    times
        Phase and its seconds, in their order.
    """

    def __init__(self, name: str, on_step: OnStep | None = None) -> None:
        self.name = name
        self.on_step = on_step
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.times: list[tuple[str, float]] = []

    @contextmanager
    def phase(self, phase: EnvironmentPhase) -> Iterator[Step]:
        """Do one phase; what goes wrong in it is told with its name.

        Raises
        ------
        EnvironmentFailed
            In place of errors that are not about the user's words.
        """
        step = Step(self, phase)
        step.tell("started")
        try:
            yield step
        except PfError as error:
            step.tell("failed", _LOGIN.sub("***@", error.message))
            raise self._named(error, phase) from error
        except BaseException as error:
            step.tell("failed", f"interrupted: {type(error).__name__}")
            raise
        self.times.append((phase, step.elapsed))
        step.tell("done", step.detail)

    def _named(self, error: PfError, phase: EnvironmentPhase) -> PfError:
        if isinstance(error, EnvironmentFailed | Invalid | AlreadyExists):
            error.details.setdefault("phase", phase)
            return error
        own = error.log if isinstance(error, RuntimeFailed) else ""
        failed = EnvironmentFailed(
            _LOGIN.sub("***@", f"{self.name} failed in phase {phase}: {error.message}"),
            phase=phase,
            log=_LOGIN.sub("***@", own),
            code=error.code,
            hint=error.hint,
        )
        failed.exit_code = error.exit_code
        return failed
