"""Makes ordinary flow folders of what cells define."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..flow.draft import FLOW_FILE, RESULT, DraftNode, FlowDraft
from ..flow.reader import read_flow
from ..flow.reference import (
    InputReference,
    NodeReference,
    parse_reference,
)
from .interfaces import NodeType, Parameter, imported_names, parameters

_PATH = re.compile(r"""\bpath:\s*(?:"([^"]+)"|'([^']+)'|([^\s,}#'"]+))""")

_HISTORY = "chat_history"

Files = dict[str, bytes]


@dataclass(frozen=True)
class NodeDraft:
    """A node as a cell wrote it. ``inputs`` are values and ``${…}`` references.

    ``connection``, ``api`` and ``settings`` (options of the call) are for llm nodes.
    """

    name: str
    type: NodeType
    source: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    connection: str | None = None
    api: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Name of its source file."""
        return self.name + (".py" if self.type == "python" else ".jinja2")

    @property
    def parameters(self) -> list[Parameter]:
        """What its source takes."""
        return parameters(self.source, self.type)


def node_flow(
    name: str, nodes: Mapping[str, NodeDraft], given: Mapping[str, Any]
) -> Files:
    """Return the files of a flow that ends in this node.

    The nodes it refers to come with it. Parameters that nobody gives become inputs of
    the flow.

    Parameters
    ----------
    name
        The last node; its output is the flow's.
    nodes
        All nodes defined in cells.
    given
        Inputs of the run that is to come: an optional parameter becomes an input when
        it is among them, and values that are no text decide an input's type.
    """
    draft = FlowDraft(name)
    for node in _upstream(name, nodes):
        bound = dict(node.inputs)
        for parameter in node.parameters:
            reference = parse_reference(bound.get(parameter.name))
            if parameter.name not in bound:
                if _left_out(parameter, given):
                    continue
                bound[parameter.name] = f"${{inputs.{parameter.name}}}"
                _add_input(draft, parameter.name, parameter, given)
            elif isinstance(reference, InputReference):
                _add_input(draft, reference.name, parameter, given)
        inputs = {**node.settings, **bound}
        draft.add_node(
            DraftNode(
                node.name,
                node.type,
                node.source,
                inputs,
                connection=node.connection,
                api=node.api,
            )
        )
    output = "object" if nodes[name].type == "python" else "string"
    draft.add_output(RESULT, f"${{{name}.output}}", output)
    files = draft.files()
    return _with_modules(files, Path.cwd())


def yaml_flow(text: str, nodes: Mapping[str, NodeDraft], here: Path) -> Files:
    """Return the files of a flow that a cell wrote in YAML.

    Parameters
    ----------
    text
        The cell's body.
    nodes
        All nodes defined in cells; a ``path`` may name their files.
    here
        Folder against which other paths are resolved.
    """
    by_file = {node.file: node for node in nodes.values()}
    files: Files = {}
    for match in _PATH.finditer(text):
        path = match[1] or match[2] or match[3]
        if path in by_file:
            files[path] = by_file[path].source.encode()
        elif _stays_inside(path) and (here / path).is_file():
            files[path] = (here / path).read_bytes()
    data = text.encode()
    flow = read_flow(data, FLOW_FILE, "flow").flow
    for included in flow.additional_includes if flow is not None else []:
        files.update(_included(here / included))
    return {FLOW_FILE: data} | _with_modules(files, here)


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _upstream(name: str, nodes: Mapping[str, NodeDraft]) -> Iterator[NodeDraft]:
    """Yield the nodes that a node needs, itself last; the check finds cycles."""
    done: set[str] = set()

    def visit(current: str) -> Iterator[NodeDraft]:
        if current in done or current not in nodes:
            return
        done.add(current)
        for value in nodes[current].inputs.values():
            reference = parse_reference(value)
            if isinstance(reference, NodeReference):
                yield from visit(reference.node)
        yield nodes[current]

    yield from visit(name)


def _left_out(parameter: Parameter, given: Mapping[str, Any]) -> bool:
    nothing = not parameter.required and parameter.default is None
    return nothing and parameter.name not in given


def _type(declared: str, value: Any) -> str:
    if declared in ("string", "object") and isinstance(value, list | tuple):
        return "list"
    if declared == "string" and isinstance(value, Mapping):
        return "object"
    return declared


def _add_input(
    draft: FlowDraft, name: str, parameter: Parameter, given: Mapping[str, Any]
) -> None:
    if name not in draft.inputs:
        # Renamed inputs are required: their defaults belong to the parameter.
        own = name == parameter.name
        default = parameter.default if own else None
        kind = _type(parameter.type, given.get(name))
        if name == _HISTORY and kind == "list" and default is None:
            # a conversation that has not begun (flow-format section 2.10)
            default = []
        draft.add_input(name, kind, default)


def _stays_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts


def _included(path: Path) -> Files:
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {
        f"{path.name}/{file.relative_to(path).as_posix()}": file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def _with_modules(files: Files, here: Path) -> Files:
    """Add the modules beside the notebook that the sources import."""
    found = dict(files)
    waiting = list(_python_sources(found.items()))
    while waiting:
        for name in imported_names(waiting.pop()):
            module, package = here / f"{name}.py", here / name
            new: Files = {}
            if module.is_file():
                new = {module.name: module.read_bytes()}
            elif (package / "__init__.py").is_file():
                new = _included(package)
            new = {key: data for key, data in new.items() if key not in found}
            found |= new
            waiting += _python_sources(new.items())
    return found


def _python_sources(files: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    for name, data in files:
        if name.endswith(".py"):
            yield data.decode("utf-8", "replace")
