"""What a user gives to a run, checked before anything is sent.

Values are checked here and sent as they were given: the worker makes them fit their
types (flow-format section 2.1), and doing it twice is not the same as once.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import PfError, UsageError
from ..flow.fields import did_you_mean
from ..flow.model import Flow, Node
from ..flow.reference import (
    InputReference,
    NodeReference,
    is_reference,
    parse_reference,
)
from ..flow.values import parse_value
from ..worker.protocol import pack_value


@dataclass
class Given:
    """What goes to the worker.

    ``flow`` is the flow as given, with a node's literals replaced where the user gave
    a value for its parameter.
    """

    flow: Flow
    inputs: dict[str, Any] = field(default_factory=dict)
    dependency_outputs: dict[str, Any] = field(default_factory=dict)


def for_flow(flow: Flow, values: Mapping[str, Any]) -> Given:
    """Check the inputs of a whole run.

    Raises
    ------
    UsageError
        Unknown or missing inputs, values that do not fit; all of them are named.
    """
    faults = _Faults()
    for name in values:
        if name not in flow.inputs:
            faults.unknown(name, flow.inputs)
    known = {name: value for name, value in values.items() if name in flow.inputs}
    _check(flow, known, list(flow.inputs), faults)
    faults.raise_any(_signature(flow))
    return Given(flow=flow, inputs=known)


def for_node(flow: Flow, name: str, values: Mapping[str, Any]) -> Given:
    """Check the inputs of one node's run (flow-format section 2.11).

    Parameters
    ----------
    flow
        The flow, its variants applied.
    name
        The node.
    values
        Named ``inputs.x`` (or ``x``, as a flow input), ``other.output``, or after the
        node's own parameter. Braces may stand around: ``${other.output}``.

    Raises
    ------
    UsageError
        No such node, unknown or missing values, values that do not fit.
    """
    node = flow.node(name)
    if node is None:
        raise unknown_node(flow, name)
    faults = _Faults()
    given = Given(flow=flow)
    parameters = dict(node.inputs)
    references = {key: _split(value) for key, value in node.inputs.items()}
    sources = {ref[0] for ref in references.values() if ref and ref[0] != "inputs"}
    for key, value in values.items():
        text = key[2:-1] if is_reference(key) else key
        head, _, rest = text.partition(".")
        if text in node.inputs:
            reference = references[text]
            if reference is None or (reference[0] != "inputs" and reference[1]):
                parameters[text] = value
            elif reference[0] == "inputs":
                given.inputs[reference[1]] = value
            else:
                given.dependency_outputs[reference[0]] = value
        elif head in ("inputs", "flow") and rest in flow.inputs:
            given.inputs[rest] = value
        elif head in sources and rest.partition(".")[0] in ("output", ""):
            _put(given.dependency_outputs, head, rest.partition(".")[2], value)
        elif text in flow.inputs:
            given.inputs[text] = value
        else:
            faults.unknown(key, _choices(flow, node, sources))
    used = [ref[1] for ref in references.values() if ref and ref[0] == "inputs"]
    replaced = {key for key in parameters if parameters[key] is not node.inputs[key]}
    _check(flow, given.inputs, used, faults)
    for key, reference in references.items():
        if reference and reference[0] != "inputs" and key not in replaced:
            source = reference[0]
            if source not in given.dependency_outputs:
                faults.add(
                    "missing_input",
                    f"{source}.output is missing",
                    f"node {name!r} reads it: give {source}.output=… or {key}=…",
                )
    faults.raise_any(f"node {name!r} takes {', '.join(node.inputs) or 'nothing'}")
    if replaced:
        changed = dataclasses.replace(node, inputs=parameters)
        nodes = [changed if item is node else item for item in flow.nodes]
        given.flow = dataclasses.replace(flow, nodes=nodes)
    return given


def unknown_node(flow: Flow, name: str) -> UsageError:
    """Return the error for a node that a flow does not have."""
    names = [node.name for node in flow.nodes]
    return UsageError(
        f"the flow has no node {name!r}",
        code="unknown_node",
        hint=did_you_mean(name, names, f"it has {', '.join(names) or 'none'}"),
    )


def environment(flow: Flow, given: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the environment variables of a run as text (flow-format section 1.2).

    Parameters
    ----------
    flow
        Its own variables come first.
    given
        These win over them.

    Raises
    ------
    UsageError
        A name that cannot be one.
    """
    merged = {**flow.environment_variables, **(given or {})}
    for name in merged:
        if not name or "=" in name or "\0" in name:
            raise UsageError(
                f"{name!r} cannot be the name of an environment variable",
                hint="give NAME=value",
            )
    return {name: _text(value) for name, value in merged.items()}


class _Faults:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self._all: list[tuple[str, str, str]] = []

    def add(self, code: str, message: str, hint: str) -> None:
        self._all.append((code, message, hint))

    def unknown(self, name: str, names: Any) -> None:
        names = list(names)
        hint = did_you_mean(name, names, f"there are {', '.join(names) or 'none'}")
        self.add("unknown_input", f"there is no input {name!r}", hint)

    def raise_any(self, otherwise: str) -> None:
        if not self._all:
            return
        problems = [
            {"code": code, "message": message, "hint": hint}
            for code, message, hint in self._all
        ]
        if len(self._all) == 1:
            code, message, hint = self._all[0]
            raise UsageError(message, code=code, hint=hint or otherwise)
        raise UsageError(
            "; ".join(message for _, message, _ in self._all),
            code="bad_inputs",
            hint="; ".join(dict.fromkeys(h for _, _, h in self._all if h)) or otherwise,
            details={"problems": problems},
        )


def _check(
    flow: Flow, given: Mapping[str, Any], needed: list[str], faults: _Faults
) -> None:
    for name, value in given.items():
        try:
            pack_value(value)
        except (TypeError, RecursionError):
            faults.add(
                "InputTypeError",
                f"input {name!r} is a {type(value).__name__}, which cannot be sent",
                "give text, numbers, lists and dictionaries",
            )
            continue
        try:
            parse_value(flow.inputs[name].type, value, name)
        except PfError as error:
            faults.add(error.code, error.message, error.hint)
    for name in dict.fromkeys(needed):
        declared = flow.inputs.get(name)
        if declared is None or name in given:
            continue
        if declared.default is None:
            faults.add(
                "missing_input",
                f"input {name!r} is missing",
                f"give {name}=…, its type is {declared.type}",
            )
        else:
            try:
                parse_value(declared.type, declared.default, name)
            except PfError as error:
                faults.add(error.code, f"the default of {error.message}", error.hint)


def _split(value: Any) -> tuple[str, str] | None:
    """Return ``("inputs", name)`` or ``(node, property)`` of a reference, else None."""
    reference = parse_reference(value)
    if isinstance(reference, InputReference):
        return "inputs", reference.name
    if isinstance(reference, NodeReference):
        return reference.node, reference.property
    return None


def _put(outputs: dict[str, Any], node: str, path: str, value: Any) -> None:
    """Set a node's whole output, or one property of it."""
    if not path:
        outputs[node] = value
        return
    place = outputs.setdefault(node, {})
    *parents, last = path.split(".")
    for name in parents:
        place = place.setdefault(name, {})
    place[last] = value


def _choices(flow: Flow, node: Node, sources: set[str]) -> list[str]:
    outputs = [f"{source}.output" for source in sorted(sources)]
    return [*node.inputs, *outputs, *(f"inputs.{name}" for name in flow.inputs)]


def _signature(flow: Flow) -> str:
    names = ", ".join(f"{name}: {item.type}" for name, item in flow.inputs.items())
    return f"the flow takes {names or 'no inputs'}"


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value)
    return str(value)
