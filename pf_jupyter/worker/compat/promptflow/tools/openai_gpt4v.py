"""A tool that shows images to chat models of OpenAI."""

from promptflow._core.tool import ToolProvider, tool
from promptflow.connections import OpenAIConnection
from promptflow.contracts.types import PromptTemplate
from promptflow.tools._models import chosen, look


class OpenAI(ToolProvider):
    """Models behind one connection."""

    def __init__(self, connection: OpenAIConnection):
        super().__init__()
        self.connection = connection

    @tool
    def chat(
        self,
        prompt: PromptTemplate,
        model: str = "gpt-4-vision-preview",
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
        prompt
            A jinja2 template in which ``![image]({{name}})`` shows an image.
        detail
            How closely the model is to look: low, high or auto.
        kwargs
            Variables of the template. All others are options of the call.
        """
        given = chosen(locals(), "self", "prompt", "detail", "kwargs")
        return look(self.connection, "OpenAI", prompt, given, kwargs, detail)
