"""The verbs of `run` that are about batches: a flow over rows."""

from __future__ import annotations

import itertools
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ..batches import (
    SHOWN_LINES,
    BatchStates,
    batch_text,
    lines_table,
    not_run,
    outcome_of,
    run_followed,
)
from ..context import Context
from ..evaluations import with_evaluations
from ..results import Facts, Message
from ..run_options import RUN_OPTIONS, init_values
from ..tree import Argument, Outcome, Verb
from ..values import count, positive_seconds, read_overrides, read_pairs

if TYPE_CHECKING:
    from ...workspace.api import BatchRun

_POLL_SECONDS = 0.3
_RUN = Argument("run", "id of the run", complete="run", required=True)
_LIMIT = Argument("--limit", "how many lines at most", type=count, default=SHOWN_LINES)
_WORKERS = Argument(
    "--workers", "the most lines to run at once; found by itself", type=count
)
_SHARED = ("--variant", "--environment-variables", "--connections", "--init")
CREATE_OPTIONS = (
    Argument("--flow", "a flow folder, a flow file or an example", complete="flow"),
    Argument(
        "--data",
        "rows: a jsonl, csv, tsv, json or parquet file, a folder, or $name of a "
        "DataFrame",
        complete="file",
    ),
    Argument(
        "--map",
        "inputs of the flow from columns: name='${data.column}'",
        metavar="name=value",
        complete="input",
        many=True,
    ),
    Argument(
        "--runtime",
        "where; the runtime in use when not given; a,b,c shares the lines out",
        complete="runtime",
    ),
    Argument(
        "--on",
        "a Dask cluster that takes the lines: dask://HOST:PORT as the runtime sees it, "
        "or $name of a cluster",
        metavar="CLUSTER",
    ),
    Argument(
        "--run", "a run whose outputs are mapped: ${run.outputs.name}", complete="run"
    ),
    Argument(
        "--resume-from",
        "take over the completed lines of a run, and all that it was started with",
        complete="run",
    ),
    Argument("--from", "with --resume-from: all lines, from this node on"),
    _WORKERS,
    *(option for option in RUN_OPTIONS if option.name in _SHARED),
    Argument(
        "--timeout",
        "seconds after which a line is ended; 600 if nothing else is said",
        type=positive_seconds,
        metavar="SECONDS",
    ),
    Argument(
        "--batch-timeout",
        "seconds after which all of it is ended",
        type=positive_seconds,
        metavar="SECONDS",
    ),
    Argument(
        "--eval",
        "flows that judge the batch as soon as it is over: accuracy, …",
        metavar="FLOW",
        complete="flow",
        many=True,
    ),
    Argument("--name", "what to call it"),
    Argument("--description", "what it is for", metavar="WORDS"),
    Argument("--tags", "words to find it by", metavar="key=value", many=True),
)


def create_batch(context: Context, arguments: Namespace, **options: Any) -> Outcome:
    """Run a flow over rows with the values of `CREATE_OPTIONS`."""
    resumed = run_id(context, arguments.resume_from)
    source = run_id(context, arguments.run)
    if arguments.flow is None and resumed is None:
        raise UsageError(
            "no flow is named",
            code="missing_argument",
            hint="--flow PATH, or --resume-from RUN to take all of it from a run",
        )
    flow = None if arguments.flow is None else context.flow(arguments.flow)
    if resumed is not None and (flow is not None or arguments.data is not None):
        raise UsageError(
            "--resume-from takes flow, data and mapping from that run",
            code="bad_value",
            hint="leave out --flow, --data and --map",
        )
    name, *others = [part.strip() for part in (arguments.runtime or "").split(",")]
    name = name or None
    if name is None and resumed is not None:
        name = context.workspace.runs.batch(resumed).runtime
    variables = read_pairs(
        context, arguments.environment_variables, "environment variable"
    )
    given: dict[str, Any] = {
        "data": data_of(context, arguments.data),
        "mapping": read_pairs(context, arguments.map, "mapping") or None,
        "source_run": source,
        "resume_from": resumed,
        "from_node": getattr(arguments, "from"),
        "workers": arguments.workers,
        "variant": arguments.variant,
        "environment_variables": {n: str(t) for n, t in variables.items()} or None,
        "connections": read_overrides(context, arguments.connections),
        "init": init_values(context, flow, arguments.init) if flow else None,
        "line_timeout": arguments.timeout,
        "batch_timeout": arguments.batch_timeout,
        "name": arguments.name,
        "description": arguments.description,
        "tags": {
            k: str(v) for k, v in read_pairs(context, arguments.tags, "tag").items()
        },
        **options,
    }
    if others:
        given["runtimes"] = others
    if arguments.on is not None:
        given["on"] = _cluster(context, arguments.on)
    runtime = context.ready_runtime(name, flow)
    outcome = run_followed(
        context, lambda listen: runtime.batch(flow, on_event=listen, **given)
    )
    return with_evaluations(context, runtime, outcome, arguments.eval)


def run_id(context: Context, text: str | None) -> str | None:
    """Return the id that a word stands for: itself, or that of a variable's run."""
    if text is None or not text.startswith("$"):
        return text
    value = context.variables.get(text[1:])
    found = getattr(value, "run_id", value)
    if not isinstance(found, str):
        raise UsageError(
            f"{text} is no run", code="bad_value", hint="name a run or its id"
        )
    return found


def data_of(context: Context, text: str | None) -> Any:
    """Return the data that a word stands for: a path, or a variable's value."""
    if text is None or not text.startswith("$"):
        return text
    if text[1:] not in context.variables:
        raise UsageError(
            f"there is no variable {text[1:]!r}",
            code="bad_value",
            hint="give a path, or $name of a DataFrame or a list of dictionaries",
        )
    return context.variables[text[1:]]


def _cluster(context: Context, text: str) -> Any:
    """Return the cluster that a word stands for: an address, or a variable's value."""
    if not text.startswith("$"):
        return text
    if text[1:] not in context.variables:
        raise UsageError(
            f"there is no variable {text[1:]!r}",
            code="bad_value",
            hint="give dask://HOST:PORT, or $name of a cluster or client of Dask",
        )
    return context.variables[text[1:]]


def _batch(context: Context, arguments: Namespace) -> BatchRun:
    found = run_id(context, arguments.run)
    assert found is not None
    return context.workspace.runs.batch(found)


def _outputs(context: Context, arguments: Namespace) -> Outcome:
    run = _batch(context, arguments)
    found = run.lines(status="Completed")
    lines = list(itertools.islice(found, arguments.limit))
    table = lines_table(lines, inputs=False, empty="no line has completed")
    document = {
        "run_id": run.run_id,
        "outputs_path": str(run.outputs_path),
        "outputs": [
            {"line_number": line.line_number, **(line.outputs or {})} for line in lines
        ],
    }
    return Outcome(_frame(context, run, "outputs", table), document, table.text())


def _details(context: Context, arguments: Namespace) -> Outcome:
    run = _batch(context, arguments)
    found = run.lines(status="Failed" if arguments.failed else None)
    lines = list(itertools.islice(found, arguments.limit))
    table = lines_table(
        lines,
        inputs=True,
        empty="no line has failed" if arguments.failed else "no line has a result",
    )
    document = {"run_id": run.run_id, "lines": [line.to_dict() for line in lines]}
    shown = table if arguments.failed else _frame(context, run, "details", table)
    return Outcome(shown, document, table.text())


def _frame(context: Context, run: BatchRun, name: str, table: Any) -> Any:
    """Return a DataFrame where there can be one, else the table."""
    if context.face != "notebook":
        return table
    try:
        return getattr(run, name)
    except UsageError:
        return table


def _metrics(context: Context, arguments: Namespace) -> Outcome:
    run = _batch(context, arguments)
    estimates = run.estimates
    facts = [(name, str(estimate)) for name, estimate in estimates.items()]
    facts += [(k, str(v)) for k, v in run.metrics.items() if k not in estimates]
    document = {
        "run_id": run.run_id,
        "metrics": run.metrics,
        "estimates": {name: found.to_dict() for name, found in estimates.items()},
    }
    if not facts:
        return Outcome(Message("no metrics were logged"), document)
    return Outcome(Facts(facts, {**estimates, **run.metrics}), document)


def _stream(context: Context, arguments: Namespace) -> Outcome:
    run = _batch(context, arguments)
    states = BatchStates()
    states.run_id = run.run_id
    try:
        while run.status == "Running":
            states.now = {
                **run.counts,
                "failures": list(run.failures),
                "nodes": dict(run.nodes),
                "tokens": dict(run.tokens),
            }
            context.progress.live(states)
            time.sleep(_POLL_SECONDS)
            run = context.workspace.runs.batch(run.run_id)
    finally:
        context.progress.live(None)
    return outcome_of(context, run)


def _resume(context: Context, arguments: Namespace) -> Outcome:
    run = _batch(context, arguments)
    context.ready_runtime(run.runtime)
    return run_followed(
        context,
        lambda listen: run.resume(
            failed=arguments.failed, workers=arguments.workers, on_event=listen
        ),
    )


def show_batch(context: Context, run: str) -> Outcome:
    """Return a batch as `run show` gives it."""
    found = context.workspace.runs.batch(run)
    text = batch_text(found)
    if found.status == "Interrupted":
        way = context.spell("run", f"resume {found.run_id}")
        text += f"\nit was interrupted: {way} goes on with the lines without a result"
    return Outcome(found, found.to_dict(), text)


def _archive(context: Context, arguments: Namespace) -> Outcome:
    context.workspace.runs.archive(arguments.run)
    back = context.spell("run", f"restore {arguments.run}")
    document = {"run_id": arguments.run, "archived": True}
    return Outcome(Message(f"{arguments.run} is archived; {back} undoes it"), document)


def _restore(context: Context, arguments: Namespace) -> Outcome:
    context.workspace.runs.restore(arguments.run)
    document = {"run_id": arguments.run, "archived": False}
    return Outcome(Message(f"{arguments.run} is in the lists again"), document)


def _delete(context: Context, arguments: Namespace) -> Outcome:
    question = f"delete run {arguments.run} with its results?"
    if not arguments.yes and not context.confirm(question):
        return Outcome(
            Message("nothing was deleted"), {"run_id": arguments.run, "deleted": False}
        )
    context.workspace.runs.delete(arguments.run)
    document = {"run_id": arguments.run, "deleted": True}
    return Outcome(Message(f"{arguments.run} is deleted"), document)


def _export(context: Context, arguments: Namespace) -> Outcome:
    target = Path(arguments.to or f"{arguments.run}.run")
    path = context.workspace.runs.export(arguments.run, target)
    document = {"run_id": arguments.run, "path": str(path)}
    return Outcome(Message(f"{arguments.run} is in {path}"), document)


def _compare(context: Context, arguments: Namespace) -> Outcome:
    named = [run_id(context, text) for text in arguments.runs]
    first, *others = [text for text in named if text is not None]
    found = context.workspace.runs.compare(first, *others)
    return Outcome(found, found.to_dict(), found.text())


BATCH_VERBS = [
    Verb(
        "create",
        "run a flow over rows",
        create_batch,
        CREATE_OPTIONS,
        examples=(
            "--flow hello --data names.jsonl --map name='${data.name}'",
            "--resume-from RUN",
        ),
        failed=not_run,
    ),
    Verb("outputs", "show the outputs of a batch", _outputs, (_RUN, _LIMIT)),
    Verb(
        "details",
        "show inputs, outputs and errors of a batch, line by line",
        _details,
        (_RUN, Argument("--failed", "only lines that failed", flag=True), _LIMIT),
    ),
    Verb("metrics", "show what a batch has measured", _metrics, (_RUN,)),
    Verb("stream", "follow a batch until it ends", _stream, (_RUN,), failed=not_run),
    Verb(
        "resume",
        "run the lines of a batch that have no result",
        _resume,
        (
            _RUN,
            Argument("--failed", "run the failed lines again, too", flag=True),
            _WORKERS,
        ),
        failed=not_run,
    ),
    Verb(
        "compare",
        "put batches side by side, line by line; the first is the one to beat",
        _compare,
        (
            Argument(
                "runs",
                "ids of two or more runs",
                complete="run",
                many=True,
                required=True,
            ),
        ),
        examples=("RUN OTHER",),
    ),
    Verb("archive", "take a run out of the lists", _archive, (_RUN,)),
    Verb("restore", "bring an archived run back", _restore, (_RUN,)),
    Verb(
        "delete",
        "remove a run and its results",
        _delete,
        (_RUN, Argument("--yes", "do not ask", flag=True)),
    ),
    Verb(
        "export",
        "write a batch into a folder, laid out as the public tool does",
        _export,
        (_RUN, Argument("--to", "the folder; RUN.run if not given", metavar="FOLDER")),
    ),
]
