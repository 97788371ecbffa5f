"""Types of flow inputs and how raw values are made to fit them.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
Rules: flow-format sections 1.3 and 2.1.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional

from pf_jupyter.errors import UsageError
from pf_jupyter.flow.model import Flow, FlowInput

VALUE_TYPES = (
    "int",
    "double",
    "bool",
    "string",
    "secret",
    "prompt_template",
    "list",
    "object",
    "file_path",
    "image",
    "assistant_definition",
)
"""Every type that a flow input or output may declare, exactly so spelled."""

_CODES = ("UserError", "ValidationError", "InvalidFlowRequest")


class InputTypeError(UsageError):
    """A value does not fit the declared type."""

    code = "InputTypeError"
    codes = (*_CODES, "InputTypeError")


class InputParseError(UsageError):
    """Text given for a list is not JSON."""

    code = "InputParseError"
    codes = (*_CODES, "InputParseError")


def parse_value(type: str, raw: Any, name: str = "") -> Any:
    """Make ``raw`` fit a declared type.

    Parameters
    ----------
    type
        One of `VALUE_TYPES`. Types other than int, double, bool, string, list and
        object leave the value as it is.
    raw
        The value as it was given.
    name
        Name of the flow input, for the error message.

    Raises
    ------
    InputParseError
        Text for a list that is not JSON.
    InputTypeError
        Any other value that does not fit.
    """
    try:
        return _parse(type, raw)
    except json.JSONDecodeError as error:
        raise InputParseError(
            f"{_subject(name)} is a list, and the text given for it is not JSON: "
            f"{error}",
            hint='write it as JSON, for example ["a", "b"]',
        ) from None
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InputTypeError(
            f"{_subject(name)} must be {_ARTICLES.get(type, type)}, "
            f"{preview(raw)} is not",
            hint=_HINTS.get(type, ""),
        ) from None


def fill_defaults(
    inputs: Mapping[str, FlowInput], given: Mapping[str, Any]
) -> Dict[str, Any]:
    """Return ``given`` plus the defaults of the inputs that it lacks.

    A key that is present keeps its value, None included; undeclared keys are kept. An
    input whose default is None is required and is not filled.
    """
    filled = dict(given)
    for name, declared in inputs.items():
        if name not in filled and declared.default is not None:
            filled[name] = declared.default
    return filled


def chat_history(flow: Flow) -> Optional[str]:
    """Return the input that holds the history of a chat flow, None for other flows.

    Not given, it is an empty list. Rules: flow-format section 1.2.
    """
    if len([item for item in flow.inputs.values() if item.is_chat_input]) != 1:
        return None
    chat_outputs = sum(1 for item in flow.outputs.values() if item.is_chat_output)
    if chat_outputs > 1 or (flow.outputs and chat_outputs != 1):
        return None
    for name, declared in flow.inputs.items():
        if declared.is_chat_history:
            return name
    named = flow.inputs.get("chat_history")
    if named is not None and named.is_chat_history is not False:
        return "chat_history"
    return None


def preview(value: Any, limit: int = 60) -> str:
    """Return ``repr(value)``, cut to ``limit`` characters."""
    try:
        text = repr(value)
    except Exception:  # a huge int, or a user's own broken __repr__
        text = f"<{value.__class__.__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


_ARTICLES = {
    "int": "a whole number",
    "double": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "object": "an object",
}
_HINTS = {
    "bool": "only true and false will do, not 1, 0, yes or no",
    "int": 'a whole number such as 3; "1.5" is not one',
    "list": 'give a list, or its JSON text such as ["a", "b"]',
}


def _subject(name: str) -> str:
    return f"input '{name}'" if name else "the value"


def _parse(type: str, raw: Any) -> Any:
    if type == "int":
        return int(raw)
    if type == "double":
        return float(raw)
    if type == "bool":
        return _parse_bool(raw)
    if type == "string":
        return str(raw)
    if type == "list":
        value = json.loads(raw) if isinstance(raw, str) else raw
        if not isinstance(value, list):
            raise TypeError("not a list")
        return value
    if type == "object" and isinstance(raw, str):
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            return raw
    return raw


def _parse_bool(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in ("true", "false"):
        return raw.lower() == "true"
    raise TypeError("not a bool")
