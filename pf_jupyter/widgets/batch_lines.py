"""The lines of a batch: a page of them, and one opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..commands.wording import milliseconds, plural
from .elements import Child, Element, h
from .node_details import error_text
from .parts import ButtonKind, badge, button, card, row
from .shown import empty, loading, table
from .values import brief, shown_values

if TYPE_CHECKING:
    from ..workspace.api import LineResult
    from .run_page import RunPage

LINES_PER_PAGE = 25


@dataclass
class LineFilter:
    """Which lines are shown: those with ``status`` from number ``start`` of them on."""

    status: str = ""
    start: int = 0
    opened: int | None = None
    line: LineResult | None = None


def batch_lines(panel: RunPage) -> Child:
    """Return a page of the lines of a batch."""
    found, shown = panel.facts, panel.filter
    assert found is not None
    counts = found.run.counts
    total = counts.get(shown.status.lower() or "total", 0)
    first = None if shown.start else "these are the first"
    last = None if len(found.lines) == LINES_PER_PAGE else "these are the last"
    at: dict[str, Any] = {"status": shown.status, "icon": "back", "bare": True}
    before, after = shown.start - LINES_PER_PAGE, shown.start + LINES_PER_PAGE
    bar = row(
        *(_kind(shown, status) for status in ("", "Completed", "Failed")),
        h("span", f"from {shown.start} of {plural(total, 'line')}", class_="pf-mu"),
        button("Before", "lines", start=before, reason=first, **at),
        button("After", "lines", start=after, reason=last, **at | {"icon": "arrow"}),
    )
    if not found.lines:
        return [bar, empty("list", "No lines", "None of this kind has a result.")]
    rows: list[list[Child]] = [
        [
            button(
                str(line.line_number), "line", kind="quiet", number=line.line_number
            ),
            badge(line.status),
            h("code", brief(line.inputs)),
            h("code", brief(line.outputs) if line.outputs else _why(line)),
            *(scores.get(line.line_number, "") for scores in found.scores.values()),
            milliseconds(line.duration_ms),
        ]
        for line in found.lines
    ]
    keys = [f"line:{line.line_number}" for line in found.lines]
    heads = ["line", "status", "inputs", "outputs", *found.scores, "time"]
    return [
        bar,
        _line(panel),
        table(
            heads,
            rows,
            keys=keys,
            numbers=[len(heads) - 1],
            caption="lines of the batch",
        ),
    ]


def _kind(shown: LineFilter, status: str) -> Element:
    kind: ButtonKind = "primary" if shown.status == status else ""
    return button(status or "All", "lines", kind=kind, status=status, start=0)


def _line(panel: RunPage) -> Child:
    if panel.filter.opened is None:
        return None
    line = panel.filter.line
    if line is None:
        return loading(f"Reading line {panel.filter.opened}")
    rows: list[list[Child]] = [
        [
            name,
            badge(node.status),
            h("code", brief(node.output)),
            milliseconds(node.duration_ms),
        ]
        for name, node in line.nodes.items()
    ]
    return card(
        error_text(line.error) if line.error else None,
        shown_values(line.inputs),
        shown_values(line.outputs) if line.outputs else None,
        table(["node", "status", "output", "time"], rows, numbers=[3], caption="nodes"),
        title=f"Line {line.line_number}",
        actions=[button("Close", "line", icon="cross", bare=True, kind="quiet",
                        number=line.line_number)],
        key="line",
    )  # fmt: skip


def _why(line: LineResult) -> str:
    error = line.error or {}
    return brief(f"{error.get('code')}: {error.get('message')}") if error else ""
