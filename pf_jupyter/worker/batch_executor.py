"""An executor that runs many lines of one batch, one after the other or side by side.

The process's first thread takes lines from control. *Lanes* are threads that each run
a line at a time; there is one as long as lines keep the processor busy, and more when
they mostly wait. What is done is sent in chunks: neither side pays for each line.
"""

from __future__ import annotations

import functools
import os
import queue
import struct
import threading
import time
import traceback
from typing import Any, Callable, Dict, List, Mapping, Tuple

from . import wire
from .execution.batch import BatchFlow, RunningLine
from .execution.llm.pace import Pace
from .processor_time import ProcessorTime

FLUSH_SECONDS = 0.02
FLUSH_BYTES = 256 * 1024
MAX_LANES = 64
MAX_WANT = 1024
_AHEAD_SECONDS = 0.1
_TICK_SECONDS = 0.05
_BEAT_SECONDS = 1.0
_SHORT_SECONDS = 0.003
_BUSY = 0.7

_FRAME = struct.Struct(">I")
_Line = Tuple[int, int, Dict[str, Any]]


class BatchExecutor:
    """Runs lines until control says that there are no more.

    Parameters
    ----------
    connection
        To control.
    request
        BATCH of :mod:`pf_jupyter.worker.protocol`.
    header
        ``folder``; ``careful`` for one line at a time, each reported at once;
        ``lanes``, the most lines to run at once; ``limited``, the services that are
        not to be called without leave.
    """

    def __init__(
        self,
        connection: wire.Wire,
        request: Mapping[str, Any],
        header: Mapping[str, Any],
    ) -> None:
        self._wire = connection
        self._id = request["id"]
        self._pace = Pace(
            lambda told: connection.send(wire.PACE, told), header.get("limited") or ()
        )
        self._flow = BatchFlow(request, header["folder"], self._pace)
        self._careful = bool(header.get("careful"))
        self._most = 1 if self._careful else int(header.get("lanes") or MAX_LANES)
        timeout = request.get("line_timeout")
        self._timeout = None if timeout is None else float(timeout)
        self._queue: "queue.SimpleQueue[_Line]" = queue.SimpleQueue()
        self._running: Dict[int, Tuple[int, float, RunningLine]] = {}
        self._lanes = 0
        self._target = 1
        self._lock = threading.Lock()
        self._texts: List[bytes] = []
        self._ended: List[int] = []
        self._size = 0
        self._sent_at = time.monotonic()
        self._count = 0
        self._spent = 0.0
        self._rate = 0.0
        self._started = time.monotonic()
        self._rows: List[Any] = []

    def serve(self) -> None:
        """Do what control asks until it has nothing more."""
        error = self._flow.open()
        if error is not None:
            self._wire.send(wire.BEAT, {"error": error})
            self._wire.receive()
            return
        self._beat(ready=True)
        threading.Thread(target=self._watch, name="pf-watch", daemon=True).start()
        self._open_lanes()
        while True:
            message = self._wire.receive()
            if message is None:
                return
            if message.kind == wire.LINES:
                for line in wire.loads(message.payload):
                    self._queue.put(line)
            elif message.kind == wire.LEAVE:
                self._pace.heard(message.header)
            elif message.kind == wire.ROWS:
                self._rows.extend(wire.loads(message.payload))
                if message.header.get("last"):
                    # Aggregation nodes may wait for what is received here.
                    self._in_thread(self._aggregate, "pf-aggregation")
            else:
                return

    # ---- lanes --------------------------------------------------------------

    def _open_lanes(self) -> None:
        while self._lanes < self._target:
            self._lanes += 1
            self._in_thread(functools.partial(self._run_lines, self._lanes), "pf-lane")

    def _in_thread(self, work: Callable[[], None], name: str) -> None:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                lines = traceback.format_exception_only(type(error), error)
                text = "".join(lines).strip()
                header = {"message": text, "traceback": traceback.format_exc()}
                self._wire.send(wire.FAILURE, header)

        threading.Thread(target=run, name=name, daemon=True).start()

    def _run_lines(self, lane: int) -> None:
        get, running = self._queue.get_nowait, self._running
        while True:
            try:
                line = get()
            except queue.Empty:
                self._flush()
                line = self._queue.get()
            index, number, inputs = line
            began = time.monotonic()
            work = self._flow.line(number, inputs)
            running[lane] = (index, began, work)
            record = work.run()
            if running.pop(lane, None) is None:
                # Its time was over, and somebody else has told of its end.
                return
            self._add(index, began, record)

    def _add(self, index: int, began: float, record: Dict[str, Any]) -> None:
        text = wire.dumps({"line": index, **record})
        now = time.monotonic()
        with self._lock:
            self._texts.append(text)
            self._ended.append(index)
            self._size += len(text)
            self._count += 1
            self._spent += now - began
            due = (
                self._careful
                or now - self._sent_at >= FLUSH_SECONDS
                or self._size >= FLUSH_BYTES
            )
        if due:
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            if not self._ended:
                return
            texts, self._texts = self._texts, []
            ended, self._ended = self._ended, []
            self._size = 0
            self._sent_at = time.monotonic()
            body = b'{"type":"event","id":%d,"event":{"event":"batch_lines","lines":['
            frame = body % self._id + b",".join(texts) + b"]}}"
            header = {"lines": ended, "want": self._want(), "lanes": self._target}
            # Under the lock: what is sent first was done first.
            self._wire.send(wire.DONE, header, _FRAME.pack(len(frame)) + frame)

    def _want(self) -> int:
        """Return how many lines to hold, so that no lane waits for control."""
        if self._careful:
            return 1
        elapsed = time.monotonic() - self._started
        rate = max(self._rate, self._count / max(elapsed, 0.001))
        ahead = int(rate * _AHEAD_SECONDS)
        return max(self._target + 1, min(MAX_WANT, self._target + ahead))

    def _beat(self, **more: Any) -> None:
        header = {"want": self._want(), "lanes": self._target, **more}
        self._wire.send(wire.BEAT, header)

    # ---- watching -----------------------------------------------------------

    def _watch(self) -> None:
        clock = ProcessorTime()
        checked, count, beat = time.monotonic(), 0, time.monotonic()
        while True:
            time.sleep(_TICK_SECONDS)
            now = time.monotonic()
            self._end_late_ones(now)
            if self._ended and now - self._sent_at >= FLUSH_SECONDS:
                self._flush()
            done = self._count - count
            elapsed = now - checked
            if elapsed >= _TICK_SECONDS and (done or elapsed > 4 * _TICK_SECONDS):
                self._rate = done / elapsed
                changed = self._adapt(now, elapsed, clock.busy(elapsed))
                checked, count = now, self._count
                if changed:
                    self._beat()
                    beat = now
            if now - max(self._sent_at, beat) >= _BEAT_SECONDS and self._running:
                self._beat()
                beat = now

    def _adapt(self, now: float, elapsed: float, busy: float) -> bool:
        """Open more lanes when the ones there are wait; whether anything changed."""
        before = self._target
        if not self._queue.empty() and busy < _BUSY and self._waits(now):
            self._target = min(self._most, self._target * 2)
            self._open_lanes()
        return self._target != before

    def _waits(self, now: float) -> bool:
        """Whether lines take long enough to be worth waiting for side by side."""
        running = list(self._running.values())
        if any(now - began > 10 * _SHORT_SECONDS for _, began, _ in running):
            return True
        return self._count > 0 and self._spent / self._count > _SHORT_SECONDS

    def _end_late_ones(self, now: float) -> None:
        if self._timeout is None:
            return
        late: List[int] = []
        for lane, (index, began, work) in list(self._running.items()):
            if now - began <= self._timeout:
                continue
            if self._running.pop(lane, None) is not None:
                late.append(index)
                self._add(index, began, work.give_up(self._timeout))
        if late:
            self._flush()
            self._wire.send(wire.STUCK, {"lines": late})

    # ---- after all lines ----------------------------------------------------

    def _aggregate(self) -> None:
        def emit(event: Dict[str, Any]) -> None:
            shown = {key: event[key] for key in event if key != "node_result"}
            message = {"type": "event", "id": self._id, "event": shown}
            body = wire.dumps(message)
            self._wire.send(wire.EVENT, None, _FRAME.pack(len(body)) + body)

        rows, self._rows = self._rows, []
        value = self._flow.aggregate(rows, emit)
        self._wire.send(wire.RESULT, None, wire.dumps({**value, "pid": os.getpid()}))
