"""`run`: what was executed, and what it said."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ...errors import NotFound
from ..context import Context
from ..results import Lines, Message
from ..runs import log_lines, node_rows, result_text
from ..tree import Argument, Outcome, Verb, noun
from ..values import count
from ..wording import columns
from .run_batch import BATCH_VERBS, run_id, show_batch
from .run_entered import ENTER
from .run_retention import ARCHIVED, PRUNE, TAGS, chosen, runs_table

_MOST_LOG_LINES = 2000
_RUN = Argument("run", "id of the run", complete="run", required=True)


def _list(context: Context, arguments: Namespace) -> Outcome:
    wanted = chosen(context, arguments)
    runs = context.workspace.runs.list(limit=arguments.limit, **wanted)
    empty = f"no runs yet; start one: {context.spell('flow', 'run hello')}"
    if wanted:
        empty = "no run is like that"
    return Outcome(runs_table(runs, empty), {"runs": runs})


def _show(context: Context, arguments: Namespace) -> Outcome:
    found = run_id(context, arguments.run)
    if found is not None and context.workspace.runs.is_batch(found):
        return show_batch(context, found)
    result = context.workspace.runs.get(arguments.run)
    if arguments.trace:
        trace = result.trace
        return Outcome(trace, trace.to_dict(), trace.text())
    lines = [*columns(node_rows(result)), result_text(result)]
    error = result.error
    if error:
        lines.append(f"{error.get('code')}: {error.get('message')}")
        if error.get("hint"):
            lines.append(f"hint: {error['hint']}")
    return Outcome(result, result.to_dict(), "\n".join(lines))


def _logs(context: Context, arguments: Namespace) -> Outcome:
    if context.workspace.runs.is_batch(arguments.run):
        return _batch_logs(context, arguments)
    result = context.workspace.runs.get(arguments.run)
    if arguments.node is not None and arguments.node not in result.nodes:
        raise NotFound(
            f"run {result.run_id} has no node '{arguments.node}'",
            hint=f"its nodes: {', '.join(result.nodes)}",
        )
    document: dict[str, Any] = {}
    lines: list[str] = []
    for name, node in result.nodes.items():
        if arguments.node in (None, name):
            document[name] = node.logs
            lines += log_lines(name, node.logs)
    return Outcome(Lines(lines, "nothing was printed"), {"logs": document})


def _batch_logs(context: Context, arguments: Namespace) -> Outcome:
    """Return what the nodes of a batch printed, line by line."""
    lines: list[str] = []
    document: dict[str, Any] = {}
    for line in context.workspace.runs.batch(arguments.run).lines():
        for name, node in line.nodes.items():
            if arguments.node not in (None, name) or not node.logs:
                continue
            document.setdefault(str(line.line_number), {})[name] = node.logs
            lines += log_lines(f"{line.line_number} {name}", node.logs)
        if len(lines) > _MOST_LOG_LINES:
            lines.append("… there is more: run.lines() gives all of it")
            break
    return Outcome(Lines(lines, "nothing was printed"), {"logs": document})


def _cancel(context: Context, arguments: Namespace) -> Outcome:
    context.workspace.runs.cancel(arguments.run)
    return Outcome(
        Message(f"{arguments.run} is being stopped"),
        {"run_id": arguments.run, "canceled": True},
    )


RUN = noun(
    "run",
    "what was executed, and what it said",
    [
        Verb(
            "list",
            "list the runs, newest first",
            _list,
            (
                Argument("--limit", "how many at most", type=count, default=100),
                TAGS,
                ARCHIVED,
            ),
            examples=("--limit 10", "--tags team=search"),
        ),
        Verb(
            "show",
            "show a run: nodes, outputs, what failed",
            _show,
            (
                _RUN,
                Argument(
                    "--trace", "what happened inside of its nodes, and when", flag=True
                ),
            ),
        ),
        Verb(
            "logs",
            "show what the nodes of a run printed",
            _logs,
            (_RUN, Argument("--node", "of this node alone", complete="node")),
        ),
        *BATCH_VERBS,
        ENTER,
        PRUNE,
        Verb("cancel", "stop a run that is going on in this process", _cancel, (_RUN,)),
    ],
)
