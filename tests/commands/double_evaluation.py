"""Evaluations in memory: one with an interval, one that was settled early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pf_jupyter.runs.evaluation.compare import Side, compare
from pf_jupyter.runs.evaluation.sequential import Verdict
from pf_jupyter.runs.evaluation.statistics import Estimate, Interval, wilson
from pf_jupyter.workspace.api import (
    BatchRun,
    ComparesRuns,
    EvaluatesRuns,
    JudgedRun,
    RunComparison,
)
from pf_jupyter.workspace.evaluation import LocalComparison

ENVIRONMENT = {"name": "default", "version": "1", "digest": "sha256:3f9c00000000"}


class DoubleJudged(JudgedRun):
    """Says what it was told to say."""

    settled: Verdict | None = None
    other_environment = False

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        return {"accuracy": Estimate(0.8, 100, "share", wilson(80, 100))}

    @property
    def evaluations(self) -> Sequence[BatchRun]:
        return []

    @property
    def environments(self) -> Mapping[str, Any]:
        other = {**ENVIRONMENT, "name": "big", "version": "2"}
        here = other if self.other_environment else ENVIRONMENT
        return {
            "same": not self.other_environment,
            "environment": here,
            "source_environment": ENVIRONMENT,
        }

    @property
    def verdict(self) -> Verdict | None:
        return self.settled


class DoubleComparing(ComparesRuns):
    """Finds nothing earlier, and compares by what the doubles' lines are."""

    earlier: BatchRun | None = None

    def compare(self, first: Any, *others: Any) -> RunComparison:
        runs = [self._found(run) for run in (first, *others)]
        sides = [
            Side(f"{index}", run.run_id, run.lines, run.metrics)
            for index, run in enumerate(runs)
        ]
        return LocalComparison(compare(sides))

    def previous_evaluation(self, run: Any) -> BatchRun | None:
        return self.earlier

    def _found(self, run: Any) -> BatchRun:
        found: BatchRun = self.batch(run) if isinstance(run, str) else run  # type: ignore[attr-defined]
        return found


class DoubleEvaluating(EvaluatesRuns):
    """Evaluations that end at once; ``evaluated`` holds what they were given."""

    judgement: BatchRun | None = None

    def evaluate(self, run: Any, flow: Any, data: Any = None, **options: Any) -> Any:
        listen = options.pop("on_event")
        self.__dict__.setdefault("evaluated", []).append((run, flow, data, options))
        listen({"event": "batch_note", "run_id": None, "text": "a is taken from b"})
        counts = {"total": 5, "completed": 4, "failed": 0, "reused": 0}
        listen({"event": "batch_started", "run_id": "batch-1", **counts})
        from .double_batch import DoubleBatch

        found = self.judgement or DoubleBatch()
        found.flow = str(flow)
        return found


SETTLED = Verdict("higher", 143, 2000, 0.1, Interval(0.01, 0.2), 0.05)
