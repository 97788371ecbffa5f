"""Composing a flow out of nodes, and writing it as an ordinary public flow folder."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from pf_jupyter.errors import AlreadyExists, UsageError
from pf_jupyter.flow.model import FlowInput, FlowOutput
from pf_jupyter.flow.reference import InputReference, parse_reference
from pf_jupyter.flow.values import VALUE_TYPES

NodeKind = Literal["python", "prompt", "llm"]
FLOW_FILE = "flow.dag.yaml"
RESULT = "output"
"""Name of the output of a flow that is one node."""

_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\Z", re.IGNORECASE)
_USED_BY_FLOWS = frozenset({"promptflow", "jinja2", "openai", "pf_jupyter"})


@dataclass
class DraftNode:
    """A node with the text of its source.

    ``inputs`` maps its parameters to literals and ``${…}`` references; ``connection``
    and ``api`` are for llm nodes.
    """

    name: str
    kind: NodeKind
    source: str
    inputs: dict[str, Any] = field(default_factory=dict)
    connection: str | None = None
    api: str | None = None
    aggregation: bool = False


@dataclass
class FlowDraft:
    """A flow in the making: inputs, outputs, and nodes by name, in order."""

    name: str
    inputs: dict[str, FlowInput] = field(default_factory=dict)
    outputs: dict[str, FlowOutput] = field(default_factory=dict)
    nodes: dict[str, DraftNode] = field(default_factory=dict)

    def add_input(self, name: str, type: str = "string", default: Any = None) -> None:
        """Declare a flow input; None as its default means that it is required."""
        self.inputs[name] = FlowInput(name, type, default)

    def add_output(self, name: str, reference: str, type: str = "string") -> None:
        """Declare a flow output, ``${node.output}`` for instance."""
        self.outputs[name] = FlowOutput(name, type, reference)

    def add_node(self, node: DraftNode) -> None:
        """Add a node; one of the same name is replaced and keeps its place."""
        self.nodes[node.name] = node

    def files(self) -> dict[str, bytes]:
        """Return the folder's files by path.

        Raises
        ------
        UsageError
            A default or an input is a value that YAML has no words for.
        """
        paths = _source_paths(self.nodes.values())
        document: dict[str, Any] = {
            "inputs": {name: _input_fields(i) for name, i in self.inputs.items()},
            "outputs": {
                name: {"type": output.type, "reference": output.reference}
                for name, output in self.outputs.items()
            },
            "nodes": [_node_fields(n, paths[n.name]) for n in self.nodes.values()],
        }
        files = {
            paths[node.name]: node.source.encode("utf-8")
            for node in self.nodes.values()
        }
        return {**files, FLOW_FILE: _to_yaml(document)}

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the flow as a folder in the public format.

        Each file appears whole or not at all, the flow file last.

        Parameters
        ----------
        folder
            Where to; it is made when it is not there. Other files in it stay.
        overwrite
            Whether files of the same names may be replaced.

        Raises
        ------
        AlreadyExists
            A file of the flow is there already, with other contents.
        UsageError
            As `files`.
        """
        folder = Path(folder).expanduser()
        files = self.files()
        for path, data in files.items():
            target = folder / path
            changed = target.exists() and target.read_bytes() != data
            if changed and not overwrite:
                raise AlreadyExists(
                    f"{target} is there already and differs",
                    hint="choose another folder, or say that it may be overwritten",
                )
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            _write_whole(folder / path, data)
        return folder


def single_node(
    name: str,
    source: str,
    tool: Mapping[str, Any],
    *,
    bound: Mapping[str, Any] | None = None,
    given: Collection[str] = (),
) -> FlowDraft:
    """Make a flow of one Python node that can be run at once.

    Parameters
    ----------
    name
        Name of the node and of the flow.
    source
        Text of the tool's file.
    tool
        The tool's interface, TOOL of :mod:`pf_jupyter.worker.protocol`. Parameters
        become flow inputs of the same name and type.
    bound
        Values for parameters that shall not become inputs: literals, such as the name
        of a connection, and references to flow inputs of other names.
    given
        Parameters that the run to come has values for. One whose default is None is
        left to the tool unless it is among them, because a flow input with that
        default would be required.

    Raises
    ------
    UsageError
        A parameter takes a connection and none is bound to it.
    """
    draft = FlowDraft(name)
    node = DraftNode(name, "python", source, dict(bound or {}))
    for value in node.inputs.values():
        reference = parse_reference(value)
        if isinstance(reference, InputReference):
            draft.add_input(reference.name, "object")
    for parameter, facts in tool.get("inputs", {}).items():
        if parameter in node.inputs:
            continue
        default = facts.get("default")
        optional = not facts.get("required", "default" not in facts)
        if optional and default is None and parameter not in given:
            continue
        types = list(facts.get("type") or ["object"])
        if types[0] not in VALUE_TYPES:
            raise UsageError(
                f"parameter '{parameter}' of '{name}' takes a connection "
                f"({' or '.join(types)})",
                code="missing_connection",
                hint=f"name one: --input {parameter}=NAME",
            )
        draft.add_input(parameter, types[0], default)
        node.inputs[parameter] = f"${{inputs.{parameter}}}"
    draft.add_node(node)
    output = str(tool.get("output") or "object")
    type_ = output if output in VALUE_TYPES else "object"
    draft.add_output(RESULT, f"${{{name}.output}}", type_)
    return draft


def _input_fields(declared: FlowInput) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": declared.type}
    if declared.default is not None:
        fields["default"] = declared.default
    if declared.description:
        fields["description"] = declared.description
    return fields


def _node_fields(node: DraftNode, path: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": node.name,
        "type": node.kind,
        "source": {"type": "code", "path": path},
        "inputs": node.inputs,
    }
    if node.connection is not None:
        fields["connection"] = node.connection
    if node.api is not None:
        fields["api"] = node.api
    if node.aggregation:
        fields["aggregation"] = True
    return fields


def _source_paths(nodes: Iterable[DraftNode]) -> dict[str, str]:
    """Name each node's file after it, so that it works on every file system.

    The flow's folder comes first when flows import, so a file must not be called like
    a module that they or their tools need.
    """
    paths: dict[str, str] = {}
    taken: set[str] = set()
    for node in nodes:
        stem = re.sub(r"\W", "_", node.name) or "node"
        python = node.kind == "python"
        shadows = python and (stem in sys.stdlib_module_names or stem in _USED_BY_FLOWS)
        if shadows or _WINDOWS.match(stem):
            stem += "_node"
        ending = ".py" if python else ".jinja2"
        path, number = stem + ending, 1
        while path.casefold() in taken:
            number += 1
            path = f"{stem}_{number}{ending}"
        taken.add(path.casefold())
        paths[node.name] = path
    return paths


def _to_yaml(document: dict[str, Any]) -> bytes:
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1_000_000  # a folded line reads worse than a long one
    yaml.representer.ignore_aliases = lambda data: True
    stream = io.BytesIO()
    try:
        yaml.dump(_quoted(document), stream)
    except (YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"a value cannot be written into a flow file ({reason})",
            code="not_yaml",
            hint="use text, numbers, true, false, dates, lists and mappings",
        ) from None
    return stream.getvalue()


def _quoted(value: Any) -> Any:
    """Put text that YAML would take line ends from into double quotes."""
    if isinstance(value, str) and re.search("[\x85\u2028\u2029\ufeff]", value):
        return DoubleQuotedScalarString(value)
    if isinstance(value, Mapping):
        return {_quoted(key): _quoted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_quoted(item) for item in value]
    return value


def _write_whole(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
