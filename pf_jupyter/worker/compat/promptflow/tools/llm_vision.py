"""A tool that shows images to whatever chat model its connection stands for."""

from typing import Union

from promptflow._core.tool import tool
from promptflow.connections import AzureOpenAIConnection, OpenAIConnection
from promptflow.contracts.types import PromptTemplate
from promptflow.tools._models import chosen, look
from promptflow.tools.llm import provider_of


@tool
def llm_vision(
    connection: Union[AzureOpenAIConnection, OpenAIConnection],
    prompt: PromptTemplate,
    deployment_name: str = "",
    model: str = "",
    temperature: float = 1.0,
    top_p: float = 1.0,
    stream: bool = False,
    stop: list = None,
    max_tokens: int = None,
    presence_penalty: float = 0,
    frequency_penalty: float = 0,
    seed: int = None,
    detail: str = "auto",
    **kwargs,
):
    """Render a chat prompt with images, send it, and return the answer.

    Parameters
    ----------
    connection
        Where the models are, and of which provider.
    prompt
        A jinja2 template in which ``![image]({{name}})`` shows an image.
    detail
        How closely the model is to look: low, high or auto.
    kwargs
        Variables of the template. All others are options of the call.
    """
    provider = provider_of(connection)
    given = chosen(locals(), "connection", "prompt", "detail", "kwargs", "provider")
    return look(connection, provider, prompt, given, kwargs, detail)
