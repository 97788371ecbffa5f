from __future__ import annotations

import io

import pytest

from pf_jupyter.commands.states import RunStates
from pf_jupyter.commands.terminal import TerminalProgress, can_rewrite, speaks_unicode
from pf_jupyter.workspace.api import PhaseEvent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Console(io.TextIOWrapper):
    """A console that knows no marks."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")

    def written(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


def screen(text: str) -> list[str]:
    """Return what a terminal shows after these codes."""
    lines = [""]
    row = 0
    i = 0
    while i < len(text):
        if text.startswith("\x1b[", i):
            end = i + 2
            while not text[end].isalpha():
                end += 1
            if text[end] == "F":
                row -= int(text[i + 2 : end])
            else:
                del lines[row:]
                lines.append("")
            i = end + 1
        elif text[i] == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
            i += 1
        else:
            lines[row] += text[i]
            i += 1
    return lines[:-1]


def phase(name: str, status: str, **facts: object) -> PhaseEvent:
    return PhaseEvent("demo", name, status, 0.4, **facts)  # type: ignore[arg-type]


def test_a_terminal_sees_phases_change_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = TerminalProgress(stream)
    progress.phase(phase("pull", "started"))
    assert screen(stream.getvalue()) == ["  pull … 0.4 s"]
    progress.phase(phase("pull", "done", detail="already here"))
    progress.phase(phase("start", "started"))
    assert screen(stream.getvalue()) == [
        "  pull       ✓ 0.4 s   already here",
        "  start … 0.4 s",
    ]


def test_a_terminal_sees_what_runs_and_keeps_what_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = TerminalProgress(stream)
    states = RunStates(["a", "b"])
    progress.begin(states, None)
    states.apply({"event": "node_started", "node": "a"})
    states.apply({"event": "node_started", "node": "b"})
    states.apply({"event": "chunk", "node": "b", "output": "o", "text": "so far"})
    progress.update(states)
    assert [line.split()[:2] for line in screen(stream.getvalue())] == [
        ["●", "a"],
        ["●", "b"],
        ["o:", "so"],
    ]
    states.apply({"event": "node_completed", "node": "a", "duration_ms": 3})
    progress.update(states)
    states.apply({"event": "node_failed", "node": "b", "error": {"code": "Broken"}})
    progress.end(states)
    assert screen(stream.getvalue()) == ["  ✓ a   3 ms", "  ✗ b   Failed Broken"]


def test_elsewhere_lines_are_plain() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream)
    progress.phase(phase("pull", "started"))
    progress.phase(phase("pull", "progress", current=5, total=10))
    progress.phase(phase("pull", "done"))
    assert stream.getvalue() == "  pull       ✓ 0.4 s\n"


def test_a_console_without_unicode_gets_ascii() -> None:
    console = Console()
    assert not speaks_unicode(console)
    progress = TerminalProgress(console)
    progress.phase(phase("pull", "done"))
    assert console.written() == "  pull       ok 0.4 s\n"
    assert speaks_unicode(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))


def test_dumb_terminals_are_not_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not can_rewrite(Terminal())
    assert not can_rewrite(io.StringIO())


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream, quiet=True)
    progress.phase(phase("pull", "done"))
    progress.note("x")
    assert stream.getvalue() == ""
