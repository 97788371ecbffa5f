"""Progress in terminals: a line for each phase and node, rewritten where that works."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, TextIO

from .context import Draw, Progress, Turn
from .wording import MARKS, columns, milliseconds, seconds, shorten, size, to_ascii

if TYPE_CHECKING:
    from ..workspace.api import PhaseEvent
    from .results import Shown
    from .states import RunStates

REWRITE_SECONDS = 0.1
PLAIN_SECONDS = 10.0


def speaks_unicode(stream: TextIO) -> bool:
    """Whether our marks can be written to a stream; one without bytes takes all."""
    try:
        "✓●…".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def can_rewrite(stream: TextIO) -> bool:
    """Whether lines of a stream can be replaced: a terminal that knows the codes."""
    try:
        if not stream.isatty():
            return False
    except (AttributeError, ValueError):
        return False
    if os.name == "nt" and "WT_SESSION" not in os.environ:
        return bool(os.environ.get("TERM"))
    return os.environ.get("TERM") != "dumb"


class TerminalProgress(Progress):
    """Writes progress to a stream.

    Parameters
    ----------
    stream
        Where to; a terminal gets lines that are rewritten in place, anything else
        plain lines.
    quiet
        Say nothing at all.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._rewrite = can_rewrite(stream)
        self._ascii = not speaks_unicode(stream)
        self._live = 0
        self._shown = 0.0
        self._told_nodes: set[str] = set()
        self._told_lines = 0
        self._told_chunks: dict[str, int] = {}
        self._began = 0.0
        self._phases = 0

    def phase(self, event: PhaseEvent) -> None:
        """Write a line when a phase is over; show it going on where that works."""
        label = f"  {event.phase:<10}"
        detail = f"   {event.detail}" if event.detail else ""
        if event.status in ("done", "failed"):
            mark = MARKS["Completed" if event.status == "done" else "Failed"]
            if event.status == "failed":
                detail = ""  # the error itself follows, and says it all
            self._clear()
            self._line(f"{label} {mark} {seconds(event.elapsed)}{detail}")
        elif self._due() or event.status == "started":
            if event.total:
                detail = f"   {size(event.current or 0)} of {size(event.total)}"
            elif event.current:
                detail = f"   {size(event.current)}{detail}"
            self._block([f"{label} … {seconds(event.elapsed)}{detail}"])

    def begin(self, states: RunStates, draw: Draw | None) -> None:
        """Forget the run before."""
        del draw
        self._told_nodes.clear()
        self._told_lines = 0
        self._told_chunks.clear()
        self._block(self._going_on(states))

    def update(self, states: RunStates) -> None:
        """Write what has ended since the last time, and what goes on now."""
        self._clear()
        self._tell(states)
        self._block(self._going_on(states))

    def end(self, states: RunStates) -> None:
        """Write the nodes that have ended; nothing is rewritten after this."""
        self._clear()
        self._tell(states)

    def note(self, text: str) -> None:
        """Write a line."""
        self._clear()
        self._line(text)

    def live(self, shown: Shown | None) -> None:
        """Show something that changes; its last state goes with the result."""
        if shown is None:
            self._clear()
        elif self._rewrite:
            if self._due():
                self._block(shown.text().splitlines())
        elif time.monotonic() - self._shown >= PLAIN_SECONDS:
            self._shown = time.monotonic()
            self._line("  " + shown.text().splitlines()[0])

    def conversation(self, question: str) -> Turn:
        """Return what writes the answer as it comes."""
        del question
        return TerminalTurn(self, self._stream, quiet=self._quiet)

    def _tell(self, states: RunStates) -> None:
        first = states.dropped_lines
        for node, stream, text in states.log[max(self._told_lines - first, 0) :]:
            mark = "!" if stream == "stderr" else ""
            self._line(f"  {node} {mark}│ {text}")
        self._told_lines = first + len(states.log)
        width = max((len(name) for name in states.nodes), default=0)
        for name in states.finished:
            if name in self._told_nodes:
                continue
            self._told_nodes.add(name)
            state = states.nodes[name]
            took = milliseconds(state.get("duration_ms"))
            words = [f"{MARKS[state['status']]} {name:<{width}}", took]
            if state["status"] != "Completed":
                words.append(f"{state['status']} {state.get('note') or ''}")
            elif state.get("note"):
                words.append(str(state["note"]))
            self._line("  " + "   ".join(w for w in words if w).rstrip())

    def _going_on(self, states: RunStates) -> list[str]:
        rows = [
            (f"  {MARKS['Running']} {name}", str(states.nodes[name].get("note") or ""))
            for name in states.running
        ]
        lines = columns(rows)
        for name, text in states.chunks.items():
            lines.append(f"    {name}: {text[-200:]}")
        return lines

    def _due(self) -> bool:
        return time.monotonic() - self._shown >= REWRITE_SECONDS

    def _block(self, lines: list[str]) -> None:
        """Show lines that the next call replaces; nothing where that cannot be."""
        if self._quiet or not self._rewrite or not lines:
            return
        self._clear()
        width = shutil.get_terminal_size().columns - 1
        lines = lines[-max(shutil.get_terminal_size().lines - 2, 1) :]
        for line in lines:
            # Only a line that does not wrap can be found again.
            self._line("  " * line.startswith("  ") + shorten(line, width - 2))
        self._live = len(lines)
        self._shown = time.monotonic()

    def _clear(self) -> None:
        if self._live:
            self._stream.write(f"\x1b[{self._live}F\x1b[J")
            self._live = 0

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        self._stream.write((to_ascii(text) if self._ascii else text) + "\n")
        self._stream.flush()


class TerminalTurn(Turn):
    """Writes an answer piece by piece, as it comes.

    Parameters
    ----------
    progress
        Shows everything that is no part of the conversation.
    stream
        Where to.
    quiet
        Say nothing at all.
    """

    def __init__(self, progress: Progress, stream: TextIO, *, quiet: bool) -> None:
        self._progress = progress
        self._stream = stream
        self._quiet = quiet
        self._ascii = not speaks_unicode(stream)
        self._written = 0

    def phase(self, event: PhaseEvent) -> None:
        """Show it where phases are shown."""
        self._progress.phase(event)

    def begin(self, states: RunStates, draw: Draw | None) -> None:
        """Write nothing: the first word comes soon."""

    def update(self, states: RunStates) -> None:
        """Write what is new."""
        self._write("".join(states.chunks.values())[self._written :])

    def end(self, states: RunStates) -> None:
        """Write what is left, and end the line of a turn that did not complete."""
        self.update(states)
        if self._written and states.status != "Completed":
            self._write("\n")

    def said(self, text: str) -> None:
        """Write what has not been written yet."""
        self._write(text[self._written :] + "\n")

    def note(self, text: str) -> None:
        """Show it where notes are shown."""
        self._progress.note(text)

    def _write(self, text: str) -> None:
        self._written += len(text)
        if text and not self._quiet:
            self._stream.write(to_ascii(text) if self._ascii else text)
            self._stream.flush()
