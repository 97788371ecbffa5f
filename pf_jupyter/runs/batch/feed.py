"""Lines on their way to a worker and results on their way back, so many at a time.

A thread reads rows and sends chunks of lines while fewer than a window of them are
under way; the calling thread takes results, and for each that was dealt with the window
opens by one.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import PfError, RunCanceled
from ...flow.contents import Snapshot

if TYPE_CHECKING:
    from ...runtimes.channel import WorkerChannel
    from ...runtimes.pending import Pending

WINDOW_LINES = 4096
EXECUTOR_LINES = 1024
WINDOW_BYTES = 8 << 20
CHUNK_LINES = 256
CHUNK_BYTES = 128 << 10
ROW_BYTES = 512 << 10
_POLL_SECONDS = 0.1
_CANCEL_SECONDS = 10.0

Line = tuple[int, Mapping[str, Any]]
"""A line's number and inputs."""


class Feed:
    """One batch in one worker, from its opening to its answer.

    Parameters
    ----------
    channel
        To the worker.
    snapshot, body
        The flow's folder, and BATCH of the worker's protocol.
    lines
        What is to be run, a stream.
    """

    def __init__(
        self,
        channel: WorkerChannel,
        snapshot: Snapshot,
        body: Mapping[str, Any],
        lines: Iterable[Line | None],
    ) -> None:
        self._channel = channel
        self._snapshot = snapshot
        self._body = body
        self._lines = lines
        self._inbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._opened = threading.Event()
        self._room = threading.Condition()
        self._under_way: dict[int, tuple[Mapping[str, Any], int]] = {}
        self._bytes = 0
        self._stopped = False
        self._error: BaseException | None = None
        self._pending: Pending | None = None
        self._guard = threading.Lock()
        self._most_lines = WINDOW_LINES
        self.on_opened: Callable[[int], None] = lambda executors: None

    def run(
        self,
        take: Callable[[list[dict[str, Any]]], None],
        *,
        rows: Callable[[], Iterator[list[Any]]],
        on_event: Callable[[Mapping[str, Any]], None] = lambda event: None,
        tick: Callable[[], None] = lambda: None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Run it and return the worker's answer.

        Parameters
        ----------
        take
            Receives results, LINE of the protocol each, with ``line_number`` and
            ``inputs``; called in this thread, and what it has received is done with.
        rows
            Gives what is to be aggregated, once all lines are over, in portions.
        on_event
            Receives all other events.
        tick
            Called now and then, in this thread.
        deadline
            Moment of `time.monotonic` at which all of it is ended.

        Raises
        ------
        PfError
            The worker is gone, or the rows cannot be read.
        TimeoutError
            The deadline has passed; nothing runs any more.
        """
        with self._guard:
            if self._stopped:
                raise RunCanceled("the batch was stopped before it began")
            self._pending = self._channel.batch(self._snapshot, self._body, self._hear)
        self._pending.add_done_callback(lambda _: self._inbox.put(None))
        sender = threading.Thread(
            target=self._send_all, name="pf_jupyter batch", daemon=True
        )
        sender.start()
        late = False
        try:
            while True:
                events = self._next_events()
                over = None in events
                self._handle([e for e in events if e is not None], take, rows, on_event)
                if over:
                    break
                tick()
                if deadline is not None and not late and time.monotonic() > deadline:
                    late = True
                    self.stop()
                if self._error is not None and not self._stopped:
                    self.stop()
        except BaseException:
            self.stop()
            # What was done until now counts: a moment for the last results.
            with contextlib.suppress(BaseException):
                self._pending.result(_CANCEL_SECONDS)
                over = False
                while not over:
                    events = self._next_events()
                    over = None in events or not events
                    known = [e for e in events if e is not None]
                    self._handle(known, take, None, on_event)
            raise
        finally:
            with self._room:
                self._stopped = True
                self._room.notify_all()
            sender.join(_CANCEL_SECONDS)
        value: dict[str, Any] = self._pending.result(0)
        if self._error is not None:
            raise self._error
        if late:
            raise TimeoutError
        return value

    def stop(self) -> None:
        """End it; may be called from any thread."""
        with self._guard:
            self._stopped = True
            pending = self._pending
        with self._room:
            self._room.notify_all()
        if pending is not None and not pending.done:
            # not from the thread that reads answers: it could not read this one
            threading.Thread(
                target=pending.cancel, args=(_CANCEL_SECONDS,), daemon=True
            ).start()

    def recall(self, most: int, then: Callable[[list[int]], None]) -> None:
        """Take back lines that the worker has not begun.

        Parameters
        ----------
        most
            How many at most.
        then
            Told their numbers when they are not under way any more.
        """
        numbers: list[int] = []
        with contextlib.suppress(PfError):
            numbers = self._ask("batch.recall", most=most).result(None)["lines"]
        with self._room:
            for number in numbers:
                self._bytes -= self._under_way.pop(number)[1]
            self._room.notify_all()
        then(numbers)

    # ---- results ------------------------------------------------------------

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "batch_opened":
            self._most_lines = max(WINDOW_LINES, EXECUTOR_LINES * event["executors"])
            self.on_opened(event["executors"])
            self._opened.set()
            if self._stopped:
                # It was not there yet when it was told to end.
                self.stop()
        self._inbox.put(event)

    def _next_events(self) -> list[dict[str, Any] | None]:
        """Wait for events and return all that are there."""
        try:
            found = [self._inbox.get(timeout=_POLL_SECONDS)]
        except queue.Empty:
            return []
        with contextlib.suppress(queue.Empty):
            while len(found) < 64:
                found.append(self._inbox.get_nowait())
        return found

    def _handle(
        self,
        events: Iterable[dict[str, Any]],
        take: Callable[[list[dict[str, Any]]], None],
        rows: Callable[[], Iterator[list[Any]]] | None,
        on_event: Callable[[Mapping[str, Any]], None],
    ) -> None:
        results: list[dict[str, Any]] = []
        for event in events:
            kind = event["event"]
            if kind == "batch_lines":
                results += event["lines"]
            elif kind == "batch_lines_over":
                self._take(results, take)
                results = []
                if rows is not None:
                    self._send_rows(rows())
            else:
                on_event(event)
        self._take(results, take)

    def _take(
        self,
        results: list[dict[str, Any]],
        take: Callable[[list[dict[str, Any]]], None],
    ) -> None:
        if not results:
            return
        freed = 0
        known = []
        for line in results:
            number = line["line"]
            sent = self._under_way.pop(number, None)
            if sent is None:
                continue
            line["inputs"] = sent[0]
            freed += sent[1]
            known.append(line)
        if known:
            take(known)
        with self._room:
            self._bytes -= freed
            self._room.notify_all()

    # ---- lines --------------------------------------------------------------

    def _send_all(self) -> None:
        try:
            while not self._opened.wait(_POLL_SECONDS):
                if self._stopped or (self._pending and self._pending.done):
                    return
            chunk: list[Any] = []
            size = 0
            for item in self._lines:
                if item is None:
                    if chunk:
                        self._ask("batch.lines", lines=chunk, last=False)
                        chunk, size = [], 0
                    if self._stopped:
                        return
                    continue
                number, inputs = item
                cost = _size(inputs)
                if chunk and not self._has_room():
                    self._ask("batch.lines", lines=chunk, last=False)
                    chunk, size = [], 0
                with self._room:
                    while not self._has_room() and not self._stopped:
                        self._room.wait()
                    if self._stopped:
                        return
                    self._under_way[number] = (inputs, cost)
                    self._bytes += cost
                chunk.append([number, number, inputs])
                size += cost
                if len(chunk) >= CHUNK_LINES or size >= CHUNK_BYTES:
                    self._ask("batch.lines", lines=chunk, last=False)
                    chunk, size = [], 0
            self._ask("batch.lines", lines=chunk, last=True)
        except PfError as error:
            if self._pending is None or not self._pending.done:
                self._error = error
        except BaseException as error:
            self._error = error

    def _has_room(self) -> bool:
        return not self._under_way or (
            len(self._under_way) < self._most_lines and self._bytes < WINDOW_BYTES
        )

    def _send_rows(self, portions: Iterator[list[Any]]) -> None:
        for rows in portions:
            # One at a time: what is to be aggregated is not held here and there.
            self._ask("batch.rows", rows=rows, last=False).result(None)
        self._ask("batch.rows", rows=[], last=True)

    def _ask(self, op: str, **fields: Any) -> Pending:
        assert self._pending is not None
        return self._channel.request(op, target=self._pending.id, **fields)


def _size(inputs: Mapping[str, Any]) -> int:
    """Return about how many bytes inputs take on the way."""
    size = 64
    for value in inputs.values():
        if type(value) is str:
            size += len(value)
        elif isinstance(value, list | dict):
            size += len(json.dumps(value, default=str))
        else:
            size += 16
    return size
