"""How runs side by side look: a table and a plot in a notebook, columns in a shell."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .pages import duration

if TYPE_CHECKING:
    from ..runs.evaluation.compare import Change, Comparison
    from ..runs.evaluation.statistics import Difference

_ROW = 26
_NAMES, _PLOT, _VALUES = 190, 300, 250
_SHOWN_TEXT, _SHOWN_HTML = 5, 20
_CELL = 'style="text-align:left;padding:2px 1.2em 2px 0;vertical-align:top"'
_UP, _DOWN = "#2e7d32", "#c62828"


def comparison_text(found: Comparison) -> str:
    """Return a comparison as aligned columns."""
    heads = ["", *found.labels]
    rows = [heads, *_facts(found)]
    lines = _aligned(rows)
    lines += ["", *_sentences(found)]
    if found.changes:
        lines.append("")
        shown = found.changes[:_SHOWN_TEXT]
        lines += _aligned([["line", "inputs", *found.labels], *map(_cells, shown)])
        rest = max(found.changed, default=0) - len(shown)
        if rest > 0:
            lines.append(f"… and {rest:,} more; .frame has them")
    return "\n".join(line.rstrip() for line in lines)


def comparison_html(found: Comparison) -> str:
    """Return a comparison as HTML: scores, plot, what changed."""
    parts = [_table([["", *found.labels], *_facts(found)])]
    plot = differences_svg(found)
    if plot:
        parts.append(plot)
    parts += [f"<div>{html.escape(text)}</div>" for text in _sentences(found)]
    if found.changes:
        shown = found.changes[:_SHOWN_HTML]
        rows = [["line", "inputs", *found.labels], *map(_cells, shown)]
        count = max(found.changed, default=0)
        head = f"changed lines ({len(shown)} of {count:,} shown)"
        parts.append(
            f'<details><summary style="cursor:pointer;opacity:.65">{head}</summary>'
            f"{_table(rows)}</details>"
        )
    return "".join(parts)


def differences_svg(found: Comparison) -> str:
    """Return a plot of all differences with their intervals; "" when there are none."""
    bars: list[tuple[str, Difference]] = []
    for score in found.scores:
        for label, change in zip(found.labels[1:], score.differences, strict=True):
            if change is not None and change.interval is not None:
                more = f": {label}" if len(found.labels) > 2 else ""
                bars.append((score.name + more, change))
    if not bars:
        return ""
    width, height = _NAMES + _PLOT + _VALUES, _ROW * len(bars) + 8
    middle = _NAMES + _PLOT / 2
    parts = [
        f'<line x1="{middle}" y1="0" x2="{middle}" y2="{height}"'
        ' stroke="currentColor" stroke-opacity=".4" stroke-dasharray="3 3"/>'
    ]
    for index, (name, change) in enumerate(bars):
        parts.append(_bar(index, name, change, middle))
    title = f"differences to {found.labels[0]}, with intervals"
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' role="img" style="max-width:100%;font:12px sans-serif;display:block;'
        f'margin:6px 0"><title>{html.escape(title)}</title>{"".join(parts)}</svg>'
    )


def _bar(index: int, name: str, change: Difference, middle: float) -> str:
    assert change.interval is not None
    low, high = change.interval.low, change.interval.high
    # Each score has its own width: their units need not be the same.
    reach = max(abs(low), abs(high)) or 1.0
    y = _ROW * index + _ROW / 2 + 4

    def x(value: float) -> float:
        return round(middle + value / reach * (_PLOT / 2 - 6), 1)

    colour = _UP if low > 0 else _DOWN if high < 0 else "currentColor"
    told = f"{name}: {change}"
    return (
        f"<g><title>{html.escape(told)}</title>"
        f'<text x="0" y="{y + 4}" fill="currentColor">{html.escape(_short(name, 28))}'
        f'</text><line x1="{x(low)}" y1="{y}" x2="{x(high)}" y2="{y}"'
        f' stroke="{colour}" stroke-width="2"/>'
        f'<circle cx="{x(change.change)}" cy="{y}" r="4" fill="{colour}"/>'
        f'<text x="{_NAMES + _PLOT + 8}" y="{y + 4}" fill="currentColor">'
        f"{html.escape(_change_text(change))}</text></g>"
    )


def changes_frame(found: Comparison) -> Any:
    """Return the changed lines as a DataFrame."""
    try:
        import pandas
    except ImportError:
        raise UsageError(
            "results as tables need pandas, which is not installed here",
            code="missing_package",
            hint="pip install 'pf-jupyter[pandas]', or use .changes",
        ) from None
    rows = []
    for change in found.changes:
        row: dict[str, Any] = {f"inputs.{k}": v for k, v in change.inputs.items()}
        for label, status, outputs in zip(
            found.labels, change.statuses, change.outputs, strict=True
        ):
            row[f"{label}.status"] = status
            row |= {f"{label}.{k}": v for k, v in (outputs or {}).items()}
        rows.append(row)
    numbers = [change.line_number for change in found.changes]
    return pandas.DataFrame(rows, index=pandas.Index(numbers, name="line_number"))


def _facts(found: Comparison) -> list[list[str]]:
    rows = []
    for score in found.scores:
        cells = [str(e) if e is not None else "" for e in score.estimates]
        rows.append([score.name, *cells])
        if any(change is not None for change in score.differences):
            told = [_change_text(c) if c is not None else "" for c in score.differences]
            rows.append(["", "", *told])
    for name, values in found.metrics.items():
        rows.append([name, *("" if v is None else _json(v) for v in values)])
    counts = [
        f"{c['completed']:,} completed"
        + (f", {c['failed']:,} failed" * bool(c["failed"]))
        for c in found.counts
    ]
    rows.append(["lines", *counts])
    rows.append(
        [
            "time a line",
            *(
                f"{duration(t.median)} (95 % under {duration(t.p95)})" if t else ""
                for t in found.times
            ),
        ]
    )
    if any(found.tokens):
        totals = [f"{tokens.get('total_tokens', 0):,}" for tokens in found.tokens]
        rows.append(["tokens", *totals])
    return rows


def _sentences(found: Comparison) -> list[str]:
    first = found.labels[0]
    lines = []
    for index, label in enumerate(found.labels[1:]):
        text = f"{found.changed[index]:,} of {found.common:,} lines of {label} give"
        text += f" something else than in {first}"
        if found.fixed[index]:
            text += f", {found.fixed[index]:,} that failed do not any more"
        if found.broken[index]:
            text += f", {found.broken[index]:,} fail now"
        lines.append(text)
    if len(found.scores) * (len(found.labels) - 1) > 3:
        lines.append(
            "many differences were tested: of 20 with no effect, one has p < 0.05"
        )
    return lines


def _change_text(change: Difference) -> str:
    from ..runs.evaluation.statistics import p_text

    return (
        f"{change.change:+.3g} (p {p_text(change.p)},"
        f" {change.higher:,} up, {change.lower:,} down)"
    )


def _cells(change: Change) -> list[str]:
    outputs = [
        _short(_values(given), 40) if status == "Completed" else status
        for status, given in zip(change.statuses, change.outputs, strict=True)
    ]
    return [str(change.line_number), _short(_values(change.inputs), 50), *outputs]


def _values(values: dict[str, Any] | None) -> str:
    given = values or {}
    if len(given) == 1:
        return _json(next(iter(given.values())))
    return ", ".join(f"{name}={_json(value)}" for name, value in given.items())


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join(
            cell + " " * (width - _width(cell))
            for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    ]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _table(rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        inner = "".join(f"<{tag} {_CELL}>{html.escape(c)}</{tag}>" for c in cells)
        return f"<tr>{inner}</tr>"

    body = "".join(line(row, "td") for row in rows[1:])
    return f"<table>{line(rows[0], 'th')}{body}</table>"
