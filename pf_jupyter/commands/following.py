"""Runs a flow while its progress is shown, and cancels it when the user says stop."""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError, RunCanceled
from .context import Context, Draw, Progress
from .drawing import Drawing
from .states import RunStates

if TYPE_CHECKING:
    from ..workspace.api import OnEvent, RunResult, Runtime

UPDATE_SECONDS = 0.1
CANCEL_SECONDS = 15.0


def run_followed(
    context: Context,
    runtime: Runtime,
    flow: str | Path,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> RunResult:
    """Run a flow and show it happening.

    The call that waits runs in a thread of its own: the caller's thread stays free to
    draw, and receives the keyboard interrupt at a place where it can be handled.
    ``progress`` shows the run; the context's own when None.

    Raises
    ------
    RunCanceled
        The user interrupted a run that gave no result any more.
    PfError
        What `Runtime.run` raises.
    """
    states, draw = _picture(context, flow, runtime, options.get("node"))
    work = _Work(
        lambda on_event: runtime.run(flow, on_event=on_event, **options),
    )
    shown_by = progress or context.progress
    interrupted = False
    begun = False
    try:
        while not work.done:
            # an interrupt may come at any line from here on, the first included
            try:
                work.start()
                if not begun:
                    begun = True
                    shown_by.begin(states, draw)
                _follow(context, shown_by, work, states, cancel=interrupted)
            except KeyboardInterrupt:
                if interrupted:
                    raise _canceled(states) from None
                interrupted = True
        result = work.result()
    except KeyboardInterrupt:
        states.abandon("Canceled")
        raise _canceled(states) from None
    except RunCanceled:
        states.abandon("Canceled")
        raise
    except PfError:
        states.abandon("Failed")
        raise
    else:
        states.finish(result)
        return result
    finally:
        shown_by.end(states)


class _Work:
    """A call in a thread that `start` begins, its events in a queue."""

    def __init__(self, call: Callable[[OnEvent], RunResult]) -> None:
        self.events: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self.done = False
        self._result: RunResult | None = None
        self._error: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(
            target=contextvars.copy_context().run, args=(self._run,), daemon=True
        )
        self._started = False

    def start(self) -> None:
        """Begin the call; once begun, nothing happens."""
        if not self._started:
            self._started = True
            self._thread.start()

    def result(self) -> RunResult:
        """Return what the call returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._call(self.events.put)
        except BaseException as error:
            self._error = error
        self.events.put(None)


def _follow(
    context: Context,
    progress: Progress,
    work: _Work,
    states: RunStates,
    *,
    cancel: bool,
) -> None:
    """Show events until the work is done; ask for its end first when ``cancel``."""
    asked = False
    give_up = time.monotonic() + CANCEL_SECONDS
    shown, dirty = 0.0, False
    while True:
        if cancel and not asked and states.run_id is not None:
            asked = True
            _cancel(context, states.run_id)
        if cancel and time.monotonic() > give_up:
            raise _canceled(states)
        try:
            event = work.events.get(timeout=UPDATE_SECONDS)
        except queue.Empty:
            dirty = states.tick() or dirty
        else:
            if event is None:
                work.done = True
                return
            states.apply(event)
            progress.event(event)
            dirty = True
        if dirty and time.monotonic() - shown >= UPDATE_SECONDS:
            states.tick()
            progress.update(states)
            shown, dirty = time.monotonic(), False


def _cancel(context: Context, run_id: str) -> None:
    try:
        context.workspace.runs.cancel(run_id)
    except PfError:
        # It ended by itself in this very moment; its result is on the way.
        pass


def _canceled(states: RunStates) -> RunCanceled:
    name = f"run {states.run_id}" if states.run_id else "the run"
    return RunCanceled(f"{name} was stopped by you")


def _picture(
    context: Context, flow: str | Path, runtime: Runtime, node: str | None
) -> tuple[RunStates, Draw | None]:
    """Return the nodes in order and what draws them; the run reports what is wrong."""
    workspace = context.workspace
    try:
        info = workspace.flows.show(flow)
    except PfError:
        return RunStates(), None
    if node is not None:
        return RunStates([node]), None
    names = [str(item["name"]) for item in info.nodes]
    drawing = Drawing(workspace, flow, info, runtime.name)
    return RunStates(names, info.entry), drawing
