"""Runs that are sent before they may begin, and what is said together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.errors import RuntimeFailed
from pf_jupyter.worker import executor as executor_module
from pf_jupyter.worker import wire
from pf_jupyter.worker.executor import Executor


def test_a_held_run_begins_when_it_is_told_and_not_before(
    worker: Any, make_flow: Callable[..., Any], tmp_path: Path
) -> None:
    made = make_flow("open(text, 'a').close(); return text")
    worker.run(made, inputs={"text": str(tmp_path / "warm")})
    sign = tmp_path / "begun"
    held = worker.begin(made, inputs={"text": str(sign)}, held=True)
    # others come and go meanwhile
    worker.run(made, inputs={"text": str(tmp_path / "other")})
    assert not sign.exists()
    assert not held.done
    held.go()
    assert held.result(60)["outputs"] == {"answer": str(sign)}
    assert sign.exists()
    names = [event["event"] for event in held.events]
    assert names == ["run_started", "node_started", "node_completed"]


def test_a_run_is_told_to_begin_while_its_files_are_on_their_way(
    worker: Any, make_flow: Callable[..., Any]
) -> None:
    for number in range(5):
        made = make_flow(f"return text + '{number}'")
        held = worker.begin(made, held=True)
        held.go()
        assert held.result(60)["outputs"] == {"answer": f"hi{number}"}


def test_a_held_run_that_is_canceled_never_begins(
    worker: Any, make_flow: Callable[..., Any], tmp_path: Path
) -> None:
    made = make_flow("open(text, 'a').close(); return text")
    worker.run(made, inputs={"text": str(tmp_path / "warm")})
    sign = tmp_path / "begun"
    held = worker.begin(made, inputs={"text": str(sign)}, held=True)
    assert held.cancel(60)
    assert held.result(60)["status"] == "Canceled"
    held.go()
    assert worker.run(made, inputs={"text": str(tmp_path / "next")})["outputs"]
    assert not sign.exists()


def test_a_held_run_ends_with_its_host(
    start_worker: Callable[..., Any],
    make_flow: Callable[..., Any],
    living: Callable[[], list[int]],
    until: Callable[..., Any],
    tmp_path: Path,
) -> None:
    worker = start_worker()
    made = make_flow("open(text, 'a').close(); return text")
    worker.run(made, inputs={"text": str(tmp_path / "warm")})
    sign = tmp_path / "begun"
    held = worker.begin(made, inputs={"text": str(sign)}, held=True)
    worker.channel.close()
    with pytest.raises(RuntimeFailed):
        held.result(60)
    until(lambda: not living())
    assert not sign.exists()


def test_many_held_runs_begin_in_any_order(
    worker: Any, make_flow: Callable[..., Any]
) -> None:
    made = make_flow("return text * 2")
    held = [worker.begin(made, inputs={"text": str(n)}, held=True) for n in range(12)]
    threads = [threading.Thread(target=each.go) for each in reversed(held)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [each.result(60)["outputs"]["answer"] for each in held]
    assert answers == [str(n) * 2 for n in range(12)]


def test_whoever_does_not_listen_hears_of_a_long_run_and_of_a_crash(
    worker: Any, make_flow: Callable[..., Any], until: Callable[..., Any]
) -> None:
    seen: list[dict[str, Any]] = []
    slow = make_flow("return text", "time.sleep(600)")
    body = {"flow": slow.flow, "inputs": {}, "mode": "flow", "listens": False}
    pending = worker.channel.run(slow.snapshot, body, seen.append)
    until(lambda: [e for e in seen if e.get("node") == "step2"])
    assert [e["event"] for e in seen] == [
        "run_started",
        "node_started",
        "node_completed",
        "node_started",
    ]
    assert pending.cancel(60)
    crash = make_flow("return text", "os._exit(3)")
    result = worker.run(crash, listens=False)
    states = {name: node["status"] for name, node in result["nodes"].items()}
    assert states == {"step1": "Completed", "step2": "Failed"}
    assert result["error"]["node"] == "step2"


@pytest.mark.parametrize("loads", ["", "import time, threading as t; "])
def test_a_flow_that_is_named_by_its_key_runs_as_it_was_sent(
    worker: Any, make_flow: Callable[..., Any], loads: str
) -> None:
    # a flow whose code starts threads is loaded by each run for itself
    begin = "t.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    source = f"""
{loads}{begin if loads else ""}
from promptflow.core import tool

@tool
def step1(text: str):
    return text + "!"
"""
    made = make_flow("return text", files={"step1.py": source})
    for number in range(4):
        result = worker.run(made, inputs={"text": str(number)}, flow_key=11)
        assert result["outputs"] == {"answer": f"{number}!"}
    other = make_flow("return 'other'")
    assert worker.run(other, flow_key=12)["outputs"] == {"answer": "other"}
    assert worker.run(made, flow_key=11)["outputs"] == {"answer": "hi!"}
    result = worker.run(make_flow("os._exit(3)"), flow_key=13)
    assert list(result["nodes"]) == ["step1"]


class Said:
    """Takes what an executor sends, one piece a call."""

    def __init__(self) -> None:
        self.pieces: list[list[int]] = []
        self._parser = wire.Parser()

    def __call__(self, data: bytes) -> None:
        self.pieces.append([message.kind for message in self._parser.feed(data)])


def test_what_follows_at_once_is_sent_in_one_piece() -> None:
    said = Said()
    executor = Executor(wire.Wire(lambda size: b"", said))
    result = {"status": "Completed"}
    executor.emit({"event": "node_started", "node": "a"})
    executor.emit({"event": "node_completed", "node": "a", "node_result": result})
    assert said.pieces == [[wire.NODE], [wire.KEEP, wire.NODE]]
    executor.emit({"event": "node_started", "node": "b"})
    executor.emit(
        {"event": "node_completed", "node": "b", "node_result": result, "last": True}
    )
    assert len(said.pieces) == 3
    executor.send_output("stdout", b"printed by an exit function")
    assert said.pieces[3] == [wire.KEEP, wire.NODE, wire.LOG]


class Quick(Executor):
    """Has one node that runs at once, and nothing after it."""

    def _do(self, request: dict[str, Any], header: dict[str, Any]) -> dict[str, Any]:
        self._listens = request["listens"]
        self.emit({"event": "run_started"})
        self.emit({"event": "node_started", "node": "a"})
        self.emit({"event": "node_completed", "node": "a", "last": True})
        return {}


@pytest.mark.parametrize("listens", [True, False])
def test_where_nobody_listens_the_result_is_said_alone(
    monkeypatch: pytest.MonkeyPatch, listens: bool
) -> None:
    # the children of this process are none of a run
    monkeypatch.setattr(executor_module, "_end_children", lambda: True)
    request = wire.dumps({"op": "run", "id": 1, "listens": listens})
    asked = [wire.pack(wire.REQUEST, {"folder": "", "prepared": True}, request)]
    said = Said()
    Quick(wire.Wire(lambda size: asked.pop() if asked else b"", said)).serve()
    if listens:
        assert said.pieces == [[wire.EVENT], [wire.NODE], [wire.NODE, wire.RESULT]]
    else:
        assert said.pieces == [[wire.NODE], [wire.RESULT]]


def test_what_nothing_follows_is_sent_all_the_same() -> None:
    said = Said()
    executor = Executor(wire.Wire(lambda size: b"", said))
    executor.emit({"event": "node_completed", "node": "b", "last": True})
    executor.flush_late()
    executor.flush_late()
    assert said.pieces == [[wire.NODE]]


def test_a_slow_constructor_is_told_of_before_it_is_done(
    worker: Any, make_flow: Callable[..., Any], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    seen: list[str] = []

    def hear(event: dict[str, Any]) -> None:
        seen.append(event["event"])
        gate.touch()

    source = f"""
import os, time
from promptflow.core import ToolProvider, tool

class Slow(ToolProvider):
    def __init__(self):
        super().__init__()
        while not os.path.exists({str(gate)!r}):
            time.sleep(0.01)

    @tool
    def step1(self, text: str):
        return text
"""
    made = make_flow("return text", files={"step1.py": source})
    body = {"flow": made.flow, "inputs": {"text": "a"}, "mode": "flow"}
    result = worker.channel.run(made.snapshot, body, hear).result(60)
    assert result["outputs"] == {"answer": "a"}
    assert seen[0] == "run_started"


def test_a_held_run_of_a_flow_that_is_not_loaded_loads_nothing(
    worker: Any, make_flow: Callable[..., Any], tmp_path: Path
) -> None:
    loaded = tmp_path / "loaded"
    source = f"""
open({str(loaded)!r}, "a").close()
from promptflow.core import tool

@tool
def step1(text: str):
    return text
"""
    made = make_flow("return text", files={"step1.py": source})
    worker.run(make_flow("return 'other'"))
    worker.channel.ensure_snapshot(made.snapshot)
    for _ in range(2):
        held = worker.begin(made, held=True)
        # all that was sent has been read, and others have come and gone
        worker.run(make_flow("return 'another'"))
        assert not loaded.exists()
        assert held.cancel(60)
        assert held.result(60)["status"] == "Canceled"
    held = worker.begin(made, held=True)
    held.go()
    assert held.result(60)["outputs"] == {"answer": "hi"}
    assert loaded.exists()
    stats = worker.channel.request("stats").result(60)
    assert stats["runs"] == []
