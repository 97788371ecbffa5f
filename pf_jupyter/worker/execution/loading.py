"""Turns the source of a Python node into a tool that can be called.

Each node gets its own copy of its module, under the name ``__pf_main__``
(flow-format sections 2.6 and 9 items 5, 19, 23).
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import time
import types
from dataclasses import dataclass, field
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    Mapping,
    Optional,
    Tuple,
    Type,
)

from pf_jupyter.flow.model import Node
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    hint_for,
    load_failed,
    text_of,
)
from pf_jupyter.worker.execution.interface import (
    Interface,
    is_provider,
    read_interface,
)

MODULE_NAME = "__pf_main__"
_MARKER = "__tool"
_ORIGINAL = "__original_function"
Binder = Callable[[Any, Mapping[str, Any]], Tuple[Callable[..., Any], Dict[str, Any]]]


@dataclass
class Tool:
    """A node's tool, ready to be called with keyword arguments.

    ``owner`` and ``method`` are set for class tools, whose ``function`` still lacks its
    object. ``omissible`` names the parameters with a Python default, which bypassed
    nodes leave to it. ``line`` counts from 1; ``duration_ms`` is what loading took.
    ``binder`` is for tools which are only known once the run's connections are: given
    the prepared node and these it returns what is called, and arguments that replace
    the literals of the file. ``fixed`` are arguments that every call gets.
    """

    name: str
    type: str
    function: Callable[..., Any]
    interface: Interface
    is_async: bool = False
    is_generator: bool = False
    forces_loop: bool = False
    owner: Optional[Type[Any]] = None
    method: str = ""
    module: Optional[types.ModuleType] = None
    file: str = ""
    line: int = 1
    duration_ms: float = 0.0
    omissible: FrozenSet[str] = frozenset()
    binder: Optional[Binder] = None
    fixed: Mapping[str, Any] = field(default_factory=dict)


def load_python(node: Node, folder: str) -> Tool:
    """Load the tool of a Python node.

    Parameters
    ----------
    node
        A node of type ``python`` with a ``code`` source.
    folder
        Absolute path of the flow's folder.

    Raises
    ------
    FlowFailure
        InvalidSource, PythonLoadError, NoToolDefined, MultipleToolsDefined or
        BadFunctionInterface, each with the file and the line where known.
    """
    started = time.perf_counter()
    relative = node.source.path if node.source else None
    path = source_path(node, folder)
    module = _load_module(node, path, str(relative))
    function, owner = _only_tool(module, node, str(relative))
    original = getattr(function, _ORIGINAL, function)
    line = inspect.unwrap(original).__code__.co_firstlineno
    try:
        interface = read_interface(original, owner)
    except (TypeError, ValueError) as error:
        raise FlowFailure(
            "BadFunctionInterface",
            f"the parameters of '{original.__name__}' in '{relative}' cannot be "
            f"used: {text_of(error)}",
            hint="give every parameter a name of its own",
            node=node.name,
            file=str(relative),
            line=line,
        ) from None
    is_async = inspect.iscoroutinefunction(original)
    async_generator = inspect.isasyncgenfunction(original)
    return Tool(
        name=getattr(function, "__name", None) or original.__qualname__,
        type=_type_of(function),
        function=function,
        interface=interface,
        is_async=is_async,
        is_generator=async_generator or inspect.isgeneratorfunction(original),
        forces_loop=is_async or async_generator,
        owner=owner,
        method=original.__name__ if owner is not None else "",
        module=module,
        file=str(relative),
        line=line,
        duration_ms=(time.perf_counter() - started) * 1000,
        omissible=frozenset(
            name
            for name, parameter in interface.parameters.items()
            if not parameter.required
        ),
    )


def source_path(node: Node, folder: str) -> str:
    """Return the absolute path of a node's source file.

    Raises
    ------
    FlowFailure
        InvalidSource when it names no file; ResolveToolError when the node has none.
    """
    if node.source is None:
        raise load_failed(
            FlowFailure(
                "UserErrorException",
                f"node '{node.name}' has no source",
                hint="add source: {type: code, path: FILE} to the node",
                node=node.name,
            )
        )
    relative = node.source.path
    path = os.path.join(folder, str(relative)) if relative else folder
    if not os.path.isfile(path):
        raise FlowFailure(
            "InvalidSource",
            f"the source '{relative}' of node '{node.name}' is not a file of the flow",
            hint="paths count from the folder of the flow file",
            node=node.name,
            file=str(relative or ""),
        )
    return os.path.abspath(path)


def _load_module(node: Node, path: str, relative: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(MODULE_NAME, path)
    if spec is None or spec.loader is None:
        raise FlowFailure(
            "PythonLoadError",
            f"'{relative}' of node '{node.name}' is not a Python file",
            hint="the file name must end with .py",
            node=node.name,
            file=relative,
        )
    module = importlib.util.module_from_spec(spec)
    # Dataclasses with postponed annotations look their module up while they are made.
    sys.modules[MODULE_NAME] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise FlowFailure(
            "PythonLoadError",
            f"cannot load '{relative}' of node '{node.name}': "
            f"({type(error).__name__}) {text_of(error)}",
            hint=hint_for(error),
            node=node.name,
            cause=error,
            file=relative,
        ) from None
    return module


def _only_tool(
    module: types.ModuleType, node: Node, relative: str
) -> Tuple[Callable[..., Any], Optional[type]]:
    found = find_tools(module)
    if len(found) == 1:
        return found[0][1], found[0][2]
    if not found:
        raise FlowFailure(
            "NoToolDefined",
            f"'{relative}' of node '{node.name}' defines no tool",
            hint="put @tool above one function (from promptflow.core import tool)",
            node=node.name,
            file=relative,
        )
    names = ", ".join(name for name, _, _ in found)
    raise FlowFailure(
        "MultipleToolsDefined",
        f"'{relative}' of node '{node.name}' defines {len(found)} tools: {names}",
        hint="keep one and move the others to files of their own",
        node=node.name,
        file=relative,
        line=getattr(found[1][1], _ORIGINAL, found[1][1]).__code__.co_firstlineno,
    )


def find_tools(
    module: types.ModuleType,
) -> List[Tuple[str, Callable[..., Any], Optional[type]]]:
    """Return (name, function, class or None) of every tool that a module defines.

    Tools imported from elsewhere do not count, and neither do lambdas; a second name
    of a tool does (flow-format section 9 item 19).
    """
    found: List[Tuple[str, Callable[..., Any], Optional[type]]] = []
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if is_tool(value):
            if value.__name__ != "<lambda>":
                found.append((name, value, None))
        elif is_provider(value):
            found += [
                (f"{name}.{attribute}", method, value)
                for attribute, method in inspect.getmembers(value)
                if is_tool(method)
            ]
    return found


def is_tool(value: Any) -> bool:
    """Tell whether a value is a function under @tool, promptflow's own or ours."""
    return isinstance(value, types.FunctionType) and hasattr(value, _MARKER)


def _type_of(function: Callable[..., Any]) -> str:
    declared = getattr(function, "__type", None)
    return str(getattr(declared, "value", declared) or "python")
