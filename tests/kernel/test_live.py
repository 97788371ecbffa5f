from __future__ import annotations

from collections.abc import Mapping

from pf_jupyter.commands.states import RunStates
from pf_jupyter.kernel.live import NotebookProgress
from pf_jupyter.workspace.api import PhaseEvent, Picture


class Page:
    """What a front end would show: outputs by id, in order."""

    def __init__(self) -> None:
        self.outputs: dict[str, Mapping[str, str]] = {}
        self.updates = 0

    def publish(self, bundle: Mapping[str, str], display_id: str, update: bool) -> None:
        assert update == (display_id in self.outputs)
        self.updates += update
        self.outputs[display_id] = bundle

    @property
    def text(self) -> list[str]:
        return [bundle["text/plain"] for bundle in self.outputs.values()]

    @property
    def html(self) -> str:
        return "".join(bundle["text/html"] for bundle in self.outputs.values())


def phase(name: str, status: str, **facts: object) -> PhaseEvent:
    return PhaseEvent("demo", name, status, 0.4, **facts)  # type: ignore[arg-type]


def test_phases_share_one_line_that_ends_in_ready() -> None:
    page = Page()
    progress = NotebookProgress(page.publish)
    progress.phase(phase("check", "started"))
    progress.phase(phase("check", "done"))
    progress.phase(phase("pull", "started"))
    progress.phase(phase("pull", "progress", current=2**20, total=2**21))
    assert page.text == ["check ✓ 0.4 s   pull …"]
    progress.phase(phase("pull", "done", detail="already here"))
    progress.phase(phase("handshake", "done"))
    [text] = page.text
    assert text.startswith(
        "check ✓ 0.4 s   pull ✓ 0.4 s (already here)   handshake ✓ 0.4 s"
    )
    assert "ready in" in text
    progress.phase(phase("check", "started"))
    assert len(page.outputs) == 2


def test_bytes_are_shown_while_they_move(monkeypatch: object) -> None:
    page = Page()
    progress = NotebookProgress(page.publish)
    progress.phase(phase("pull", "progress", current=2**20, total=2**21))
    assert page.text == ["pull … 1 MB of 2 MB"]
    for step in range(100):
        progress.phase(phase("pull", "progress", current=step, total=2**21))
    assert page.updates <= 2


def test_a_run_is_one_picture_whose_nodes_change() -> None:
    page = Page()
    progress = NotebookProgress(page.publish)
    states = RunStates(["a"])

    def draw(nodes: Mapping[str, Mapping[str, object]]) -> Picture:
        status = nodes["a"]["status"]
        return Picture(f"<svg>{status}</svg>", f"[a {status}]")

    progress.begin(states, draw)
    assert page.text == ["[a NotStarted]"]
    states.apply({"event": "run_started"})
    states.apply({"event": "node_started", "node": "a"})
    states.apply({"event": "chunk", "node": "a", "output": "o", "text": "<b>so"})
    states.apply({"event": "log", "node": "a", "stream": "stdout", "text": "<i>"})
    progress.update(states)
    assert page.text == ["[a Running]\no: <b>so"]
    assert "&lt;b&gt;so" in page.html
    assert "&lt;i&gt;" in page.html
    assert "<i>" not in page.html
    states.apply({"event": "node_completed", "node": "a", "duration_ms": 2})
    states.status = "Completed"
    progress.end(states)
    assert page.text == ["[a Completed]"]
    assert len(page.outputs) == 1


def test_what_did_not_change_is_not_sent_again() -> None:
    page = Page()
    progress = NotebookProgress(page.publish)
    states = RunStates(["a"])
    progress.begin(states, None)
    progress.update(states)
    progress.end(states)
    assert page.updates == 0


def test_a_flow_that_cannot_be_drawn_is_listed() -> None:
    page = Page()
    progress = NotebookProgress(page.publish)

    def draw(nodes: object) -> Picture:
        raise ValueError("no picture")

    states = RunStates(["<a>"])
    states.apply({"event": "node_failed", "node": "<a>", "error": {"code": "Broken"}})
    progress.begin(states, draw)
    assert page.text == ["✗ <a>      Broken"]
    assert "&lt;a&gt;" in page.html


def test_many_log_lines_are_folded() -> None:
    page = Page()
    progress = NotebookProgress(page.publish)
    states = RunStates(["a"])
    for number in range(30):
        text = f"line {number}"
        states.apply({"event": "log", "node": "a", "stream": "stdout", "text": text})
    progress.begin(states, None)
    assert "30 lines printed" in page.html
    assert "<details>" in page.html
