"""Which evaluations a batch has, and how to make one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .elements import Child
from .parts import button, row
from .shown import empty, table
from .values import number_words

if TYPE_CHECKING:
    from .run_page import RunPage


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


def _metric_words(metrics: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number_words(v)}" for name, v in metrics.items())
