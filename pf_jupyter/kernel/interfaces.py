"""What a cell's node takes, read from its source without running it.

The runtime knows better and is asked when the node is checked; this much is needed to
give the node's free parameters to the user as inputs of a flow.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ..flow.python_source import SourceError, parse_python

NodeType = Literal["python", "prompt", "llm"]

_TYPES = {
    "str": "string",
    "int": "int",
    "float": "double",
    "bool": "bool",
    "list": "list",
    "List": "list",
    "dict": "object",
    "Dict": "object",
}
_LOOP = re.compile(r"\bfor\b[^%{}]*?\bin\s+([A-Za-z_]\w*)")
_INSIDE = re.compile(r"\b([A-Za-z_]\w*)\s*(?:\.\s*\w|\[)")


@dataclass(frozen=True)
class Parameter:
    """One thing a node takes. ``required`` false: it can be left out."""

    name: str
    type: str
    required: bool = True
    default: Any = None


def parameters(source: str, kind: NodeType) -> list[Parameter]:
    """Return what the source takes; empty when it cannot be read."""
    return list(_python(source) if kind == "python" else _prompt(source))


def imported_names(source: str) -> set[str]:
    """Return the first words of what a Python source imports."""
    module = parse_python(source.encode())
    if isinstance(module, SourceError):
        return set()
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
            if node.level:
                names |= {alias.name for alias in node.names}
    return names - {""}


def _prompt(source: str) -> Iterator[Parameter]:
    from jinja2 import TemplateError, meta
    from jinja2.sandbox import SandboxedEnvironment

    find: Any = meta.find_undeclared_variables
    try:
        names: set[str] = find(SandboxedEnvironment().parse(source))
    except TemplateError:
        return
    loops, inside = set(_LOOP.findall(source)), set(_INSIDE.findall(source))
    for name in sorted(names, key=source.find):
        kind = "list" if name in loops else "object" if name in inside else "string"
        yield Parameter(name, kind)


def _python(source: str) -> Iterator[Parameter]:
    module = parse_python(source.encode())
    if isinstance(module, SourceError):
        return
    functions = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(_is_tool(decorator) for decorator in node.decorator_list)
    ]
    if len(functions) != 1:
        return
    given = functions[0].args
    places = [*given.posonlyargs, *given.args]
    missing: list[ast.expr | None] = [None] * (len(places) - len(given.defaults))
    yield from map(_parameter, places, [*missing, *given.defaults])
    yield from map(_parameter, given.kwonlyargs, given.kw_defaults)


def _is_tool(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(target).rpartition(".")[2] == "tool"


def _parameter(argument: ast.arg, default: ast.expr | None) -> Parameter:
    kind = _type(argument.annotation)
    if default is None:
        return Parameter(argument.arg, kind or "object")
    try:
        value = ast.literal_eval(default)
    except ValueError:
        value = None
    if kind is None:
        kind = _TYPES.get(type(value).__name__, "object")
    return Parameter(argument.arg, kind, required=False, default=value)


def _type(annotation: ast.expr | None) -> str | None:
    if annotation is None:
        return None
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return "object"
    if isinstance(annotation, ast.BinOp):
        sides = [annotation.left, annotation.right]
        rest = [side for side in sides if ast.unparse(side) != "None"]
        return _type(rest[0]) if len(rest) == 1 else "object"
    if isinstance(annotation, ast.Subscript):
        outer = ast.unparse(annotation.value).rpartition(".")[2]
        if outer == "Optional":
            return _type(annotation.slice)
        return _TYPES.get(outer, "object")
    return _TYPES.get(ast.unparse(annotation).rpartition(".")[2], "object")
