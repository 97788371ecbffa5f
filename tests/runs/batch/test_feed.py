"""A batch that is told to end at the moment it begins."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pf_jupyter.errors import RunCanceled
from pf_jupyter.runs.batch.feed import Feed

PATIENCE = 60.0


class Channel:
    """A worker that opens the batch late, and knows no batch that is not open."""

    def __init__(self) -> None:
        self.id = 1
        self.open = False
        self.done = False
        self.canceled = threading.Event()
        self.asked = threading.Event()
        self._calls: list[Any] = []

    def batch(self, snapshot: Any, body: Any, on_event: Any) -> Channel:
        self._on_event = on_event
        return self

    def add_done_callback(self, call: Any) -> None:
        self._calls.append(call)

    def begin(self) -> None:
        self.open = True
        self._on_event({"event": "batch_opened", "executors": 1})

    def cancel(self, seconds: float) -> bool:
        self.asked.set()
        if self.open and not self.done:
            self.done = True
            for call in self._calls:
                call(self)
            self.canceled.set()
        return self.open

    def result(self, timeout: float | None) -> dict[str, Any]:
        return {"status": "Canceled", "error": {"code": "canceled"}}

    def request(self, op: str, **fields: Any) -> Any:
        raise AssertionError(f"nothing is sent any more, but {op}")


def test_an_end_that_comes_before_the_beginning_counts() -> None:
    channel: Any = Channel()
    feed = Feed(channel, None, {}, iter([(0, {})]))  # type: ignore[arg-type]
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(feed.run(lambda lines: None, rows=lambda: iter(())))
    )
    thread.start()
    while not channel._calls:
        thread.join(0.01)
    feed.stop()
    assert channel.asked.wait(PATIENCE)
    assert not channel.done, "the worker does not know it yet"
    channel.begin()
    assert channel.canceled.wait(PATIENCE), "it must be told again"
    thread.join(PATIENCE)
    assert found == [{"status": "Canceled", "error": {"code": "canceled"}}]


def test_one_that_was_stopped_before_is_not_begun() -> None:
    feed = Feed(Channel(), None, {}, iter(()))  # type: ignore[arg-type]
    feed.stop()
    with pytest.raises(RunCanceled):
        feed.run(lambda lines: None, rows=lambda: iter(()))
