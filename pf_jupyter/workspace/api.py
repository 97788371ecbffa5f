"""The workspace interface: everything that a face can ask for.

Faces (magics, widgets, server, command line) import this module and nothing below it.
`pf_jupyter.connect` returns an implementation. Objects returned are plain records with
verbs bound to their workspace; each has a short repr and a rich one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..runtimes.model import CheckResult as CheckResult
from ..runtimes.model import Kind as Kind
from ..runtimes.model import OnPhase as OnPhase
from ..runtimes.model import Phase as Phase
from ..runtimes.model import PhaseEvent as PhaseEvent
from ..runtimes.model import RuntimeLimits as RuntimeLimits
from ..runtimes.model import RuntimeState as RuntimeState
from .adoption_api import AdoptsContainers as AdoptsContainers
from .adoption_api import OnCheck as OnCheck
from .batch_api import BatchEvent as BatchEvent
from .batch_api import BatchRun as BatchRun
from .batch_api import EnteredLine as EnteredLine
from .batch_api import KeepsBatches as KeepsBatches
from .batch_api import LineResult as LineResult
from .batch_api import OnBatchEvent as OnBatchEvent
from .batch_api import RunsBatches as RunsBatches
from .capture_api import Capture as Capture
from .choice import runtime_listeners as runtime_listeners
from .compute_api import Computes as Computes
from .connection_api import Connection as Connection
from .connection_api import Connections as Connections
from .connection_api import Scope as Scope
from .connection_api import connection_types as connection_types
from .cost_api import cost_text as cost_text
from .environment_api import Environment as Environment
from .environment_api import EnvironmentBuild as EnvironmentBuild
from .environment_api import EnvironmentDiff as EnvironmentDiff
from .environment_api import Environments as Environments
from .environment_api import Package as Package
from .environment_api import PackageChange as PackageChange
from .evaluation_api import ComparesRuns as ComparesRuns
from .evaluation_api import EvaluatesRuns as EvaluatesRuns
from .evaluation_api import JudgedRun as JudgedRun
from .evaluation_api import RunComparison as RunComparison
from .flow_api import FlowInfo as FlowInfo
from .flow_api import Flows as Flows
from .flow_api import Picture as Picture
from .flow_api import Problem as Problem
from .flow_api import Validation as Validation
from .instead_api import OffersInstead
from .kept_api import KeptFlow as KeptFlow
from .package_api import HasPackages as HasPackages
from .package_api import Installation as Installation
from .panel_api import RunPanel, RuntimePanel, WorkspacePanels
from .preview_api import BatchSources as BatchSources
from .preview_api import DataPreview as DataPreview
from .preview_api import Fit as Fit
from .retention_api import PrunesRuns
from .role_api import Answer as Answer
from .role_api import Assignment as Assignment
from .role_api import AuditLine as AuditLine
from .role_api import Roles as Roles
from .several_api import StartsBatches as StartsBatches
from .several_api import dashboard_link as dashboard_link
from .update_api import REHEARSED_RUNS as REHEARSED_RUNS
from .update_api import HasUpdates as HasUpdates
from .update_api import Rehearsal as Rehearsal
from .update_api import Update as Update
from .update_api import VersionCheck as VersionCheck

RunStatus = Literal[
    "NotStarted", "Running", "Completed", "Failed", "Canceled", "Interrupted"
]
NodeStatus = Literal[
    "NotStarted", "Running", "Completed", "Failed", "Bypassed", "Canceled"
]


RunEvent = Mapping[str, Any]
"""An event of :mod:`pf_jupyter.worker.protocol`, plus ``run_id``."""
OnEvent = Callable[[RunEvent], None]


@dataclass(frozen=True)
class EnvironmentInfo:
    """What is installed in a runtime: ``name:version`` and its content digest."""

    name: str
    version: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version} @ {short_digest(self.digest)}"


def short_digest(digest: str) -> str:
    """Return the first 12 characters of a digest, without its algorithm."""
    return digest.split(":", 1)[-1][:12]


class Runtime(RunsBatches, HasPackages, HasUpdates, RuntimePanel, ABC):
    """A runtime: compute + environment + limits, with a life cycle.

    Attributes read the record as it is now; verbs block until done and raise
    :class:`~pf_jupyter.errors.PfError`.
    """

    name: str

    @property
    @abstractmethod
    def state(self) -> RuntimeState:
        """Where it is in its life."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the record in the form that interface.md fixes for ``runtime show``.

        Keys: name, state, phase, kind, compute, engine, environment {name, version,
        digest}, container_id, isolated, owner, created_at, update, error, limits
        {cpus, memory, pids}, network, python, hostname, started_at; version_check and
        previous as `HasUpdates` says.
        """

    @abstractmethod
    def start(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Bring it to ready, from stopped or failed; one that is ready stays so."""

    @abstractmethod
    def stop(self) -> Runtime:
        """Stop it; its record and environment stay."""

    @abstractmethod
    def restart(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Stop and start."""

    @abstractmethod
    def delete(self) -> None:
        """Remove it and everything it had on the engine."""

    @abstractmethod
    def logs(self, *, tail: int | None = 200, follow: bool = False) -> Iterator[str]:
        """Yield the lines of its life-cycle log and its instance's output."""

    @abstractmethod
    def stats(self) -> dict[str, Any]:
        """Return ``{"cpu", "memory", "memory_limit", "pids", "processes", "runs"}``."""

    @abstractmethod
    def check(self) -> list[CheckResult]:
        """Return the health of engine, instance, worker and environment."""

    @abstractmethod
    def run(
        self,
        flow: str | Path,
        *,
        inputs: Mapping[str, Any] | None = None,
        node: str | None = None,
        variant: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        timeout: float | None = None,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        overrides: Mapping[str, Any] | None = None,
        init: Mapping[str, Any] | None = None,
        from_node: str | None = None,
        upstream: str | None = None,
        cache: bool | None = None,
        on_event: OnEvent | None = None,
        raise_on_failure: bool = False,
        **input_values: Any,
    ) -> RunResult:
        """Run a flow once in this runtime and wait for its end.

        Parameters
        ----------
        flow
            Flow folder or file, or ``module:name`` of a function or class.
        inputs, input_values
            Flow inputs; keywords win. With ``node``, names as the public tool names
            them: ``other.output``, ``inputs.x``, or the tool's parameter.
        node
            Run this node alone.
        variant
            ``${node.variant_id}`` to use instead of the default variant.
        environment_variables
            Added for this run; they win over those of the flow file.
        timeout
            Seconds after which the code is ended; None waits for ever.
        connections
            ``{node: {key: value}}``: other connections than the flow names. Keys are
            ``connection``, ``deployment_name`` and ``model`` for llm nodes, names of
            inputs for the others.
        overrides
            Other values than the flow's file says: ``{"node.input": value}``, or by a
            path into it, ``{"nodes.NODE.activate.is": value}``.
        init
            What the class of a flex flow is made with; of a prompty, what is taken
            instead of its own settings: ``{"model": {"parameters": …}}``.
        from_node
            Run this node and those after it; what the nodes before gave is taken from
            an earlier run, and its inputs where none are given.
        upstream
            Id of that run; None means the newest completed one of this flow in this
            runtime. With ``node``, the run that the values come from which are not
            given. The result's ``source_run_id`` names it.
        cache
            Whether nodes may take the results of earlier runs instead of running: None
            for those with ``enable_cache: true``, True for all, False for none.
        on_event
            Called from another thread with each event as it happens.
        raise_on_failure
            Raise RunFailed instead of returning a result with status Failed.

        Raises
        ------
        FlowInvalid
            The flow has problems; nothing was run.
        UsageError
            Unknown or missing inputs, values that do not fit their type.
        RuntimeFailed
            The runtime cannot be brought to ready.
        """

    @abstractmethod
    async def arun(self, flow: str | Path, **options: Any) -> RunResult:
        """Do what `run` does without blocking the running event loop."""

    @abstractmethod
    def stream(self, flow: str | Path, **options: Any) -> AsyncIterator[RunEvent]:
        """Yield the events of a run as they happen; the last has event ``result``."""

    @abstractmethod
    def validate(self, flow: str | Path, *, node: str | None = None) -> Validation:
        """Check a flow's file on this side and its code in the runtime."""


@dataclass
class NodeResult:
    """What one node did. ``duration_ms`` in milliseconds; logs as text per stream.

    ``cached_run_id`` is the run whose output was taken instead of running the node.
    """

    name: str
    status: NodeStatus
    inputs: dict[str, Any] | None = None
    output: Any = None
    duration_ms: float | None = None
    logs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    started_at: str | None = None
    ended_at: str | None = None
    cached_run_id: str | None = None


class RunResult(RunPanel, ABC):
    """One execution of a flow, finished.

    ``outputs`` maps output names to values (None when the run did not get there);
    ``nodes`` maps node names to `NodeResult`, in the order of the flow file; ``error``
    is ``{"code", "message", "hint", "node", "traceback"}`` or None. ``tokens`` holds
    ``prompt_tokens``, ``completion_tokens``, ``total_tokens`` of all calls of models,
    nothing without any; ``source_run_id`` is the run whose outputs a part of a flow
    was run with.
    """

    run_id: str
    status: RunStatus
    outputs: dict[str, Any] | None
    nodes: dict[str, NodeResult]
    metrics: dict[str, Any]
    error: dict[str, Any] | None
    duration_ms: float
    runtime: str
    environment: EnvironmentInfo
    hostname: str
    tokens: Mapping[str, int] = {}
    source_run_id: str | None = None

    @property
    @abstractmethod
    def trace(self) -> Any:
        """The tree of what happened: ``.root``, ``.spans``, ``.text()``, ``.html()``.

        Each span has ``name``, ``kind``, ``node``, ``status``, ``duration_ms``,
        ``inputs``, ``output``, ``error``, ``tokens``, ``attributes``, ``children``.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the form that interface.md fixes for ``flow run --json``."""

    @abstractmethod
    def raise_for_status(self) -> RunResult:
        """Return self when Completed, else raise RunFailed or a kind of it."""


class Runtimes(AdoptsContainers, OffersInstead, ABC):
    """The runtimes of a workspace."""

    @abstractmethod
    def create(
        self,
        name: str,
        *,
        environment: str = "default",
        compute: str | None = None,
        kind: Kind = "personal",
        limits: RuntimeLimits | None = None,
        network: Literal["open", "none"] = "open",
        idle_minutes: float | None = None,
        writable: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        """Make a runtime and bring it to ready.

        ``compute`` None means the local Docker when it answers, else ``process``. A
        runtime that fails on its way stays, in state ``failed``, for its log to be
        read. ``idle_minutes`` is for kind ``session``: 60 by default, 0 for never.
        ``writable`` lets code in it change its file system as root, to try things out
        and to `capture` them.

        Raises
        ------
        AlreadyExists, UsageError (a bad name), Unreachable (no engine), RuntimeFailed
        """

    @abstractmethod
    def get(self, name: str) -> Runtime:
        """Return the runtime (NotFound names the nearest)."""

    @abstractmethod
    def list(self) -> list[Runtime]:
        """Return all runtimes, by name, their states checked against the engines."""

    def names(self) -> Sequence[str]:
        """Return the names of all runtimes from the records alone: no engine waits."""
        return [runtime.name for runtime in self.list()]

    @abstractmethod
    def use(self, name: str | None) -> Runtime | None:
        """Make a runtime the current one of this process; None forgets it."""

    @abstractmethod
    def current(self) -> Runtime | None:
        """Return the runtime in use, or None."""

    @abstractmethod
    def ensure(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Return a ready runtime: the current one, or this user's default session."""

    def ensure_for(
        self, flow: str | Path, *, on_phase: OnPhase | None = None
    ) -> Runtime:
        """Return a ready runtime for a flow.

        Without a current one, a flow that brings requirements gets a session of its
        own, in which they are installed.
        """
        del flow
        return self.ensure(on_phase=on_phase)


class Runs(KeepsBatches, PrunesRuns, ABC):
    """Recorded runs, newest first."""

    @abstractmethod
    def get(self, run_id: str) -> RunResult:
        """Return a recorded run (NotFound); for a batch, what `batch` returns."""

    @abstractmethod
    def cancel(self, run_id: str) -> None:
        """Cancel a run that this process started (NotFound, IllegalState)."""


class Workspace(StartsBatches, WorkspacePanels, ABC):
    """One store of records, and all that can be done with it."""

    name: str
    runtimes: Runtimes
    flows: Flows
    runs: Runs
    computes: Computes
    connections: Connections
    environments: Environments
    roles: Roles

    @abstractmethod
    def doctor(self, *, fix: bool = False) -> list[CheckResult]:
        """Check engine, disk, store, Python and network; mend what is safe to mend."""

    @abstractmethod
    def close(self) -> None:
        """Release connections and threads; runtimes live on."""
