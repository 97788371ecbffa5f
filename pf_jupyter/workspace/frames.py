"""Results of batches as tables; pandas is imported when somebody asks for one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import UsageError
from .api import LineResult


def outputs_frame(lines: Iterable[LineResult]) -> Any:
    """Return a DataFrame of outputs, a row for each line, by line number."""
    rows = [(line.line_number, line.outputs or {}) for line in lines]
    return _frame([row[1] for row in rows], [row[0] for row in rows])


def details_frame(lines: Iterable[LineResult]) -> Any:
    """Return a DataFrame of everything that is known of each line."""
    rows: list[dict[str, Any]] = []
    numbers = []
    for line in lines:
        row: dict[str, Any] = {f"inputs.{k}": v for k, v in line.inputs.items()}
        row |= {f"outputs.{k}": v for k, v in (line.outputs or {}).items()}
        row["status"] = line.status
        error = line.error
        row["error"] = f"{error.get('code')}: {error.get('message')}" if error else None
        row["duration_ms"] = line.duration_ms
        for name, node in line.nodes.items():
            row[f"nodes.{name}.duration_ms"] = node.duration_ms
        rows.append(row)
        numbers.append(line.line_number)
    frame = _frame(rows, numbers)
    ends = ["status", "error", "duration_ms"]
    order = {"inputs": 0, "outputs": 1, "nodes": 3}

    def place(column: str) -> int:
        return 2 if column in ends else order[column.split(".", 1)[0]]

    return frame[sorted(frame.columns, key=place)]


def _frame(rows: list[dict[str, Any]], numbers: list[int]) -> Any:
    try:
        import pandas
    except ImportError:
        raise UsageError(
            "results as tables need pandas, which is not installed here",
            code="missing_package",
            hint="pip install 'pf-jupyter[pandas]', or go through run.lines()",
        ) from None
    index = pandas.Index(numbers, name="line_number")
    return pandas.DataFrame(rows, index=index)
