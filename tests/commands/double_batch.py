"""Batches in memory: five lines, one of which fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pf_jupyter.errors import NotFound, PfError, RunFailed, UsageError
from pf_jupyter.workspace.api import (
    BatchRun,
    EnteredLine,
    KeepsBatches,
    LineResult,
    NodeResult,
    OnBatchEvent,
    RunResult,
    RunsBatches,
)

from .double_evaluation import DoubleComparing, DoubleEvaluating, DoubleJudged

FAILURE = {
    "kind": "ValueError",
    "count": 1,
    "line_number": 3,
    "node": "greet",
    "message": "Execution failure in 'greet': (ValueError) no",
    "hint": "",
}
NODES = {"greet": {"statuses": {"Completed": 4, "Failed": 1}, "mean_ms": 12.0}}


class DoubleEntered(EnteredLine):
    def __init__(self, line: LineResult, node: str | None) -> None:
        self.line = line
        self.node = node or "greet"
        self.inputs, self.upstream = dict(line.inputs), {}
        self.logs, self.error = line.nodes["greet"].logs, line.error

    def run(self, **changes: Any) -> RunResult:
        raise UsageError("nobody runs a double")

    def run_line(self, **changes: Any) -> RunResult:
        raise UsageError("nobody runs a double")


class DoubleBatch(DoubleJudged, BatchRun):
    def __init__(self, run_id: str = "batch-1", **options: Any) -> None:
        self.run_id = run_id
        self.status = "Completed"
        self.flow = "hello"
        self.flow_path = "/flows/hello"
        self.runtime = "demo"
        self.counts = {"total": 5, "completed": 4, "failed": 1, "reused": 0}
        self.metrics = {"accuracy": 0.8}
        self.error = None
        self.duration_ms = 60.0
        self.failures = [FAILURE]
        self.nodes = NODES
        self.aggregation = {}
        self.tokens = {"total_tokens": 128_400}
        self.system_metrics = {}
        self.outputs_path = Path("/runs/batch-1/flow_outputs/output.jsonl")
        self.changed = []
        self.source_run = None
        self.created_at = "2026-11-21T10:00:00Z"
        self.name = None
        self.tags = {}
        self.options = options

    @property
    def outputs(self) -> Any:
        raise UsageError("no pandas here", code="missing_package")

    @property
    def details(self) -> Any:
        raise UsageError("no pandas here", code="missing_package")

    def lines(self, *, status: str | None = None) -> Iterator[LineResult]:
        for number in range(5):
            line = self.line(number)
            if status in (None, line.status):
                yield line

    def line(self, number: int) -> LineResult:
        failed = number == 3
        node = NodeResult("greet", "Failed" if failed else "Completed")
        node.logs = {"stdout": f"greeting {number}\n"}
        return LineResult(
            number,
            node.status,
            {"name": f"n{number}"},
            None if failed else {"greeting": f"Hello, n{number}!"},
            {"code": "ToolExecutionError", "message": "no"} if failed else None,
            1.5,
            nodes={"greet": node},
            _enter=DoubleEntered,
        )

    def resume(
        self,
        *,
        failed: bool = False,
        workers: int | None = None,
        on_event: OnBatchEvent | None = None,
    ) -> BatchRun:
        return DoubleBatch(self.run_id, failed=failed, workers=workers)

    def cancel(self) -> None:
        self.status = "Canceled"

    def to_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "run_id": self.run_id,
            "lines": self.counts,
            "outputs_path": str(self.outputs_path),
            "metrics": self.metrics,
            "duration_ms": self.duration_ms,
            "error": self.error,
        }

    def raise_for_status(self) -> BatchRun:
        if self.status != "Completed":
            raise RunFailed("it failed", result=self)
        return self

    def __repr__(self) -> str:
        return f"<Batch {self.run_id}>"


class DoubleBatching(DoubleEvaluating, RunsBatches):
    """A runtime whose batches end at once; ``given`` is what the last one was."""

    given: dict[str, Any]
    trouble: PfError | BaseException | None = None

    def batch(self, flow: Any = None, data: Any = None, **options: Any) -> BatchRun:  # type: ignore[override]
        self.given = {"flow": flow, "data": data, **options}
        listen = options["on_event"]
        counts = {"total": 5, "completed": 0, "failed": 0, "reused": 0}
        listen({"event": "batch_started", "run_id": "batch-1", **counts})
        if self.trouble is not None:
            raise self.trouble
        facts = {"failures": [FAILURE], "nodes": NODES, "tokens": {}}
        counts |= {"completed": 2, "failed": 1}
        listen(
            {
                "event": "batch_progress",
                "run_id": "batch-1",
                **counts,
                **facts,
                "rate": 61.0,
                "seconds_left": 10.0,
            }
        )
        return DoubleBatch()


class DoubleBatchRecords(DoubleComparing, KeepsBatches):
    """Knows ``batch-1``, and any single run."""

    def batch(self, run_id: str) -> BatchRun:
        if run_id != "batch-1":
            raise UsageError(f"{run_id} is no batch", code="not_a_batch")
        return DoubleBatch(run_id)

    def is_batch(self, run_id: str) -> bool:
        return run_id.startswith("batch-")

    def archive(self, run_id: str) -> None:
        self._require(run_id)

    def restore(self, run_id: str) -> None:
        self._require(run_id)

    def delete(self, run_id: str) -> None:
        self._require(run_id)

    def export(self, run_id: str, to: str | Path) -> Path:
        self._require(run_id)
        return Path(to)

    def _require(self, run_id: str) -> None:
        if run_id not in ("batch-1", "run-1"):
            raise NotFound(f"no run is called '{run_id}'")
