"""A batch whose executors come, end and are refused in an order that a test decides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pf_jupyter.worker import batch as batches
from pf_jupyter.worker import protocol, wire
from pf_jupyter.worker.batch import Batch

KILLED = 9
NOBODY = 2**22 + 1  # no process has such a number


class Executor:
    """Control's side of a process that a test speaks for."""

    prepared = True

    def __init__(self) -> None:
        self.pid = NOBODY
        self.ended = False
        self.lines: list[Any] = []
        self.closed = False
        self.link = self

    def send(self, kind: Any, header: Any = None, payload: bytes = b"") -> None:
        if kind == wire.LINES:
            self.lines += wire.loads(payload)

    def close(self) -> None:
        self.closed = True

    def end(self, status: int | None) -> None:
        self.ended = True


class Scene:
    """A batch, who waits for an executor, and a clock."""

    def __init__(self, **request: Any) -> None:
        self.waiting: list[Any] = []
        self.answers: list[dict[str, Any]] = []
        self.later: list[Any] = []
        decoder = protocol.Decoder()

        def put(frame: bytes, **_options: Any) -> None:
            decoder.feed(frame)
            self.answers.append(decoder.next() or {})

        def call_later(seconds: float, call: Any) -> Any:
            self.later.append(call)
            return SimpleNamespace(cancel=lambda: self.later.remove(call))

        made: Any = Batch(
            {"id": 1, "op": "batch", "workers": 2, "line_timeout": 5, **request},
            b"",
            SimpleNamespace(folder="flow", dirty=False),  # type: ignore[arg-type]
            loop=SimpleNamespace(call_later=call_later),  # type: ignore[arg-type]
            outbox=SimpleNamespace(put=put, offer=put),  # type: ignore[arg-type]
            memory=SimpleNamespace(took_one=lambda: False),  # type: ignore[arg-type]
            pacing=SimpleNamespace(limited=[], gone=lambda link: None),  # type: ignore[arg-type]
            ask=self.waiting.append,
            withdraw=lambda seat: None,
            closed=lambda batch: None,
        )
        self.batch: Any = made
        made._most_seats = 2
        made.begin()

    def give(self, *, ready: bool = True) -> tuple[Any, Executor]:
        seat, executor = self.waiting.pop(0), Executor()
        self.batch.assigned(seat, executor)
        if ready:
            self.say(seat, wire.BEAT, ready=True, want=2)
        return seat, executor

    def say(self, seat: Any, kind: int, **header: Any) -> None:
        self.batch.said(seat, (kind, header, protocol.encode({"said": kind})))

    def pass_time(self) -> None:
        due, self.later = self.later, []
        for call in due:
            call()

    @property
    def result(self) -> dict[str, Any] | None:
        found = [a["value"] for a in self.answers if a.get("type") == "result"]
        return found[0] if found else None

    @property
    def failed(self) -> list[dict[str, Any]]:
        events = [a["event"] for a in self.answers if a.get("type") == "event"]
        return [
            line
            for event in events
            if event["event"] == "batch_lines"
            for line in event["lines"]
        ]


def test_no_process_for_aggregation_while_others_still_leave() -> None:
    scene = Scene(aggregation=True)
    seat, _ = scene.give()
    scene.batch.add([[0, 0, {}]], True)
    scene.say(seat, wire.DONE, lines=[0])
    (aggregator,) = scene.waiting
    scene.batch.refused(aggregator, "no room")
    scene.batch.gone(seat, 0)
    assert scene.result is not None
    assert scene.result["status"] == "Completed"
    error = scene.result["aggregation"]["error"]
    assert error["code"] == "ProcessCrashError"
    assert "no room" in error["message"]


def test_an_executor_that_ends_before_it_is_ready_takes_no_line_with_it() -> None:
    scene = Scene()
    first, _ = scene.give()
    scene.batch.add([[n, n, {}] for n in range(3)], True)
    scene.pass_time()
    second, executor = scene.give(ready=False)
    assert executor.lines, "a line is there when it begins"
    scene.batch.gone(second, KILLED)
    assert not scene.failed
    while scene.result is None:
        taken = list(first.held)
        if taken:
            scene.say(first, wire.DONE, lines=taken, want=2)
        elif scene.result is None:
            scene.pass_time()
            first, _ = scene.give()
        if not first.held and not scene.batch.lines:
            scene.batch.gone(first, 0)
    assert scene.result["status"] == "Completed"


def test_code_that_always_ends_its_process_while_it_loads_ends_the_batch() -> None:
    scene = Scene()
    scene.give()
    scene.batch.add([[n, n, {}] for n in range(50)], True)
    for _ in range(batches._UNREADY + 1):
        scene.pass_time()
        seat, _ = scene.give(ready=False)
        scene.batch.gone(seat, KILLED)
    for seat in list(scene.batch._seats):
        scene.batch.gone(seat, None)
    assert scene.result is not None
    assert scene.result["status"] == "Failed"
    assert "loaded" in scene.result["error"]["message"]


def test_code_that_never_loads_has_the_time_of_a_line() -> None:
    scene = Scene()
    seat, _ = scene.give(ready=False)
    scene.batch.add([[0, 0, {}]], True)
    scene.batch._began -= 100.0
    scene.pass_time()
    scene.batch.gone(seat, None)
    assert scene.result is not None
    assert scene.result["error"]["code"] == "LineExecutionTimeoutError"
    assert "imported" in scene.result["error"]["hint"]


def test_who_was_refused_a_process_is_looked_after_again() -> None:
    scene = Scene()
    seat, _ = scene.give()
    scene.batch.add([[0, 0, {}], [1, 1, {}]], True)
    scene.pass_time()
    scene.batch.gone(seat, KILLED)
    # both lines are suspects now, each to be tried alone
    careful = next(one for one in scene.waiting if one.careful)
    others = [one for one in scene.waiting if not one.careful]
    scene.waiting.clear()
    scene.batch._seats += [] if others else [SimpleNamespace(late=False, careful=False)]
    scene.batch.refused(careful, "not now")
    if not others:
        scene.batch._seats.pop()
    assert scene.result is None
    scene.pass_time()
    assert any(one.careful for one in scene.waiting)
