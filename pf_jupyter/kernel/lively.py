"""The living graph of a run as a cell's output, where somebody can look at it live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..commands.drawing import Drawing

if TYPE_CHECKING:
    from ..commands.context import Draw
    from ..commands.states import RunStates
    from ..widgets.live_run import LiveRun
    from ..workspace.api import RunEvent
    from .live import Output


class LivelyRun:
    """Shows a run by a panel; what is kept in the notebook's file is its last picture.

    Parameters
    ----------
    output
        The output of the cell.
    panel
        The panel.
    draw
        Draws the flow's picture.
    """

    def __init__(self, output: Output, panel: LiveRun, draw: Drawing) -> None:
        self._output = output
        self._panel = panel
        self._draw = draw

    def event(self, event: RunEvent) -> None:
        """Show an event."""
        self._panel.take(event)

    def show(self, still: Mapping[str, Any]) -> None:
        """Show the panel, with what stands in its place where nothing lives."""
        live, _ = self._panel._repr_mimebundle_()
        self._output.show({**live, **still})

    def end(self, states: RunStates) -> None:
        """Show what came of the run."""
        picture = self._draw(states.nodes).svg
        self._panel.end(states, states.result, picture)


def lively(output: Output, draw: Draw | None) -> LivelyRun | None:
    """Return what shows the run live; None where nobody would see it.

    Parameters
    ----------
    output
        The output of the cell.
    draw
        Draws the flow's picture.
    """
    if not isinstance(draw, Drawing):
        return None
    made = _panel(draw)
    return None if made is None else LivelyRun(output, made, draw)


def _panel(draw: Drawing) -> LiveRun | None:
    try:
        from ..widgets.audience import attended
    except ImportError:
        # Taken out by somebody who wants no widgets: pictures do without.
        return None
    if not attended():
        return None
    from ..widgets.live_run import LiveRun

    try:
        blank: Any = draw({})
    except Exception:
        # A flow that cannot be drawn can still run.
        return None
    return LiveRun(draw.workspace, draw.info, blank.svg, draw.runtime)
