"""The checkout as the project tests see it."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pf_jupyter"
NOT_OURS = {"__pycache__", "node_modules", "dist", "build", "_build"}


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def files() -> list[Path]:
    """Files that belong to the project: known to git, or simply there without it."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        found = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [
            path
            for path in ROOT.rglob("*")
            if not any(
                part.startswith(".") or part in NOT_OURS
                for part in path.relative_to(ROOT).parts[:-1]
            )
        ]
    return sorted(path for path in found if path.is_file())


@cache
def modules() -> list[Path]:
    """The Python modules of the package, without the bundled examples."""
    return [p for p in files() if p.is_relative_to(PACKAGE) and p.suffix == ".py"]


@dataclass(frozen=True)
class Import:
    """One imported module, made absolute. ``lazy``: not run by importing the file."""

    file: Path
    line: int
    module: str
    lazy: bool
    typing_only: bool

    @property
    def where(self) -> str:
        return f"{self.file.relative_to(ROOT).as_posix()}:{self.line}"


def room(path: Path) -> str:
    """``flow/model.py`` is in ``flow``, ``errors.py`` in ``errors``."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@cache
def imports(path: Path) -> tuple[Import, ...]:
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    package = list(path.relative_to(ROOT).with_suffix("").parts)
    package = package[:-1]

    def walk(node: ast.AST, lazy: bool, typing_only: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name, lazy, typing_only)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield Import(path, node.lineno, name, lazy, typing_only)
        inside_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            checking = (
                isinstance(node, ast.If)
                and "TYPE_CHECKING" in ast.dump(node.test)
                and child in node.body
            )
            yield from walk(child, lazy or inside_function, typing_only or checking)

    yield from walk(tree, lazy=False, typing_only=False)
