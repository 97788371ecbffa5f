"""Tools that call models of Azure OpenAI."""

from promptflow._core.tool import ToolProvider, tool
from promptflow.connections import AzureOpenAIConnection
from promptflow.contracts.types import PromptTemplate
from promptflow.tools._models import ask, chosen, function_of

_PROVIDER = "AzureOpenAI"


class AzureOpenAI(ToolProvider):
    """Models behind one connection."""

    def __init__(self, connection: AzureOpenAIConnection):
        super().__init__()
        self.connection = connection

    @tool
    def chat(
        self,
        prompt: PromptTemplate,
        deployment_name: str,
        temperature: float = 1.0,
        top_p: float = 1.0,
        n: int = 1,
        stream: bool = False,
        stop: list = None,
        max_tokens: int = None,
        presence_penalty: float = None,
        frequency_penalty: float = None,
        logit_bias: dict = {},  # noqa: B006
        user: str = "",
        function_call: object = None,
        functions: list = None,
        tool_choice: object = None,
        tools: list = None,
        response_format: object = None,
        seed: int = None,
        **kwargs,
    ):
        """Render a chat prompt, send it, and return the answer.

        Parameters
        ----------
        prompt
            A jinja2 template; lines such as ``system:`` begin messages.
        kwargs
            Variables of the template. All others are options of the call.
        """
        given = chosen(locals(), "self", "prompt", "kwargs")
        return ask(self.connection, _PROVIDER, "chat", prompt, given, kwargs)

    @tool
    def completion(
        self,
        prompt: PromptTemplate,
        deployment_name: str,
        suffix: str = None,
        max_tokens: int = 16,
        temperature: float = 1.0,
        top_p: float = 1.0,
        n: int = 1,
        stream: bool = False,
        logprobs: int = None,
        echo: bool = False,
        stop: list = None,
        presence_penalty: float = None,
        frequency_penalty: float = None,
        best_of: int = 1,
        logit_bias: dict = {},  # noqa: B006
        user: str = "",
        **kwargs,
    ):
        """Render a prompt, have it completed, and return the text.

        Parameters
        ----------
        prompt
            A jinja2 template.
        kwargs
            Variables of the template. All others are options of the call.
        """
        given = chosen(locals(), "self", "prompt", "kwargs")
        return ask(self.connection, _PROVIDER, "completion", prompt, given, kwargs)


chat = function_of(AzureOpenAI.chat, AzureOpenAI, AzureOpenAIConnection)
completion = function_of(AzureOpenAI.completion, AzureOpenAI, AzureOpenAIConnection)
