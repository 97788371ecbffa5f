"""What draws the picture of a flow that runs, and says which flow it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..workspace.api import FlowInfo, Picture, Workspace


@dataclass(frozen=True)
class Drawing:
    """A flow that runs, ready to be drawn with its states.

    Parameters
    ----------
    workspace
        Where it is known.
    flow
        What it is known by.
    info
        Its inputs, outputs and nodes.
    runtime
        Name of the runtime that it runs in.
    """

    workspace: Workspace
    flow: str | Path
    info: FlowInfo
    runtime: str

    def __call__(self, states: Mapping[str, Mapping[str, Any]]) -> Picture:
        """Return the picture, its nodes coloured by ``states``."""
        return self.workspace.flows.picture(self.flow, states)
