"""A tool that turns text into a vector."""

from typing import Union

from promptflow._core.tool import tool
from promptflow.connections import (
    AzureOpenAIConnection,
    OpenAIConnection,
    ServerlessConnection,
)
from promptflow.tools.exception import raising_public

from pf_jupyter.worker.execution.llm import calling


@tool
@raising_public
def embedding(
    connection: Union[AzureOpenAIConnection, OpenAIConnection, ServerlessConnection],
    input: str,
    deployment_name: str = "",
    model: str = "text-embedding-ada-002",
):
    """Return the vector of a text.

    Parameters
    ----------
    connection
        Where the models are.
    input
        The text.
    deployment_name
        The deployment, with Azure OpenAI.
    model
        The model, with all others.
    """
    kind = type(connection).__name__
    if kind == "ServerlessConnection":
        request = {"model": model, "input": [input], "encoding_format": "float"}
    elif kind == "AzureOpenAIConnection":
        request = {"model": deployment_name, "input": input}
    else:
        request = {"model": model, "input": input}
    return calling.embed(connection, request)
