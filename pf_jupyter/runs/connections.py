"""Which connections a run needs, which it takes instead, and what it is told of them.

Rules: flow-format sections 1.2, 1.7, 5 and 9 items 6 and 7. What a Python tool takes is
known only in the runtime, so every literal text of a node's inputs that is the name of
a connection counts as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..connections.stored import StoredConnections
from ..errors import UsageError
from ..flow.fields import did_you_mean
from ..flow.model import Flow, Node
from ..flow.reference import is_reference

Overrides = Mapping[str, Mapping[str, Any]]
"""``{node: {input, "connection", "deployment_name" or "model": value}}``."""

NAMELESS = ""
"""Under this name go secrets that stand in a flow's own files."""

_MODEL_NODES = ("llm",)
_OF_MODELS = ("connection", "deployment_name", "model")


class Wanted(NamedTuple):
    """Names of connections that a run may need, and secrets that stand in its files."""

    names: frozenset[str]
    inline: tuple[str, ...]


def for_run(
    stored: StoredConnections,
    flow: Flow,
    variables: Mapping[str, str],
    node: str | None = None,
    init: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the connections that a run may need, in execution form.

    Parameters
    ----------
    stored
        Those of the workspace.
    flow
        The flow, its variants and overrides applied.
    variables
        Environment variables of the run; ``${name.key}`` asks for a connection.
    node
        Only this node runs.
    init
        What the object of a class entry is made with.

    Raises
    ------
    UsageError
        A value of a connection names an environment variable that is not set.
    IllegalState
        A secret cannot be decrypted.
    """
    return given(stored, wanted(flow, variables, node, init))


def wanted(
    flow: Flow,
    variables: Mapping[str, str],
    node: str | None = None,
    init: Mapping[str, Any] | None = None,
) -> Wanted:
    """Return what a run may need; the parameters are those of `for_run`."""
    names = set(_names(flow, variables, node))
    names.update(_texts(init), _texts(flow.sample), _texts(flow.documents))
    names.update(_texts([item.default for item in flow.init.values()]))
    inline = dict.fromkeys(_inline([flow.documents, flow.sample, init]))
    return Wanted(frozenset(names), tuple(inline))


def given(stored: StoredConnections, needed: Wanted) -> dict[str, Any]:
    """Return, of what a run may need, what there is; raises what `for_run` does."""
    found = stored.for_run(needed.names) if needed.names else {}
    if needed.inline:
        # sent like a connection, so that it is taken out of all that the run says
        values = {str(number): secret for number, secret in enumerate(needed.inline)}
        found[NAMELESS] = {"type": "", "value": values, "secret_keys": [*values]}
    return found


def _names(flow: Flow, variables: Mapping[str, str], only: str | None) -> Iterator[str]:
    for node in flow.nodes:
        if only is not None and node.name != only:
            continue
        if node.connection:
            yield str(node.connection)
        if node.type == "prompt":
            continue
        for value in node.inputs.values():
            if isinstance(value, str) and value and not is_reference(value):
                yield value
                # how endpoints of open models name theirs
                yield value.removeprefix("connection/")
    for text in variables.values():
        inner = text.strip()
        if inner.startswith("${") and inner.endswith("}") and inner.count(".") == 1:
            yield inner[2:-1].partition(".")[0]


def _inline(value: Any) -> Iterator[str]:
    """Yield the keys that people write into the settings of a prompty."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "api_key" and isinstance(item, str) and not is_reference(item):
                yield item
            else:
                yield from _inline(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _inline(item)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a value: each may be the name of a connection."""
    if isinstance(value, str):
        if value and not is_reference(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def overridden(flow: Flow, overrides: Overrides | None) -> Flow:
    """Return the flow with other connections (flow-format section 1.7).

    Raises
    ------
    UsageError
        InvalidFlowError: no such node, or it has no such key.
    """
    if not overrides:
        return flow
    names = [node.name for node in flow.nodes]
    for name, values in overrides.items():
        if name not in names:
            raise _invalid(
                f"the flow has no node {name!r}, whose connection is to be another",
                did_you_mean(name, names, f"it has {', '.join(names) or 'none'}"),
            )
        if not isinstance(values, Mapping):
            raise _invalid(
                f"the connections of node {name!r} must be a mapping",
                "give {node: {key: connection}}",
            )
    nodes = [
        _other(node, overrides[node.name]) if node.name in overrides else node
        for node in flow.nodes
    ]
    return replace(flow, nodes=nodes)


def _other(node: Node, values: Mapping[str, Any]) -> Node:
    connection, inputs = node.connection, dict(node.inputs)
    for key, value in values.items():
        if node.type in _MODEL_NODES and key not in _OF_MODELS:
            known = ", ".join(_OF_MODELS)
            raise _invalid(
                f"node {node.name!r} takes no connection as {key!r}",
                did_you_mean(
                    key,
                    _OF_MODELS,
                    f"it takes {known}; other values are given as overrides",
                ),
            )
        if node.type in _MODEL_NODES and key == "connection":
            connection = str(value)
        else:
            inputs[key] = value
    return replace(node, connection=connection, inputs=inputs)


def inputs_of(flow: Flow, overrides: Overrides | None) -> dict[str, list[str]]:
    """Return by node which of its inputs must be connections: the others given here.

    What they are is known only where the code is.
    """
    return {
        name: [key for key in values if key not in ("deployment_name", "model")]
        for name, values in (overrides or {}).items()
        if (node := flow.node(name)) is not None and node.type not in _MODEL_NODES
    }


def explained(packed: dict[str, Any], stored: StoredConnections) -> dict[str, Any]:
    """Return a RESULT whose missing connection is explained by those there are."""
    error = packed.get("error")
    if not error or "connection" not in error:
        return packed
    hint = stored.hint_for_missing(str(error["connection"]))
    nodes = {
        name: {**node, "error": {**node["error"], "hint": hint}}
        if (node.get("error") or {}).get("connection") == error["connection"]
        else node
        for name, node in packed["nodes"].items()
    }
    return {**packed, "error": {**error, "hint": hint}, "nodes": nodes}


def _invalid(message: str, hint: str) -> UsageError:
    return UsageError(message, code="InvalidFlowError", hint=hint)
