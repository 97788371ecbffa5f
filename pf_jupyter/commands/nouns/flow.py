"""`flow`: flow folders, and running them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import AlreadyExists, NotFound, UsageError
from ..checked_flow import CheckedFlow
from ..context import Context
from ..following import run_followed
from ..results import Facts, Message, ShownFlow, Table, signature
from ..run_options import (
    RUN_OPTIONS,
    RUNTIME,
    init_values,
    override_values,
    part_options,
)
from ..runs import BriefResult, failure_of, not_run, result_text
from ..starters import STARTERS
from ..tree import Argument, Outcome, Verb, noun
from ..values import read_inputs_file, read_overrides, read_pairs
from ..wording import listed, nearest
from .chat import CHAT
from .runtime_updates import tell_of_newer

if TYPE_CHECKING:
    from ...workspace.api import FlowInfo

_FLOW = Argument(
    "path",
    "a flow folder, a flow file, a bundled example or a cell's flow",
    metavar="FLOW",
    complete="flow",
    required=True,
)
_PAIRS = Argument(
    "pairs", "inputs of the flow", metavar="name=value", complete="input", many=True
)


def run_flow(
    context: Context, flow: str | Path, arguments: Namespace, inputs: dict[str, Any]
) -> Outcome:
    """Run a flow with the values of `RUN_OPTIONS` and show it happening."""
    variables = read_pairs(
        context, arguments.environment_variables, "environment variable"
    )
    if arguments.cache and arguments.no_cache:
        raise UsageError("--cache and --no-cache exclude each other", code="bad_value")
    options = {
        "inputs": inputs,
        "node": arguments.node,
        **part_options(arguments),
        "variant": arguments.variant,
        "connections": read_overrides(context, arguments.connections),
        "overrides": override_values(context, arguments.overrides),
    }
    # All is checked before a runtime is made for it: a typo costs no seconds.
    context.workspace.flows.check_run(flow, **options)
    runtime = context.ready_runtime(arguments.runtime, flow)
    tell_of_newer(context, runtime)
    result = run_followed(
        context,
        runtime,
        flow,
        **options,
        environment_variables={name: str(text) for name, text in variables.items()},
        timeout=arguments.timeout,
        init=init_values(context, flow, arguments.init),
    )
    return Outcome(
        result,
        result.to_dict(),
        result_text(result),
        brief=BriefResult(result),
        failure=failure_of(result),
    )


def _run(context: Context, arguments: Namespace) -> Outcome:
    inputs = read_inputs_file(context, arguments.inputs_file)
    inputs |= read_pairs(context, [*arguments.pairs, *arguments.inputs], "input")
    flow = context.flow(arguments.path, inputs)
    return run_flow(context, flow, arguments, inputs)


def _node(context: Context, arguments: Namespace) -> Outcome:
    flow = context.flow(arguments.path)
    info = context.workspace.flows.show(flow)
    node = _find_node(info, arguments.node)
    inputs = read_inputs_file(context, arguments.inputs_file)
    inputs |= read_pairs(context, [*arguments.pairs, *arguments.inputs], "input")
    if inputs:
        return run_flow(context, flow, arguments, inputs)
    runtime = context.ready_runtime(arguments.runtime, flow)
    found = runtime.validate(flow, node=arguments.node)
    tool = found.tools.get(arguments.node)
    run = context.spell("flow", f"node {arguments.path} {arguments.node} name=value …")
    facts = [
        ("node", arguments.node),
        ("type", str(node.get("type") or "")),
        ("source", str(node.get("source") or "")),
        ("interface", signature(arguments.node, tool) if tool else ""),
        ("depends on", ", ".join(node.get("depends_on") or [])),
        *((f"problem {i}", p.message) for i, p in enumerate(found.problems, 1)),
        ("run it alone", run),
    ]
    document = {
        **node,
        "tool": tool,
        "problems": [problem.to_dict() for problem in found.problems],
    }
    return Outcome(Facts(facts, document), document, exit_code=0 if found.ok else 2)


def _find_node(info: FlowInfo, name: str) -> Mapping[str, Any]:
    names = [str(node["name"]) for node in info.nodes]
    if name not in names:
        close = nearest(name, names)
        raise NotFound(
            f"{info.name} has no node '{name}'",
            hint=f"did you mean '{close}'?" if close else f"it has {listed(names)}",
        )
    return info.nodes[names.index(name)]


def _list(context: Context, arguments: Namespace) -> Outcome:
    flows = context.workspace.flows.list(arguments.folder)
    cells = [(name, "in a cell") for name in context.cells.names()]
    rows = [[name, where, "", ""] for name, where in cells]
    rows += [
        [
            info.name,
            _short(info.path),
            ", ".join(str(item["name"]) for item in info.inputs),
            str(len(info.nodes)),
        ]
        for info in flows
    ]
    table = Table(
        ["flow", "folder", "inputs", "nodes"],
        rows,
        [*context.cells.names(), *flows],
        empty=f"no flows here; make one: {context.spell('flow', 'init my-flow')}",
    )
    return Outcome(table, {"flows": [info_document(info) for info in flows]})


def info_document(info: FlowInfo) -> dict[str, Any]:
    """Return the JSON form of a flow's facts."""
    return {
        "name": info.name,
        "path": str(info.path),
        "inputs": [dict(item) for item in info.inputs],
        "outputs": [dict(item) for item in info.outputs],
        "nodes": [dict(item) for item in info.nodes],
        "kind": info.kind,
        "init": [dict(item) for item in info.init],
        "variants": {name: list(ids) for name, ids in info.variants.items()},
    }


def _show(context: Context, arguments: Namespace) -> Outcome:
    flow = context.flow(arguments.path)
    flows = context.workspace.flows
    info = flows.show(flow)
    return Outcome(ShownFlow(info, flows.picture(flow)), info_document(info))


def _validate(context: Context, arguments: Namespace) -> Outcome:
    flow = context.flow(arguments.path)
    flows = context.workspace.flows
    found = flows.validate(flow, code=False)
    if found.ok and not arguments.file_only:
        runtime = context.ready_runtime(arguments.runtime, flow)
        found = flows.validate(flow, runtime=runtime.name)
    name = Path(arguments.path).name or arguments.path
    checked = CheckedFlow(name, found, context.respell)
    return Outcome(checked, checked.to_dict(), exit_code=0 if found.ok else 2)


def _variants(context: Context, arguments: Namespace) -> Outcome:
    info = context.workspace.flows.show(context.flow(arguments.path))
    pairs = [(node, v) for node, ids in info.variants.items() for v in ids]
    table = Table(
        ["node", "variant", "run it with"],
        [[node, name, f"--variant '${{{node}.{name}}}'"] for node, name in pairs],
        [{"node": node, "variant": name} for node, name in pairs],
        names=[f"{node}.{name}" for node, name in pairs],
        empty=f"{info.name} has no variants",
    )
    variants = {name: list(ids) for name, ids in info.variants.items()}
    return Outcome(table, {"name": info.name, "variants": variants})


def _init(context: Context, arguments: Namespace) -> Outcome:
    folder = Path(arguments.name)
    _refuse_filled(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in STARTERS[arguments.type].items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror}", code="cannot_write"
        ) from None
    return Outcome(
        Message(
            f"{folder} holds a {arguments.type} flow that works\n"
            f"run it: {context.spell('flow', f'run {folder.as_posix()}')}"
        ),
        {"name": folder.name, "path": str(folder.resolve()), "type": arguments.type},
    )


def _save(context: Context, arguments: Namespace) -> Outcome:
    import shutil

    name = arguments.path
    folder = Path(arguments.to or Path(name).name)
    if name in context.cells.names():
        saved = context.cells.save(name, folder)
    else:
        source = context.workspace.flows.resolve(name)
        if folder.resolve() == source.resolve():
            raise UsageError(
                f"{folder} is that flow already",
                code="bad_value",
                hint="choose another folder: --to FOLDER",
            )
        _refuse_filled(folder)
        ignore = shutil.ignore_patterns("__pycache__", ".promptflow", ".runs")
        saved = Path(shutil.copytree(source, folder, ignore=ignore, dirs_exist_ok=True))
    return Outcome(
        Message(
            f"{name} is saved in {_short(saved)}\n"
            f"run it: {context.spell('flow', f'run {_short(saved)}')}"
        ),
        {"name": name, "path": str(saved.resolve())},
    )


def _refuse_filled(folder: Path) -> None:
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise AlreadyExists(
            f"{folder} is there already and not empty",
            hint="choose another name, or remove it first",
        )


def _short(path: Path) -> str:
    """Return a path as people write it from here."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


FLOW = noun(
    "flow",
    "flow folders, and running them",
    [
        Verb(
            "init",
            "write a small flow that works, to begin with",
            _init,
            (
                Argument("name", "the folder to write", required=True),
                Argument(
                    "--type",
                    "what kind of flow",
                    choices=tuple(STARTERS),
                    default="standard",
                ),
            ),
            ("my-flow", "my-chat --type chat"),
        ),
        Verb(
            "list",
            "list the flows below a folder, and the bundled examples",
            _list,
            (Argument("folder", "where to look", default=".", complete="folder"),),
        ),
        Verb("show", "show a flow's picture, inputs and outputs", _show, (_FLOW,)),
        Verb(
            "validate",
            "check a flow: its file, and its code in a runtime",
            _validate,
            (
                _FLOW,
                RUNTIME,
                Argument("--file-only", "do not check the code", flag=True),
            ),
            ("hello",),
        ),
        Verb(
            "run",
            "run a flow once and show it happening",
            _run,
            (_FLOW, _PAIRS, *RUN_OPTIONS),
            ("hello name=Ada",),
            failed=not_run,
        ),
        Verb(
            "node",
            "run one node alone; without inputs, show its interface",
            _node,
            (
                _FLOW,
                Argument("node", "its name", complete="node", required=True),
                _PAIRS,
                *(o for o in RUN_OPTIONS if o.name != "--node"),
            ),
            ("hello greet name=Ada",),
            failed=not_run,
        ),
        CHAT,
        Verb("variants", "list the variants of a flow's nodes", _variants, (_FLOW,)),
        Verb(
            "save",
            "write a cell's flow, or a bundled one, as a folder of yours",
            _save,
            (
                _FLOW,
                Argument(
                    "--to",
                    "the folder; named like the flow if not given",
                    metavar="FOLDER",
                    complete="folder",
                ),
            ),
            ("hello --to my-hello",),
        ),
    ],
)
