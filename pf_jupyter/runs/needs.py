"""Which connections a flow names that are not there, each with its place.

A run may name others (flow-format section 1.7), so these are warnings. What a Python
tool takes is known for certain only in a runtime; without one, its annotations and the
name of the input have to do.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..connections.stored import StoredConnections
from ..flow.contents import SnapshotFile
from ..flow.fields import KeyPath
from ..flow.model import Flow, Node
from ..flow.python_source import SourceError, parse_python
from ..flow.reference import is_reference
from ..flow.snapshot import LoadedFlow

Tools = Mapping[str, Mapping[str, Any]]
"""TOOL of the worker's protocol by node."""


def missing_connections(
    loaded: LoadedFlow, stored: Callable[[], StoredConnections], tools: Tools
) -> list[dict[str, Any]]:
    """Return a warning for each connection that is named and not there.

    Parameters
    ----------
    loaded
        The flow.
    stored
        Gives the connections there are; asked only when the flow names any.
    tools
        What a runtime said of the flow's tools; empty when none was asked.
    """
    flow = loaded.flow
    named = list(_named(loaded, flow, tools)) if flow is not None else []
    if not named:
        return []
    connections = stored()
    known = set(connections.names())
    found = []
    for node, place, what, name in named:
        if name in known:
            continue
        line, column = loaded.positions.value(place)
        found.append(
            {
                "code": "ConnectionNotFoundError",
                "message": f"{what} needs the connection '{name}', which is not there",
                "file": loaded.file,
                "line": line,
                "column": column,
                "hint": connections.hint_for_missing(name),
                "node": node,
            }
        )
    return found


def _named(
    loaded: LoadedFlow, flow: Flow, tools: Tools
) -> Iterator[tuple[str, KeyPath, str, str]]:
    for key, value in flow.environment_variables.items():
        text = value.strip() if isinstance(value, str) else ""
        if is_reference(text) and text.count(".") == 1:
            name = text[2:-1].partition(".")[0]
            path: KeyPath = ("environment_variables", key)
            yield "", path, f"environment variable {key}", name
    configured = _configured(flow)
    if configured:
        yield "", ("model", "configuration", "connection"), "the prompty", configured
    files = loaded.snapshot.files if loaded.snapshot else []
    sources = {file.path: file for file in files}
    for index, node in enumerate(flow.nodes):
        place = _place(loaded, index, node)
        if node.connection and node.type == "llm":
            what = f"node '{node.name}'"
            yield node.name, (*place, "connection"), what, node.connection
        tool = tools.get(node.name)
        takes = _of_tool(tool) if tool else _of_source(node, sources)
        for key, value in node.inputs.items():
            literal = isinstance(value, str) and value and not is_reference(value)
            if literal and takes(key):
                what = f"input '{key}' of node '{node.name}'"
                yield node.name, (*place, "inputs", key), what, str(value)


def _configured(flow: Flow) -> str:
    for settings in flow.documents.values() if flow.kind == "prompty" else ():
        for key in ("model", "configuration", "connection"):
            settings = settings.get(key) if isinstance(settings, Mapping) else None
        if isinstance(settings, str) and not is_reference(settings):
            return settings
    return ""


def _place(loaded: LoadedFlow, index: int, node: Node) -> KeyPath:
    declared = loaded.declared.nodes if loaded.declared else []
    if index < len(declared) and declared[index].use_variants:
        entry = loaded.declared.node_variants.get(node.name) if loaded.declared else {}
        chosen = entry.get("default_variant_id") if isinstance(entry, dict) else None
        return ("node_variants", node.name, "variants", str(chosen), "node")
    return ("nodes", index)


def _of_tool(tool: Mapping[str, Any]) -> Callable[[str], bool]:
    inputs = tool.get("inputs") or {}

    def takes(key: str) -> bool:
        kinds = (inputs.get(key) or {}).get("type") or [""]
        return str(kinds[0]).endswith("Connection")

    return takes


def _of_source(
    node: Node, sources: Mapping[str, SnapshotFile]
) -> Callable[[str], bool]:
    source = node.source
    if node.type not in ("python", "custom_llm") or source is None:
        return lambda key: False
    if source.type != "code":
        return lambda key: key == "connection"
    file = sources.get(source.path or "")
    parsed = parse_python(file.read()) if file is not None else None
    if parsed is None or isinstance(parsed, SourceError):
        return lambda key: False
    annotated = {
        argument.arg
        for function in ast.walk(parsed)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in [*function.args.args, *function.args.kwonlyargs]
        if argument.annotation and "Connection" in ast.unparse(argument.annotation)
    }
    return lambda key: key in annotated
