"""What a spare executor does before anybody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pf_jupyter.worker import wire
from pf_jupyter.worker.executor import Executor

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


def test_a_spare_rehearses_and_tells_nobody() -> None:
    executor = Rehearsing()
    executor.rehearse(REQUEST, HEADER)
    executor.serve()
    assert executor.notes == ["begun", "ended"]
    assert executor.said == []


def test_a_rehearsal_ends_as_soon_as_there_is_something_to_do() -> None:
    executor = Rehearsing(busy=lambda: True)
    executor.rehearse(REQUEST, HEADER)
    assert executor.notes == ["begun"]
    executor.emit({"event": "chunk", "text": "after it, all is said again"})
    assert len(executor.said) == 1
    executor.send_output("stdout", b"and no node of it is taken to be running")
    assert b'"node":null' in executor.said[1]
