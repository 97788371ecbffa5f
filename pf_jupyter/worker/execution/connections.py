"""Makes connection objects from what a run was given.

Rules: flow-format sections 1.8, 5 and 9 item 6. Secrets stay inside the objects.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence

from pf_jupyter.worker.execution.failures import FlowFailure, hint_for, text_of
from pf_jupyter.worker.execution.interface import Parameter
from pf_jupyter.worker.execution.surroundings import connection_reference

_MODULE = "promptflow.connections"


class ConnectionMissing(FlowFailure):
    """A node names a connection that the run was not given.

    Parameters
    ----------
    node
        The node; None for the flow itself.
    place
        What names it, for the message: ``input 'conn'``.
    name
        What it names.
    """

    def __init__(self, node: Optional[str], place: str, name: Any) -> None:
        where = f"{place} of node '{node}'" if node else place
        super().__init__(
            "ConnectionNotFoundError",
            f"{where} needs the connection '{name}', which there is not",
            hint=f"%pfconnection create --name {name}",
            node=node,
        )
        self.connection = name


def check_connections(
    nodes: Iterable[Any],
    given: Mapping[str, Any],
    expected: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Refuse a run that lacks a connection before its first node runs.

    Parameters
    ----------
    nodes
        Prepared nodes.
    given
        Execution dictionaries of connections by name.
    expected
        By node the inputs for which the caller gave other connections.

    Raises
    ------
    ConnectionMissing
        Naming the first node that lacks one.
    FlowFailure
        One does not fit an llm node, or was given for what takes none
        (flow-format section 1.7).
    """
    for node in nodes:
        for name in expected.get(node.name, ()):
            if name not in node.connections:
                raise _takes_none(node.name, name, list(node.connections))
        if node.tool is not None and node.tool.binder is not None:
            node.bind(given)
        for parameter in node.connections:
            name = node.literal(parameter)
            if name not in given:
                raise ConnectionMissing(node.name, f"input '{parameter}'", name)


def _takes_none(node: str, name: str, known: Sequence[str]) -> FlowFailure:
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    takes = f"it takes {', '.join(known) or 'none'}; other values are overrides"
    return FlowFailure(
        "InvalidFlowError",
        f"node '{node}' takes no connection as '{name}'",
        hint=f"did you mean '{close[0]}'?" if close else takes,
        node=node,
    )


def check_environment(request: Mapping[str, Any]) -> None:
    """Refuse a run whose environment variables name a connection that it lacks.

    Raises
    ------
    ConnectionMissing
        A key that a connection does not have is no error (flow-format section 9
        item 7), a connection that is not there is.
    """
    raw = request["flow"].get("environment_variables") or {}
    own = request.get("environment_variables") or {}
    for variable, text in {**raw, **own}.items():
        found = connection_reference(text)
        if found and found[0] not in (request.get("connections") or {}):
            raise ConnectionMissing(None, f"environment variable {variable}", found[0])


def resolve_connection(
    node: str, name: Any, parameter: Parameter, given: Mapping[str, Any]
) -> Any:
    """Return the connection that a literal node input names.

    Parameters
    ----------
    node
        Name of the node, for messages.
    name
        The literal: the connection's name.
    parameter
        The tool's parameter; its types say which connections fit.
    given
        Execution dictionaries of connections by name.

    Raises
    ------
    FlowFailure
        ConnectionNotFoundError, NodeInputValidationError for a wrong class.
    """
    data = given.get(name) if isinstance(name, str) else None
    if data is None:
        raise ConnectionMissing(node, f"input '{parameter.name}'", name)
    connection = build_connection(str(name), data)
    if parameter.custom_types and type(connection).__name__ == "CustomConnection":
        return _strongly_typed(connection, parameter.custom_types)
    kind = type(connection).__name__
    if kind not in parameter.types:
        raise FlowFailure(
            "NodeInputValidationError",
            f"input '{parameter.name}' of node '{node}' takes "
            f"{' or '.join(parameter.types)}, and '{name}' is a {kind}",
            hint="name a connection of that type",
            node=node,
        )
    return connection


def build_connection(name: str, data: Mapping[str, Any]) -> Any:
    """Return the object for an execution dictionary (flow-format section 5).

    Raises
    ------
    FlowFailure
        GetConnectionError for an unknown type or values that do not fit it.
    """
    kind = str(data.get("type", ""))
    values: Dict[str, Any] = dict(data.get("value") or {})
    try:
        cls = _class_of(kind, data.get("module"))
        if kind == "CustomConnection":
            secret_keys = set(data.get("secret_keys") or ())
            secrets = {k: v for k, v in values.items() if k in secret_keys}
            configs = {k: v for k, v in values.items() if k not in secret_keys}
            return cls(name=name, configs=configs, secrets=secrets)
        return cls(name=name, **values)
    except (ImportError, AttributeError, TypeError) as error:
        raise FlowFailure(
            "GetConnectionError",
            f"the connection '{name}' of type '{kind}' cannot be made: "
            f"{type(error).__name__}",
            hint=hint_for(error) or f"%pfconnection show {name}",
        ) from None


def _class_of(kind: str, module: Optional[str]) -> Any:
    """Find a connection class; that of an extra package may also be with the others."""
    places = [module or _MODULE, _MODULE]
    for place in dict.fromkeys(places):
        try:
            return getattr(importlib.import_module(place), kind)
        except (ImportError, AttributeError):
            if place == places[-1]:
                raise
    raise AttributeError(kind)


def _strongly_typed(connection: Any, classes: Sequence[type]) -> Any:
    keep = "promptflow.connection."
    named = connection.configs.get(f"{keep}custom_type")
    cls = next((found for found in classes if found.__name__ == named), classes[0])
    configs = {
        key: value
        for key, value in dict(connection.configs).items()
        if not key.startswith(keep)
    }
    try:
        made: Any = cls(configs=configs, secrets=dict(connection.secrets))
    except Exception as error:
        raise FlowFailure(
            "GetConnectionError",
            f"the connection '{connection.name}' cannot be made a {cls.__name__}: "
            f"({type(error).__name__}) {text_of(error)}",
            hint=f"%pfconnection show {connection.name}",
        ) from None
    return made
