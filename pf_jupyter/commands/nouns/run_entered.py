"""`run enter`: into a line of a batch, to look at a node and to run it alone."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ...errors import NotFound, UsageError
from ..context import Context
from ..results import Shown
from ..runs import failure_of, result_text
from ..tree import Argument, Outcome, Verb
from ..values import read_pairs
from ..wording import columns, shorten

if TYPE_CHECKING:
    from ...workspace.api import EnteredLine, LineResult

_WIDTH = 200


class _Entered(Shown):
    """What a node was given, what came before it, and what went wrong."""

    def __init__(self, at: EnteredLine) -> None:
        self._at = at

    def text(self) -> str:
        """Return it in a few lines."""
        at = self._at
        where = f"node {at.node}" if at.node else "the flow"
        parts = [f"line {at.line.line_number}, {where}"]
        for head, values in (("inputs", at.inputs), ("upstream", at.upstream)):
            rows = [
                [f"  {head}.{name}", _short(value)] for name, value in values.items()
            ]
            parts += columns(rows)
        for stream in ("stdout", "stderr"):
            text = str(at.logs.get(stream) or "").rstrip()
            parts += [f"  {stream} │ {line}" for line in text.splitlines()]
        if at.error:
            parts.append(f"{at.error.get('code')}: {at.error.get('message')}")
        return "\n".join(parts)


def _enter(context: Context, arguments: Namespace) -> Outcome:
    from .run_batch import run_id

    found = run_id(context, arguments.run)
    assert found is not None
    run = context.workspace.runs.batch(found)
    line = _line(run, arguments.row)
    at = line.enter(arguments.node)
    changes = _changes(context, at, arguments)
    if changes or arguments.again or arguments.whole:
        context.ready_runtime(run.runtime)
        result = at.run_line(**changes) if arguments.whole else at.run(**changes)
        return Outcome(
            result,
            result.to_dict(),
            result_text(result),
            failure=failure_of(result),
        )
    document = {
        "run_id": run.run_id,
        "line_number": line.line_number,
        "node": at.node,
        "inputs": at.inputs,
        "upstream": at.upstream,
        "logs": at.logs,
        "error": at.error,
    }
    text = _Entered(at).text()
    way = context.spell("run", f"enter {run.run_id} --row {line.line_number}")
    text += f"\n{way} --again runs it alone, name=value with another input"
    return Outcome(at, document, text)


def _line(run: Any, number: int | None) -> LineResult:
    if number is not None:
        found: LineResult = run.line(number)
        return found
    for line in run.lines(status="Failed"):
        first: LineResult = line
        return first
    raise NotFound(
        f"no line of run {run.run_id} has failed",
        code="line_not_found",
        hint="name a line: --row 0",
    )


def _changes(context: Context, at: EnteredLine, arguments: Namespace) -> dict[str, Any]:
    """Return the inputs that are given, each as what it stands for is."""
    known = at.line.inputs if arguments.whole or at.node is None else at.inputs
    changes = read_pairs(context, arguments.changes, "input")
    for name, value in changes.items():
        if name not in known:
            raise UsageError(
                f"there is no input {name!r} here",
                code="unknown_input",
                hint=f"there are {', '.join(known) or 'none'}",
            )
        if isinstance(value, str) and not isinstance(known[name], str):
            try:
                changes[name] = json.loads(value)
            except ValueError:
                continue
    return changes


def _short(value: Any) -> str:
    return shorten(value if isinstance(value, str) else repr(value), _WIDTH)


ENTER = Verb(
    "enter",
    "step into a line of a batch: look at a node, change its inputs, run it alone",
    _enter,
    (
        Argument("run", "id of the run", complete="run", required=True),
        Argument("changes", "other inputs", metavar="name=value", many=True),
        Argument("--row", "number of the line; the first that failed", type=int),
        Argument("--node", "another node than the one that failed", complete="node"),
        Argument(
            "--again", "run the node alone, with the flow as it is now", flag=True
        ),
        Argument("--whole", "run the whole line", flag=True),
    ),
    examples=("RUN --row 417", "RUN --row 417 text=shorter"),
)
