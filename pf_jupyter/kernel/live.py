"""Progress in notebooks: one output that is replaced as things happen."""

from __future__ import annotations

import html
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..commands.context import Draw, Progress
from ..commands.results import pre
from ..commands.wording import MARKS, columns, milliseconds, seconds, shorten, size
from .conversation import NotebookTurn
from .lively import LivelyRun, lively

if TYPE_CHECKING:
    from ..commands.results import Shown
    from ..commands.states import RunStates
    from ..workspace.api import PhaseEvent, RunEvent

Bundle = Mapping[str, Any]
Publish = Callable[[Bundle, str, bool], None]

UPDATE_SECONDS = 0.1
OPEN_LOG_LINES = 10
DETAIL_WIDTH = 40

_GREEN, _RED, _GREY = "#2e9e4f", "#e0443e", "opacity:.65"
_COLOURS = {"Completed": _GREEN, "Failed": _RED}
_ROW = "font-family:var(--jp-code-font-family,monospace);font-size:13px;line-height:1.6"


def publish(bundle: Bundle, display_id: str, update: bool) -> None:
    """Show a bundle, or replace the one shown under the same id."""
    from IPython import display

    show: Any = display.update_display if update else display.display
    show(dict(bundle), display_id=display_id, raw=True)


class NotebookProgress(Progress):
    """Shows phases and runs as outputs that change in place.

    Parameters
    ----------
    publish
        Shows a bundle; another one in tests.
    """

    def __init__(self, publish: Publish = publish) -> None:
        self._publish = publish
        self._phases: PhaseLine | None = None
        self._run: Output | None = None
        self._lively: LivelyRun | None = None
        self._draw: Draw | None = None
        self._notes: list[str] = []
        self._note_output: Output | None = None
        self._live: Output | None = None

    def phase(self, event: PhaseEvent) -> None:
        """Show the line of phases, new steps at its end."""
        if self._phases is None or self._phases.over:
            self._phases = PhaseLine(Output(self._publish))
        self._phases.add(event)

    def begin(self, states: RunStates, draw: Draw | None) -> None:
        """Open an output for the run."""
        self._draw = draw
        self._run = Output(self._publish)
        self._notes = []
        self._note_output = None
        self._lively = lively(self._run, draw)
        if self._lively is not None:
            self._lively.show(run_bundle(states, draw))
        else:
            self.update(states)

    def event(self, event: RunEvent) -> None:
        """Pass it on to a graph that lives."""
        if self._lively is not None:
            self._lively.event(event)

    def update(self, states: RunStates) -> None:
        """Replace the run's output, unless it lives by itself."""
        if self._run is not None and self._lively is None:
            self._run.show(run_bundle(states, self._draw))

    def end(self, states: RunStates) -> None:
        """Replace the run's output by its last state."""
        if self._lively is None:
            self.update(states)
            return
        self._lively.end(states)
        self._lively.show(run_bundle(states, self._draw))

    def live(self, shown: Shown | None) -> None:
        """Replace what changes; its last state stays."""
        if shown is None:
            self._live = None
            return
        if self._live is None:
            self._live = Output(self._publish)
        self._live.show({"text/plain": shown.text(), "text/html": shown.html()})

    def conversation(self, question: str) -> NotebookTurn:
        """Return what shows a question, and its answer as it comes."""
        return NotebookTurn(self, Output(self._publish), question)

    def note(self, text: str) -> None:
        """Add a line below the other notes."""
        self._notes.append(text)
        if self._note_output is None:
            self._note_output = Output(self._publish)
        shown = "\n".join(self._notes[-500:])
        self._note_output.show({"text/plain": shown, "text/html": pre(shown)})


class Output:
    """One output of a cell, shown and then replaced."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._id = uuid.uuid4().hex
        self._last: Bundle | None = None

    def show(self, bundle: Bundle) -> None:
        """Show a bundle where the last one was."""
        if bundle != self._last:
            self._publish(bundle, self._id, self._last is not None)
            self._last = bundle


class PhaseLine:
    """The phases of a runtime on one line, with times and bytes."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._events: dict[str, PhaseEvent] = {}
        self._began = time.monotonic()
        self._shown = 0.0
        self.over = False

    def add(self, event: PhaseEvent) -> None:
        """Take a step into account and show it, ten times a second at most."""
        self._events[event.phase] = event
        self.over = event.status == "failed" or (
            event.phase in ("handshake", "verify") and event.status == "done"
        )
        now = time.monotonic()
        if event.status == "progress" and now - self._shown < UPDATE_SECONDS:
            return
        self._shown = now
        self._output.show(self._bundle())

    def _bundle(self) -> Bundle:
        words: list[tuple[str, str]] = [
            (_phase_text(e), e.status) for e in self._events.values()
        ]
        if self.over and words[-1][1] == "done" and "verify" not in self._events:
            words.append((f"   ready in {seconds(time.monotonic() - self._began)}", ""))
        text = "   ".join(word for word, _ in words)
        marked = [_marked(word, status) for word, status in words]
        spans = "".join(f"<span>{word}</span>" for word in marked)
        flex = "display:flex;flex-wrap:wrap;column-gap:1.6em"
        return {
            "text/plain": text,
            "text/html": f'<div style="{_ROW};{flex}">{spans}</div>',
        }


def _phase_text(event: PhaseEvent) -> str:
    detail = f" ({shorten(event.detail, DETAIL_WIDTH)})" if event.detail else ""
    if event.status == "done":
        return f"{event.phase} ✓ {seconds(event.elapsed)}{detail}"
    if event.status == "failed":
        # the error itself follows, and says it all
        return f"{event.phase} ✗ {seconds(event.elapsed)}"
    if event.total:
        detail = f" {size(event.current or 0)} of {size(event.total)}"
    elif event.current:
        detail = f" {size(event.current)}{detail}"
    return f"{event.phase} …{detail}"


def _marked(text: str, status: str) -> str:
    escaped = html.escape(text.strip())
    for mark, colour in (("✓", _GREEN), ("✗", _RED)):
        if status in ("done", "failed") and mark in escaped:
            coloured = f'<span style="color:{colour}">{mark}</span>'
            return escaped.replace(mark, coloured, 1)
    return escaped


def run_bundle(states: RunStates, draw: Draw | None) -> Bundle:
    """Return a run as it is now: graph, streamed text, printed lines."""
    picture = None
    if draw is not None:
        try:
            picture = draw(states.nodes)
        except Exception:
            # A flow that cannot be drawn can still run; its nodes are listed instead.
            picture = None
    head = picture.text.rstrip("\n") if picture else _node_text(states)
    text = "\n".join(part for part in (head, *_stream_text(states)) if part)
    graph = picture.svg if picture else _node_html(states)
    return {
        "text/plain": text,
        "text/html": f"<div>{graph}{_streams_html(states)}{_log_html(states)}</div>",
    }


def _node_text(states: RunStates) -> str:
    return "\n".join(columns(_node_rows(states)))


def _node_rows(states: RunStates) -> list[tuple[str, str, str]]:
    return [
        (
            f"{MARKS[state['status']]} {name}",
            milliseconds(state.get("duration_ms")),
            str(state.get("note") or ""),
        )
        for name, state in states.nodes.items()
    ]


def _node_html(states: RunStates) -> str:
    rows = []
    for name, state in states.nodes.items():
        colour = _COLOURS.get(state["status"], "inherit")
        took = milliseconds(state.get("duration_ms")) or str(state.get("note") or "")
        rows.append(
            f'<div style="{_ROW}"><span style="color:{colour}">'
            f"{MARKS[state['status']]}</span> {html.escape(name)} "
            f'<span style="{_GREY}">{html.escape(took)}</span></div>'
        )
    return "".join(rows)


def _stream_text(states: RunStates) -> list[str]:
    if _said_again(states):
        return []
    return [f"{name}: {text}" for name, text in states.chunks.items()]


def _said_again(states: RunStates) -> bool:
    """Whether the outputs, shown below, hold the streamed text."""
    return states.status == "Completed"


def _streams_html(states: RunStates) -> str:
    if _said_again(states):
        return ""
    return "".join(
        f'<div style="{_ROW}"><span style="{_GREY}">{html.escape(name)}</span> '
        f'<span style="white-space:pre-wrap">{html.escape(text)}</span></div>'
        for name, text in states.chunks.items()
    )


def _log_html(states: RunStates) -> str:
    if not states.log:
        return ""
    number = len(states.log) + states.dropped_lines
    lines = [f"{node} │ {text}" for node, _, text in states.log]
    if number <= OPEN_LOG_LINES:
        return f'<div style="{_GREY}">{pre(chr(10).join(lines))}</div>'
    running = " open" if states.status == "Running" else ""
    tail = lines[-OPEN_LOG_LINES:] if running else lines
    return (
        f'<details{running}><summary style="{_GREY}">{number} lines printed</summary>'
        f"{pre(chr(10).join(tail))}</details>"
    )
