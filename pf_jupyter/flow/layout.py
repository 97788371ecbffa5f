"""Pictures of flows, as SVG and as text.

shown = lay_out(flow)
svg(shown, {"shout": {"status": "Completed", "duration_ms": 2.1}})
text(shown)                      # inputs ▸ shout ▸ outputs
"""

from __future__ import annotations

from pf_jupyter.flow.drawing import draw
from pf_jupyter.flow.graph import Item, Layout, States, lay_out
from pf_jupyter.flow.outline import outline

__all__ = ["Item", "Layout", "States", "lay_out", "svg", "text"]


def svg(layout: Layout, states: States | None = None) -> str:
    """Return the picture as an SVG document.

    Parameters
    ----------
    layout
        The flow laid out.
    states
        How each node fares; colours, marks and durations come from it.
    """
    return draw(layout, states or {})


def text(layout: Layout, states: States | None = None, width: int = 100) -> str:
    """Return the picture as text for a terminal.

    Parameters
    ----------
    layout
        The flow laid out.
    states
        How each node fares.
    width
        Columns that a line may take.
    """
    return outline(layout, states or {}, width)
