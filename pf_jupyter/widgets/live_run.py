"""A run where a cell's output is: its graph while it goes on, and all of it after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .elements import Child, Element, h
from .flow_page import FlowPage
from .living import graph, still
from .shown import loading, log, more, pre
from .values import shown_values

if TYPE_CHECKING:
    from ..commands.states import RunStates
    from ..workspace.api import FlowInfo, RunEvent, RunResult, Workspace

OPEN_LOG_LINES = 10


class LiveRun(FlowPage):
    """A run that somebody else began: it is told of it, and takes over at its end.

    Parameters
    ----------
    workspace
        Where a node can be run again.
    info
        The flow.
    picture
        Its picture without states, as SVG.
    runtime
        Where it runs.
    """

    def __init__(
        self, workspace: Workspace, info: FlowInfo, picture: str, runtime: str
    ) -> None:
        self._given = (info, picture)
        self._over = False
        self._again = False
        super().__init__(workspace, info.path, runtime)

    def begin(self) -> None:
        """Show the flow that it was given."""
        self._know(self._given)

    def take(self, event: RunEvent) -> None:
        """Show an event of the run."""
        self._take(event)

    def end(self, states: RunStates, result: RunResult | None, picture: str) -> None:
        """Show what came of the run.

        Parameters
        ----------
        states
            Its last states.
        result
            The result; None when the run gave none.
        picture
            The picture with its last states.
        """
        with self.lock:
            self._over, self.still_picture, self.run_id = True, picture, None
            if result is None:
                self.living.abandon(states.status)
            else:
                self.result = result
                self.living.finish(result)
        self.changed()
        self.flush()

    def _run(self, inputs: dict[str, Any], **part: Any) -> None:
        self._again = True
        super()._run(inputs, **part)

    def _page(self, *, live: bool) -> Element:
        parts: list[Child] = [self._drawn_graph(live), self._phases()]
        if self.node is not None:
            parts.append(self._node(self.working("run") or not self._over))
        if self._again:
            # what was run from here has no other place to be shown at
            parts.append(self._results())
        else:
            parts += [self._answers(), self._printed()]
        return h("section", *parts, class_="pf-page pf-run", aria_label="run")

    def _drawn_graph(self, live: bool) -> Element:
        if not live:
            return still(self.still_picture)
        return graph(self.living, self.picture, self.node)

    def _answers(self) -> Child:
        """Return what streams out while it does; the outputs have it all later."""
        if self._over or not self.answer:
            return None
        return shown_values(self.answer)

    def _printed(self) -> Child:
        if not self.lines:
            return None if self.answer or self._over else loading("It runs")
        lines = [f"{node} │ {line}" if node else line for node, line in self.lines]
        if len(lines) <= OPEN_LOG_LINES:
            return pre("\n".join(lines), label="what was printed")
        return more(
            f"{len(lines)} lines printed",
            log(lines, key="printed"),
            opened=not self._over,
        )
