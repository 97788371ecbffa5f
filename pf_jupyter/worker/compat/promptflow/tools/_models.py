"""Calls of models as the built-in tools make them."""

import inspect
import re

from promptflow._core.tool import tool
from promptflow.contracts.multimedia import Image
from promptflow.tools.common import template_of
from promptflow.tools.exception import raising_public

from pf_jupyter.worker.execution.llm import prompting
from pf_jupyter.worker.execution.llm.options import parameters

HIDDEN_INPUT = "_inputs_to_escape"
_SHOWN_IMAGE = re.compile(r"!\[\s*image\s*\]\(\s*(\{\{\s*[^{}]+?\s*\}\})\s*\)")


@raising_public
def ask(connection, provider, api, prompt, given, variables):
    """Render a prompt and call a model.

    Parameters
    ----------
    connection
        Says where and with which key.
    provider, api
        Which options there are.
    prompt
        The template's text.
    given
        Options by name.
    variables
        Variables of the template, and the hidden input of names to guard.
    """
    options = {name: given[name] for name in parameters(provider, api) if name in given}
    outside = variables.pop(HIDDEN_INPUT, None) or ()
    return prompting.ask_model(
        connection, api, template_of(prompt), options, variables, outside
    )


@raising_public
def look(connection, provider, prompt, given, variables, detail):
    """Call a chat model with the images among the variables of a prompt."""
    options = {
        name: given[name]
        for name in parameters(provider, "chat")
        if given.get(name) not in (None, "")
    }
    outside = variables.pop(HIDDEN_INPUT, None) or ()
    text = _SHOWN_IMAGE.sub(r"\n\1\n", prompt)
    images = list(_images(variables))
    return prompting.ask_model(
        connection,
        "chat",
        template_of(text),
        options,
        variables,
        outside,
        images,
        detail,
    )


def _images(value):
    if isinstance(value, Image):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _images(item)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _images(item)


def chosen(scope, *left_out):
    """Return the arguments of a tool function without these names."""
    return {name: value for name, value in scope.items() if name not in left_out}


def function_of(method, provider, connection_class):
    """Return a method of a provider class as a function that takes the connection.

    Parameters
    ----------
    method
        A tool of ``provider``.
    provider
        A class whose constructor takes the connection alone.
    connection_class
        Annotation of the connection.
    """

    def function(connection, *args, **kwargs):
        return method(provider(connection), *args, **kwargs)

    own = inspect.signature(method)
    first, *others = own.parameters.values()
    first = first.replace(name="connection", annotation=connection_class)
    function.__signature__ = own.replace(parameters=[first, *others])
    function.__name__ = function.__qualname__ = method.__name__
    function.__module__ = method.__module__
    function.__doc__ = method.__doc__
    return tool(function)
