"""Nodes of type ``llm``: a prompt, a connection, and the options of the call.

Rules: flow-format sections 1.8, 2.5, 2.7 and 9 items 6 and 17.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from pf_jupyter.flow.model import Node
from pf_jupyter.flow.reference import Literal
from pf_jupyter.worker.execution import limits
from pf_jupyter.worker.execution.connections import (
    ConnectionMissing,
    build_connection,
)
from pf_jupyter.worker.execution.failures import FlowFailure, load_failed
from pf_jupyter.worker.execution.interface import Interface, Parameter
from pf_jupyter.worker.execution.literals import convert_literal
from pf_jupyter.worker.execution.llm.clients import PROVIDERS, warm_up
from pf_jupyter.worker.execution.llm.options import (
    APIS,
    AZURE,
    OPENAI,
    as_bool,
    gives_message,
    parameters,
)
from pf_jupyter.worker.execution.llm.prompting import ask_model
from pf_jupyter.worker.execution.loading import Tool
from pf_jupyter.worker.execution.prompts import (
    Template,
    inputs_from_outside,
    read_template,
)

_PROMPT = "prompt"


def load_llm(node: Node, folder: str) -> Tool:
    """Load the prompt of an llm node, and the library that calls models.

    Which provider it is for is known once the run gives its connection.

    Raises
    ------
    FlowFailure
        ResolveToolError around InvalidSource, TemplateSyntaxError or PythonLoadError.
    """
    template = read_template(node, folder)
    try:
        warm_up(folder)
    except FlowFailure as failure:
        failure.node = node.name
        raise load_failed(failure) from None

    def bind(
        prepared: Any, given: Mapping[str, Any]
    ) -> Tuple[Callable[..., Any], Dict[str, Any]]:
        return _bind(prepared, given, template)

    return Tool(
        name=node.name,
        type="llm",
        function=_unbound,
        interface=interface_of(node, guessed_provider(node), template.variables),
        file=template.file,
        duration_ms=template.duration_ms,
        binder=bind,
    )


def interface_of(node: Node, provider: str, variables: List[str]) -> Interface:
    """Return what an llm node takes: its variables, then the options of its api."""
    api = node.api if node.api in APIS else "chat"
    found = {
        name: Parameter(name=name, types=("string",), required=False, default="")
        for name in variables
    }
    for name, parameter in parameters(provider, str(api)).items():
        found.setdefault(name, parameter)
    return Interface(found, takes_any=True, output="string")


def guessed_provider(node: Node) -> str:
    """Return the provider that a node seems to be for, without its connection."""
    if node.provider in (AZURE, OPENAI):
        return str(node.provider)
    return AZURE if "deployment_name" in node.inputs else OPENAI


def connection_of(node: Node, given: Mapping[str, Any]) -> Any:
    """Return the connection object of an llm node.

    Raises
    ------
    FlowFailure
        ConnectionNotFoundError; ResolveToolError around GetConnectionError when the
        node names none, or InvalidConnectionType.
    """
    if not node.connection:
        raise load_failed(
            FlowFailure(
                "GetConnectionError",
                f"node '{node.name}' names no connection",
                hint="add 'connection: NAME' to the node; %pfconnection list shows all",
                node=node.name,
            )
        )
    data = given.get(node.connection)
    if data is None:
        raise ConnectionMissing(node.name, "the connection", node.connection)
    connection = build_connection(node.connection, data)
    kind = type(connection).__name__
    if kind not in PROVIDERS:
        raise load_failed(
            FlowFailure(
                "InvalidConnectionType",
                f"the connection '{node.connection}' of node '{node.name}' is a {kind},"
                " which no model can be called with",
                hint="name an OpenAI, an Azure OpenAI or a serverless connection",
                node=node.name,
            )
        )
    return connection


def _bind(
    prepared: Any, given: Mapping[str, Any], template: Template
) -> Tuple[Callable[..., Any], Dict[str, Any]]:
    node: Node = prepared.node
    connection = connection_of(node, given)
    provider = PROVIDERS[type(connection).__name__]
    if node.api not in APIS:
        raise load_failed(
            FlowFailure(
                "APINotFound",
                f"node '{node.name}': there is no api '{provider}.{node.api or ''}'",
                hint="write 'api: chat' or 'api: completion'",
                node=node.name,
            )
        )
    options = parameters(provider, str(node.api))
    _check_variables(node, template, provider, options)
    literals = {
        name: convert_literal(node.name, options[name], reference.value)
        for name, reference in prepared.arguments.items()
        if name in options and isinstance(reference, Literal)
    }
    outside = inputs_from_outside(node)

    def call(**values: Any) -> Any:
        chosen = {name: values.pop(name) for name in options if name in values}
        if prepared.only_output and "stream" in chosen:
            chosen["stream"] = _streams(chosen)
        return ask_model(
            connection, str(node.api), template.render, chosen, values, outside
        )

    return call, literals


def _streams(options: Mapping[str, Any]) -> bool:
    """Stream only what somebody sees being made (flow-format section 9 item 17)."""
    wanted = limits.streaming.get() and as_bool(options["stream"])
    return wanted and not gives_message(
        {k: v for k, v in options.items() if k in ("tools", "functions") and v}
    )


def _check_variables(
    node: Node,
    template: Template,
    provider: str,
    options: Mapping[str, Parameter],
) -> None:
    taken = [n for n in template.variables if n in options or n == _PROMPT]
    if taken:
        names = ", ".join(f"'{name}'" for name in taken)
        raise load_failed(
            FlowFailure(
                "NodeInputValidationError",
                f"'{template.file}' of node '{node.name}' has variables called "
                f"{names}, which are options of {provider}.{node.api}",
                hint=f"rename {names} in the prompt",
                node=node.name,
                file=template.file,
            )
        )


def _unbound(**values: Any) -> Any:
    raise AssertionError("an llm node is called through what its binder returns")
