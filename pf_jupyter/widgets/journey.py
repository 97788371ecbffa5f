"""Long work of a runtime or an environment, step by step as it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..commands.wording import seconds, size
from .elements import Child, Element, h
from .parts import Tone, badge, text
from .shown import progress, table

if TYPE_CHECKING:
    from ..workspace.api import PhaseEvent

_WORDS: dict[str, tuple[str, Tone]] = {
    "started": ("going on", "go"),
    "progress": ("going on", "go"),
    "done": ("done", "ok"),
    "failed": ("failed", "no"),
}


class Journey:
    """The steps that were told so far, each with its time and its bytes.

    Parameters
    ----------
    changed
        Called after each step, from the thread that tells it.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.events: dict[str, PhaseEvent] = {}

    def __call__(self, event: PhaseEvent) -> None:
        """Take a step that is told (it is an ``on_phase``)."""
        self.events = {**self.events, event.phase: event}
        self._changed()

    def shown(self, caption: str) -> Element:
        """Return the steps as a table."""
        if not self.events:
            return text("It begins.", quiet=True)
        rows: list[list[Child]] = [_row(event) for event in self.events.values()]
        return table(
            ["step", "", "time", "what"],
            rows,
            keys=list(self.events),
            numbers=(2,),
            caption=caption,
        )


def _row(event: PhaseEvent) -> list[Child]:
    word, tone = _WORDS[event.status]
    told: list[Child] = [event.detail]
    if event.current is not None and event.status in ("started", "progress"):
        total = event.total or 0
        words = size(event.current) + (f" of {size(total)}" if total else "")
        told.append(progress(event.current, total, words) if total else words)
    return [
        h("code", event.phase),
        badge(word, tone),
        seconds(event.elapsed),
        h("div", *told),
    ]
