"""From the mappings of a flow file to :mod:`pf_jupyter.flow.model`.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
Nothing here raises on a wrong file: whatever is wrong goes to a `Report`, with its path
in the file, and reading goes on with what is left. Rules: flow-format sections 1.2 to
1.4 and section 9 items 3 and 21.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from pf_jupyter.flow.fields import (
    Fields,
    KeyPath,
    Report,
    describe,
    did_you_mean,
    unknown_keys,
)
from pf_jupyter.flow.model import (
    Activate,
    Flow,
    FlowInput,
    FlowOutput,
    Node,
    ToolSource,
)
from pf_jupyter.flow.values import VALUE_TYPES, preview

NODE_TYPES = ("python", "llm", "prompt", "custom_llm", "csharp")
SOURCE_TYPES = ("code", "package", "package_with_prompt")
MESSAGE_FORMATS = ("basic", "openai-vision")

_FLOW_KEYS = (
    "$schema",
    "id",
    "name",
    "description",
    "display_name",
    "tags",
    "inputs",
    "outputs",
    "nodes",
    "node_variants",
    "environment",
    "environment_variables",
    "additional_includes",
    "language",
    "message_format",
    "tools",
)
_NODE_KEYS = (
    "name",
    "type",
    "source",
    "inputs",
    "connection",
    "api",
    "provider",
    "module",
    "aggregation",
    "reduce",
    "enable_cache",
    "use_variants",
    "activate",
    "comment",
    "tool",
    "skip",
)
_FAMILIAR_TYPES = {
    "str": "string",
    "text": "string",
    "float": "double",
    "number": "double",
    "integer": "int",
    "boolean": "bool",
    "array": "list",
    "dict": "object",
    "json": "object",
    "any": "object",
}


def build_flow(
    raw: Dict[Any, Any], name: str, report: Report
) -> Tuple[Flow, List[KeyPath]]:
    """Build a flow from the top-level mapping of its file.

    Parameters
    ----------
    raw
        Plain dictionaries, lists and scalars.
    name
        Name to use when the file gives none.
    report
        Receives every problem.

    Returns
    -------
    tuple
        The flow, and for each of its nodes the path at which it is written.
    """
    unknown_keys(raw, _FLOW_KEYS, (), report)
    fields = Fields(raw, (), "the flow", report)
    flow = Flow(
        name=fields.label("name") or name,
        inputs=_build_ports(fields, "inputs", _build_input),
        outputs=_build_ports(fields, "outputs", _build_output),
        node_variants=fields.mapping("node_variants"),
        environment=fields.mapping("environment"),
        environment_variables=fields.mapping("environment_variables"),
        additional_includes=_build_includes(fields),
        language=fields.choice("language", ("python", "csharp")) or "python",
        message_format=_build_message_format(fields),
    )
    if "nodes" not in raw:
        report.problem(
            "missing_nodes",
            (),
            "the flow has no 'nodes'",
            "add 'nodes:' with a list of nodes; 'nodes: []' is an empty flow",
        )
    places: List[KeyPath] = []
    for index, item in enumerate(fields.sequence("nodes")):
        node = build_node(item, ("nodes", index), report)
        if node is not None:
            flow.nodes.append(node)
            places.append(("nodes", index))
    return flow, places


def build_node(
    raw: Any, path: KeyPath, report: Report, name: Optional[str] = None
) -> Optional[Node]:
    """Build one node; None when it is no mapping or has no name.

    Parameters
    ----------
    raw
        The node's mapping.
    path
        Where it is written.
    report
        Receives every problem.
    name
        Its name when the mapping gives none, as inside a variant.
    """
    if not isinstance(raw, dict):
        report.problem(
            "wrong_type", path, f"a node must be a mapping, {describe(raw)} is not"
        )
        return None
    node_name = name if name is not None else _node_name(raw, path, report)
    if node_name is None:
        return None
    unknown_keys(raw, _NODE_KEYS, path, report)
    fields = Fields(raw, path, f"node '{node_name}'", report)
    return Node(
        name=node_name,
        type=_build_node_type(fields),
        source=_build_source(fields),
        inputs=fields.mapping("inputs"),
        connection=fields.text("connection"),
        api=fields.text("api"),
        provider=fields.text("provider"),
        module=fields.text("module"),
        aggregation=fields.flag("aggregation") or fields.flag("reduce") or False,
        enable_cache=fields.flag("enable_cache") or False,
        use_variants=fields.flag("use_variants") or False,
        activate=_build_activate(fields),
        comment=fields.label("comment"),
    )


def _build_ports(
    fields: Fields, key: str, build: Callable[[str, Fields], Any]
) -> Dict[str, Any]:
    ports: Dict[str, Any] = {}
    singular = key[:-1]
    for name, raw in fields.mapping(key).items():
        path = (key, name)
        if not isinstance(raw, dict):
            fields.report.problem(
                "wrong_type",
                path,
                f"{singular} '{name}' must be a mapping, {describe(raw)} is not",
                f"write '{name}:' and below it 'type: string'",
            )
            raw = {"type": "object"}  # so that references to it are still found
        ports[name] = build(
            name, Fields(raw, path, f"{singular} '{name}'", fields.report)
        )
    return ports


def _build_input(name: str, fields: Fields) -> FlowInput:
    return FlowInput(
        name=name,
        type=_build_value_type(fields),
        default=fields.raw.get("default"),
        description=fields.label("description"),
        enum=fields.sequence("enum") or None,
        is_chat_input=fields.flag("is_chat_input") or False,
        is_chat_history=fields.flag("is_chat_history"),
    )


def _build_output(name: str, fields: Fields) -> FlowOutput:
    return FlowOutput(
        name=name,
        type=_build_value_type(fields),
        reference=fields.raw.get("reference", ""),
        description=fields.label("description"),
        evaluation_only=fields.flag("evaluation_only") or False,
        is_chat_output=fields.flag("is_chat_output") or False,
    )


def _build_value_type(fields: Fields) -> str:
    value = fields.raw.get("type")
    if value is None:
        fields.report.problem(
            "missing_type",
            fields.path,
            f"{fields.subject} has no type",
            "add 'type: string', or another of " + ", ".join(VALUE_TYPES),
            at_key=True,
        )
    elif not isinstance(value, str):
        fields.wrong("type", "text such as string")
    elif value not in VALUE_TYPES:
        familiar = _FAMILIAR_TYPES.get(value.lower())
        hint = (
            f"did you mean '{familiar}'?"
            if familiar
            else did_you_mean(value, VALUE_TYPES, f"one of {', '.join(VALUE_TYPES)}")
        )
        fields.report.problem(
            "unknown_type",
            (*fields.path, "type"),
            f"{fields.subject}: there is no type '{value}'",
            hint,
        )
    else:
        return value
    return "object"


def _build_includes(fields: Fields) -> List[str]:
    includes = []
    for index, item in enumerate(fields.sequence("additional_includes")):
        if isinstance(item, str) and item.strip():
            includes.append(item)
            continue
        fields.report.problem(
            "wrong_type",
            ("additional_includes", index),
            f"an additional include must be a path, {describe(item)} is not",
        )
    return includes


def _build_message_format(fields: Fields) -> str:
    value = fields.text("message_format")
    if not value:
        return "basic"
    if value.lower() not in MESSAGE_FORMATS:
        fields.report.problem(
            "InvalidMessageFormatType",
            ("message_format",),
            f"there is no message format '{value}'",
            did_you_mean(value, MESSAGE_FORMATS, "basic or openai-vision"),
        )
        return "basic"
    return value.lower()


def _node_name(raw: Dict[Any, Any], path: KeyPath, report: Report) -> Optional[str]:
    name = raw.get("name")
    if isinstance(name, str) and name:
        return name
    if name is None or name == "":
        report.problem(
            "missing_name", path, "a node has no name", "add 'name:' to the node"
        )
        return None
    Fields(raw, path, "a node", report).wrong("name", "text", "put it in quotes")
    return None if isinstance(name, (dict, list)) else str(name)


def _build_node_type(fields: Fields) -> Optional[str]:
    value = fields.text("type")
    if value is None or value in NODE_TYPES:
        return value
    fields.report.problem(
        "unknown_node_type",
        (*fields.path, "type"),
        f"{fields.subject}: there is no node type '{value}'",
        did_you_mean(value, NODE_TYPES, f"one of {', '.join(NODE_TYPES[:4])}"),
    )
    return value


def _build_source(fields: Fields) -> Optional[ToolSource]:
    raw = fields.raw.get("source")
    if raw is None:
        return None
    if not isinstance(raw, dict):
        fields.wrong(
            "source", "a mapping", "write 'source: {type: code, path: FILE.py}'"
        )
        return ToolSource(type="")
    inner = Fields(raw, (*fields.path, "source"), fields.subject, fields.report)
    type_ = raw.get("type", "code")
    if type_ not in SOURCE_TYPES:
        fields.report.problem(
            "unknown_source_type",
            (*fields.path, "source", "type"),
            f"{fields.subject}: there is no source type {preview(type_)}",
            did_you_mean(type_, SOURCE_TYPES, f"one of {', '.join(SOURCE_TYPES)}"),
        )
        type_ = ""
    return ToolSource(type=type_, path=inner.text("path"), tool=inner.text("tool"))


def _build_activate(fields: Fields) -> Optional[Activate]:
    if "activate" not in fields.raw:
        return None
    raw = fields.raw["activate"]
    if isinstance(raw, dict) and "when" in raw and "is" in raw:
        return Activate(when=raw["when"], is_=raw["is"])
    if isinstance(raw, dict):
        lacking = " and ".join(f"'{key}'" for key in ("when", "is") if key not in raw)
        message = f"{fields.subject}: its activate condition lacks {lacking}"
    else:
        message = f"{fields.subject}: 'activate' must be a mapping with 'when' and 'is'"
    fields.report.problem(
        "FlowDefinitionError",
        (*fields.path, "activate"),
        message,
        "write 'activate: {when: ${node.output}, is: true}'",
        at_key=True,
    )
    return None
