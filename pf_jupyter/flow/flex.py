"""Flex flows: a function or a class of Python instead of nodes.

Rules: flow-format sections 3.1 and 9 items 12 to 14. Nothing here raises on a wrong
file: whatever is wrong goes to a `Report`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from pf_jupyter.flow.fields import Fields, KeyPath, Report, describe, did_you_mean
from pf_jupyter.flow.model import Flow, FlowInput, FlowOutput, Node
from pf_jupyter.flow.python_source import SourceError, parse_python

ENTRY = re.compile(r"[A-Za-z0-9_.]+:[A-Za-z0-9_]+")
"""What an entry looks like: ``package.module:function_or_Class``."""

PORT_TYPES = ("string", "int", "double", "bool", "list", "object")
CONNECTION_TYPES = (
    "AzureOpenAIConnection",
    "OpenAIConnection",
    "ServerlessConnection",
    "AzureAIServicesConnection",
    "CognitiveSearchConnection",
    "SerpConnection",
    "AzureContentSafetyConnection",
    "FormRecognizerConnection",
    "QdrantConnection",
    "WeaviateConnection",
    "BingConnection",
    "CustomConnection",
)
MODEL_TYPES = ("AzureOpenAIModelConfiguration", "OpenAIModelConfiguration")

_KEYS = (
    "$schema",
    "entry",
    "inputs",
    "outputs",
    "init",
    "sample",
    "code",
    "additional_includes",
    "environment",
    "environment_variables",
    "type",
    "language",
    "description",
    "display_name",
    "tags",
)
_INPUT_KEYS = ("type", "description", "default", "is_chat_input", "is_chat_history")
_OUTPUT_KEYS = ("type", "description", "reference", "is_chat_output")
_ANNOTATIONS = {
    "str": "string",
    "int": "int",
    "float": "double",
    "bool": "bool",
    "list": "list",
    "dict": "object",
}
_MAX_SOURCE_BYTES = 1024 * 1024


class SourceFile(Protocol):
    """A file of the flow folder."""

    @property
    def size(self) -> int:
        """Its size in bytes."""

    def read(self) -> bytes:
        """Return its contents."""


def build_flex(raw: dict[Any, Any], name: str, report: Report) -> Flow:
    """Build a flex flow from the top-level mapping of its file.

    Parameters
    ----------
    raw
        Plain dictionaries, lists and scalars; ``entry`` is among the keys.
    name
        Name of the flow.
    report
        Receives every problem, as ``ValidationError``.
    """
    for key in raw:
        if key not in _KEYS:
            hint = "a flex flow has no nodes: 'entry' names its code"
            if key != "nodes":
                hint = did_you_mean(key, _KEYS, f"take '{key}' out")
            _invalid(report, (key,), f"'{key}' is no key of a flex flow", hint, True)
    fields = Fields(raw, (), "the flow", report)
    entry = raw["entry"]
    if not isinstance(entry, str) or not ENTRY.fullmatch(entry):
        _invalid(
            report,
            ("entry",),
            f"'entry' must name a function or a class, {describe(entry)} does not",
            "write it as module:name, for instance 'entry: main:answer'",
            entry is None,
        )
    return Flow(
        name=name,
        kind="flex",
        entry=str(entry),
        inputs=_inputs(raw, "inputs", PORT_TYPES, report),
        outputs=_outputs(raw, report),
        init=_inputs(
            raw, "init", (*PORT_TYPES, *CONNECTION_TYPES, *MODEL_TYPES), report
        ),
        declared=[key for key in ("inputs", "outputs", "init") if key in raw],
        sample=_sample(raw, report),
        environment=fields.mapping("environment"),
        environment_variables=fields.mapping("environment_variables"),
        additional_includes=[
            item for item in fields.sequence("additional_includes") if item
        ],
        language=fields.choice("language", ("python", "csharp")) or "python",
    )


def _invalid(
    report: Report, path: KeyPath, message: str, hint: str, at_key: bool = False
) -> None:
    report.problem("ValidationError", path, message, hint, at_key=at_key)


def _ports(
    raw: Mapping[Any, Any], key: str, known: tuple[str, ...], report: Report
) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    ports = raw.get(key, {})
    if not isinstance(ports, dict):
        _invalid(
            report,
            (key,),
            f"'{key}' must be a mapping, {describe(ports)} is not",
            f"take '{key}' out, or list them as 'name: {{type: string}}'",
            ports is None,
        )
        return
    for name, port in ports.items():
        if not isinstance(port, dict):
            _invalid(
                report,
                (key, name),
                f"'{name}' in '{key}' must be a mapping, {describe(port)} is not",
                f"write '{name}: {{type: string}}'",
            )
            continue
        for word in port:
            if word not in known:
                _invalid(
                    report,
                    (key, name, word),
                    f"'{word}' is no key of '{name}' in '{key}'",
                    did_you_mean(word, known, f"there are {', '.join(known)}"),
                    True,
                )
        yield str(name), port


def _type(
    port: Mapping[Any, Any], path: KeyPath, allowed: tuple[str, ...], report: Report
) -> str:
    if "type" not in port:
        hint = "add 'type: string', or another of " + ", ".join(PORT_TYPES)
        _invalid(report, path, f"'{path[-1]}' in '{path[0]}' has no type", hint, True)
        return "object"
    value = port["type"]
    if value not in allowed:
        _invalid(
            report,
            (*path, "type"),
            f"'{path[-1]}' in '{path[0]}' cannot be of type {describe(value)}",
            did_you_mean(value, allowed, f"one of {', '.join(PORT_TYPES)}"),
        )
        return "object"
    return str(value)


def _inputs(
    raw: Mapping[Any, Any], key: str, allowed: tuple[str, ...], report: Report
) -> dict[str, FlowInput]:
    return {
        name: FlowInput(
            name,
            _type(port, (key, name), allowed, report),
            port.get("default"),
            str(port.get("description") or ""),
            is_chat_input=port.get("is_chat_input") is True,
            is_chat_history=port.get("is_chat_history"),
        )
        for name, port in _ports(raw, key, _INPUT_KEYS, report)
    }


def _outputs(raw: Mapping[Any, Any], report: Report) -> dict[str, FlowOutput]:
    return {
        name: FlowOutput(
            name,
            _type(port, ("outputs", name), PORT_TYPES, report),
            description=str(port.get("description") or ""),
            is_chat_output=port.get("is_chat_output") is True,
        )
        for name, port in _ports(raw, "outputs", _OUTPUT_KEYS, report)
    }


def _sample(raw: Mapping[Any, Any], report: Report) -> Any:
    sample = raw.get("sample")
    if not sample or isinstance(sample, str):
        return sample or None
    if not isinstance(sample, dict):
        _invalid(
            report,
            ("sample",),
            f"'sample' must be a mapping, {describe(sample)} is not",
            "write 'sample:' and below it 'inputs:' with a value for each input",
        )
        return None
    for key in sample:
        if key not in ("inputs", "init"):
            hint = "it has 'inputs' and 'init'"
            _invalid(report, ("sample", key), f"'{key}' is no sample", hint, True)
    return sample


def describe_entry(flow: Flow, files: Mapping[str, SourceFile]) -> Flow:
    """Fill in what a flow's code says of its inputs, outputs and init.

    Reads the text of the code and leaves out whatever that does not tell for certain;
    what the file itself declares stays.

    Parameters
    ----------
    flow
        A flex flow.
    files
        The files of its folder by POSIX path.
    """
    module, _, name = flow.entry.partition(":")
    stem = module.replace(".", "/")
    file = files.get(f"{stem}.py") or files.get(f"{stem}/__init__.py")
    if file is None or file.size > _MAX_SOURCE_BYTES:
        return _with_output(flow)
    try:
        tree = parse_python(file.read())
    except OSError:
        return _with_output(flow)
    if isinstance(tree, SourceError):
        return _with_output(flow)
    found = {getattr(item, "name", ""): item for item in tree.body}
    entry = found.get(name)
    init: ast.AST | None = None
    if isinstance(entry, ast.ClassDef):
        methods = {getattr(item, "name", ""): item for item in entry.body}
        init, entry = methods.get("__init__"), methods.get("__call__")
    if not isinstance(entry, ast.FunctionDef | ast.AsyncFunctionDef):
        return _with_output(flow)
    filled = flow
    if "inputs" not in flow.declared:
        filled = replace(filled, inputs=_parameters(entry))
    if "init" not in flow.declared and isinstance(init, ast.FunctionDef):
        filled = replace(filled, init=_parameters(init))
    returned = entry.returns
    if "outputs" not in flow.declared and isinstance(returned, ast.Name):
        made = found.get(returned.id)
        if isinstance(made, ast.ClassDef):
            filled = replace(filled, outputs=_class_fields(made))
    return _with_output(filled)


def _with_output(flow: Flow) -> Flow:
    if flow.outputs or "outputs" in flow.declared:
        return flow
    return replace(flow, outputs={"output": FlowOutput("output", "string")})


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    arguments = function.args
    listed = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(listed) - len(arguments.defaults))
    defaults += arguments.defaults
    listed += arguments.kwonlyargs
    defaults += arguments.kw_defaults
    found: dict[str, FlowInput] = {}
    for argument, default in zip(listed, defaults, strict=True):
        if argument.arg == "self":
            continue
        value = None
        if default is not None:
            try:
                value = ast.literal_eval(default)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                value = None
        kind = _annotation(argument.annotation)
        if argument.annotation is None and value is not None:
            kind = _ANNOTATIONS.get(type(value).__name__, "object")
        if not isinstance(value, str | int | float | bool | list | dict | None):
            value = None
        found[argument.arg] = FlowInput(argument.arg, kind, value)
    return found


def _class_fields(made: ast.ClassDef) -> dict[str, FlowOutput]:
    return {
        item.target.id: FlowOutput(item.target.id, _annotation(item.annotation))
        for item in made.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


def _annotation(annotation: ast.expr | None) -> str:
    if isinstance(annotation, ast.Subscript) and (
        isinstance(annotation.value, ast.Name) and annotation.value.id == "Optional"
    ):
        return _annotation(annotation.slice)
    if isinstance(annotation, ast.Attribute):
        annotation = ast.Name(annotation.attr)
    if not isinstance(annotation, ast.Name):
        return "object"
    if annotation.id in CONNECTION_TYPES or annotation.id in MODEL_TYPES:
        return annotation.id
    return _ANNOTATIONS.get(annotation.id, "object")


def entry_name(flow: Flow) -> str:
    """Return what the picture of a flow without nodes calls its one box."""
    return flow.entry.rpartition(":")[2] or flow.name


def as_graph(flow: Flow) -> Flow:
    """Return a flow without nodes as a graph of one, for its picture.

    The node is called after the entry, or after the prompty.
    """
    name = entry_name(flow)
    node = Node(
        name,
        flow.kind,
        inputs={key: f"${{inputs.{key}}}" for key in flow.inputs},
    )
    outputs = {
        key: replace(output, reference=f"${{{name}.output}}")
        for key, output in (
            flow.outputs or {"output": FlowOutput("output", "string")}
        ).items()
    }
    return replace(flow, nodes=[node], outputs=outputs)
