"""What tools share: templates, and chat prompts cut into messages."""

import functools

import jinja2
import jinja2.sandbox
from promptflow.tools.exception import JinjaTemplateError, raising_public

from pf_jupyter.worker.execution.llm import guard
from pf_jupyter.worker.execution.llm.messages import chat_messages
from pf_jupyter.worker.execution.llm.prompting import PrintedLines as ChatInputList
from pf_jupyter.worker.execution.prompts import compile_template

PromptResult = guard.GuardedText

__all__ = [
    "ChatInputList",
    "PromptResult",
    "parse_chat",
    "render_jinja_template",
    "template_of",
]


@functools.lru_cache(maxsize=64)
def _compiled(text):
    return compile_template(jinja2, text)


def template_of(text):
    """Return a function that renders a template with keyword arguments.

    Raises
    ------
    JinjaTemplateError
        When it is called and the template cannot be read or rendered.
    """

    def render(**values):
        try:
            return _compiled(str(text)).render(values)
        except Exception as error:
            raise JinjaTemplateError(
                f"the template cannot be rendered: ({type(error).__name__}) {error}"
            ) from error

    return render


def render_jinja_template(
    template_content, trim_blocks=True, keep_trailing_newline=True, **kwargs
):
    """Render a template in a sandbox.

    Parameters
    ----------
    template_content
        The template.
    trim_blocks, keep_trailing_newline
        As jinja2 has them; both are on in prompts.
    kwargs
        Variables.
    """
    kwargs.pop("escape_dict", None)
    if trim_blocks and keep_trailing_newline:
        return template_of(template_content)(**kwargs)
    try:
        environment = jinja2.sandbox.SandboxedEnvironment(
            trim_blocks=trim_blocks, keep_trailing_newline=keep_trailing_newline
        )
        return environment.from_string(template_content).render(kwargs)
    except Exception as error:
        raise JinjaTemplateError(
            f"the template cannot be rendered: ({type(error).__name__}) {error}"
        ) from error


@raising_public
def parse_chat(
    chat_str, images=None, valid_roles=None, image_detail="auto", escape_dict=None
):
    """Return the messages of a chat prompt.

    Parameters
    ----------
    chat_str
        The prompt, rendered.
    images
        Images that it names on lines of their own.
    valid_roles
        Roles that are allowed; None means all.
    image_detail
        low, high or auto.
    escape_dict
        Words to put back: role by word.
    """
    messages = chat_messages(chat_str, escape_dict, images or (), image_detail)
    for message in messages:
        if valid_roles and message["role"] not in valid_roles:
            from promptflow.tools.exception import ChatAPIInvalidRole

            raise ChatAPIInvalidRole(
                f"the role '{message['role']}' is not one of {', '.join(valid_roles)}"
            )
    return messages
