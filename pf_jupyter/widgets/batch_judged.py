"""Which evaluations a batch has, and how to make one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .elements import Child
from .parts import button, row
from .shown import empty, table
from .values import number_words

if TYPE_CHECKING:
    from ..workspace.api import BatchRun
    from .run_page import RunPage

COLUMNS = 3
"""How many evaluations stand beside the lines of a batch."""


def evaluations(panel: RunPage) -> Child:
    """Return the evaluations of a batch, each with its metrics."""
    assert panel.facts is not None
    run = panel.facts.run
    reason = None
    if run.status != "Completed":
        reason = f"it is {run.status}; only a completed batch can be judged"
    judge = button("Evaluate", "judge", icon="chart", reason=reason)
    rows: list[list[Child]] = [
        [
            judged.flow,
            _metric_words(judged.metrics),
            judged.runtime,
            str(judged.created_at)[:19].replace("T", " "),
            button("Open", "open_run", key=f"open:{judged.run_id}", run=judged.run_id),
        ]
        for judged in panel.facts.judged
    ]
    if not rows:
        words = "A flow that judges runs over what this batch gave; no line runs again."
        return empty("chart", "Not judged yet", words, judge)
    heads = ["judged by", "metrics", "runtime", "when", ""]
    return [row(judge), table(heads, rows, caption="evaluations of this batch")]


def scores_of(
    judged: Sequence[BatchRun], numbers: Sequence[int]
) -> dict[str, dict[int, str]]:
    """Return what the newest evaluation by each flow gave for these lines.

    Parameters
    ----------
    judged
        Evaluations of one batch, the newest first.
    numbers
        Of the lines.
    """
    found: dict[str, dict[int, str]] = {}
    wanted = set(numbers)
    for run in judged if wanted else ():
        if run.flow in found or len(found) == COLUMNS:
            continue
        scores = found[run.flow] = {}
        for line in run.lines():
            if line.line_number in wanted and line.outputs:
                values = line.outputs
                scores[line.line_number] = ", ".join(
                    number_words(value) for value in values.values()
                )
            if line.line_number >= max(wanted):
                break
    return found


def _metric_words(metrics: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number_words(v)}" for name, v in metrics.items())
