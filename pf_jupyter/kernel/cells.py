"""The nodes and flows that cells have defined so far."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ..errors import AlreadyExists, NotFound, UsageError
from .drafts import Files, NodeDraft, node_flow, write, yaml_flow

_NAME = re.compile(r"^[A-Za-z_]\w*$")


class CellFlows:
    """What cells have defined, and folders made of it for running and saving."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeDraft] = {}
        self._flows: dict[str, str] = {}
        self._kinds: dict[str, Literal["node", "flow"]] = {}
        self._folders: tempfile.TemporaryDirectory[str] | None = None
        self._saved: dict[str, Path] = {}

    def define_node(self, node: NodeDraft) -> None:
        """Keep a node; one of the same name is replaced."""
        _check_name(node.name)
        self._nodes[node.name] = node
        self._remember(node.name, "node")

    def define_flow(self, name: str, text: str) -> None:
        """Keep a flow in YAML; one of the same name is replaced.

        A node of that name stays, for flows to name its file.
        """
        _check_name(name)
        self._flows[name] = text
        self._remember(name, "flow")

    def names(self) -> list[str]:
        """Return what has been defined, newest first."""
        return list(reversed(self._kinds))

    def places(self) -> dict[str, str]:
        """Return which cell each file comes from, by the file's name."""
        return {
            file: f"cell {node.name}"
            for node in self._nodes.values()
            # A node called like a known module gets a file of another name.
            for file in (node.file, f"{node.name}_node.py")
        }

    def folder(self, name: str, given: Mapping[str, Any] | None = None) -> Path | None:
        """Return a folder with the flow as it is now; None for an unknown name."""
        if name not in self._kinds:
            return None
        if self._folders is None:
            self._folders = tempfile.TemporaryDirectory(prefix="pf-cells-")
        folder = Path(self._folders.name) / name
        if folder.exists():
            shutil.rmtree(folder)
        write(self._files(name, given or {}), folder)
        return folder

    def save(self, name: str, to: Path) -> Path:
        """Write the flow as an ordinary folder and return it.

        Raises
        ------
        NotFound
            No cell defines it.
        AlreadyExists
            The folder holds something that was not saved from here.
        """
        if name not in self._kinds:
            raise NotFound(f"no cell defines '{name}'", hint="%pfflow list names them")
        to = to.expanduser().absolute()
        filled = to.is_file() or (to.is_dir() and any(to.iterdir()))
        if filled and self._saved.get(name) != to:
            raise AlreadyExists(
                f"{to} is there already and not empty",
                hint=f"choose another folder: %pfflow save {name} --to FOLDER",
            )
        files = self._files(name, {})
        try:
            write(files, to)
        except OSError as error:
            raise UsageError(
                f"cannot write to {to}: {error.strerror}", code="cannot_write"
            ) from None
        self._saved[name] = to
        return to

    def close(self) -> None:
        """Remove the folders made for running."""
        if self._folders is not None:
            self._folders.cleanup()
            self._folders = None

    def _files(self, name: str, given: Mapping[str, Any]) -> Files:
        if self._kinds[name] == "flow":
            return yaml_flow(self._flows[name], self._nodes, Path.cwd())
        return node_flow(name, self._nodes, given)

    def _remember(self, name: str, kind: Literal["node", "flow"]) -> None:
        self._kinds.pop(name, None)
        self._kinds[name] = kind


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise UsageError(
            f"'{name}' cannot be the name of a node or flow",
            code="bad_name",
            hint="letters, digits and _, and no digit first",
        )
