"""How a batch run looks in a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from .api import BatchRun
from .cost_api import cost_text
from .pages import duration
from .several_api import dashboard_link

_TABLE = 'style="border-collapse:collapse;margin-top:4px"'
_LINES_FOR_ESTIMATES = 20_000
"""Above this a page shows metrics without intervals, for they take reading it all."""
_CELL = 'style="padding:1px 12px 1px 0;text-align:left;vertical-align:top"'


def batch_html(run: BatchRun) -> str:
    """Return a batch as HTML: counts, metrics, failures, nodes."""
    counts = run.counts
    facts = [
        f"{counts['completed']} of {counts['total']} lines completed",
        f"{counts['failed']} failed" if counts["failed"] else "",
        f"{counts['reused']} reused" if counts["reused"] else "",
        duration(run.duration_ms),
        f"{run.tokens.get('total_tokens', 0)} tokens" if run.tokens else "",
        cost_text(run.cost),
        run.runtime,
        f"run {run.run_id}",
    ]
    parts = [
        f"<b>{html.escape(run.flow)}</b> {html.escape(run.status)}",
        _quiet(" · ".join(fact for fact in facts if fact)),
    ]
    if run.error:
        text = f"{run.error.get('code')}: {run.error.get('message')}"
        parts.append(f"<div>{html.escape(text)}</div>")
        if run.error.get("hint"):
            parts.append(_quiet(f"hint: {run.error['hint']}"))
    parts += [_quiet(text) for text in run.changed]
    if run.metrics:
        few = counts["completed"] <= _LINES_FOR_ESTIMATES
        estimates = run.estimates if few else {}
        rows = [
            [name, str(estimates[name]) if name in estimates else _short(value)]
            for name, value in run.metrics.items()
        ]
        parts.append(_table(["metric", ""], rows))
    if run.failures:
        parts.append(_table(["failures", "kind", "first"], failure_rows(run.failures)))
    if run.nodes:
        parts.append(_table(["node", "mean", "ended"], node_rows(run.nodes)))
    parts.append(dashboard_link(run.cluster))
    if run.runtimes:
        places = [[p["name"], str(p["lines"]), p["state"]] for p in run.runtimes]
        parts.append(_table(["runtime", "lines", ""], places))
    return "".join(parts)


def failure_rows(failures: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return count, kind and first case of each kind of failure."""
    return [
        [
            str(kind["count"]),
            str(kind["kind"]),
            f"line {kind['line_number']}: {kind['message']}"[:200],
        ]
        for kind in failures
    ]


def node_rows(nodes: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return name, mean time and ends of each node."""
    rows = []
    for name, node in nodes.items():
        mean = node.get("mean_ms")
        ends = ", ".join(f"{count} {s}" for s, count in node["statuses"].items())
        rows.append([name, "" if mean is None else duration(mean), ends])
    return rows


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        inner = "".join(f"<{tag} {_CELL}>{html.escape(c)}</{tag}>" for c in cells)
        return f"<tr>{inner}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table {_TABLE}>{line(heads, 'th')}{body}</table>"


def _quiet(text: str) -> str:
    return f'<div style="opacity:.65">{html.escape(text)}</div>'


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:200]
