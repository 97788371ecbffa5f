"""Batch runs as everybody sees them: a flow over rows, and each row's result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .awaiting_api import Awaited, AwaitsBatches
from .evaluation_api import ComparesRuns, EvaluatesRuns, JudgedRun
from .kept_api import KeepsItself
from .panel_api import RunPanel

if TYPE_CHECKING:
    from .api import NodeResult, RunResult

BatchEvent = Mapping[str, Any]
"""``{"event", "run_id", "time", …}``: ``batch_started`` (total, completed, failed,
reused), ``batch_progress`` (those, and rate, seconds_left, elapsed, failures, nodes,
tokens, cost), ``batch_note`` (text), ``log``, and the events of aggregation nodes."""
OnBatchEvent = Callable[[BatchEvent], None]


@dataclass
class LineResult:
    """What came of one line of a batch.

    Parameters
    ----------
    line_number
        The number that the data goes by: its position, or its ``line_number``.
    status
        ``Completed`` or ``Failed``.
    inputs
        What the flow was given.
    outputs
        By name; None when it failed.
    error
        ``{"code", "message", "hint", "node", "traceback"}`` or None.
    duration_ms
        Milliseconds.
    nodes
        What each node did.
    logs
        What was printed outside of nodes.
    reused
        The run that it was taken over from, if any.
    """

    line_number: int
    status: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    error: dict[str, Any] | None = None
    duration_ms: float | None = None
    started_at: str | None = None
    nodes: dict[str, NodeResult] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    reused: str | None = None
    _enter: Callable[[LineResult, str | None], EnteredLine] | None = field(
        default=None, repr=False, compare=False
    )

    def enter(self, node: str | None = None) -> EnteredLine:
        """Step into it: the failing node, its inputs and what the others gave.

        Parameters
        ----------
        node
            Another node than the one that failed.

        Raises
        ------
        UsageError
            The flow has no such node, or no node failed and none is named.
        """
        assert self._enter is not None
        return self._enter(self, node)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "line_number": self.line_number,
            "status": self.status,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "error": self.error,
            "duration_ms": self.duration_ms,
            "started_at": self.started_at,
            "nodes": {
                name: {
                    "status": node.status,
                    "inputs": node.inputs,
                    "output": node.output,
                    "duration_ms": node.duration_ms,
                    "logs": node.logs,
                    "error": node.error,
                }
                for name, node in self.nodes.items()
            },
            "reused": self.reused,
        }

    def __repr__(self) -> str:
        what = f"{self.outputs!r:.60}"
        if self.error:
            what = f"{self.error.get('code')}: {self.error.get('message')!s:.80}"
        return f"<Line {self.line_number}: {self.status}, {what}>"


class EnteredLine(ABC):
    """One node of one line, to look at, to change and to run alone.

    Attributes
    ----------
    line
        The line.
    node
        The node's name; None for a flow without nodes.
    inputs
        What it was given, by its own parameters; change them as you like.
    upstream
        What the nodes before it gave.
    logs, error
        What it printed, and why it failed.
    """

    line: LineResult
    node: str | None
    inputs: dict[str, Any]
    upstream: dict[str, Any]
    logs: dict[str, Any]
    error: dict[str, Any] | None

    @abstractmethod
    def run(self, **changes: Any) -> RunResult:
        """Run the node alone, in a fresh executor, with the flow as it is now.

        Parameters
        ----------
        changes
            Inputs that win over `inputs`.
        """

    @abstractmethod
    def run_line(self, **changes: Any) -> RunResult:
        """Run the whole flow with the line's inputs."""


class BatchRun(JudgedRun, RunPanel, Awaited, KeepsItself, ABC):
    """A flow over rows, finished or not.

    Attributes
    ----------
    run_id, status, flow, runtime
        ``status`` is ``Running``, ``Completed``, ``Failed``, ``Canceled`` or
        ``Interrupted``; Completed says nothing about single lines.
    counts
        ``{"total", "completed", "failed", "reused"}``.
    metrics
        What aggregation nodes, or ``__aggregate__``, have logged.
    error
        Why it is not Completed.
    failures
        Kinds of failures, the commonest first: ``{"kind", "count", "line_number",
        "node", "message", "hint"}`` of the first line of each.
    nodes
        Of each node how often it ended how, and its mean time in milliseconds.
    runtimes
        Where a run was in several runtimes, of each ``{"name", "state", "lines",
        "rate"}``.
    cluster
        Where a Dask cluster took the lines: ``{"address", "dashboard", "workers",
        "threads", "versions", …}``.
    tokens
        Of all calls of models.
    cost
        Of those, by the prices that somebody has written down (docs/batches.md):
        ``{"amount", "currency", "without_price"}``; empty where nobody has.
    outputs_path
        A jsonl file: ``{"line_number", …outputs}`` of each completed line.
    changed
        What was not as in the run that it goes on with.
    source_run
        The run that it evaluates.
    """

    run_id: str
    status: str
    flow: str
    flow_path: str
    runtime: str
    counts: dict[str, int]
    metrics: dict[str, Any]
    error: dict[str, Any] | None
    duration_ms: float
    failures: Sequence[Mapping[str, Any]]
    nodes: Mapping[str, Mapping[str, Any]]
    aggregation: Mapping[str, NodeResult]
    runtimes: Sequence[Mapping[str, Any]] = ()
    cluster: Mapping[str, Any] = MappingProxyType({})
    tokens: Mapping[str, int]
    cost: Mapping[str, Any] = MappingProxyType({})
    system_metrics: Mapping[str, Any]
    outputs_path: Path
    changed: Sequence[str]
    source_run: str | None
    created_at: str
    name: str | None
    tags: Mapping[str, str]

    @property
    @abstractmethod
    def outputs(self) -> Any:
        """The outputs of completed lines as a DataFrame, by line number."""

    @property
    @abstractmethod
    def details(self) -> Any:
        """A DataFrame of all lines: inputs, outputs, status, error, times.

        Columns are ``inputs.<name>``, ``outputs.<name>``, ``status``, ``error``,
        ``duration_ms`` and ``nodes.<name>.duration_ms``; the index is the line number.
        """

    @abstractmethod
    def lines(self, *, status: str | None = None) -> Iterator[LineResult]:
        """Yield the results in the order of the lines, as a stream.

        Parameters
        ----------
        status
            Only those with this one: ``Completed`` or ``Failed``.
        """

    @abstractmethod
    def line(self, number: int) -> LineResult:
        """Return one line's result (NotFound)."""

    def failed(self) -> list[LineResult]:
        """Return the lines that failed."""
        return list(self.lines(status="Failed"))

    @abstractmethod
    def resume(
        self,
        *,
        failed: bool = False,
        workers: int | None = None,
        on_event: OnBatchEvent | None = None,
    ) -> BatchRun:
        """Run the lines that have no result, and bring the run to its end.

        Parameters
        ----------
        failed
            Run the failed lines again, too.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Stop it; what is done is kept (IllegalState when it does not go on)."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the form that interface.md fixes for ``run create --json``."""

    @abstractmethod
    def raise_for_status(self) -> BatchRun:
        """Return self when Completed, else raise RunFailed or a kind of it."""


class RunsBatches(AwaitsBatches, EvaluatesRuns):
    """What a runtime can do with many rows."""

    def batch(
        self,
        flow: str | Path | None = None,
        data: Any = None,
        *,
        mapping: Mapping[str, Any] | Sequence[str] | None = None,
        variant: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        overrides: Mapping[str, Any] | None = None,
        init: Mapping[str, Any] | None = None,
        workers: int | None = None,
        line_timeout: float | None = None,
        batch_timeout: float | None = None,
        source_run: str | BatchRun | None = None,
        resume_from: str | BatchRun | None = None,
        from_node: str | None = None,
        name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        runtimes: Sequence[Any] | None = None,
        on: Any = None,
        on_event: OnBatchEvent | None = None,
        raise_on_failure: bool = False,
    ) -> BatchRun:
        """Run a flow over rows and wait for the end; see docs/batches.md.

        Parameters
        ----------
        flow
            Flow folder or file, or ``module:name``. With ``resume_from`` it may be
            left out, as all else.
        data
            A path (jsonl, csv, tsv, json, parquet, a folder of them), a DataFrame, or
            an iterable of dictionaries.
        mapping
            Input to ``${data.column}``, ``${run.outputs.name}``,
            ``${run.inputs.column}`` or a constant. Inputs without a default come from
            the column of their name.
        variant, environment_variables, connections, overrides, init
            As `Runtime.run`.
        workers
            The most lines to run at once; None means as many as help.
        line_timeout, batch_timeout
            Seconds for one line (600 by default) and for all of them.
        source_run
            A completed batch run whose outputs and data can be mapped: an evaluation.
        resume_from
            A batch run whose completed lines are taken over.
        from_node
            With ``resume_from``: all its lines again, but only from this node on.
        name, description, tags
            To find it by, and to know what it is for.
        runtimes
            Further runtimes, or their names, that take lines as they have room. One may
            be lost: what it had goes to the others. Where their environments differ,
            the run says so.
        on
            A Dask cluster that takes the lines: ``dask://HOST:PORT`` or ``tls://…`` as
            it is seen from the runtime, or a cluster or client of Dask.
        on_event
            Told how it goes, from this thread.
        raise_on_failure
            Raise RunFailed when the batch as a whole fails.

        Raises
        ------
        FlowInvalid, UsageError, NotFound
            Nothing was run: what is wrong with flow, data or mapping is all named.
        RuntimeFailed
            The runtime cannot be brought to ready.
        """
        raise _elsewhere("run")


class KeepsBatches(ComparesRuns):
    """What the records of runs can do with batches."""

    def batch(self, run_id: str) -> BatchRun:
        """Return a batch run (NotFound, UsageError for a single run)."""
        raise _elsewhere("read")

    def is_batch(self, run_id: str) -> bool:
        """Return whether a run is a batch; False when it is not there."""
        return False

    def archive(self, run_id: str) -> None:
        """Take a run out of the lists (NotFound)."""
        raise _elsewhere("archive")

    def restore(self, run_id: str) -> None:
        """Bring an archived run back (NotFound)."""
        raise _elsewhere("restore")

    def delete(self, run_id: str) -> None:
        """Remove a run, its record and its files (NotFound, IllegalState)."""
        raise _elsewhere("delete")

    def export(self, run_id: str, to: str | Path) -> Path:
        """Write a batch run into a folder as the public tool lays it out.

        Raises
        ------
        NotFound, UsageError
            There is no such batch run.
        AlreadyExists
            The folder is there and not empty.
        """
        raise _elsewhere("export")


def _elsewhere(what: str) -> UsageError:
    return UsageError(
        f"this workspace cannot {what} batches",
        code="no_batches",
        hint="use the workspace of this process: pf_jupyter.connect(home=…)",
    )
