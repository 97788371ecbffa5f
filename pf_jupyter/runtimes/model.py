"""What a runtime is made of, as plain data; the workspace interface passes it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True)
class CheckResult:
    """One line of ``doctor`` or of ``runtime check``."""

    name: str
    status: Literal["pass", "warn", "fail"]
    message: str
    hint: str = ""
