"""Assistant definitions: a YAML file that becomes an object with tools to call.

Rules: flow-format section 2.8.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from typing import Any, Callable, Dict, List, Mapping

from pf_jupyter.errors import PfError
from pf_jupyter.flow.model import Node, ToolSource
from pf_jupyter.flow.reference import Literal, Reference
from pf_jupyter.worker.execution.failures import FlowFailure, load_failed
from pf_jupyter.worker.execution.literals import convert_literal
from pf_jupyter.worker.execution.loading import Tool, load_python

KIND = "assistant_definition"
_PLAIN_TOOLS = ("code_interpreter", "retrieval")
_JSON_TYPES = {
    "int": "number",
    "double": "number",
    "bool": "boolean",
    "string": "string",
    "list": "array",
}
_PARAMETER = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+)\s*:[ \t]*(.*)$", re.MULTILINE)


def load_definitions(
    node: str, tool: Tool, arguments: Dict[str, Reference], folder: str
) -> None:
    """Replace literals that name an assistant definition by the definitions.

    Parameters
    ----------
    node
        Name of the node, for messages.
    tool
        Its tool, which says what is a definition.
    arguments
        Literals and references; changed in place.
    folder
        The flow's folder.

    Raises
    ------
    FlowFailure
        ResolveToolError around NodeInputValidationError.
    """
    for name, reference in arguments.items():
        parameter = tool.interface.parameters.get(name)
        if parameter is None or parameter.types[0] != KIND:
            continue
        if not isinstance(reference, Literal) or not isinstance(reference.value, str):
            continue
        try:
            arguments[name] = Literal(_load(node, reference.value, folder))
        except PfError as error:
            raise load_failed(
                FlowFailure(
                    "NodeInputValidationError",
                    f"Failed to load assistant definition from input '{name}': "
                    f"({error.code}) {error.message}",
                    hint=error.hint,
                    node=node,
                    cause=getattr(error, "cause", None),
                )
            ) from None


class AssistantToolInvoker:
    """Calls the function tools of an assistant by name, and describes them.

    Parameters
    ----------
    plain
        Tools that the service itself has, as the definition names them.
    functions
        Tools of the flow by the name of their function.
    schemas
        What a model is told of them.
    """

    def __init__(
        self,
        plain: List[Dict[str, Any]],
        functions: Mapping[str, Callable[..., Any]],
        schemas: List[Dict[str, Any]],
    ) -> None:
        self._plain = plain
        self._functions = dict(functions)
        self._schemas = schemas

    def invoke_tool(self, func_name: str, kwargs: Mapping[str, Any]) -> Any:
        """Call a tool; an async one gives a coroutine to be awaited."""
        return self._functions[func_name](**kwargs)

    def to_openai_tools(self) -> List[Dict[str, Any]]:
        """Return all tools as a request to a model lists them."""
        return [*self._plain, *self._schemas]


def _load(node: str, path: str, folder: str) -> Any:
    from pf_jupyter.worker.execution.references import read_yaml

    file = os.path.join(folder, path)
    if not os.path.isfile(file):
        raise FlowFailure(
            "InvalidSource",
            f"'{path}' of node '{node}' is not a file of the flow",
            hint="name a YAML file by its path from the flow's folder",
        )
    with open(file, encoding="utf-8") as stream:
        raw = read_yaml(stream.read(), path)
    if not isinstance(raw, dict):
        raise _unfit(node, f"'{path}' is not a mapping")
    types: Any = importlib.import_module("promptflow.contracts.types")
    made = types.AssistantDefinition.deserialize(raw)
    made._tool_invoker = _invoker(node, made.tools or [], folder)
    return made


def _invoker(node: str, tools: Any, folder: str) -> AssistantToolInvoker:
    plain: List[Dict[str, Any]] = []
    functions: Dict[str, Callable[..., Any]] = {}
    schemas: List[Dict[str, Any]] = []
    for item in tools if isinstance(tools, list) else [tools]:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind in _PLAIN_TOOLS:
            plain.append({"type": kind})
        elif kind != "function":
            kinds = ", ".join((*_PLAIN_TOOLS, "function"))
            raise _unfit(node, f"a tool of type '{kind}' does not exist ({kinds} do)")
        elif item.get("tool_type") != "python":
            raise _unfit(
                node, f"a function of type '{item.get('tool_type')}' cannot be a tool"
            )
        else:
            _add_function(node, item, folder, functions, schemas)
    return AssistantToolInvoker(plain, functions, schemas)


def _add_function(
    node: str,
    item: Mapping[str, Any],
    folder: str,
    functions: Dict[str, Callable[..., Any]],
    schemas: List[Dict[str, Any]],
) -> None:
    raw = item.get("source")
    source = raw if isinstance(raw, dict) else {}
    kind = str(source.get("type") or "code")
    holder = Node(
        node, "python", ToolSource(kind, source.get("path"), source.get("tool"))
    )
    if kind == "package":
        from pf_jupyter.worker.execution.packages import load_package

        tool = load_package(holder, folder)
    else:
        tool = load_python(holder, folder)
    fixed = {
        name: convert_literal(node, tool.interface.parameters[name], value)
        if name in tool.interface.parameters
        else value
        for name, value in (item.get("predefined_inputs") or {}).items()
    }
    original = getattr(tool.function, "__original_function", tool.function)
    function = tool.function

    def call(**given: Any) -> Any:
        return function(**{**given, **tool.fixed, **fixed})

    functions[original.__name__] = call
    schemas.append({"type": "function", "function": _schema(original, tool, fixed)})


def _schema(
    function: Callable[..., Any], tool: Tool, fixed: Mapping[str, Any]
) -> Dict[str, Any]:
    text = inspect.cleandoc(function.__doc__ or "")
    told = dict(_PARAMETER.findall(text))
    open_ = {
        name: parameter
        for name, parameter in tool.interface.parameters.items()
        if name not in fixed
    }
    return {
        "name": function.__name__,
        "description": re.split(r"\n:", text, maxsplit=1)[0],
        "parameters": {
            "type": "object",
            "properties": {
                name: {
                    "type": _JSON_TYPES.get(parameter.types[0], "object"),
                    "description": told.get(name, ""),
                }
                for name, parameter in open_.items()
            },
            "required": [name for name, item in open_.items() if item.required],
        },
    }


def _unfit(node: str, message: str) -> FlowFailure:
    return FlowFailure(
        "InvalidAssistantTool",
        f"{message}, in the assistant definition of node '{node}'",
        hint="tools are {type: code_interpreter}, {type: retrieval}, or {type: "
        "function, tool_type: python, source: {type: code, path: FILE.py}}",
    )
