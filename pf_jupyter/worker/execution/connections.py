"""Makes connection objects from what a run was given.

Rules: flow-format sections 1.8, 5 and 9 item 6. Secrets stay inside the objects.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict, List, Mapping, Tuple

from pf_jupyter.worker.execution.failures import FlowFailure, hint_for, text_of
from pf_jupyter.worker.execution.interface import Parameter


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
        raise FlowFailure(
            "ConnectionNotFoundError",
            f"input '{parameter.name}' of node '{node}' needs the connection "
            f"'{name}', which was not given",
            hint=f"%pfconnection create {name}",
            node=node,
            codes=["UserError", "ConnectionNotFoundError"],
        )
    connection = build_connection(str(name), data)
    if parameter.custom_types and type(connection).__name__ == "CustomConnection":
        return _strongly_typed(connection, parameter.custom_types[0])
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
        module = importlib.import_module(data.get("module") or "promptflow.connections")
        cls = getattr(module, kind)
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


def secret_values(given: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return the secret texts of connections, longest first, for scrubbing."""
    found: List[str] = []
    for data in given.values():
        values = data.get("value") or {}
        for key in data.get("secret_keys") or ():
            value = values.get(key)
            if isinstance(value, str) and len(value) >= 4:
                found.append(value)
    return tuple(sorted(set(found), key=len, reverse=True))


def _strongly_typed(connection: Any, cls: type) -> Any:
    keep = "promptflow.connection."
    configs = {
        key: value
        for key, value in dict(connection.configs).items()
        if not key.startswith(keep)
    }
    try:
        made: Any = cls(
            name=connection.name, configs=configs, secrets=dict(connection.secrets)
        )
    except Exception as error:
        raise FlowFailure(
            "GetConnectionError",
            f"the connection '{connection.name}' cannot be made a {cls.__name__}: "
            f"({type(error).__name__}) {text_of(error)}",
            hint=f"%pfconnection show {connection.name}",
        ) from None
    return made
