"""How a run reads in a terminal, and what its JSON is when it never began."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import FlowInvalid, PfError, RunCanceled, RunFailed
from .wording import MARKS, milliseconds, shorten

if TYPE_CHECKING:
    from ..workspace.api import RunResult


def outputs_text(result: RunResult) -> str:
    """Return the outputs for people: a lone text as it is, else a line for each."""
    outputs = result.outputs
    if not outputs and len(result.nodes) == 1:
        node = next(iter(result.nodes.values()))
        outputs = {node.name: node.output} if node.status == "Completed" else {}
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


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:
        return repr(value)
