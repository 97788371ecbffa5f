"""A flow made ready to run: tools loaded, references parsed, literals converted.

Everything here is done once for a flow and kept in the process, so that children
forked from it find it done. Rules: flow-format sections 1.8, 2.6 and 9 item 5.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from pf_jupyter.errors import PfError
from pf_jupyter.flow.model import Flow, Node
from pf_jupyter.flow.order import dependencies
from pf_jupyter.flow.reference import (
    Literal,
    Reference,
    parse_reference,
)
from pf_jupyter.flow.values import chat_history
from pf_jupyter.worker.execution import logs
from pf_jupyter.worker.execution.connections import resolve_connection
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    hint_for,
    load_failed,
    text_of,
)
from pf_jupyter.worker.execution.images import ImageReader
from pf_jupyter.worker.execution.interface import Parameter, init_parameters
from pf_jupyter.worker.execution.literals import convert_literal, load_images
from pf_jupyter.worker.execution.loading import Tool
from pf_jupyter.worker.execution.streaming import decided, find_only_outputs
from pf_jupyter.worker.execution.surroundings import (
    environment_set,
    inside_folder,
)
from pf_jupyter.worker.execution.tool_kinds import import_named_module, load_tool
from pf_jupyter.worker.execution.topology import check_topology

_KEPT_FLOWS = 32


@dataclass
class PreparedNode:
    """One node of a prepared flow.

    ``arguments`` holds what the tool is called with, in the order of the file, literals
    converted and constructor arguments left out; ``failure`` is why it cannot run.
    ``only_output`` tells that a flow output shows it and no other node uses it;
    ``streams`` is then the tool's parameter that decides whether it streams.
    """

    node: Node
    index: int
    tool: Optional[Tool] = None
    failure: Optional[PfError] = None
    arguments: Dict[str, Reference] = field(default_factory=dict)
    init_arguments: Dict[str, Any] = field(default_factory=dict)
    connections: Dict[str, Parameter] = field(default_factory=dict)
    condition: Optional[Reference] = None
    waits_for: List[str] = field(default_factory=list)
    only_output: bool = False
    streams: str = ""
    _object: Optional[Tuple[Any, Any]] = None

    def __post_init__(self) -> None:
        self.name = self.node.name

    def bind(self, given: Mapping[str, Any]) -> Tuple[Callable[..., Any], Dict]:  # type: ignore[type-arg]
        """Return the callable, and the connections among its arguments.

        A class tool's object is made on first use and kept while its arguments stay
        the same.

        Raises
        ------
        FlowFailure
            A connection is missing or does not fit, or the constructor failed.
        """
        assert self.tool is not None
        if self.tool.binder is not None:
            return self.tool.binder(self, given)
        if not self.connections and self.tool.owner is None:
            return self._with_fixed(self.tool.function), {}
        resolved = {
            name: resolve_connection(self.name, self.literal(name), parameter, given)
            for name, parameter in self.connections.items()
        }
        if self.tool.owner is None:
            return self._with_fixed(self.tool.function), resolved
        made = self._made(resolved, given)
        arguments = {k: v for k, v in resolved.items() if k in self.arguments}
        return self._with_fixed(getattr(made, self.tool.method)), arguments

    def _with_fixed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        assert self.tool is not None
        fixed = self.tool.fixed
        if self.streams:
            function = decided(function, self.streams)
        return functools.partial(function, **fixed) if fixed else function

    def literal(self, name: str) -> Any:
        """Return what the flow file says for an input, None for a reference."""
        if name in self.init_arguments:
            return self.init_arguments[name]
        reference = self.arguments[name]
        return reference.value if isinstance(reference, Literal) else None

    def _made(self, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
        assert self.tool is not None
        assert self.tool.owner is not None
        used = {
            name: given.get(str(self.init_arguments[name]))
            for name in resolved
            if name in self.init_arguments
        }
        if self._object is not None and self._object[0] == used:
            return self._object[1]
        values = {**self.init_arguments}
        values.update({k: v for k, v in resolved.items() if k in values})
        try:
            made = self.tool.owner(**values)
        except Exception as error:
            raise load_failed(
                FlowFailure(
                    "ToolLoadError",
                    f"the class '{self.tool.owner.__name__}' of node '{self.name}' "
                    f"cannot be made: ({type(error).__name__}) {text_of(error)}",
                    hint=hint_for(error),
                    node=self.name,
                    cause=error,
                )
            ) from None
        self._object = (used, made)
        return made


@dataclass
class PreparedFlow:
    """A flow with all its nodes prepared, or the ``entry`` of one without nodes."""

    flow: Flow
    folder: str
    nodes: Dict[str, PreparedNode] = field(default_factory=dict)
    topology: Optional[PfError] = None
    failure: Optional[PfError] = None
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    entry: Any = None

    def saw(self, environment: Mapping[str, str]) -> bool:
        """Tell whether the modules were loaded with these environment variables."""
        return all(self.variables.get(k) == v for k, v in environment.items())

    @functools.cached_property
    def normal(self) -> List[PreparedNode]:
        """The nodes that are no aggregation nodes."""
        return [node for node in self.nodes.values() if not node.node.aggregation]

    @functools.cached_property
    def connected(self) -> List[PreparedNode]:
        """The nodes that may need a connection."""
        return [
            node
            for node in self.nodes.values()
            if node.connections or (node.tool is not None and node.tool.binder)
        ]

    @functools.cached_property
    def forces_loop(self) -> bool:
        """Whether a tool can only run on an event loop."""
        return any(
            node.tool is not None and node.tool.forces_loop
            for node in self.nodes.values()
        )

    @functools.cached_property
    def history(self) -> Optional[str]:
        """The input that holds the history of a chat flow."""
        return chat_history(self.flow)

    @functools.cached_property
    def sources(self) -> Dict[str, Reference]:
        """Where the outputs of the flow come from."""
        outputs = self.flow.outputs.items()
        return {name: parse_reference(item.reference) for name, item in outputs}

    @functools.cached_property
    def is_fit(self) -> bool:
        """Whether `check` has nothing to raise."""
        failures = [node.failure for node in self.nodes.values()]
        return not any([self.failure, self.topology, *failures])

    def check(self) -> None:
        """Raise the first reason for which the flow cannot run.

        Failures to load a node come before those of the graph
        (flow-format section 1.8).
        """
        if self.is_fit:
            return
        if self.failure is not None:
            raise self.failure
        for prepared in self.nodes.values():
            if prepared.failure is not None:
                raise prepared.failure
        if self.topology is not None:
            raise self.topology


_prepared: Dict[Tuple[str, str], PreparedFlow] = {}
_asked: Dict[int, Tuple[Mapping[str, Any], str, PreparedFlow]] = {}


def prepared_flow(
    raw: Mapping[str, Any], folder: str, environment: Mapping[str, str]
) -> PreparedFlow:
    """Return a flow made ready to run; never raises for what is wrong with the flow.

    Parameters
    ----------
    raw
        ``Flow.to_dict()``; it must not be changed any more, since the same mapping is
        taken for the same flow.
    folder
        The flow's folder.
    environment
        Variables to set while modules load. Modules are loaded anew when they were
        loaded with other values.
    """
    found = recalled(raw, folder, environment)
    if found is None:
        given, folder = folder, os.path.abspath(folder)
        if any(known[0] == folder for known in _prepared):
            _forget_modules(folder)
        with environment_set(environment), inside_folder(folder):
            logs.install()
            found = _prepare(raw, folder)
        while len(_prepared) >= _KEPT_FLOWS:
            del _prepared[next(iter(_prepared))]
        _prepared[(folder, repr(raw))] = found
        _keep(raw, given, found)
    return found


def recalled(
    raw: Mapping[str, Any], folder: str, environment: Mapping[str, str]
) -> Optional[PreparedFlow]:
    """Return a flow that was made ready before, None when that is still to be done.

    The parameters are those of `prepared_flow`.
    """
    asked = _asked.get(id(raw))
    same = asked is not None and asked[0] is raw and asked[1] == folder
    if asked is not None and same and asked[2].saw(environment):
        return asked[2]
    found = _prepared.get((os.path.abspath(folder), repr(raw)))
    if found is None or not found.saw(environment):
        return None
    _keep(raw, folder, found)
    return found


def _keep(raw: Mapping[str, Any], folder: str, found: PreparedFlow) -> None:
    if len(_asked) >= _KEPT_FLOWS:
        _asked.clear()
    # The mapping itself is kept too, so that no other can get its id.
    _asked[id(raw)] = (raw, folder, found)


def _prepare(raw: Mapping[str, Any], folder: str) -> PreparedFlow:
    flow = Flow.from_dict(dict(raw))
    if flow.kind != "dag" or flow.documents:
        from pf_jupyter.worker.execution.entries import prepare_entry

        entry = prepare_entry(flow, folder)
        if entry is not None:
            return PreparedFlow(flow, folder, entry=entry)
    if any(node.use_variants for node in flow.nodes):
        from pf_jupyter.flow.variants import apply_variants

        try:
            flow = apply_variants(flow)
        except PfError as error:
            return PreparedFlow(flow, folder, failure=error)
    ready = PreparedFlow(flow, folder)
    reader = ImageReader(folder, flow.message_format)
    for index, node in enumerate(flow.nodes):
        ready.nodes.setdefault(node.name, _prepare_node(node, index, folder, reader))
    find_only_outputs(ready)
    try:
        check_topology(flow)
    except PfError as error:
        ready.topology = error
    return ready


def _prepare_node(
    node: Node, index: int, folder: str, reader: ImageReader
) -> PreparedNode:
    prepared = PreparedNode(node, index)
    try:
        prepared.waits_for = dependencies(node)
        if node.activate is not None:
            prepared.condition = parse_reference(node.activate.when)
        import_named_module(node)
        prepared.tool = load_tool(node, folder)
        _fill_arguments(prepared, prepared.tool)
        load_images(node.name, prepared.tool, prepared.arguments, reader)
        if _takes_definition(prepared.tool):
            from pf_jupyter.worker.execution.assistants import load_definitions

            load_definitions(node.name, prepared.tool, prepared.arguments, folder)
    except PfError as error:
        prepared.failure = error
    except Exception as error:
        prepared.failure = load_failed(
            FlowFailure(
                type(error).__name__, text_of(error), node=node.name, cause=error
            )
        )
    return prepared


def _takes_definition(tool: Tool) -> bool:
    parameters = tool.interface.parameters.values()
    return any(item.types[0] == "assistant_definition" for item in parameters)


def _fill_arguments(prepared: PreparedNode, tool: Tool) -> None:
    init: Dict[str, inspect.Parameter] = {}
    if tool.owner is not None:
        init = init_parameters(tool.owner)
    for name, raw in prepared.node.inputs.items():
        reference = parse_reference(raw)
        if isinstance(reference, Literal) and tool.type != "prompt":
            if reference.value is None or reference.value == "":
                continue
            parameter = tool.interface.parameters.get(name)
            if parameter is not None and parameter.is_connection:
                prepared.connections[name] = parameter
            elif parameter is not None and tool.binder is None:
                value = convert_literal(prepared.name, parameter, reference.value)
                reference = Literal(value)
        if name not in init:
            prepared.arguments[name] = reference
        elif isinstance(reference, Literal):
            prepared.init_arguments[name] = reference.value
        else:
            raise load_failed(
                FlowFailure(
                    "InputTypeMismatch",
                    f"input '{name}' of node '{prepared.name}' belongs to the "
                    f"constructor and must be a literal, not '{raw}'",
                    hint=f"write a value for '{name}' into the flow file",
                    node=prepared.name,
                )
            )
    missing = [
        name
        for name, raw_parameter in init.items()
        if raw_parameter.default is inspect.Parameter.empty
        and raw_parameter.kind
        not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        and name not in prepared.init_arguments
    ]
    if missing:
        raise load_failed(
            FlowFailure(
                "MissingRequiredInputs",
                f"the constructor of node '{prepared.name}' needs "
                f"{', '.join(map(repr, missing))}",
                hint="add them to the node's inputs as literals",
                node=prepared.name,
            )
        )


def _forget_modules(folder: str) -> None:
    """Drop the flow's own modules, so that they see a changed environment."""
    inside = os.path.join(folder, "")
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(inside):
            del sys.modules[name]
