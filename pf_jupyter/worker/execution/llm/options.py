"""The options of model calls: their types, and the request that they make.

What is sent when an option is missing, empty or text: flow-format sections 2.7 and 9
items 8 to 10.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.interface import Parameter

AZURE, OPENAI = "AzureOpenAI", "OpenAI"
APIS = ("chat", "completion")

_SHARED: Dict[str, Tuple[str, Any]] = {
    "temperature": ("double", 1.0),
    "top_p": ("double", 1.0),
    "stream": ("bool", False),
    "stop": ("list", None),
    "presence_penalty": ("double", None),
    "frequency_penalty": ("double", None),
    "logit_bias": ("object", {}),
    "user": ("string", ""),
}
_CHAT: Dict[str, Tuple[str, Any]] = {
    "max_tokens": ("int", None),
    "function_call": ("object", None),
    "functions": ("list", None),
    "tool_choice": ("object", None),
    "tools": ("list", None),
    "response_format": ("object", None),
    "seed": ("int", None),
}
_COMPLETION: Dict[str, Tuple[str, Any]] = {
    "suffix": ("string", None),
    "max_tokens": ("int", 16),
    "n": ("int", 1),
    "logprobs": ("int", None),
    "echo": ("bool", False),
    "best_of": ("int", 1),
}
_DEFAULT_COMPLETION_MODEL = "text-davinci-003"


def parameters(provider: str, api: str) -> Dict[str, Parameter]:
    """Return what a node of this provider and api takes beside its variables."""
    options: Dict[str, Tuple[str, Any]] = {**_SHARED}
    options.update(_CHAT if api == "chat" else _COMPLETION)
    found: Dict[str, Parameter] = {}
    if provider == AZURE:
        found["deployment_name"] = Parameter("deployment_name", ("string",), True)
        if api == "chat":
            options["n"] = ("int", 1)
    else:
        default = "" if api == "chat" else _DEFAULT_COMPLETION_MODEL
        found["model"] = Parameter("model", ("string",), False, default)
    for name, (kind, default) in options.items():
        found[name] = Parameter(name, (kind,), False, default)
    return found


def chat_request(provider: str, values: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the request of a chat call without its messages.

    Raises
    ------
    FlowFailure
        ChatAPIInvalidTools or ChatAPIInvalidFunctions.
    TypeError, ValueError
        A value cannot be used, or the deployment is missing.
    """
    request: Dict[str, Any] = {
        "model": _model(provider, values, ""),
        "temperature": values.get("temperature", 1.0),
        "top_p": values.get("top_p", 1.0),
        "stream": as_bool(values.get("stream", False)),
    }
    if provider == AZURE:
        request["n"] = values.get("n", 1)
    limit = values.get("max_tokens")
    if limit is not None and str(limit).lower() != "inf":
        request["max_tokens"] = int(limit)
    for name in ("presence_penalty", "frequency_penalty", "seed"):
        if values.get(name) is not None:
            request[name] = values[name]
    for name in ("stop", "logit_bias", "user", "response_format"):
        if values.get(name):
            request[name] = values[name]
    request.update(_calling(provider, values))
    return request


def completion_request(provider: str, values: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the request of a completion call without its prompt.

    Raises
    ------
    TypeError, ValueError
        A value cannot be used, or the deployment is missing.
    """

    def number(name: str, kind: Any, default: Any = None) -> Any:
        value = values.get(name, default)
        return None if value is None else kind(value)

    request: Dict[str, Any] = {
        "model": _model(provider, values, _DEFAULT_COMPLETION_MODEL),
        "suffix": values.get("suffix") or None,
        "max_tokens": number("max_tokens", int, 16),
        "temperature": number("temperature", float, 1.0),
        "top_p": number("top_p", float, 1.0),
        "n": number("n", int, 1),
        "stream": as_bool(values.get("stream", False)),
        "logprobs": number("logprobs", int) or None,
        "echo": as_bool(values.get("echo", False)),
        "stop": values.get("stop") or None,
        "best_of": number("best_of", int, 1),
        "logit_bias": values.get("logit_bias") or {},
        "user": values.get("user") or "",
    }
    for name in ("presence_penalty", "frequency_penalty"):
        if provider == OPENAI:
            request[name] = number(name, float)
        elif values.get(name) is not None:
            request[name] = values[name]
    return request


def as_bool(value: Any) -> bool:
    """Read a flag that may be text."""
    return str(value).strip().lower() == "true"


def gives_message(request: Mapping[str, Any]) -> bool:
    """Tell whether the answer is a whole message rather than its text."""
    return "tools" in request or "functions" in request


def _model(provider: str, values: Mapping[str, Any], default: str) -> Any:
    if provider != AZURE:
        return values.get("model", default)
    if "deployment_name" not in values:
        raise TypeError("the node has no 'deployment_name'")
    return values["deployment_name"]


def _calling(provider: str, values: Mapping[str, Any]) -> Dict[str, Any]:
    tools, functions = values.get("tools"), values.get("functions")
    if tools is not None and len(tools) > 0:
        choice = values.get("tool_choice")
        if provider == AZURE:
            _check_tools(tools)
            choice = _choice(choice, "tool_choice", ("type", "function"), _TOOLS)
        return {"tools": tools, "tool_choice": choice}
    if functions is not None and len(functions) > 0:
        for index, function in enumerate(functions):
            _check_function(index, function, _FUNCTIONS)
        choice = values.get("function_call")
        choice = _choice(choice, "function_call", ("name",), _FUNCTIONS)
        return {"functions": functions, "function_call": choice}
    return {}


def calling_options(values: Mapping[str, Any]) -> Dict[str, Any]:
    """Return tools or functions with a choice among them; nothing when there are none.

    Raises
    ------
    FlowFailure
        ChatAPIInvalidTools or ChatAPIInvalidFunctions.
    """
    return _calling(AZURE, values)


_TOOLS, _FUNCTIONS = "ChatAPIInvalidTools", "ChatAPIInvalidFunctions"
_EXAMPLES = {
    _TOOLS: "write {type: function, function: {name: …, parameters: {type: object, "
    "properties: {…}}}}",
    _FUNCTIONS: "write {name: …, parameters: {type: object, properties: {…}}}",
}


def _choice(value: Any, name: str, keys: Tuple[str, ...], code: str) -> Any:
    if value is None:
        return "auto"
    if value in ("auto", "none"):
        return value
    if not isinstance(value, dict):
        raise _wrong(code, f"'{name}' must be auto, none or a mapping, not {value!r}")
    for key in keys:
        if key not in value:
            raise _wrong(code, f"'{name}' {value!r} lacks '{key}'")
    return value


def _check_tools(tools: List[Any]) -> None:
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise _wrong(_TOOLS, f"tool {index} is {tool!r}, which is no mapping")
        for key in ("type", "function"):
            if key not in tool:
                raise _wrong(_TOOLS, f"tool {index} lacks '{key}': {tool!r}")
        _check_function(index, tool["function"], _TOOLS)


def _check_function(index: int, function: Any, code: str) -> None:
    if not isinstance(function, dict):
        raise _wrong(code, f"function {index} is {function!r}, which is no mapping")
    for key in ("name", "parameters"):
        if key not in function:
            raise _wrong(code, f"function {index} lacks '{key}': {function!r}")
    described = function["parameters"]
    where = f"the parameters of function {index} '{function['name']}'"
    if not isinstance(described, dict):
        raise _wrong(code, f"{where} are no mapping")
    for key in ("type", "properties"):
        if key not in described:
            raise _wrong(code, f"{where} lack '{key}'")
    if described["type"] != "object":
        raise _wrong(code, f"{where} must be of type 'object'")
    if not isinstance(described["properties"], dict):
        raise _wrong(code, f"'properties' of {where} must be a mapping")


def _wrong(code: str, message: str) -> FlowFailure:
    return FlowFailure(code, message, hint=_EXAMPLES[code])
