"""A batch run that a server has recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .api import BatchRun, EnteredLine, LineResult, OnBatchEvent, RunComparison
from .batch import LocalEnteredLine, line_result
from .preview_api import RowSource
from .remote_batch_wire import batch_from_json, outputs_seen
from .remote_files import fetch_outputs, lines_of
from .remote_judging import estimate_from_json, verdict_from_json
from .remote_operations import Work
from .remote_wire import pack, run_from_json, unpack
from .result import LocalRunResult
from .shown_batch import ShownBatch

if TYPE_CHECKING:
    from ..runs.evaluation.sequential import Verdict
    from ..runs.evaluation.statistics import Estimate
    from .remote import RemoteWorkspace

_TRIES = 20
_KNOWN = (
    *("run_id", "status", "flow", "flow_path", "runtime", "metrics", "error"),
    *("failures", "nodes", "aggregation", "aggregation_error", "tokens", "changed"),
    *("system_metrics", "source_run", "created_at", "name", "tags", "runtimes"),
)


class RemoteBatchRun(ShownBatch):
    """A batch run as a server told it; its lines are read when they are asked for.

    Parameters
    ----------
    workspace
        The one it belongs to.
    document
        What the server said.
    """

    def __init__(self, workspace: RemoteWorkspace, document: Mapping[str, Any]) -> None:
        self._workspace = workspace
        self._client = workspace.client
        found = batch_from_json(document)
        for name in _KNOWN:
            setattr(self, name, found.get(name))
        self.counts = {key: int(found["lines"][key]) for key in _COUNTS}
        self.duration_ms = found["duration_ms"] or 0.0
        self.runtimes = found.get("runtimes") or []
        self.cluster = found.get("cluster") or {}
        self.cost = found.get("cost") or {}
        self.description = found.get("description") or ""
        self._place = found.get("outputs")
        self._path = {"run_id": self.run_id}

    @property
    def outputs_path(self) -> Path:  # type: ignore[override]
        """A file of this machine; fetched when the server's own is not seen here."""
        seen = outputs_seen(self._place)
        if seen is not None:
            return seen
        return fetch_outputs(self._client, self.run_id, self._place)

    def lines(self, *, status: str | None = None) -> Iterator[LineResult]:
        """Yield the results in the order of the lines; see `BatchRun.lines`."""
        if status not in (None, "Completed", "Failed"):
            raise UsageError(
                f"{status!r} is no status of a line",
                code="bad_value",
                hint="Completed and Failed are",
            )
        after: int | None = None
        for attempt in range(_TRIES):
            query = {"status": status, "after": after}
            try:
                pieces = self._client.content("runs.results", self._path, query=query)
                for text in lines_of(pieces):
                    record = json.loads(text.decode("utf-8", "surrogatepass"))
                    after = record["line_number"]
                    yield line_result(record, self._enter)
                return
            except ConnectionError:
                if attempt == _TRIES - 1:
                    raise

    def line(self, number: int) -> LineResult:
        """Return one line's result (NotFound)."""
        where = {**self._path, "number": str(max(number, 0))}
        return line_result(unpack(self._client.call("runs.line", where)), self._enter)

    def resume(
        self,
        *,
        failed: bool = False,
        workers: int | None = None,
        on_event: OnBatchEvent | None = None,
    ) -> BatchRun:
        """Run the lines that have no result; see `BatchRun.resume`."""
        body = {"failed": failed, "workers": workers}
        work = Work(self._client, "runs.resume", body=body, path=self._path)
        return followed(self._workspace, work, on_event)

    def cancel(self) -> None:
        """Stop it; what is done is kept."""
        self._workspace.runs.cancel(self.run_id)

    # ---- its quality --------------------------------------------------------

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        """Metrics and columns of numbers with their intervals."""
        found = unpack(self._client.call("runs.estimates", self._path)["estimates"])
        return {name: estimate_from_json(one) for name, one in found.items()}

    @property
    def evaluations(self) -> Sequence[BatchRun]:
        """The completed evaluations of this run, the newest first."""
        runs = self._workspace.runs
        return [runs.batch(run_id) for run_id in self._judgement()["evaluations"]]

    @property
    def environments(self) -> Mapping[str, Any]:
        """Of an evaluation: both environments, and whether they are the same."""
        return dict(self._judgement()["environments"])

    @property
    def sources(self) -> Mapping[str, RowSource]:
        """What other batches can map of it; see `JudgedRun.sources`."""
        found = self._client.call("runs.sources", self._path)["sources"]
        return {name: RowSource(**one) for name, one in found.items()}

    @property
    def verdict(self) -> Verdict | None:
        """What a stop rule has settled."""
        found = self._judgement()["verdict"]
        return None if found is None else verdict_from_json(found)

    @property
    def beaten(self) -> str | None:
        """The run that a stop rule compared this one with."""
        found: str | None = self._judgement()["beaten"]
        return found

    def compare(self, *others: str | BatchRun) -> RunComparison:
        """Put other runs beside this one; see `ComparesRuns.compare`."""
        return self._workspace.runs.compare(self, *others)

    def previous(self) -> BatchRun | None:
        """Return the newest earlier evaluation of the same kind, or None."""
        found = self._judgement()["previous"]
        return None if found is None else self._workspace.runs.batch(found)

    def _judgement(self) -> dict[str, Any]:
        return dict(unpack(self._client.call("runs.judgement", self._path)))

    def _enter(self, line: LineResult, node: str | None) -> EnteredLine:
        workspace: Any = self._workspace
        run: Any = self
        return RemoteEnteredLine(workspace, run, line, node)


_COUNTS = ("total", "completed", "failed", "reused")


class RemoteEnteredLine(LocalEnteredLine):
    """A node of a line, to be run alone where the batch ran."""

    def run(self, **changes: Any) -> LocalRunResult:
        """Run the node alone; see `EnteredLine.run`."""
        whole = self.node is None
        return self._work(whole=whole, inputs=self.inputs, changes=changes)

    def run_line(self, **changes: Any) -> LocalRunResult:
        """Run the whole flow with the line's inputs."""
        return self._work(whole=True, inputs=self.line.inputs, changes=changes)

    def _work(
        self, *, whole: bool, inputs: dict[str, Any], changes: dict[str, Any]
    ) -> LocalRunResult:
        workspace: Any = self._workspace
        body = {
            "node": self.node,
            "whole": whole,
            "inputs": pack(dict(inputs)),
            "changes": pack(dict(changes)),
        }
        number = str(self.line.line_number)
        path = {"run_id": self._run.run_id, "number": number}
        work = Work(workspace.client, "runs.enter", body=body, path=path)
        return LocalRunResult(run_from_json(work.result()))


def followed(
    workspace: RemoteWorkspace, work: Work, on_event: OnBatchEvent | None
) -> RemoteBatchRun:
    """Return what came of a batch; it is ended when whoever waits gives up."""
    try:
        return RemoteBatchRun(workspace, work.result(on_event=on_event))
    except (KeyboardInterrupt, SystemExit):
        work.cancel()
        raise
