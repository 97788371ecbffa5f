"""Judging runs in a local workspace: evaluations, estimates, runs side by side."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError, UsageError
from .api import BatchRun, ComparesRuns, EvaluatesRuns, JudgedRun, RunComparison

if TYPE_CHECKING:
    from ..runs.evaluation.compare import Comparison, Side
    from ..runs.evaluation.sequential import Verdict
    from ..runs.evaluation.statistics import Estimate
    from ..runs.evaluation.stopping import StopRule
    from ..store.records import RunRecord
    from .batch import LocalBatchRun
    from .local import LocalWorkspace
    from .preview_api import RowSource

VERDICT = "verdict.json"
LOOKED_AT = 2_000


class LocalEvaluating(EvaluatesRuns):
    """A runtime that judges runs; `_workspace` is the runtime's."""

    _workspace: LocalWorkspace

    @abstractmethod
    def batch(self, *arguments: Any, **options: Any) -> BatchRun:
        """Run a flow over rows; see `RunsBatches.batch`."""

    def evaluate(
        self,
        run: str | BatchRun,
        flow: str | Path,
        data: Any = None,
        *,
        mapping: Mapping[str, Any] | Sequence[str] | None = None,
        against: str | BatchRun | None = None,
        stop_when_settled: bool = False,
        error: float = 0.05,
        smallest: float | None = None,
        scale: tuple[float, float] | None = None,
        on_event: Any = None,
        **options: Any,
    ) -> BatchRun:
        """Run a flow over the outputs of a run; see `EvaluatesRuns.evaluate`."""
        from ..flow.snapshot import load
        from ..runs.batch.prepare import upstream_rows
        from ..runs.evaluation.wiring import columns_of, wired

        store = self._workspace.core.store
        source = run if isinstance(run, str) else run.run_id
        outputs, inputs = upstream_rows(store, source)
        path = self._workspace.flows.resolve(flow)
        declared = load(path, variant=options.get("variant")).require()[0]
        whole, guessed = wired(
            mapping, declared.inputs, columns_of(data), outputs, inputs
        )
        if on_event is not None:
            for name, reference in guessed.items():
                text = f"{name} is taken from {reference}"
                on_event({"event": "batch_note", "run_id": None, "text": text})
        rule = None
        if stop_when_settled:
            rule = self._rule(path, against, error, smallest, scale)
        judged = self.batch(
            path,
            data,
            mapping=whole,
            source_run=source,
            on_event=on_event,
            **({"steering": rule} if rule else {}),
            **options,
        )
        verdict = rule.verdict() if rule else None
        if verdict is not None:
            from ..runs.batch.folder import write_json

            place = judged.outputs_path.parent.parent / VERDICT
            write_json(place, {**verdict.to_dict(), "against": _against(against)})
        return judged

    def _rule(
        self,
        path: Path,
        against: str | BatchRun | None,
        error: float,
        smallest: float | None,
        scale: tuple[float, float] | None,
    ) -> StopRule:
        from ..runs.evaluation.stopping import rule_for

        if against is None:
            raise UsageError(
                "there is nothing to settle: no other run is named",
                code="missing_argument",
                hint="name the run to beat, or its evaluation: --against RUN",
            )
        runs = self._workspace.runs
        other = runs.batch(against) if isinstance(against, str) else against
        if other.source_run is None:
            found = [e for e in other.evaluations if Path(e.flow_path) == path]
            if not found:
                raise UsageError(
                    f"run {other.run_id} was not judged by this flow",
                    code="no_evaluation",
                    hint=f"judge it first: %pfeval --run {other.run_id} "
                    f"--flow {path.name}",
                )
            other = found[0]
        return rule_for(_outputs(other.outputs_path), scale, error, smallest)


class LocalComparing(ComparesRuns):
    """The records of a local workspace; `_workspace` is theirs."""

    _workspace: LocalWorkspace

    def compare(self, first: str | BatchRun, *others: str | BatchRun) -> RunComparison:
        """Put runs side by side; see `ComparesRuns.compare`."""
        from ..runs.evaluation.compare import compare

        if not others:
            raise UsageError(
                "one run alone is not compared",
                code="missing_argument",
                hint="name two or more: %pfrun compare A B",
            )
        runs = [self._batch(run) for run in (first, *others)]
        return LocalComparison(compare(_sides(self._workspace, runs)))

    def previous_evaluation(self, run: str | BatchRun) -> BatchRun | None:
        """Return the newest earlier evaluation of the same kind, or None."""
        judged = self._batch(run)
        if judged.source_run is None:
            return None
        store = self._workspace.core.store
        source = store.run(judged.source_run)
        for record in _evaluations(self._workspace, judged.flow_path):
            if record.created_at >= judged.created_at or source is None:
                continue
            if record.source_run == judged.source_run:
                continue
            if _stopped(self._workspace, record.run_id):
                continue
            other = store.run(record.source_run or "")
            if other is not None and other.flow_path == source.flow_path:
                return self._batch(record.run_id)
        return None

    def _batch(self, run: str | BatchRun) -> BatchRun:
        if not isinstance(run, str):
            return run
        return self._workspace.runs.batch(run)


class LocalJudged(JudgedRun):
    """A batch run of a local workspace, asked for its quality."""

    _workspace: LocalWorkspace
    record: RunRecord
    run_id: str
    outputs_path: Path
    metrics: dict[str, Any]
    source_run: str | None

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        """Metrics and columns of numbers with their intervals."""
        from ..runs.evaluation.columns import estimates_of

        return estimates_of(_output_lines(self.outputs_path), self.metrics)

    @property
    def evaluations(self) -> Sequence[LocalBatchRun]:
        """The completed evaluations of this run, the newest first."""
        found = _evaluations(self._workspace)
        mine = [record for record in found if record.source_run == self.run_id]
        runs = self._workspace.runs
        return [runs.batch(record.run_id) for record in mine]  # type: ignore[misc]

    @property
    def environments(self) -> Mapping[str, Any]:
        """Of an evaluation: both environments, and whether they are the same."""
        if self.source_run is None:
            return {}
        source = self._workspace.core.store.run(self.source_run)
        here = _environment(self.record)
        there = _environment(source) if source is not None else None
        same = there is not None and bool(here["digest"])
        same = same and there is not None and here["digest"] == there["digest"]
        return {"same": same, "environment": here, "source_environment": there}

    @property
    def sources(self) -> Mapping[str, RowSource]:
        """What other batches can map of it; see `JudgedRun.sources`."""
        from .previewing import sources_of_run

        return sources_of_run(self._workspace.core.store, self.run_id)

    @property
    def verdict(self) -> Verdict | None:
        """What a stop rule has settled."""
        from ..runs.batch.folder import read_json
        from ..runs.evaluation.sequential import Verdict
        from ..runs.evaluation.statistics import Interval

        found = read_json(self.outputs_path.parent.parent / VERDICT)
        if found is None:
            return None
        interval = Interval(**found["interval"])
        keys = ("result", "seen", "total", "change", "error")
        return Verdict(interval=interval, **{key: found[key] for key in keys})

    @property
    def beaten(self) -> str | None:
        """The run that a stop rule compared this one with."""
        from ..runs.batch.folder import read_json

        found = read_json(self.outputs_path.parent.parent / VERDICT) or {}
        against: str | None = found.get("against")
        return against

    def compare(self, *others: str | BatchRun) -> RunComparison:
        """Put other runs beside this one; see `ComparesRuns.compare`."""
        assert isinstance(self, BatchRun)
        return self._workspace.runs.compare(self, *others)


class LocalComparison(RunComparison):
    """A comparison and its looks.

    Parameters
    ----------
    found
        What was found.
    """

    def __init__(self, found: Comparison) -> None:
        self._found = found
        self.labels = found.labels
        self.run_ids = found.run_ids
        self.common = found.common
        self.counts = found.counts
        self.changed = found.changed
        self.fixed = found.fixed
        self.broken = found.broken
        self.scores = found.scores
        self.changes = found.changes
        self.metrics = found.metrics
        self.times = found.times
        self.tokens = found.tokens

    @property
    def frame(self) -> Any:
        """The changed lines as a DataFrame."""
        from .evaluation_page import changes_frame

        return changes_frame(self._found)

    def text(self) -> str:
        """Return it as a terminal shows it."""
        from .evaluation_page import comparison_text

        return comparison_text(self._found)

    def html(self) -> str:
        """Return it as a notebook shows it, with a plot."""
        from .evaluation_page import comparison_html

        return comparison_html(self._found)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return self._found.to_dict()

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


@dataclass
class _OutputLine:
    """A line of the outputs file; all of them are completed."""

    line_number: int
    outputs: dict[str, Any] | None
    status: str = "Completed"
    inputs: dict[str, Any] = field(default_factory=dict)
    duration_ms: float | None = None


def _outputs(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not file.is_file():
        return
    with file.open(encoding="utf-8", errors="surrogatepass") as stream:
        for text in stream:
            row = json.loads(text)
            yield row.pop("line_number"), row


def _output_lines(file: Path) -> Iterator[_OutputLine]:
    for number, row in _outputs(file):
        yield _OutputLine(number, row)


def _sides(workspace: LocalWorkspace, runs: Sequence[BatchRun]) -> list[Side]:
    """Return the runs with the newest of their evaluations that all of them have."""
    from ..runs.evaluation.compare import Side

    judged: list[dict[str, BatchRun]] = []
    for run in runs:
        newest: dict[str, BatchRun] = {}
        for evaluation in run.evaluations if run.source_run is None else ():
            if evaluation.verdict is None:  # else it has seen only some of the lines
                newest.setdefault(evaluation.flow_path, evaluation)
        judged.append(newest)
    shared = [path for path in judged[0] if all(path in found for found in judged)]
    labels = _labels(workspace, runs)
    return [
        Side(
            label=label,
            run_id=run.run_id,
            lines=run.lines,
            metrics=run.metrics,
            tokens=run.tokens,
            evaluations={
                evaluations[path].flow: (
                    _reader(evaluations[path].outputs_path),
                    evaluations[path].metrics,
                )
                for path in shared
            },
        )
        for label, run, evaluations in zip(labels, runs, judged, strict=True)
    ]


def _reader(file: Path) -> Any:
    return lambda: _output_lines(file)


def _labels(workspace: LocalWorkspace, runs: Sequence[BatchRun]) -> list[str]:
    """Return short names that differ: given ones, those of flows, or ids."""
    named = [run.name or _judged_flow(workspace, run) for run in runs]
    if len(set(named)) == len(runs):
        return named
    return [run.name or run.run_id for run in runs]


def _judged_flow(workspace: LocalWorkspace, run: BatchRun) -> str:
    """Return the flow of a run, or of the run that it judges."""
    if run.source_run is not None:
        try:
            source = workspace.runs.batch(run.source_run)
        except PfError:
            return run.run_id
        return f"{run.flow} of {source.name or source.flow}"
    return run.flow


def _stopped(workspace: LocalWorkspace, run_id: str) -> bool:
    """Whether an evaluation has ended early because it was settled."""
    return workspace.runs.batch(run_id).verdict is not None


def _evaluations(
    workspace: LocalWorkspace, flow_path: str | None = None
) -> list[RunRecord]:
    return [
        record
        for record in workspace.core.store.runs(limit=LOOKED_AT, status="Completed")
        if record.source_run is not None
        and record.mode == "batch"
        and flow_path in (None, record.flow_path)
    ]


def _environment(record: RunRecord) -> dict[str, Any]:
    return {
        "name": record.environment_name,
        "version": record.environment_version,
        "digest": record.environment_digest,
    }


def _against(run: str | BatchRun | None) -> str | None:
    return run if run is None or isinstance(run, str) else run.run_id
