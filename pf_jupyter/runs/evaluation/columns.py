"""The outputs of lines that are numbers, and the metrics that are their means."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, Protocol

from .statistics import CONFIDENCE, Estimate, as_number, estimate

ROUNDING = 0.005
NAN = math.nan


class Line(Protocol):
    """What is needed of a line's result."""

    line_number: int
    status: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    duration_ms: float | None


Lines = Callable[[], Iterator[Line]]


class Columns:
    """The outputs of lines that are numbers, NaN where a line has none."""

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._columns: dict[tuple[str, str], list[array[float]]] = {}
        self._texts: set[tuple[str, str]] = set()
        self._rows = 0

    def add(
        self, found: Mapping[tuple[int, str], Line | None]
    ) -> dict[str, list[float | None]]:
        """Take one line of every run; return its numbers by name."""
        shown: dict[str, list[float | None]] = {}
        for (index, evaluation), line in found.items():
            for column, value in ((line.outputs if line else None) or {}).items():
                key = evaluation, column
                if key in self._texts:
                    continue
                number = as_number(value)
                if number is None and value is not None and value == value:
                    self._texts.add(key)
                    self._columns.pop(key, None)
                    continue
                self._put(key, index, NAN if number is None else number)
                name = column
                shown.setdefault(name, [None] * self._runs)[index] = number
        self._rows += 1
        return shown

    def _put(self, key: tuple[str, str], index: int, number: float) -> None:
        columns = self._columns.get(key)
        if columns is None:
            columns = self._columns[key] = [array("d") for _ in range(self._runs)]
        column = columns[index]
        column.extend([NAN] * (self._rows - len(column)))
        column.append(number)

    def numbers(self) -> dict[tuple[str, str], list[array[float]]]:
        """Return the columns of all runs, equally long."""
        for columns in self._columns.values():
            for column in columns:
                column.extend([NAN] * (self._rows - len(column)))
        return self._columns


def metric_of(
    metrics: Sequence[Mapping[str, Any]], columns: Sequence[Sequence[float]]
) -> str | None:
    """Return the metric that is the mean of a column, however it is rounded."""
    means = [_mean(column) for column in columns]
    for name in dict.fromkeys(name for logged in metrics for name in logged):
        pairs = [
            (logged[name], mean)
            for logged, mean in zip(metrics, means, strict=True)
            if name in logged and mean is not None
        ]
        if pairs and all(_near(value, mean) for value, mean in pairs):
            return name
    return None


def estimates_of(
    lines: Iterator[Line], metrics: Mapping[str, Any], confidence: float = CONFIDENCE
) -> dict[str, Estimate]:
    """Return a run's metrics and columns of numbers with their intervals.

    Parameters
    ----------
    lines
        Of the run.
    metrics
        What it logged; one that belongs to no column has no interval.
    """
    columns = Columns(1)
    for line in lines:
        columns.add({(0, ""): line})
    named: dict[str, Estimate] = {}
    for (_, column), (values,) in columns.numbers().items():
        present = [value for value in values if not math.isnan(value)]
        if present:
            name = metric_of([metrics], [present]) or column
            if name in named:
                name = column
            named[name] = estimate(present, confidence=confidence)
    rest = {
        name: Estimate(float(value), 0, "metric", None)
        for name, value in metrics.items()
        if name not in named and _is_number(value)
    }
    return {name: named[name] for name in metrics if name in named} | named | rest


def _near(value: Any, mean: float) -> bool:
    return _is_number(value) and abs(value - mean) <= ROUNDING + 1e-9


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mean(column: Sequence[float]) -> float | None:
    present = [value for value in column if not math.isnan(value)]
    return fmean(present) if present else None
