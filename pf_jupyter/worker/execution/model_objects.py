"""Connections and model configurations as arguments of a class entry.

Rules: flow-format section 3.1.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict, Mapping

from pf_jupyter.worker.execution.connections import build_connection
from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.flex_signature import Port, is_model_configuration
from pf_jupyter.worker.execution.interface import connection_class


def made_arguments(
    ports: Mapping[str, Port],
    values: Mapping[str, Any],
    connections: Mapping[str, Any],
) -> Dict[str, Any]:
    """Return a constructor's arguments, objects in place of their names.

    Parameters
    ----------
    ports
        The constructor's parameters.
    values
        As given: a connection by its name, a model configuration as a mapping or as
        the object itself.
    connections
        Execution dictionaries of connections by name.

    Raises
    ------
    FlowFailure
        ConnectionNotFoundError, InvalidModelConfigValueType.
    TypeError
        A mapping does not fit its model configuration.
    """
    made = dict(values)
    for name, port in ports.items():
        if name not in values:
            continue
        if connection_class(port.annotation):
            made[name] = named_connection(values[name], connections)
        elif is_model_configuration(port.annotation):
            made[name] = _configuration(port, values[name], connections)
    return made


def named_connection(name: Any, connections: Mapping[str, Any]) -> Any:
    """Return the connection of a name; what is no text is taken as it is.

    Raises
    ------
    FlowFailure
        ConnectionNotFoundError.
    """
    if not isinstance(name, str):
        return name
    if name not in connections:
        raise FlowFailure(
            "ConnectionNotFoundError",
            f"the connection '{name}' was not given to the run",
            hint=f"%pfconnection create --name {name}",
            codes=["UserError", "ConnectionNotFoundError"],
        )
    return build_connection(name, connections[name])


def _configuration(port: Port, value: Any, connections: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        value = port.annotation(**value)
    if not isinstance(value, port.annotation):
        raise FlowFailure(
            "InvalidModelConfigValueType",
            f"'{port.name}' must be a mapping for {port.type}, and a "
            f"{type(value).__name__} was given",
            hint="give a mapping with 'connection' and the name of the model",
            codes=["UserError", "ValidationError", "InvalidModelConfigValueType"],
        )
    if not getattr(value, "connection", None):
        return value
    connection = named_connection(value.connection, connections)
    made = importlib.import_module("promptflow.core")
    if port.type == "AzureOpenAIModelConfiguration":
        return made.AzureOpenAIModelConfiguration.from_connection(
            connection=connection, azure_deployment=value.azure_deployment
        )
    return made.OpenAIModelConfiguration.from_connection(
        connection=connection, model=value.model
    )
