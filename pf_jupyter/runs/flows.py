"""Flows that can be run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import FlowInvalid
from ..flow.model import Flow
from ..flow.snapshot import LoadedFlow, load


def load_valid(path: Path) -> tuple[LoadedFlow, Flow]:
    """Return a flow that has no problems.

    Raises
    ------
    FlowInvalid
        It has some; all are named.
    NotFound
        There is no flow at the path.
    """
    loaded = load(path)
    if loaded.problems or loaded.flow is None:
        raise invalid([problem.to_dict() for problem in loaded.problems])
    return loaded, loaded.flow


def invalid(problems: Sequence[dict[str, Any]]) -> FlowInvalid:
    """Return the error for a flow with problems."""
    count = len(problems)
    what = "a problem" if count == 1 else f"{count} problems"
    return FlowInvalid(f"the flow has {what}", problems=list(problems))
