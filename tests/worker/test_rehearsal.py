"""What a spare executor does before anybody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pf_jupyter.worker import runs as runs_module
from pf_jupyter.worker import wire
from pf_jupyter.worker.executor import Executor
from pf_jupyter.worker.loop import Loop
from pf_jupyter.worker.runs import Runs

REQUEST = {"op": "run", "id": 0}
HEADER = {"folder": "", "prepared": True}


class Rehearsing(Executor):
    """Runs nothing, and notes how far each rehearsal got."""

    def __init__(self, *messages: bytes, busy: Callable[[], bool] = bool) -> None:
        pieces = iter([*messages, b""])
        self.said: list[bytes] = []
        super().__init__(
            wire.Wire(lambda size: next(pieces), self.said.append), (), busy
        )
        self.notes: list[str] = []

    def _do(self, request: dict[str, Any], header: dict[str, Any]) -> dict[str, Any]:
        self.notes.append("begun")
        self.emit({"event": "node_started", "node": "step"})
        self.notes.append("ended")
        return {}


def test_a_spare_rehearses_again_whenever_a_run_is_expected() -> None:
    executor = Rehearsing(wire.pack(wire.EXPECT), wire.pack(wire.EXPECT))
    executor.rehearse(REQUEST, HEADER)
    executor.serve()
    assert executor.notes == ["begun", "ended"] * 3
    assert executor.said == []


def test_a_rehearsal_ends_as_soon_as_there_is_something_to_do() -> None:
    executor = Rehearsing(busy=lambda: True)
    executor.rehearse(REQUEST, HEADER)
    assert executor.notes == ["begun"]
    executor.emit({"event": "chunk", "text": "after it, all is said again"})
    assert len(executor.said) == 1
    executor.send_output("stdout", b"and no node of it is taken to be running")
    assert b'"node":null' in executor.said[1]


class Backend:
    """Notes what is expected."""

    def __init__(self) -> None:
        self.expected: list[str | None] = []

    def expect(self, digest: str | None) -> None:
        self.expected.append(digest)


@pytest.fixture
def conducted(monkeypatch: pytest.MonkeyPatch) -> tuple[Runs, Any]:
    monkeypatch.setattr(runs_module, "_PROCESSORS", 2)
    nothing: Any = None
    runs = Runs(Loop(), nothing, nothing, "host")
    backend: Any = Backend()
    runs.backend = backend
    return runs, backend.expected


def test_a_run_after_a_pause_is_prepared_for(conducted: tuple[Runs, Any]) -> None:
    runs, expected = conducted
    runs.expect("one")
    assert expected == ["one"]


def test_where_runs_follow_closely_or_go_on_nobody_rehearses(
    conducted: tuple[Runs, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, expected = conducted
    runs._answered_at = time.monotonic() + 60
    runs.expect("one")
    runs._answered_at = 0.0
    turn: Any = object()
    runs._turns[1] = turn
    runs.expect("two")
    runs._turns.clear()
    monkeypatch.setattr(runs_module, "_PROCESSORS", 1)
    runs.expect("three")
    assert expected == []


def test_expecting_runs_that_never_come_is_harmless(
    worker: Any, make_flow: Callable[..., Any]
) -> None:
    made = make_flow("print('seen'); return text + '!'")
    worker.channel.expect(made.snapshot.digest)
    worker.run(made, inputs={"text": "a"})
    for _ in range(20):
        worker.channel.expect(made.snapshot.digest)
        worker.channel.expect("no such snapshot")
    pending = worker.begin(made, inputs={"text": "b"})
    result = pending.result(60)
    assert result["outputs"] == {"answer": "b!"}
    assert result["nodes"]["step1"]["logs"]["stdout"].endswith("seen\n")
    names = [event["event"] for event in pending.events if event["event"] != "log"]
    assert names == ["run_started", "node_started", "node_completed"]
