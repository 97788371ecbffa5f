"""How a run reads in a terminal, and what its JSON is when it never began."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import FlowInvalid, PfError, RunCanceled, RunFailed
from .results import Shown, pre
from .wording import MARKS, milliseconds, shorten

if TYPE_CHECKING:
    from ..workspace.api import RunResult

_GRID = "display:grid;grid-template-columns:max-content 1fr;gap:2px 1.2em"


class BriefResult(Shown):
    """A run's outputs and one line about it, for below a picture shown already.

    Parameters
    ----------
    result
        The run.
    further
        Lines to show at the end.
    """

    def __init__(self, result: RunResult, further: Sequence[str] = ()) -> None:
        self._result = result
        self._further = list(further)

    def text(self) -> str:
        """Return what the shell prints."""
        further = ["", *self._further] if self._further else []
        return "\n".join([result_text(self._result), *further])

    def html(self) -> str:
        """Return the outputs, names before values, and the quiet line."""
        values = _outputs(self._result) | {
            f"metric {name}": value for name, value in self._result.metrics.items()
        }
        if len(values) == 1 and isinstance(next(iter(values.values())), str):
            body = pre(next(iter(values.values())))
        else:
            cells = "".join(
                f'<span style="opacity:.65">{html.escape(name)}</span>'
                f"<div>{pre(_value(value))}</div>"
                for name, value in values.items()
            )
            body = f'<div style="{_GRID}">{cells}</div>'
        quiet = html.escape(closing_line(self._result))
        return (
            f"{body}"
            f'<div style="opacity:.65;margin-top:4px">{quiet}</div>'
            f"{_trace(self._result)}"
            f"{pre(chr(10).join(self._further))}"
        )


def outputs_text(result: RunResult) -> str:
    """Return the outputs for people: a lone text as it is, else a line for each."""
    outputs = _outputs(result)
    if not outputs:
        return ""
    if len(outputs) == 1:
        return _value(next(iter(outputs.values())))
    width = max(len(name) for name in outputs)
    lines = []
    for name, value in outputs.items():
        text = _value(value)
        if "\n" in text:
            text = "\n" + "\n".join(f"    {line}" for line in text.splitlines())
        lines.append(f"{name:<{width}}   {text}")
    return "\n".join(lines)


def closing_line(result: RunResult) -> str:
    """Return ``✓ Completed in 12 ms · demo · default:1 @ 3f9c… · run 2026…``."""
    parts = [
        f"{MARKS[result.status]} {result.status} in {milliseconds(result.duration_ms)}",
        result.runtime,
        str(result.environment),
        f"run {result.run_id}",
    ]
    if result.tokens:
        parts.insert(1, f"{result.tokens.get('total_tokens', 0)} tokens")
    if result.source_run_id:
        parts.append(f"from run {result.source_run_id}")
    return " · ".join(parts)


def result_text(result: RunResult) -> str:
    """Return the outputs, the metrics and the closing line."""
    lines = [outputs_text(result)]
    lines += [f"metric {k} = {v}" for k, v in result.metrics.items()]
    lines.append(closing_line(result))
    return "\n".join(line for line in lines if line)


def node_rows(result: RunResult) -> list[list[str]]:
    """Return a row of texts for each node: mark, name, status, time, output."""
    return [
        [
            MARKS.get(node.status, " "),
            node.name,
            node.status,
            milliseconds(node.duration_ms),
            shorten(_value(node.output), 60) if node.status == "Completed" else "",
        ]
        for node in result.nodes.values()
    ]


def log_lines(name: str, logs: Mapping[str, Any]) -> list[str]:
    """Return what was printed, each line with the name of who printed it."""
    lines = [
        f"{name} {mark}│ {line}"
        for stream, mark in (("stdout", ""), ("stderr", "! "))
        for line in str(logs.get(stream) or "").splitlines()
    ]
    dropped = logs.get("dropped_bytes")
    if dropped:
        lines.append(f"{name} │ … {dropped} bytes were dropped")
    return lines


def failure_of(result: RunResult) -> PfError | None:
    """Return the error of a run that did not complete, or None."""
    if result.status == "Completed":
        return None
    try:
        result.raise_for_status()
    except PfError as error:
        return error
    return RunFailed(f"run {result.run_id} ended as {result.status}", result=result)


def not_run(error: PfError) -> dict[str, Any]:
    """Return the JSON form of `flow run` for a flow that gave no result.

    The keys are those of a result, so that a program finds ``error`` in one place.
    """
    result = getattr(error, "result", None)
    if result is not None:
        document: dict[str, Any] = result.to_dict()
        return document
    details = {"node": getattr(error, "node", None)}
    if isinstance(error, FlowInvalid):
        details["problems"] = error.problems
    return {
        "status": "Canceled" if isinstance(error, RunCanceled) else "Failed",
        "run_id": None,
        "outputs": None,
        "nodes": {},
        "metrics": {},
        "runtime": None,
        "environment": None,
        "duration_ms": None,
        "error": {**details, **error.to_dict()},
    }


def _trace(result: RunResult) -> str:
    """Return the trace, folded, when nodes tell more than that they ran."""
    trace = result.trace
    if len(trace) <= 1 + len(result.nodes):
        return ""
    words = f"trace · {len(trace)} spans"
    return (
        f'<details style="margin-top:4px"><summary style="opacity:.65;cursor:pointer">'
        f"{words}</summary>{trace.html()}</details>"
    )


def _outputs(result: RunResult) -> dict[str, Any]:
    """Return the outputs; those of a node that ran alone are what it returned."""
    if result.outputs or len(result.nodes) != 1:
        return dict(result.outputs or {})
    node = next(iter(result.nodes.values()))
    return {node.name: node.output} if node.status == "Completed" else {}


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:
        return repr(value)
