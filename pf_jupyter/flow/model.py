"""A flow as data, the same on the host and in the worker.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
Values are what YAML gave, normalised to plain ``dict``, ``list``, ``str``, ``int``,
``float``, ``bool``, ``None``, ``datetime.date`` and ``datetime.datetime``. Field rules:
flow-format section 1.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional


@dataclass
class FlowInput:
    """A declared flow input. ``default`` None means required (section 1.2)."""

    name: str
    type: str
    default: Any = None
    description: str = ""
    enum: Optional[List[Any]] = None
    is_chat_input: bool = False
    is_chat_history: Optional[bool] = None


@dataclass
class FlowOutput:
    """A declared flow output; its type is never enforced (section 1.2).

    A ``reference`` that is none, null or a number for instance, is the output itself;
    the empty text is what a missing one counts as.
    """

    name: str
    type: str
    reference: Any = ""
    description: str = ""
    evaluation_only: bool = False
    is_chat_output: bool = False


@dataclass
class ToolSource:
    """Where a node's tool comes from: code, package or package_with_prompt."""

    type: str = "code"
    path: Optional[str] = None
    tool: Optional[str] = None


@dataclass
class Activate:
    """A node's condition: it runs when ``when`` resolves to what equals ``is_``."""

    when: Any
    is_: Any


@dataclass
class Node:
    """One step of a flow. ``inputs`` holds literals and whole-string references."""

    name: str
    type: Optional[str] = None
    source: Optional[ToolSource] = None
    inputs: Dict[str, Any] = field(default_factory=dict)
    connection: Optional[str] = None
    api: Optional[str] = None
    provider: Optional[str] = None
    module: Optional[str] = None
    aggregation: bool = False
    enable_cache: bool = False
    use_variants: bool = False
    activate: Optional[Activate] = None
    comment: str = ""


@dataclass
class Flow:
    """A whole flow.

    ``node_variants`` keeps the raw mapping; :mod:`pf_jupyter.flow.variants` applies it.
    ``environment_variables`` are raw YAML values (section 1.2 gives their text form).

    ``kind`` is ``dag``, ``flex`` or ``prompty``; only a DAG has nodes. A flex flow
    calls ``entry`` (``module:name``) and may declare ``init``, what its class is made
    with; ``declared`` names those of inputs, outputs and init that the file itself
    lists, the others are what its code was read to have. ``file`` is a prompty's file,
    ``sample`` the raw values for a run without inputs. ``documents`` holds the YAML
    that code of the flow may ask for, by the SHA-256 of its text: the worker has no
    YAML reader of its own.
    """

    name: str
    inputs: Dict[str, FlowInput] = field(default_factory=dict)
    outputs: Dict[str, FlowOutput] = field(default_factory=dict)
    nodes: List[Node] = field(default_factory=list)
    node_variants: Dict[str, Any] = field(default_factory=dict)
    environment: Dict[str, Any] = field(default_factory=dict)
    environment_variables: Dict[str, Any] = field(default_factory=dict)
    additional_includes: List[str] = field(default_factory=list)
    language: str = "python"
    message_format: str = "basic"
    kind: str = "dag"
    entry: str = ""
    init: Dict[str, FlowInput] = field(default_factory=dict)
    declared: List[str] = field(default_factory=list)
    file: str = ""
    sample: Any = None
    documents: Dict[str, Any] = field(default_factory=dict)

    def node(self, name: str) -> Optional[Node]:
        """Return the first node called ``name``, or None."""
        return next((node for node in self.nodes if node.name == name), None)

    def to_dict(self) -> Dict[str, Any]:
        """Return the flow as nested plain dictionaries and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Dict[str, Any]) -> "Flow":
        """Rebuild a flow from :meth:`to_dict`; unknown keys are an error."""
        data = dict(data)
        inputs = {k: FlowInput(**v) for k, v in data.pop("inputs").items()}
        outputs = {k: FlowOutput(**v) for k, v in data.pop("outputs").items()}
        nodes = [_node_from_dict(node) for node in data.pop("nodes")]
        init = {k: FlowInput(**v) for k, v in data.pop("init", {}).items()}
        return cls(inputs=inputs, outputs=outputs, nodes=nodes, init=init, **data)


def _node_from_dict(data: Dict[str, Any]) -> Node:
    data = dict(data)
    source = data.pop("source", None)
    activate = data.pop("activate", None)
    return Node(
        source=ToolSource(**source) if source else None,
        activate=Activate(**activate) if activate else None,
        **data,
    )
