"""What the check of a cell's node found."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from ..commands.results import Shown, signature
from ..commands.wording import milliseconds
from ..errors import FlowInvalid

_FONT = "font-family:var(--jp-code-font-family,monospace);font-size:13px"


class CheckedNode(Shown):
    """A node's interface, and where and how fast it was checked.

    Parameters
    ----------
    name
        The node.
    tool
        TOOL of :mod:`pf_jupyter.worker.protocol`.
    runtime
        The runtime that looked at it.
    duration_ms
        How long the whole check took, in milliseconds.
    """

    def __init__(
        self, name: str, tool: Mapping[str, Any], runtime: str, duration_ms: float
    ) -> None:
        self.name = name
        self.tool = dict(tool)
        self.runtime = runtime
        self.duration_ms = duration_ms

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"name", "ok", "tool", "runtime", "duration_ms"}``."""
        return {
            "name": self.name,
            "ok": True,
            "tool": self.tool,
            "runtime": self.runtime,
            "duration_ms": self.duration_ms,
        }

    def text(self) -> str:
        """Return the interface and the check on one line."""
        return f"{signature(self.name, self.tool)}        {self._checked()}"

    def html(self) -> str:
        """Return the same, the check apart."""
        return (
            f'<div style="{_FONT}">{html.escape(signature(self.name, self.tool))}'
            f'<span style="margin-left:3em;opacity:.65">{html.escape(self._checked())}'
            "</span></div>"
        )

    def _checked(self) -> str:
        return f"checked in {self.runtime} ✓ {milliseconds(self.duration_ms)}"


class NodeInvalid(FlowInvalid):
    """A cell's node has problems; it is kept all the same."""

    def describe(self) -> str:
        """Return the heading and one line for each problem."""
        lines = super().describe().splitlines()
        return "\n".join([*lines[:-1], "it is kept: correct the cell and run it again"])


def cell_problems(
    problems: Sequence[Mapping[str, Any]], places: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return problems with places in cells, as an editor counts their lines.

    Parameters
    ----------
    problems
        What the check found, in the form of `FlowInvalid.problems`.
    places
        For each file that a cell wrote, what the cell is called.
    """
    placed = []
    for problem in problems:
        item = dict(problem)
        name = str(item["file"]).replace("\\", "/").rpartition("/")[2]
        if name in places:
            item["file"] = places[name]
            # The magic itself is the cell's first line.
            item["line"] = item["line"] + 1 if item.get("line") else 0
        placed.append(item)
    return placed
