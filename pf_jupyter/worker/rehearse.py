"""Runs a small flow of our own in a spare executor, before anybody waits for it.

The first run after a fork is slow: every page of memory it writes to must be copied
first, which takes longer than the run itself. A rehearsal touches the same pages. It
loads and runs nothing of the user's.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, Optional

from . import execution

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rehearsal")
_FLOW: Dict[str, Any] = {
    "name": "rehearsal",
    "inputs": {"text": {"name": "text", "type": "string", "default": "a"}},
    "outputs": {
        "text": {"name": "text", "type": "string", "reference": "${step.output}"}
    },
    "nodes": [
        {
            "name": "step",
            "type": "python",
            "source": {"type": "code", "path": "step.py"},
            "inputs": {"text": "${inputs.text}"},
        }
    ],
}
REQUEST: Dict[str, Any] = {
    "op": "run",
    "id": 0,
    "run_id": "rehearsal",
    "flow": _FLOW,
    "inputs": {},
    "mode": "flow",
    "connections": {},
    "environment_variables": {},
    "timeout": None,
    "concurrency": 1,
    "aggregation": True,
}
HEADER: Dict[str, Any] = {"folder": _FOLDER, "prepared": True, "environment": {}}
_prepared_in: Optional[str] = None


def prepare() -> None:
    """Load the flow once, in a process that executors are forked from."""
    global _prepared_in
    if _prepared_in is None:
        path = list(sys.path)
        execution.prepare(_FLOW, _FOLDER)
        sys.path[:] = path
        _prepared_in = _FOLDER


def is_prepared() -> bool:
    """Whether `prepare` was called in this process or in one that it is a fork of."""
    return _prepared_in is not None
