"""`eval`: a flow that judges what another has given."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ..batches import not_run
from ..context import Context
from ..evaluations import evaluate_all
from ..tree import Argument, Noun, Outcome, Verb
from ..values import read_overrides, read_pairs
from .run_batch import CREATE_OPTIONS, data_of, run_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEFT_OUT = ("--flow", "--run", "--resume-from", "--eval", "--runtime")
EVALUATION_OPTIONS = (
    Argument(
        "--against",
        "the run to beat, or its evaluation by the same flow",
        complete="run",
    ),
    Argument(
        "--stop-when-settled",
        "judge lines in random order, and end when it is settled which is better",
        flag=True,
    ),
    Argument(
        "--error",
        "the chance that what is settled is wrong is at most this; 0.05",
        metavar="SHARE",
        type=lambda text: number(text, "--error"),
        default=0.05,
    ),
    Argument(
        "--smallest",
        "the smallest difference that matters; less than it settles as equal",
        metavar="DIFFERENCE",
        type=lambda text: number(text, "--smallest"),
    ),
    Argument(
        "--scale",
        "the ends of the score, where they are not known: 1,5",
        metavar="LOW,HIGH",
        type=lambda text: scale(text),
    ),
)


def number(text: str, name: str) -> float:
    """Read a number between 0 and 1, or a larger one for a difference."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if found <= 0 or (name == "--error" and found >= 1):
        raise UsageError(
            f"{name} cannot be {text!r}",
            code="bad_value",
            hint="give a number such as 0.05",
        )
    return found


def scale(text: str) -> tuple[float, float]:
    """Read the two ends of a score."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = 0.0
    if not low < high:
        raise UsageError(
            f"{text!r} is no scale", code="bad_value", hint="give its two ends: 1,5"
        )
    return low, high


def _evaluate(context: Context, arguments: Namespace) -> Outcome:
    source = run_id(context, arguments.run)
    if source is None or not arguments.flow:
        missing = "--run RUN" if source is None else "--flow FLOW"
        raise UsageError(
            f"{missing} is missing",
            code="missing_argument",
            hint=f"write {context.spell('eval', '--run RUN --flow accuracy')}",
        )
    run = context.workspace.runs.batch(source)
    against = run_id(context, arguments.against)
    variables = read_pairs(
        context, arguments.environment_variables, "environment variable"
    )
    tags = read_pairs(context, arguments.tags, "tag")
    init = read_pairs(context, arguments.init, "init value")
    options: Mapping[str, Any] = {
        "data": data_of(context, arguments.data),
        "against": against,
        "stop_when_settled": arguments.stop_when_settled,
        "error": arguments.error,
        "smallest": arguments.smallest,
        "scale": arguments.scale,
        "workers": arguments.workers,
        "variant": arguments.variant,
        "environment_variables": {n: str(t) for n, t in variables.items()} or None,
        "connections": read_overrides(context, arguments.connections),
        "init": init or None,
        "line_timeout": arguments.timeout,
        "batch_timeout": arguments.batch_timeout,
        "name": arguments.name,
        "description": arguments.description,
        "tags": {key: str(value) for key, value in tags.items()},
    }
    mapping = read_pairs(context, arguments.map, "mapping")
    flows = [context.flow(flow) for flow in arguments.flow]
    runtime = context.ready_runtime(arguments.runtime or run.runtime)
    return evaluate_all(context, runtime, run, flows, mapping, options)


EVAL = Noun(
    "eval",
    "judges what a run has given, by a flow",
    sole=Verb(
        "eval",
        "run flows over the outputs of a batch; the batch itself does not run again",
        _evaluate,
        (
            Argument("--run", "the batch to judge", complete="run"),
            Argument(
                "--flow",
                "flows that judge: folders, or accuracy, f1-score, groundedness, …",
                complete="flow",
                many=True,
            ),
            Argument(
                "--runtime",
                "where; the batch's own runtime when not given",
                complete="runtime",
            ),
            *(option for option in CREATE_OPTIONS if option.name not in _LEFT_OUT),
            *EVALUATION_OPTIONS,
        ),
        examples=(
            "--run RUN --flow accuracy",
            "--run RUN --flow f1-score --map answer='${run.outputs.reply}'",
            "--run RUN --flow accuracy --against OTHER --stop-when-settled",
        ),
        failed=not_run,
    ),
)
