"""What a runtime is made of, as plain data; the workspace interface passes it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError
from ..flow.fields import did_you_mean

WITHDRAWN = "withdrawn"
"""The tag of a version that is not to be used any more; its value says why."""

RuntimeState = Literal[
    "creating", "starting", "ready", "busy", "stopping", "stopped", "failed", "deleted"
]
Phase = Literal[
    # of a runtime on its way to ready
    "check",
    "pull",
    "build",
    "create",
    "start",
    "handshake",
    "run",
    # of an installation
    "resolve",
    "install",
    "verify",
    # of an environment that is made, published or fetched, some of the above too
    "context",
    "base",
    "look",
    "compare",
    "contract",
    "push",
    "export",
    "import",
    # of an update: runs are repeated beside the runtime, then it moves
    "rehearse",
    "switch",
]
Kind = Literal["personal", "shared", "session"]


@dataclass(frozen=True)
class PhaseEvent:
    """One step on a runtime's way to ready.

    ``elapsed`` is in seconds since the phase began; ``current`` and ``total`` are bytes
    where a phase moves some. ``detail`` is a short remark ("already here").
    """

    runtime: str
    phase: Phase
    status: Literal["started", "progress", "done", "failed"]
    elapsed: float
    detail: str = ""
    current: int | None = None
    total: int | None = None


OnPhase = Callable[[PhaseEvent], None]


@dataclass(frozen=True)
class Installation:
    """What an installation did.

    Parameters
    ----------
    runtime
        Name of the runtime.
    resolved
        How many distributions the requirements came to, those that were there
        included.
    installed
        Version of each that was installed.
    replaced
        Version that each of them had before, where it had one.
    present
        Version of each that was asked for and was there already.
    modules
        What was imported to see that it works, for each that was asked for.
    seconds
        How long it took.
    layers
        How many layers the runtime has now.
    warnings
        What looks unintended.
    """

    runtime: str
    resolved: int
    installed: Mapping[str, str]
    replaced: Mapping[str, str]
    present: Mapping[str, str]
    modules: Mapping[str, tuple[str, ...]]
    seconds: float
    layers: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuntimeLimits:
    """Upper bounds of a runtime; memory in bytes; None means the default."""

    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None

    @classmethod
    def sizes(cls) -> Mapping[str, RuntimeLimits]:
        """Return limits under names that are easy to say, the smallest first."""
        names = ("small", "medium", "large", "xlarge")
        return {
            name: cls(cpus=2.0**step, memory=2 * 1024**3 << step, pids=256 << step)
            for step, name in enumerate(names)
        }

    def sized(self, size: str | None) -> RuntimeLimits:
        """Return the limits of a size, where none are given here.

        Raises
        ------
        UsageError
            There is no such size.
        """
        if size is None:
            return self
        sizes = self.sizes()
        if size not in sizes:
            raise UsageError(
                f"there is no size {size!r}",
                code="unknown_size",
                hint=did_you_mean(size, list(sizes), f"one of {', '.join(sizes)}"),
            )
        found = sizes[size]
        return RuntimeLimits(
            cpus=found.cpus if self.cpus is None else self.cpus,
            memory=found.memory if self.memory is None else self.memory,
            pids=found.pids if self.pids is None else self.pids,
        )


@dataclass(frozen=True)
class CheckResult:
    """One line of ``doctor`` or of ``runtime check``."""

    name: str
    status: Literal["pass", "warn", "fail"]
    message: str
    hint: str = ""
