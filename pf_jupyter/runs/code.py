"""Which files of a flow's folder a node's result may depend on.

When in doubt a file counts: a result that is made again costs time, one that is taken
wrongly costs trust. What cannot be seen from here are files that code finds under a
name it puts together of pieces.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from ..flow.contents import Snapshot, SnapshotFile
from ..flow.model import Flow, Node

_FINDERS = frozenset(
    ["importlib", "__import__", "imp", "runpy", "pkgutil", "zipimport", "exec"]
) | {"eval", "sys.path", "sys.meta_path", "sys.modules"}
_FLOW_FILES = ("flow.dag.yaml", "flow.dag.yml")


def code_files(node: Node, flow: Flow, snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return path and digest of each file that a node may depend on.

    These are its source; for Python the modules of the folder that it imports, with
    those that they import, or all of them when it finds modules by itself; whatever
    file the code mentions by name; and all that is neither Python, nor the source of
    a node, nor the flow's own file.

    Parameters
    ----------
    node, flow
        The node and its flow.
    snapshot
        The flow's folder.
    """
    files = {file.path: file for file in snapshot.files}
    sources = {
        _normal(other.source.path)
        for other in flow.nodes
        if other.source is not None and other.source.path
    }
    data = [
        path
        for path in files
        if not path.endswith(".py") and path not in sources and path not in _FLOW_FILES
    ]
    own = _normal(node.source.path) if node.source and node.source.path else ""
    code: set[str] = set()
    if node.type == "python" and own in files:
        code, text = _imported(own, files)
        others = [path for path in files if path not in code]
        code |= {path for path in others if path.rsplit("/", 1)[-1] in text}
    elif own in files:
        code = {own}
    return [(path, files[path].digest) for path in sorted({*code, *data})]


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return "/".join(parts)


def _imported(start: str, files: dict[str, SnapshotFile]) -> tuple[set[str], str]:
    """Return a module with those that it imports, and all their text."""
    python = [path for path in files if path.endswith(".py")]
    found: set[str] = set()
    waiting, texts = [start], list[str]()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        try:
            text = files[path].read().decode("utf-8", "replace")
            tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError, RecursionError):
            return set(python), "".join(texts)
        texts.append(text)
        if _finds_modules(tree):
            return set(python), "".join(texts) + text
        for name in _names(tree):
            waiting += _of_module(name, path, python)
    return found, "".join(texts)


def _finds_modules(tree: ast.AST) -> bool:
    """Return whether code finds modules in other ways than by importing names."""
    for item in ast.walk(tree):
        names: list[str] = []
        if isinstance(item, ast.Name):
            names = [item.id]
        elif isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name):
            names = [f"{item.value.id}.{item.attr}"]
        elif isinstance(item, ast.Import):
            names = [alias.name.split(".")[0] for alias in item.names]
        elif isinstance(item, ast.ImportFrom) and item.module and not item.level:
            names = [item.module.split(".")[0]]
            names += [f"{item.module}.{alias.name}" for alias in item.names]
        if any(name in _FINDERS for name in names):
            return True
    return False


def _names(tree: ast.AST) -> Iterator[str]:
    """Yield the first part of each module's name, ``.`` for its own package."""
    for item in ast.walk(tree):
        if isinstance(item, ast.Import):
            for alias in item.names:
                yield alias.name.split(".")[0]
        elif isinstance(item, ast.ImportFrom):
            yield "." if item.level else (item.module or "").split(".")[0]


def _of_module(name: str, by: str, python: Iterable[str]) -> list[str]:
    """Return the files of a module or package; a package counts as a whole."""
    if name == ".":
        top = by.split("/")[0] + "/" if "/" in by else ""
        return [path for path in python if path.startswith(top)]
    return [
        path for path in python if path == f"{name}.py" or path.startswith(f"{name}/")
    ]
