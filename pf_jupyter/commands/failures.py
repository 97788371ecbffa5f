"""How an error reads: the two lines of interface.md, or the user's own frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import PfError, RunFailed

_OUTER = re.compile(
    r"^(?:Execution failure in|Tool load failed in) '[^']*'\.?:? ?", re.DOTALL
)
_INNER = re.compile(r"^\((\w+)\) ?", re.DOTALL)
_LAST_LINE = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?$")


def describe(error: PfError, places: Mapping[str, str] | None = None) -> str:
    """Return what every face prints for an error of ours.

    Parameters
    ----------
    places
        For each file that a cell wrote, what the cell is called.
    """
    if isinstance(error, RunFailed) and error.node:
        return "\n".join(_node_lines(error, places or {}))
    return error.describe()


def _node_lines(error: RunFailed, places: Mapping[str, str]) -> list[str]:
    """Return ``✗ fetch   ModuleNotFoundError: … (fetch.py:3)`` and the frames."""
    facts: Mapping[str, Any] = {}
    if error.result is not None:
        node = error.result.nodes.get(error.node)
        facts = (node.error if node is not None else None) or error.result.error or {}
    cause = _cause(str(facts.get("message") or error.message), facts, error.code)
    frames = [f for f in facts.get("frames") or [] if f.get("file")]
    place = ""
    if frames:
        place = f"   ({_place(frames[-1], places)})"
    lines = [f"✗ {error.node}   {cause}{place}"]
    for frame in frames[:-1]:
        lines.append(f"    {_place(frame, places)} in {frame.get('name', '')}")
    hint = str(facts.get("hint") or error.hint)
    if hint and not (place and hint.startswith("look at ")):
        lines.append(f"hint: {hint}")
    return lines


def _cause(message: str, facts: Mapping[str, Any], code: str) -> str:
    """Return ``ValueError: text`` for user errors, ``Code: text`` for others."""
    inner = _OUTER.sub("", message)
    match = _INNER.match(inner)
    if match is not None:
        return f"{match[1]}: {inner[match.end() :]}".rstrip(": ")
    last = str(facts.get("traceback") or "").rstrip().rpartition("\n")[2]
    if inner != message and inner and _LAST_LINE.match(last):
        return last
    return f"{facts.get('code') or code}: {inner or message}"


def _place(frame: Mapping[str, Any], places: Mapping[str, str]) -> str:
    name = re.split(r"[\\/]", frame["file"])[-1]
    if name in places:
        # The magic itself is the cell's first line.
        return f"{places[name]}:{frame['line'] + 1}"
    return f"{name}:{frame['line']}"
