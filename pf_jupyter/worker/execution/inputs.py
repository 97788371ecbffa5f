"""The values a run begins with: of a whole flow, of one node, from a node on.

Rules: flow-format sections 2.1, 2.10, 2.11 and 9 item 6.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from pf_jupyter.flow.model import Flow, FlowInput
from pf_jupyter.flow.reference import (
    InputReference,
    Literal,
    NodeReference,
    Reference,
)
from pf_jupyter.flow.values import fill_defaults, parse_value
from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.images import ImageReader
from pf_jupyter.worker.execution.prepared import PreparedFlow, PreparedNode
from pf_jupyter.worker.execution.scope import Scope


def flow_inputs(
    ready: PreparedFlow,
    given: Mapping[str, Any],
    line_number: Optional[int] = None,
    only: Optional[Iterable[str]] = None,
) -> Dict[str, Any]:
    """Fill defaults, make every declared input fit its type, and load images.

    Parameters
    ----------
    ready
        The flow.
    given
        Values by input name; undeclared ones are passed along.
    line_number
        Line of a batch; in single runs a chat history may be missing.
    only
        Names of the inputs that are needed; None means all declared ones.

    Raises
    ------
    FlowFailure
        UserErrorException (InputNotFound in a batch) naming the missing inputs.
    FlowFailure
        LoadMultimediaDataError: an image cannot be loaded.
    InputTypeError, InputParseError
        A value does not fit.
    """
    flow = ready.flow
    values = fill_defaults(flow.inputs, given)
    history = ready.history if line_number is None else None
    if history is not None:
        values.setdefault(history, [])
    needed = flow.inputs if only is None else set(only)
    missing = [name for name in flow.inputs if name in needed and name not in values]
    if missing:
        raise _missing(missing, "flow", line_number)
    for name, declared in flow.inputs.items():
        if name in values:
            values[name] = _parsed(ready, declared, values[name])
    return values


def node_scope(
    ready: PreparedFlow,
    prepared: PreparedNode,
    given: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> Scope:
    """Return the values for a run of one node, whose arguments become literals.

    Values are found under ``other.output``, ``other.output.property``, ``inputs.x``,
    the name of the flow input, or the node's own parameter; outputs of other nodes
    also under ``outputs``. For an aggregation node they are put into lists of one.

    Raises
    ------
    FlowFailure
        UserErrorException naming the parameters without a value.
    """
    flow, upstream = ready.flow, Scope({}, outputs)
    arguments: Dict[str, Reference] = dict(prepared.arguments)
    missing: List[str] = []
    for name, reference in prepared.arguments.items():
        listed = prepared.node.aggregation
        try:
            if isinstance(reference, NodeReference):
                target = flow.node(reference.node)
                listed = listed and not (target is not None and target.aggregation)
                value = _node_value(name, reference, given, upstream)
            elif isinstance(reference, InputReference):
                value = _input_value(name, reference, ready, given)
            else:
                continue  # a literal stays what it is, whatever is given for it
        except KeyError:
            missing.append(name)
            continue
        arguments[name] = Literal([value] if listed else value)
    if missing:
        raise _missing(missing, prepared.name, None)
    prepared.arguments = arguments
    return upstream


def unused_names(
    flow: Flow, prepared: PreparedNode, given: Mapping[str, Any]
) -> List[str]:
    """Return the given names that change nothing for a node."""
    known = set(flow.inputs)
    known.update(
        name
        for name, reference in prepared.arguments.items()
        if not isinstance(reference, Literal)
    )
    for reference in prepared.arguments.values():
        known.update(_names(reference))
    return [name for name in given if name not in known]


def _names(reference: Reference) -> Sequence[str]:
    if isinstance(reference, InputReference):
        names = [f"inputs.{reference.name}", f"flow.{reference.name}"]
    elif isinstance(reference, NodeReference):
        names = [str(reference)[2:-1]]
        if reference.property:
            names.append(f"{reference.node}.{reference.section}")
    else:
        return ()
    return [*names, *("${" + name + "}" for name in names)]


def _node_value(
    parameter: str,
    reference: NodeReference,
    given: Mapping[str, Any],
    upstream: Scope,
) -> Any:
    whole = NodeReference(reference.node, reference.section)
    exact = str(reference)
    for name in (exact[2:-1], exact, parameter):
        if name in given:
            value = given[name]
            if reference.property and isinstance(value, dict):
                return value.get(reference.property, value)
            return value
    if reference.property:
        for name in (str(whole)[2:-1], str(whole)):
            if name in given:
                return Scope({}, {reference.node: given[name]}).output(reference)
    if reference.node not in upstream.outputs:
        raise KeyError(parameter)
    return upstream.value(reference)


def _input_value(
    parameter: str,
    reference: InputReference,
    ready: PreparedFlow,
    given: Mapping[str, Any],
) -> Any:
    declared = ready.flow.inputs.get(reference.name)
    for name in (*_names(reference), parameter, reference.name):
        if name in given:
            value = given[name]
            break
    else:
        if declared is None or declared.default is None:
            raise KeyError(parameter)
        value = declared.default
    if declared is None:
        return value
    return _parsed(ready, declared, value)


def _parsed(ready: PreparedFlow, declared: FlowInput, value: Any) -> Any:
    value = parse_value(declared.type, value, declared.name)
    if declared.type == "image" or isinstance(value, (dict, list)):
        reader = ImageReader(ready.folder, ready.flow.message_format)
        return reader.load_input(declared.name, declared.type, value)
    return value


def _missing(names: Sequence[str], where: str, line: Optional[int]) -> FlowFailure:
    example = " ".join(f"{name}=…" for name in names)
    if line is not None:
        return FlowFailure(
            "InputNotFound",
            f"input(s) {', '.join(names)} have no value in line {line} of the data",
            hint="map them to columns of the data",
        )
    return FlowFailure(
        "UserErrorException",
        f"Required input(s) {list(names)} are missing for '{where}'",
        hint=f"give them: {example}",
    )
