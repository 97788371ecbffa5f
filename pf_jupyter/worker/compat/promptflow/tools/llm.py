"""A tool that calls whatever model its connection stands for."""

from typing import Union

from promptflow._core.tool import tool
from promptflow.connections import (
    AzureOpenAIConnection,
    OpenAIConnection,
    ServerlessConnection,
)
from promptflow.contracts.types import PromptTemplate
from promptflow.tools._models import ask, chosen
from promptflow.tools.exception import InvalidConnectionType

from pf_jupyter.worker.execution.llm.clients import PROVIDERS


@tool
def llm(
    connection: Union[AzureOpenAIConnection, OpenAIConnection, ServerlessConnection],
    prompt: PromptTemplate,
    api: str = "chat",
    deployment_name: str = "",
    model: str = "",
    temperature: float = 1.0,
    top_p: float = 1.0,
    stream: bool = False,
    stop: list = None,
    max_tokens: int = None,
    presence_penalty: float = None,
    frequency_penalty: float = None,
    logit_bias: dict = {},  # noqa: B006
    tool_choice: object = None,
    tools: list = None,
    response_format: object = None,
    seed: int = None,
    suffix: str = None,
    logprobs: int = None,
    echo: bool = False,
    best_of: int = 1,
    **kwargs,
):
    """Render a prompt, send it, and return the answer.

    Parameters
    ----------
    connection
        Where the models are, and of which provider.
    prompt
        A jinja2 template.
    api
        ``chat`` or ``completion``.
    kwargs
        Variables of the template. All others are options of the call.
    """
    provider = provider_of(connection)
    given = chosen(locals(), "connection", "prompt", "api", "kwargs", "provider")
    return ask(connection, provider, api, prompt, given, kwargs)


def provider_of(connection):
    """Return the provider that a connection's class stands for.

    Raises
    ------
    InvalidConnectionType
        It stands for none.
    """
    kind = type(connection).__name__
    if kind not in PROVIDERS:
        raise InvalidConnectionType(f"a {kind} cannot be used with models")
    return PROVIDERS[kind]
