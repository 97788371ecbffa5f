"""Where executors come from, with the process that forks them played by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pf_jupyter.worker import wire
from pf_jupyter.worker.active_run import ActiveRun
from pf_jupyter.worker.loop import Loop
from pf_jupyter.worker.sources import ExecutorHandle, NurserySource


class Observer:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.notes: list[tuple[Any, ...]] = []

    def assigned(self, executor: ExecutorHandle, run: ActiveRun) -> None:
        self.notes.append(("assigned", run.id, executor.pid))
        executor.send({"folder": "f"}, run.body)

    def refused(self, run: ActiveRun, message: str) -> None:
        self.notes.append(("refused", run.id, message))

    def loading(self, run: ActiveRun, stream: str, text: bytes) -> None:
        self.notes.append(("loading", run.id, stream, text))

    def said(self, executor: ExecutorHandle, message: wire.Message) -> None:
        self.notes.append(("said", executor.pid, message.kind))

    def printed(self, executor: ExecutorHandle, stream: str, text: bytes) -> None:
        self.notes.append(("printed", executor.pid, stream, text))

    def gone(self, executor: ExecutorHandle, status: int | None) -> None:
        self.notes.append(("gone", executor.pid, status))


class Nursery:
    """The forking process, whose children are only sockets and pipes."""

    def __init__(self, loop: Loop, source: NurserySource) -> None:
        ours, self.sock = socket.socketpair()
        self.sock.settimeout(10)
        self._loop = loop
        self._parser = wire.Parser()
        source.connect(os.getpid(), ours)

    def heard(self) -> list[int]:
        """Return the kinds of what was asked since the last time."""
        self.sock.setblocking(False)
        try:
            return [m.kind for m in self._parser.feed(self.sock.recv(65536))]
        except BlockingIOError:
            return []

    def turn(self) -> None:
        for _ in range(5):
            self._loop.run_once(0.01)

    def bear(self, pid: int) -> tuple[socket.socket, int]:
        """Announce a child; return its socket and its stdout."""
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        for fd in (out_read, err_read):
            os.set_blocking(fd, False)
        header = {"role": "executor", "token": 0, "pid": pid}
        files = [ours.fileno(), out_read, err_read]
        wire.send_files(self.sock, wire.pack(wire.BORN, header), files)
        ours.close()
        for fd in (out_read, err_read, err_write):
            os.close(fd)
        self.turn()
        return theirs, out_write

    def say(self, kind: int, **header: Any) -> None:
        self.sock.sendall(wire.pack(kind, header))
        self.turn()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
def source(loop: Loop, observer: Observer) -> Iterator[NurserySource]:
    made = NurserySource(loop, observer, prepared=True, spares=1)
    yield made
    for executor in list(made.executors.values()):
        executor.end(0)
    made.close()


@pytest.fixture
def nursery(loop: Loop, source: NurserySource) -> Iterator[Nursery]:
    made = Nursery(loop, source)
    yield made
    made.sock.close()


def make_run(number: int) -> ActiveRun:
    return ActiveRun({"op": "run", "id": number, "flow": {}}, b"body")


def test_a_run_gets_what_is_forked_for_it(
    source: NurserySource, nursery: Nursery, observer: Observer
) -> None:
    source.ask(make_run(1))
    assert nursery.heard() == [wire.FORK]
    child, stdout = nursery.bear(1001)
    assert observer.notes == [("assigned", 1, 1001)]
    message = wire.socket_wire(child).receive()
    assert message == (wire.REQUEST, {"folder": "f"}, b"body")
    child.sendall(wire.pack(wire.EVENT, None, b"frame"))
    os.write(stdout, b"text")
    nursery.turn()
    assert observer.notes[1:] == [
        ("said", 1001, wire.EVENT),
        ("printed", 1001, "stdout", b"text"),
    ]
    os.write(stdout, b"last")
    child.sendall(wire.pack(wire.RESULT, None, b"frame"))
    nursery.say(wire.ENDED, pid=1001, status=256)
    assert observer.notes[3:] == [
        ("said", 1001, wire.RESULT),
        ("printed", 1001, "stdout", b"last"),
        ("gone", 1001, 256),
    ]
    assert not source.executors
    child.close()
    os.close(stdout)


def test_a_spare_goes_to_the_next_run(
    source: NurserySource, nursery: Nursery, observer: Observer
) -> None:
    source.refill()
    source.refill()
    assert nursery.heard() == [wire.FORK]
    child, stdout = nursery.bear(1002)
    assert source.has_spare
    assert not source.busy
    source.ask(make_run(2))
    assert observer.notes == [("assigned", 2, 1002)]
    assert source.busy
    assert nursery.heard() == []
    child.close()
    os.close(stdout)


def test_a_refusal_reaches_the_run_that_waits(
    source: NurserySource, nursery: Nursery, observer: Observer
) -> None:
    source.ask(make_run(3))
    nursery.say(wire.REFUSED, token=0, message="the limit is reached")
    assert observer.notes == [("refused", 3, "the limit is reached")]
    source.ask(make_run(4))
    child, stdout = nursery.bear(1003)
    assert observer.notes[1:] == [("assigned", 4, 1003)]
    child.close()
    os.close(stdout)


def test_a_run_that_was_withdrawn_gets_nothing(
    source: NurserySource, nursery: Nursery, observer: Observer
) -> None:
    run = make_run(5)
    source.ask(run)
    assert source.withdraw(run)
    assert not source.withdraw(run)
    child, stdout = nursery.bear(1004)
    assert observer.notes == []
    assert source.has_spare
    child.close()
    os.close(stdout)


def test_silence_without_a_status_ends_a_run_as_well(
    loop: Loop,
    source: NurserySource,
    nursery: Nursery,
    observer: Observer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("_SILENT_SECONDS", "_STATUS_SECONDS"):
        monkeypatch.setattr(f"pf_jupyter.worker.sources.{name}", 0.01)
    source.ask(make_run(6))
    child, stdout = nursery.bear(1005)
    os.close(stdout)
    child.close()
    for _ in range(500):
        if observer.notes[-1] == ("gone", 1005, None):
            break
        loop.run_once(0.1)
    assert observer.notes[-1] == ("gone", 1005, None)
