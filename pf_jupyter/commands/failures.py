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


def describe(error: PfError) -> str:
    """Return what every face prints for an error of ours."""
    if isinstance(error, RunFailed) and error.node:
        return "\n".join(_node_lines(error))
    return error.describe()


def _node_lines(error: RunFailed) -> list[str]:
    """Return ``✗ fetch   ModuleNotFoundError: … (fetch.py:3)`` and the frames."""
    facts: Mapping[str, Any] = {}
    if error.result is not None:
        node = error.result.nodes.get(error.node)
        facts = (node.error if node is not None else None) or error.result.error or {}
    cause = _cause(str(facts.get("message") or error.message), facts, error.code)
    frames = [f for f in facts.get("frames") or [] if f.get("file")]
    place = ""
    if frames:
        place = f"   ({_base(frames[-1]['file'])}:{frames[-1]['line']})"
    lines = [f"✗ {error.node}   {cause}{place}"]
    for frame in frames[:-1]:
        lines.append(
            f"    {_base(frame['file'])}:{frame['line']} in {frame.get('name', '')}"
        )
    hint = str(facts.get("hint") or error.hint)
    if hint:
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


def _base(path: str) -> str:
    return re.split(r"[\\/]", path)[-1]
