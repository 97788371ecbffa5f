"""The decorator that makes a function a tool, and the base of class tools."""

import functools
import inspect
import types
from abc import ABC
from enum import Enum

from promptflow.exceptions import UserErrorException

STREAMING_OPTION_PARAMETER_ATTR = "_streaming_option_parameter"


class ToolType(str, Enum):
    """Kinds of tools."""

    LLM = "llm"
    PYTHON = "python"
    CSHARP = "csharp"
    PROMPT = "prompt"
    _ACTION = "action"
    CUSTOM_LLM = "custom_llm"


class ToolInvoker(ABC):  # noqa: B024
    """Base of objects that call tools for others."""

    def invoke_tool(self, f, *args, **kwargs):
        """Call ``f``."""
        return f(*args, **kwargs)


def tool(
    func=None,
    *,
    name=None,
    description=None,
    type=None,
    input_settings=None,
    streaming_option_parameter=None,
    **kwargs,
):
    """Mark a function as the tool of its file.

    Parameters
    ----------
    func
        The function, when the decorator is used without parentheses.
    name, description, type, input_settings, streaming_option_parameter, kwargs
        Facts about the tool; ``type`` is one of `ToolType`.
    """
    if type is not None and type not in [kind.value for kind in ToolType]:
        raise UserErrorException(f"'{type}' is not a type of tools")

    def mark(function):
        marked = function
        if not isinstance(function, types.FunctionType):

            @functools.wraps(function)
            def marked(*args, **kwargs):
                return function(*args, **kwargs)

        facts = {
            "__original_function": function,
            "__tool": None,
            "__name": name,
            "__description": description,
            "__type": type,
            "__input_settings": input_settings,
            "__extra_info": kwargs,
        }
        for key, value in facts.items():
            setattr(marked, key, value)
        if isinstance(streaming_option_parameter, str):
            setattr(marked, STREAMING_OPTION_PARAMETER_ATTR, streaming_option_parameter)
        return marked

    return mark if func is None else mark(func)


class ToolProvider(ABC):  # noqa: B024
    """Base of class tools: the constructor's parameters become inputs of the node."""

    def __init__(self):  # noqa: B027
        """Take nothing."""

    @classmethod
    def get_initialize_inputs(cls):
        """Return the constructor's parameters by name."""
        parameters = inspect.signature(cls.__init__).parameters
        return {name: value for name, value in parameters.items() if name != "self"}

    @classmethod
    def get_required_initialize_inputs(cls):
        """Return those without a default."""
        return {
            name: value
            for name, value in cls.get_initialize_inputs().items()
            if value.default is inspect.Parameter.empty
        }
