"""Runs side by side, line by line: what changed, what it is worth, how sure that is.

Reads each run once, as a stream; what it keeps is a number for each line and score.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from .columns import Columns, Line, Lines, metric_of
from .statistics import (
    CONFIDENCE,
    Difference,
    Estimate,
    difference,
    estimate,
    kind_of,
    quantile,
)

SHOWN = 200


@dataclass
class Side:
    """One run to compare, with the evaluations of it.

    Attributes
    ----------
    label
        What it is called in tables and plots.
    run_id
        Its id.
    lines
        Gives its lines in their order.
    metrics
        What it logged.
    tokens
        Of all model calls.
    evaluations
        Name of the flow to the lines and the metrics of that evaluation.
    """

    label: str
    run_id: str
    lines: Lines
    metrics: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    evaluations: Mapping[str, tuple[Lines, Mapping[str, Any]]] = field(
        default_factory=dict
    )


@dataclass
class Score:
    """A metric or a column of numbers, in each run.

    ``differences`` are those of the other runs to the first, over the lines that have
    the score in both.
    """

    name: str
    estimates: list[Estimate | None]
    differences: list[Difference | None]


@dataclass
class Change:
    """A line whose output or status is not the same in all runs."""

    line_number: int
    inputs: dict[str, Any]
    statuses: list[str]
    outputs: list[dict[str, Any] | None]
    scores: dict[str, list[float | None]]


@dataclass
class Times:
    """Milliseconds of the completed lines of a run."""

    mean: float
    median: float
    p95: float


@dataclass
class Comparison:
    """Two or more runs, the first of them is what the others are compared with.

    Attributes
    ----------
    labels, run_ids
        Of the runs.
    common
        Lines that all runs have.
    counts
        Of each run: ``lines``, ``completed``, ``failed``.
    changed, fixed, broken
        Of each other run: lines that give something else than in the first, that
        failed there and do not here, and the other way round.
    changes
        The first of the changed lines.
    scores
        Metrics and columns of numbers, with intervals and tests.
    metrics
        Logged metrics that belong to no column, as they are.
    times, tokens
        Of each run.
    """

    labels: list[str]
    run_ids: list[str]
    common: int
    counts: list[dict[str, int]]
    changed: list[int]
    fixed: list[int]
    broken: list[int]
    changes: list[Change]
    scores: list[Score]
    metrics: dict[str, list[Any]]
    times: list[Times | None]
    tokens: list[dict[str, int]]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def score(self, name: str) -> Score:
        """Return a score by its name (KeyError)."""
        return next(score for score in self.scores if score.name == name)


def compare(
    sides: Sequence[Side], *, shown: int = SHOWN, confidence: float = CONFIDENCE
) -> Comparison:
    """Compare runs line by line.

    Parameters
    ----------
    sides
        At least two; the others are compared with the first.
    shown
        How many changed lines to keep.
    confidence
        Of all intervals.
    """
    gathered = _Gathered(len(sides), shown)
    streams: list[Iterator[Line]] = []
    owners: list[tuple[int, str]] = []
    for index, side in enumerate(sides):
        streams.append(side.lines())
        owners.append((index, ""))
        for name, (lines, _) in side.evaluations.items():
            streams.append(lines())
            owners.append((index, name))
    for number, found in together(streams):
        gathered.add(number, dict(zip(owners, found, strict=True)))
    names = gathered.names(sides)
    scores = [
        _score(shown_name, columns, confidence) for shown_name, columns in names.items()
    ]
    return Comparison(
        labels=[side.label for side in sides],
        run_ids=[side.run_id for side in sides],
        common=gathered.common,
        counts=gathered.counts,
        changed=gathered.changed,
        fixed=gathered.fixed,
        broken=gathered.broken,
        changes=gathered.changes,
        scores=scores,
        metrics=_other_metrics(sides, {score.name for score in scores}),
        times=[_times(durations) for durations in gathered.durations],
        tokens=[dict(side.tokens) for side in sides],
    )


def together(
    streams: Sequence[Iterator[Line]],
) -> Iterator[tuple[int, list[Line | None]]]:
    """Give the lines of all streams number by number, None where one has none."""
    heads = [next(stream, None) for stream in streams]
    while True:
        numbers = [head.line_number for head in heads if head is not None]
        if not numbers:
            return
        number = min(numbers)
        found: list[Line | None] = []
        for index, head in enumerate(heads):
            mine = head is not None and head.line_number == number
            found.append(head if mine else None)
            if mine:
                heads[index] = next(streams[index], None)
        yield number, found


class _Gathered:
    """What is kept of the lines while they go by."""

    def __init__(self, runs: int, shown: int) -> None:
        self.common = 0
        self.counts = [{"lines": 0, "completed": 0, "failed": 0} for _ in range(runs)]
        self.changed = [0] * (runs - 1)
        self.fixed = [0] * (runs - 1)
        self.broken = [0] * (runs - 1)
        self.changes: list[Change] = []
        self.durations = [array("d") for _ in range(runs)]
        self.columns = Columns(runs)
        self._shown = shown
        self._runs = runs

    def add(self, number: int, found: Mapping[tuple[int, str], Line | None]) -> None:
        lines = [found[index, ""] for index in range(self._runs)]
        for index, line in enumerate(lines):
            if line is None:
                continue
            done = line.status == "Completed"
            counts = self.counts[index]
            counts["lines"] += 1
            counts["completed" if done else "failed"] += 1
            if done and line.duration_ms is not None:
                self.durations[index].append(line.duration_ms)
        numbers = self.columns.add(found)
        present = [line for line in lines if line is not None]
        if len(present) < self._runs:
            return
        self.common += 1
        differs = [self._differs(i, present[0], line) for i, line in enumerate(present)]
        if any(differs) and len(self.changes) < self._shown:
            self.changes.append(_change(number, present, numbers))

    def _differs(self, index: int, first: Line, line: Line) -> bool:
        if index == 0 or _same(
            (first.status, first.outputs), (line.status, line.outputs)
        ):
            return False
        self.changed[index - 1] += 1
        was, done = first.status == "Completed", line.status == "Completed"
        self.fixed[index - 1] += done and not was
        self.broken[index - 1] += was and not done
        return True

    def names(self, sides: Sequence[Side]) -> dict[str, list[array[float]]]:
        """Return the columns under what people call them: their metric, if it is one.

        A column is a metric's if all runs that logged the metric have its mean.
        """
        named: dict[str, list[array[float]]] = {}
        for (evaluation, column), columns in self.columns.numbers().items():
            metrics = [
                side.evaluations.get(evaluation, (None, {}))[1]
                if evaluation
                else side.metrics
                for side in sides
            ]
            name = metric_of(metrics, columns) or column
            if name in named:
                name = f"{evaluation}.{column}" if evaluation else f"outputs.{column}"
            named[name] = columns
        return named


def _score(name: str, columns: Sequence[Sequence[float]], confidence: float) -> Score:
    every = {value for column in columns for value in column if not math.isnan(value)}
    kind = kind_of(every)
    estimates: list[Estimate | None] = []
    differences: list[Difference | None] = []
    for column in columns:
        present = [value for value in column if not math.isnan(value)]
        estimates.append(estimate(present, kind, confidence) if present else None)
    for column in columns[1:]:
        pairs = [
            (a, b)
            for a, b in zip(columns[0], column, strict=True)
            if not (math.isnan(a) or math.isnan(b))
        ]
        first, second = [a for a, _ in pairs], [b for _, b in pairs]
        differences.append(
            difference(first, second, kind, confidence) if pairs else None
        )
    return Score(name, estimates, differences)


def _other_metrics(sides: Sequence[Side], known: set[str]) -> dict[str, list[Any]]:
    logged = []
    for side in sides:
        every = dict(side.metrics)
        for _, metrics in side.evaluations.values():
            every.update(metrics)
        logged.append(every)
    names = dict.fromkeys(name for metrics in logged for name in metrics)
    return {
        name: [metrics.get(name) for metrics in logged]
        for name in names
        if name not in known
    }


def _times(durations: Sequence[float]) -> Times | None:
    if not durations:
        return None
    ordered = sorted(durations)
    return Times(fmean(ordered), quantile(ordered, 0.5), quantile(ordered, 0.95))


def _change(
    number: int, lines: Sequence[Line], scores: dict[str, list[float | None]]
) -> Change:
    return Change(
        line_number=number,
        inputs=dict(lines[0].inputs),
        statuses=[line.status for line in lines],
        outputs=[line.outputs for line in lines],
        scores=scores,
    )


def _same(first: Any, second: Any) -> bool:
    """Compare JSON values; NaN equals NaN, for nothing has changed."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            _same(value, second[name]) for name, value in first.items()
        )
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    return bool(first == second) or (first != first and second != second)
