"""What a Python tool's source says of itself, without running it.

Rules: flow-format section 2.6 (exactly one tool) and section 9 item 19. Code can make
tools in ways that no reader of text can follow, so a count is given only where it is
certain; everything else is left to the runtime.
"""

from __future__ import annotations

import ast
import builtins
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_SURELY_THERE = sys.stdlib_module_names | {"promptflow"}
_UNCERTAIN_CALLS = {"exec", "eval", "globals", "setattr", "vars", "__import__"}


@dataclass(frozen=True)
class SourceError:
    """Why a source cannot be parsed; line and column count from 1."""

    message: str
    line: int
    column: int


@dataclass(frozen=True)
class ToolCount:
    """The tools that a source certainly defines.

    ``names`` and ``lines`` belong together. ``exact`` tells that there are no others.
    """

    names: tuple[str, ...]
    lines: tuple[int, ...]
    exact: bool


def parse_python(data: bytes) -> ast.Module | SourceError:
    """Parse a Python file, or tell where it is wrong.

    Parameters
    ----------
    data
        Contents of the file.
    """
    if b"\0" in data:  # for which Python itself gives no place
        before = data.split(b"\0", 1)[0]
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        message = "SyntaxError: source code cannot contain null bytes"
        return SourceError(message, before.count(b"\n") + 1, column)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        message = f"{type(error).__name__}: {error.msg}"
        return SourceError(message, error.lineno or 1, max(error.offset or 1, 1))
    except ValueError as error:
        return SourceError(f"SyntaxError: {error}", 1, 1)
    except (RecursionError, MemoryError):
        return SourceError("SyntaxError: too deeply nested to be parsed", 1, 1)


def count_tools(module: ast.Module) -> ToolCount:
    """Count the tools of a parsed source, as far as that is certain."""
    decorators = _tool_decorators(module)
    found: dict[str, int] = {}
    bound: dict[str, int] = {}
    for statement in module.body:
        for name in _bound_names(statement):
            bound[name] = bound.get(name, 0) + 1
        if (
            isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            and len(statement.decorator_list) == 1
            and _is_tool(statement.decorator_list[0], decorators)
        ):
            found[statement.name] = statement.lineno
    deleted = any(isinstance(node, ast.Delete) for node in ast.walk(module))
    certain = {
        name: line
        for name, line in found.items()
        if bound[name] == 1 and not deleted and not _rebinds(module, decorators)
    }
    return ToolCount(
        tuple(certain), tuple(certain.values()), exact=_nothing_hidden(module)
    )


def _tool_decorators(module: ast.Module) -> set[str]:
    """Return the names that stand for promptflow's ``tool``, dotted ones too."""
    names: set[str] = set()
    for statement in module.body:
        if isinstance(statement, ast.ImportFrom) and statement.level == 0:
            if (statement.module or "").split(".")[0] == "promptflow":
                names.update(
                    alias.asname or alias.name
                    for alias in statement.names
                    if alias.name == "tool"
                )
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name in ("promptflow", "promptflow.core"):
                    names.add(f"{alias.asname or alias.name}.tool")
    return names


def _is_tool(decorator: ast.expr, names: set[str]) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(target, ast.Name | ast.Attribute) and ast.unparse(target) in names


def _rebinds(module: ast.Module, decorators: set[str]) -> bool:
    for statement in module.body:
        imported = isinstance(statement, ast.Import | ast.ImportFrom)
        if not imported and decorators & set(_bound_names(statement)):
            return True
    return False


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement binds; those of blocks included."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def _nothing_hidden(module: ast.Module) -> bool:
    """Tell whether a source without a visible tool certainly has none.

    Anything that could bring one in makes it uncertain: a decorator of any kind, a
    star import, the name ``tool`` or ``ToolProvider``, a module-level name bound to
    what a call returns, and code that makes names out of text. So does whatever could
    raise while the module loads, which is then what the format complains about.
    """
    if not all(map(_loads_surely, module.body)):
        return False
    for node in ast.walk(module):
        if getattr(node, "decorator_list", None):
            return False
        if isinstance(node, ast.alias) and (
            node.name in ("*", "tool", "ToolProvider") or node.asname == "tool"
        ):
            return False
        if isinstance(node, ast.Name) and node.id in {"tool", *_UNCERTAIN_CALLS}:
            return False
        if isinstance(node, ast.Attribute) and node.attr in (
            "tool",
            "ToolProvider",
            "__dict__",
            "modules",
        ):
            return False
    return True


def _is_known(value: ast.expr) -> bool:
    if isinstance(value, ast.Name):
        return hasattr(builtins, value.id)
    return isinstance(value, ast.Constant)


def _loads_surely(statement: ast.stmt) -> bool:
    """Tell whether a statement of a module cannot raise while the module loads."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in statement.names]
        if isinstance(statement, ast.ImportFrom):
            names = [statement.module or ""] if not statement.level else [""]
        return all(name.split(".")[0] in _SURELY_THERE for name in names)
    if isinstance(statement, ast.ClassDef):
        return not (statement.bases or statement.keywords) and all(
            map(_loads_surely, statement.body)
        )
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = statement.args
        each = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        each += [one for one in (arguments.vararg, arguments.kwarg) if one]
        spoken = [*arguments.defaults, *arguments.kw_defaults, statement.returns]
        spoken += [argument.annotation for argument in each]
        return all(value is None or _is_known(value) for value in spoken)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass)
