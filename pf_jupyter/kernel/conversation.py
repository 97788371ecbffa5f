"""A turn of a conversation as one output, its answer growing while it is made."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from ..commands.context import Draw, Progress, Turn
from ..commands.results import pre

if TYPE_CHECKING:
    from ..commands.states import RunStates
    from ..workspace.api import PhaseEvent
    from .live import Output

_GRID = (
    "display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 1.2em;"
    "line-height:1.5;max-width:60em"
)
_WHO = "opacity:.65"
_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere"


class NotebookTurn(Turn):
    """Shows a question, and below it the answer as far as it is there.

    Parameters
    ----------
    progress
        Shows everything that is no part of the conversation.
    output
        The output of the cell.
    question
        What was said.
    """

    def __init__(self, progress: Progress, output: Output, question: str) -> None:
        self._progress = progress
        self._output = output
        self._question = question

    def phase(self, event: PhaseEvent) -> None:
        """Show it where phases are shown."""
        self._progress.phase(event)

    def begin(self, states: RunStates, draw: Draw | None) -> None:
        """Show the question; no picture, a conversation is about words."""
        del draw
        self.update(states)

    def update(self, states: RunStates) -> None:
        """Show the answer so far, or who works on it."""
        text = "".join(states.chunks.values())
        waiting = "" if text else f"… {', '.join(states.running)}".rstrip()
        self._show(text, waiting, [f"{node} │ {line}" for node, _, line in states.log])

    def end(self, states: RunStates) -> None:
        """Leave what came of a turn that did not complete."""
        if states.status != "Completed":
            self._show("".join(states.chunks.values()), states.status, [])

    def said(self, text: str) -> None:
        """Show the whole answer."""
        self._show(text, "", [])

    def note(self, text: str) -> None:
        """Show it where notes are shown."""
        self._progress.note(text)

    def _show(self, text: str, waiting: str, log: list[str]) -> None:
        shown = (
            html.escape(text) + f'<span style="{_WHO}">{html.escape(waiting)}</span>'
        )
        printed = f'<div style="{_WHO}">{pre(chr(10).join(log[-3:]))}</div>'
        self._output.show(
            {
                "text/plain": f"you    {self._question}\nflow   {text}{waiting}",
                "text/html": f'<div style="{_GRID}">'
                f'<span style="{_WHO}">you</span>'
                f'<div style="{_TEXT}">{html.escape(self._question)}</div>'
                f'<span style="{_WHO}">flow</span>'
                f'<div style="{_TEXT}">{shown}</div></div>{printed if log else ""}',
            }
        )
