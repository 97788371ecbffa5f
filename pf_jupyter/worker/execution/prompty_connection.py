"""Through which connection a prompty asks (flow-format section 3.2)."""

from __future__ import annotations

import importlib
from typing import Any, Mapping

from pf_jupyter.worker.execution import limits
from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.llm.calling import llm_error
from pf_jupyter.worker.execution.model_objects import named_connection
from pf_jupyter.worker.execution.references import resolve_references

_NOT_OF_CONNECTION = ("azure_deployment", "model")
_NO_INLINE = ("type", "connection", *_NOT_OF_CONNECTION)
_CORE = ("UserError", "CoreError")


def checked_configuration(found: Any) -> Any:
    """Return a model's configuration as it is.

    Raises
    ------
    FlowFailure
        UserErrorException when there is none, InvalidConnectionError when it names a
        connection and has settings of one.
    """
    if not isinstance(found, Mapping):
        if found is None:
            raise FlowFailure(
                "UserErrorException",
                "the prompty's 'model' has no 'configuration'",
                hint="add 'configuration: {type: openai, model: …}'",
            )
        return found
    inline = [key for key, value in found.items() if key not in _NO_INLINE and value]
    if found.get("connection") and inline:
        raise FlowFailure(
            "InvalidConnectionError",
            "the configuration names a connection and has "
            f"{', '.join(map(str, inline))} of its own",
            hint="keep the connection, or the others",
            codes=[*_CORE, "InvalidConnectionError"],
        )
    return found


def connection_of(found: Any) -> Any:
    """Return the connection object that a model's configuration stands for.

    Raises
    ------
    FlowFailure
        ConnectionNotFoundError, UnknownConnectionType, LLMError when settings are
        missing.
    """
    given = limits.given_connections.get()
    if isinstance(found, Mapping):
        kind = str(found.get("type") or "")
        named = found.get("connection")
        values = {k: v for k, v in found.items() if k not in ("type", "connection")}
    else:
        kind = "azure_openai" if hasattr(found, "azure_deployment") else "openai"
        named = found.connection
        values = {k: v for k, v in vars(found).items() if not k.startswith("_")}
    if named:
        return named_connection(named, given)
    values = {
        key: resolve_references(value, "") if str(value).startswith("${env:") else value
        for key, value in values.items()
        if key != "connection"
    }
    classes = importlib.import_module("promptflow.connections")
    empty = not any(v for k, v in values.items() if k not in _NOT_OF_CONNECTION)
    for key in _NOT_OF_CONNECTION:
        values.pop(key, None)
    try:
        if kind in ("azure_openai", "azure_open_ai", "AzureOpenAI"):
            if empty:
                return classes.AzureOpenAIConnection.from_env()
            values.setdefault("api_base", values.pop("azure_endpoint", None))
            if not values.get("api_key"):
                values.setdefault("auth_mode", "meid_token")
            values = {k: v for k, v in values.items() if v is not None}
            return classes.AzureOpenAIConnection(**values)
        if kind in ("openai", "open_ai", "OpenAI"):
            if empty:
                return classes.OpenAIConnection.from_env()
            return classes.OpenAIConnection(**values)
    except FlowFailure:
        raise
    except Exception as error:
        raise llm_error(error) from None
    raise FlowFailure(
        "UnknownConnectionType",
        f"a prompty cannot ask through a connection of type '{kind}'",
        hint="write 'type: openai' or 'type: azure_openai'",
        codes=[*_CORE, "UnknownConnectionType"],
    )
