"""From a prompt's template and its variables to the answer of a model."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from pf_jupyter.worker.execution.llm import options as options_of
from pf_jupyter.worker.execution.llm.calling import (
    complete_chat,
    complete_text,
    llm_error,
)
from pf_jupyter.worker.execution.llm.clients import PROVIDERS
from pf_jupyter.worker.execution.llm.guard import guard, restore
from pf_jupyter.worker.execution.llm.messages import chat_messages


class PrintedLines(list):  # type: ignore[type-arg]
    """A list that a template prints item by item, a line each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))


def ask_model(
    connection: Any,
    api: str,
    render: Callable[..., str],
    options: Mapping[str, Any],
    variables: Mapping[str, Any],
    outside: Iterable[str] = (),
    images: Optional[List[Any]] = None,
    detail: str = "auto",
) -> Any:
    """Render a prompt, send it, and return what `complete_chat` does.

    Parameters
    ----------
    connection
        A connection object.
    api
        ``chat`` or ``completion``.
    render
        Gives the prompt's text, called with the variables.
    options
        Options of the call by name.
    variables
        Variables of the prompt.
    outside
        Names of those that must not become roles.
    images
        Images that the text names on lines of their own; None where images are text.
    detail
        How closely the model is to look at images.

    Raises
    ------
    FlowFailure
        As `chat_messages`, `chat_request` and `complete_chat`; LLMError for options
        that cannot be used.
    """
    provider = PROVIDERS.get(type(connection).__name__, "")
    guarded, hidden = guard(variables, outside)
    shows_images = images is not None
    if api == "chat" and (shows_images or provider == options_of.AZURE):
        guarded = {name: _printed(value) for name, value in guarded.items()}
    text = render(**guarded)
    try:
        if api == "completion":
            request = options_of.completion_request(provider, options)
        else:
            request = options_of.chat_request(provider, options)
    except (TypeError, ValueError) as error:
        raise llm_error(error) from None
    if api == "completion":
        return complete_text(connection, {**request, "prompt": restore(text, hidden)})
    if shows_images:
        request.setdefault("n", 1)
    messages = chat_messages(text, hidden, images or (), detail)
    return complete_chat(connection, {**request, "messages": messages})


def _printed(value: Any) -> Any:
    if isinstance(value, dict):
        found: Dict[Any, Any] = {key: _printed(item) for key, item in value.items()}
        return found
    if isinstance(value, list):
        return PrintedLines(map(_printed, value))
    return value
