"""What a user gives to a run, checked before anything is sent.

Values are checked here and sent as they were given: the worker makes them fit their
types (flow-format section 2.1), and doing it twice is not the same as once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import PfError, UsageError
from ..flow.fields import did_you_mean
from ..flow.model import Flow, FlowInput, Node
from ..flow.reference import (
    InputReference,
    Literal,
    NodeReference,
    is_reference,
    parse_reference,
)
from ..flow.values import chat_history, parse_value
from ..worker.protocol import pack_value


def for_flow(flow: Flow, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the inputs of a whole run and return them as they are to be sent.

    Inputs that the flow does not declare are passed along (flow-format section 2.1);
    the run warns about them.

    Raises
    ------
    UsageError
        Missing inputs, values that do not fit; all of them are named, and with them
        the undeclared ones, which may be the missing ones misspelt.
    """
    faults = _Faults()
    if flow.kind != "dag":
        # What its code takes is only known for certain where the code is.
        for name, value in values.items():
            _check_value(name, value, None, faults)
        faults.raise_any("")
        return dict(values)
    for name, value in values.items():
        _check_value(name, value, flow.inputs.get(name), faults)
    history = chat_history(flow)
    for name, declared in flow.inputs.items():
        if name not in values and not (name == history and declared.default is None):
            _check_default(name, declared, faults)
    for name in values if faults else ():
        if name not in flow.inputs:
            faults.unknown(name, list(flow.inputs))
    if faults:
        names = ", ".join(f"{name}: {item.type}" for name, item in flow.inputs.items())
        faults.raise_any(f"the flow takes {names or 'no inputs'}")
    return dict(values)


def for_node(flow: Flow, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the inputs of one node's run (flow-format section 2.11).

    A literal of the flow file stays what it is; values that mean nothing to the node
    are passed along. The run warns about both.

    Parameters
    ----------
    flow
        The flow, its variants applied.
    name
        The node.
    values
        Named ``inputs.x`` or ``x`` as a flow input, ``other.output``, or after the
        node's own parameter; braces may stand around: ``${other.output}``.

    Returns
    -------
    dict
        The values under their names, which the worker understands.

    Raises
    ------
    UsageError
        No such node, missing values, values that do not fit; with them the values
        that mean nothing to the node, which may be the missing ones misspelt.
    """
    node = flow.node(name)
    if node is None:
        raise unknown_node(flow, name)
    faults = _Faults()
    accepted = {name: _names(name, value) for name, value in node.inputs.items()}
    every = {word for words in accepted.values() for word in words}
    for key, value in values.items():
        _check_value(key, value, _declared(flow, node, key), faults)
    for parameter, words in accepted.items():
        reference = parse_reference(node.inputs[parameter])
        if isinstance(reference, Literal) or any(word in values for word in words):
            continue
        if isinstance(reference, InputReference):
            found = flow.inputs.get(reference.name)
            if found is not None and reference.name not in values:
                _check_default(reference.name, found, faults)
            continue
        source = f"{reference.node}.{reference.section}"
        faults.add(
            "missing_input",
            f"node {name!r} reads {source}, which is missing",
            f"give {source}=… or {parameter}=…",
        )
    for key in values if faults else ():
        if key not in every and key not in flow.inputs:
            faults.unknown(key, sorted(w for w in every if not is_reference(w)))
    faults.raise_any(f"node {name!r} takes {', '.join(node.inputs) or 'nothing'}")
    return dict(values)


def for_init(flow: Flow, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Check what the object of a class entry is made with.

    Raises
    ------
    UsageError
        The flow is a DAG, or a value cannot be sent.
    """
    if not values:
        return {}
    if flow.kind == "dag":
        raise UsageError(
            "a flow with nodes takes no init values",
            code="no_init",
            hint="give them as inputs; only flex flows and prompty files have init",
        )
    faults = _Faults()
    for name, value in values.items():
        _check_value(name, value, None, faults)
    faults.raise_any("")
    return dict(values)


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

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, code: str, message: str, hint: str) -> None:
        self._all.append((code, message, hint))

    def unknown(self, name: str, names: list[str]) -> None:
        hint = did_you_mean(name, names, f"there are {', '.join(names) or 'none'}")
        self.add("unknown_input", f"there is no input {name!r}", hint)

    def raise_any(self, otherwise: str) -> None:
        if not self._all:
            return
        self._all.sort(key=lambda fault: fault[0] != "missing_input")
        problems = [
            {"code": code, "message": message, "hint": hint}
            for code, message, hint in self._all
        ]
        if len(self._all) == 1:
            code, message, hint = self._all[0]
            raise UsageError(message, code=code, hint=hint or otherwise)
        raise UsageError(
            "; ".join(message for _, message, _ in self._all),
            code=self._all[0][0],
            hint="; ".join(dict.fromkeys(h for _, _, h in self._all if h)) or otherwise,
            details={"problems": problems},
        )


def _check_value(
    name: str, value: Any, declared: FlowInput | None, faults: _Faults
) -> None:
    try:
        pack_value(value)
    except (TypeError, RecursionError):
        faults.add(
            "InputTypeError",
            f"input {name!r} is a {type(value).__name__}, which cannot be sent",
            "give text, numbers, lists and dictionaries",
        )
        return
    if declared is not None:
        try:
            parse_value(declared.type, value, declared.name)
        except PfError as error:
            faults.add(error.code, error.message, error.hint)


def _check_default(name: str, declared: FlowInput, faults: _Faults) -> None:
    if declared.default is None:
        faults.add(
            "missing_input",
            f"input {name!r} is missing",
            f"give {name}=…, its type is {declared.type}",
        )
        return
    try:
        parse_value(declared.type, declared.default, name)
    except PfError as error:
        faults.add(error.code, f"the default of {error.message}", error.hint)


def _names(parameter: str, value: Any) -> list[str]:
    """Return the names under which a value for a node's parameter may be given."""
    reference = parse_reference(value)
    if isinstance(reference, InputReference):
        names = [f"inputs.{reference.name}", f"flow.{reference.name}"]
        own = [parameter, reference.name]
    elif isinstance(reference, NodeReference):
        names = [str(reference)[2:-1], f"{reference.node}.{reference.section}"]
        own = [parameter]
    else:
        return [parameter]
    return [*own, *dict.fromkeys(names), *("${" + name + "}" for name in names)]


def _declared(flow: Flow, node: Node, key: str) -> FlowInput | None:
    """Return the flow input that a name stands for in a node's run, if any."""
    text = key[2:-1] if is_reference(key) else key
    head, _, rest = text.partition(".")
    if head in ("inputs", "flow") and rest:
        return flow.inputs.get(rest)
    if text in node.inputs:
        reference = parse_reference(node.inputs[text])
        if isinstance(reference, InputReference):
            return flow.inputs.get(reference.name)
        return None
    return flow.inputs.get(text)


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value)
    return str(value)
