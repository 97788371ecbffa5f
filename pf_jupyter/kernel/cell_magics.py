"""Cell magics: a flow in YAML, and a node's source, written in the notebook."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.context import Context
from ..commands.helptext import help_of_cell
from ..commands.nouns.flow import run_flow
from ..commands.parsing import parse_arguments, split_line
from ..commands.results import Message
from ..commands.run_options import RUN_OPTIONS
from ..commands.tree import Argument, Outcome, Verb
from ..commands.values import read_inputs_file, read_pairs
from ..commands.wording import plural
from ..errors import FlowInvalid, UsageError
from ..flow.draft import FLOW_FILE
from .checked import CheckedNode, NodeInvalid, cell_problems
from .drafts import NodeDraft
from .errors import shown_as_lines
from .magics import take_semicolon, value_of, without_expansion

if TYPE_CHECKING:
    from .session import Session

_NAME = Argument("name", "what it is called from now on", required=True)

FLOW_CELL = Verb(
    "pfflow",
    "define a flow by the YAML below, and run it",
    lambda context, arguments: _run_cell(context, arguments),
    (
        _NAME,
        Argument("pairs", "inputs of the flow", metavar="name=value", many=True),
        *RUN_OPTIONS,
        Argument("--save", "write it as a folder of its name", flag=True),
        Argument("--out", "a variable for the result", metavar="VAR"),
    ),
    ("greet --inputs name=Ada --out result",),
)
NODE_CELL = Verb(
    "pfnode",
    "define a node by the source below, and check it in a runtime",
    lambda context, arguments: _check_cell(context, arguments),
    (
        _NAME,
        Argument(
            "--type",
            "what the source is",
            choices=("python", "prompt", "llm"),
            default="python",
        ),
        Argument(
            "--connection",
            "what an llm node calls its model through",
            metavar="NAME",
            complete="connection",
        ),
        Argument(
            "--set",
            "settings of an llm node: api, model, temperature, stream, …",
            metavar="name=value",
            complete="llm-setting",
            many=True,
        ),
        Argument(
            "--input",
            "where a parameter comes from: a value, ${inputs.x} or ${node.output}",
            metavar="name=REF",
            many=True,
        ),
        Argument(
            "--runtime",
            "where it is checked; the runtime in use when not given",
            complete="runtime",
        ),
        Argument("--out", "a variable for what was found", metavar="VAR"),
    ),
    (
        "shout --input text='${inputs.text}'",
        "ask --type llm --connection mine --set model=gpt-4o-mini stream=true",
    ),
)
CELL_VERBS: Mapping[str, Verb] = {verb.name: verb for verb in (FLOW_CELL, NODE_CELL)}


def cell_magics(session: Session) -> dict[str, Callable[[str, str], Any]]:
    """Return a function for each cell magic."""
    return {name: _cell_magic(session, verb) for name, verb in CELL_VERBS.items()}


def _cell_magic(session: Session, verb: Verb) -> Callable[[str, str], Any]:
    def magic(line: str, cell: str) -> Any:
        line, hidden = take_semicolon(line)
        context = session.context()
        with shown_as_lines(session, context, debug="--debug" in line.split()):
            words = split_line(line)
            if {"--help", "-h"} & set(words):
                return Message(help_of_cell(verb))
            arguments = parse_arguments(context, verb, words, f"%%{verb.name}")
            check_variable(arguments.out)
            define(session, verb, arguments, cell)
            with _problems_in_cells(session, verb, arguments.name):
                outcome = verb.run(context, arguments)
            value = value_of(session, outcome, arguments.json)
            if arguments.out:
                session.shell.user_ns[arguments.out] = value
            return None if hidden else value

    magic.__name__ = magic.__qualname__ = verb.name
    magic.__doc__ = help_of_cell(verb)
    return without_expansion(magic)


def define(session: Session, verb: Verb, arguments: Namespace, cell: str) -> None:
    """Keep what the cell says, before anything is checked: nothing typed is lost."""
    if verb is FLOW_CELL:
        session.cells.define_flow(arguments.name, cell)
        return
    context = session.context()
    references = read_pairs(context, arguments.input, "input")
    settings = read_settings(read_pairs(context, arguments.set, "setting"))
    api = settings.pop("api", "chat")
    model = arguments.type == "llm"
    if not model and (arguments.connection or arguments.set):
        raise UsageError(
            f"a {arguments.type} node takes no --connection and no --set",
            code="bad_value",
            hint="add --type llm; a Python tool names a connection with --input",
        )
    session.cells.define_node(
        NodeDraft(
            arguments.name,
            arguments.type,
            cell,
            references,
            connection=arguments.connection,
            api=str(api) if model else None,
            settings=settings,
        )
    )


def read_settings(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with what looks like JSON read as such: 0.2, true, ["a"]."""
    settings = {}
    for name, value in pairs.items():
        try:
            settings[name] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            settings[name] = value
    return settings


def check_variable(name: str | None) -> None:
    """Raise for a name that no variable can have."""
    if name is not None and not name.isidentifier():
        raise UsageError(
            f"'{name}' cannot be the name of a variable",
            code="bad_value",
            hint="--out takes a Python name: --out result",
        )


def _run_cell(context: Context, arguments: Namespace) -> Outcome:
    if arguments.save:
        saved = context.cells.save(arguments.name, Path(arguments.name))
        context.progress.note(f"saved in {saved}")
    inputs = read_inputs_file(context, arguments.inputs_file)
    inputs |= read_pairs(context, [*arguments.pairs, *arguments.inputs], "input")
    return run_flow(context, context.flow(arguments.name), arguments, inputs)


def _check_cell(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.ready_runtime(arguments.runtime)
    found = runtime.validate(context.flow(arguments.name), node=arguments.name)
    if not found.ok:
        raise FlowInvalid(
            f"{arguments.name} has {plural(len(found.problems), 'problem')}",
            problems=[problem.to_dict() for problem in found.problems],
        )
    tool = found.tools.get(arguments.name, {})
    checked = CheckedNode(arguments.name, tool, runtime.name, found.duration_ms)
    return Outcome(checked, checked.to_dict())


@contextmanager
def _problems_in_cells(session: Session, verb: Verb, name: str) -> Iterator[None]:
    """Give the places of problems as people see them: cell and line."""
    try:
        yield
    except FlowInvalid as error:
        places = session.cells.places()
        if verb is FLOW_CELL:
            places[FLOW_FILE] = "cell"
        else:
            own = [file for file, place in places.items() if place == f"cell {name}"]
            places |= dict.fromkeys(own, "cell")
        problems = cell_problems(error.problems, places)
        if verb is not FLOW_CELL:
            # The flow around a node is ours; what is typed of it is the magic's line.
            for problem in problems:
                if str(problem["file"]).endswith(FLOW_FILE):
                    problem.update(file="cell", line=0, column=0)
        kind = FlowInvalid if verb is FLOW_CELL else NodeInvalid
        raise kind(error.message, problems=problems) from None
