"""Frames on their way to the host: in order, together where that costs nothing."""

from __future__ import annotations

from pf_jupyter.worker.loop import Loop
from pf_jupyter.worker.outbox import Outbox


def _outbox(loop: Loop) -> tuple[Outbox, list[bytes]]:
    written: list[bytes] = []

    def write(data: memoryview) -> int:
        written.append(bytes(data))
        return len(data)

    return Outbox(loop, -1, write, lambda: None), written


def test_events_that_follow_each_other_are_one_write() -> None:
    loop = Loop()
    outbox, written = _outbox(loop)
    outbox.put(b"started ", linger=True)
    outbox.put(b"completed ", linger=True)
    assert written == []
    outbox.put(b"result")
    loop.run_once()
    assert written == [b"started completed result"]


def test_an_event_that_nothing_follows_goes_out_by_itself() -> None:
    loop = Loop()
    outbox, written = _outbox(loop)
    outbox.put(b"started", linger=True)
    while not written:
        loop.run_once(1.0)
    assert written == [b"started"]
    assert outbox.empty


def test_much_that_waits_does_not_linger() -> None:
    loop = Loop()
    outbox, written = _outbox(loop)
    outbox.put(b"x" * (1 << 15), linger=True)
    loop.run_once(0.0)
    assert sum(map(len, written)) == 1 << 15
