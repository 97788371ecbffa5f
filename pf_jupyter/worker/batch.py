"""One batch in the worker: its lines, its executors, and what happens when one ends.

Lines wait here until an executor has room. One that ends by itself takes only those
lines with it that it had: they are tried once more, one at a time in an executor of
their own, so that the guilty one is found and the others get their results.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional

from . import process_tree, protocol, wire
from .active_run import now
from .cores import cores
from .loop import Loop, Timer
from .memory_group import MemoryGroup
from .outbox import Outbox
from .pacing import Pacing
from .scrubbing import secrets_of
from .seat import Line, Seat, silent
from .seat_failures import (
    CANCELED,
    crash_of,
    never_loaded,
    not_started,
    our_defect,
    too_long,
    without_result,
)
from .snapshots import Snapshot
from .sources import ExecutorHandle

MAX_LANES = 64
_HIRE_SECONDS = 0.02
_FEW_LINES = 32
_CHECK_SECONDS = 1.0
_SILENT_SECONDS = 3.0
_LEAVE_SECONDS = 1.0
_KILL_SECONDS = 5.0
_AGAIN_SECONDS = 0.1
_UNREADY = 3


class Batch:
    """A batch that the host has opened and that is not answered yet.

    Parameters
    ----------
    request, body
        The host's BATCH, decoded and as it came.
    ask
        Finds an executor for a seat.
    withdraw
        Forgets a seat that still waits for one.
    closed
        Called when the batch has been answered and none of its processes is left.
    """

    def __init__(
        self,
        request: Dict[str, Any],
        body: bytes,
        snapshot: Snapshot,
        *,
        loop: Loop,
        outbox: Outbox,
        memory: MemoryGroup,
        pacing: Pacing,
        ask: Callable[[Seat], None],
        withdraw: Callable[[Seat], Any],
        closed: Callable[["Batch"], None],
    ) -> None:
        self.id = request["id"]
        self.snapshot = snapshot
        self.secrets = secrets_of(request.pop("connections", None))
        self._request = request
        self._body = body
        self._loop = loop
        self._outbox = outbox
        self._memory = memory
        self._pacing = pacing
        self._ask = ask
        self._withdraw = withdraw
        self._closed = closed
        workers = request.get("workers")
        self._workers = None if workers is None else max(1, int(workers))
        hands = min(cores(), request.get("executors") or cores())
        self._most_seats = max(1, min(hands, self._workers or hands))
        timeout = request.get("line_timeout")
        self._timeout = None if timeout is None else float(timeout)
        self.lines: Deque[Line] = deque()
        self._suspects: Deque[Line] = deque()
        self._seats: List[Seat] = []
        self._all_sent = False
        self._lines_over = False
        self._aggregator: Optional[Seat] = None
        self._result: Optional[Dict[str, Any]] = None
        self._ready = False
        self._unready = 0
        self._hiring: Optional[Timer] = None
        self._began = time.monotonic()
        self._checking = loop.call_later(_CHECK_SECONDS, self._check)

    def begin(self) -> None:
        """Have the first executor load the flow while lines are on their way."""
        self._hire()
        self._tell({"event": "batch_opened", "executors": self._most_seats})

    # ---- asked by the host --------------------------------------------------

    def add(self, lines: List[Line], last: bool) -> None:
        """Take lines; ``last`` when no more will come."""
        self.lines.extend(lines)
        self._all_sent = self._all_sent or last
        self._feed()

    def add_rows(self, rows: List[Any], last: bool) -> None:
        """Pass on what is to be aggregated, after all lines are over."""
        seat = self._aggregator
        if seat is not None and seat.executor is not None:
            seat.executor.link.send(wire.ROWS, {"last": last}, wire.dumps(rows))

    def cancel(self) -> None:
        """End everything; lines without a result stay without one."""
        self._end("Canceled", CANCELED)

    # ---- executors ----------------------------------------------------------

    def _hire(self, *, careful: bool = False) -> Seat:
        seat = Seat(self, self._request, self._body, careful)
        self._seats.append(seat)
        self._ask(seat)
        return seat

    def assigned(self, seat: Seat, executor: ExecutorHandle) -> None:
        """Let a fresh executor load the flow and then take lines."""
        seat.executor = executor
        seat.pid = executor.pid
        seat.heard_at = time.monotonic()
        self.snapshot.dirty = True
        each = (self._workers or MAX_LANES * self._most_seats) // self._most_seats
        header = {
            "folder": self.snapshot.folder,
            "prepared": executor.prepared,
            "careful": seat.careful,
            "lanes": max(1, each),
            "limited": self._pacing.limited,
        }
        executor.send(header, seat.body)
        seat.forget()
        if self._result is not None:
            self._dismiss(seat)
        elif seat is self._aggregator:
            self._tell({"event": "batch_lines_over"})
        else:
            self._feed()

    def refused(self, seat: Seat, message: str) -> None:
        """Go on with the executors there are, or end when there is none."""
        self._drop(seat)
        if self._lines_over:
            self._end("Completed", None, {"error": not_started(message)})
            return
        self._most_seats = max(1, len(self._seats))
        if all(other.late for other in self._seats):
            self._end("Failed", not_started(message))
            return
        # Whoever was to be looked after by this one waits for another.
        self._loop.call_later(_AGAIN_SECONDS, self._feed)

    def said(self, seat: Seat, message: wire.Message) -> None:
        """Take what an executor says."""
        kind, header, payload = message
        if self._result is not None:
            return
        if kind == wire.DONE:
            for index in header["lines"]:
                seat.held.pop(index, None)
            seat.heard(header)
            self._outbox.put(payload)
            self._feed()
        elif kind == wire.BEAT:
            seat.heard(header)
            if header.get("error") is not None:
                self._end("Failed", header["error"])
                return
            seat.ready = seat.ready or bool(header.get("ready"))
            self._ready = self._ready or seat.ready
            self._feed()
        elif kind == wire.PACE:
            if seat.executor is not None:
                self._pacing.said(seat.executor.link, header)
        elif kind == wire.STUCK:
            # Only the end of the process ends the code; the others start again.
            self._retire(seat)
            self.lines.extendleft(reversed(seat.take_back()))
            self._feed()
        elif kind == wire.EVENT:
            self._outbox.put(payload, linger=True)
        elif kind == wire.RESULT:
            self._end("Completed", None, wire.loads(payload))
        elif kind == wire.FAILURE:
            self._end("Failed", self.secrets.scrub_error(our_defect(header)))

    def printed(self, seat: Seat, stream: str, text: bytes) -> None:
        """Pass on what was written around Python's streams: no line is known for it."""
        event = seat.see_printed(stream, text)
        if event is not None:
            self._outbox.offer(self._frame(event))

    def gone(self, seat: Seat, status: Optional[int]) -> None:
        """Find out whose fault the end of an executor was."""
        self._drop(seat)
        if seat.executor is not None:
            self._pacing.gone(seat.executor.link)
        if self._result is not None:
            self._finish_when_alone()
            return
        if seat.late:
            self._feed()
            return
        if seat is self._aggregator:
            error = self._crash(seat, status, "while the results were aggregated")
            self._end("Completed", None, {"error": error})
            return
        if not seat.ready and not self._ready:
            error = self._crash(seat, status, "while the flow's code was loaded")
            self._end("Failed", error)
            return
        lines = seat.take_back()
        if not seat.ready:
            # It has begun none of them; that others could load the code is known.
            (self._suspects if seat.careful else self.lines).extendleft(lines[::-1])
            self._unready += 1
            if self._unready > _UNREADY:
                error = self._crash(seat, status, "while the flow's code was loaded")
                self._end("Failed", error)
            self._feed()
            return
        if lines and (seat.careful or len(lines) == 1):
            guilty = lines.pop(0)
            what = self._crash(seat, status, f"during line {guilty[1]}")
            self._answer(guilty, what)
        self._suspects.extendleft(reversed(lines))
        self._feed()

    def _crash(self, seat: Seat, status: Optional[int], place: str) -> Dict[str, Any]:
        return crash_of(seat, status, place, self._memory, self.snapshot.folder)

    def _drop(self, seat: Seat) -> None:
        if seat in self._seats:
            self._seats.remove(seat)

    def _retire(self, seat: Seat) -> None:
        """End an executor whose lines are looked after already."""
        seat.late = True
        executor = seat.executor
        if executor is not None:
            process_tree.kill_tree(executor.pid)
            # A process that waits for a broken disk cannot even be killed.
            self._loop.call_later(_KILL_SECONDS, lambda: executor.end(None))

    # ---- lines --------------------------------------------------------------

    def _feed(self) -> None:
        """Give lines to whoever has room, and find more hands when there are none."""
        if self._result is not None or self._lines_over:
            return
        ordinary = [seat for seat in self._seats if not seat.careful]
        for seat in sorted(ordinary, key=lambda one: len(one.held)):
            left = len(self.lines)
            if left and seat.room:
                count = seat.portion(left, len(ordinary) if self._all_sent else None)
                seat.give([self.lines.popleft() for _ in range(count)])
        careful = [seat for seat in self._seats if seat.careful and not seat.late]
        if self._suspects and not careful:
            self._hire(careful=True)
        for seat in careful:
            if self._suspects and seat.room:
                seat.give([self._suspects.popleft()])
        if self.lines and not any(not seat.late for seat in ordinary):
            self._hire()
        elif self._hiring is None and self._ready and self._wants_hands():
            pause = _HIRE_SECONDS / (1 + len(self.lines) // _FEW_LINES)
            self._hiring = self._loop.call_later(pause, self._hire_more)
        self._look_for_the_end()

    def _hire_more(self) -> None:
        self._hiring = None
        if self._result is None and self._wants_hands():
            self._hire()
            self._feed()

    def _wants_hands(self) -> bool:
        ordinary = sum(not seat.careful for seat in self._seats)
        return bool(self.lines) and ordinary < self._most_seats

    def _look_for_the_end(self) -> None:
        more = not self._all_sent or self.lines or self._suspects
        # Without a line, too, it must be known whether the flow can be loaded.
        if more or not self._ready or any(seat.held for seat in self._seats):
            return
        self._lines_over = True
        if not self._request.get("aggregation"):
            self._end("Completed", None)
            return
        for seat in list(self._seats):
            self._dismiss(seat)
        # What is aggregated must not see what lines have left behind.
        self._aggregator = seat = self._hire()
        if seat.executor is not None:
            self._tell({"event": "batch_lines_over"})

    def _answer(self, line: Line, error: Dict[str, Any]) -> None:
        """Give a line its result when no executor can."""
        self._tell({"event": "batch_lines", "lines": [without_result(line, error)]})

    def _check(self) -> None:
        """Look for executors that cannot even watch themselves."""
        if self._result is not None:
            return
        self._checking = self._loop.call_later(_CHECK_SECONDS, self._check)
        if self._timeout is None:
            return
        limit = self._timeout + _SILENT_SECONDS
        if not self._ready and time.monotonic() - self._began > limit:
            self._end("Failed", never_loaded(self._timeout))
            return
        for seat in silent(self._seats, limit):
            self._retire(seat)
            lines = seat.take_back()
            if seat.careful or len(lines) == 1:
                self._answer(lines.pop(0), too_long(self._timeout))
            self._suspects.extendleft(reversed(lines))
        self._feed()

    # ---- the end ------------------------------------------------------------

    def _end(
        self,
        status: str,
        error: Optional[Dict[str, Any]],
        aggregated: Optional[Dict[str, Any]] = None,
    ) -> None:
        if self._result is not None:
            return
        self._result = {
            "status": status,
            "error": error,
            "aggregation": aggregated,
            "duration_ms": round((time.monotonic() - self._began) * 1000, 3),
        }
        self._checking.cancel()
        if self._hiring is not None:
            self._hiring.cancel()
        for seat in list(self._seats):
            if status == "Completed":
                self._dismiss(seat)
            else:
                self._abandon(seat)
        self._finish_when_alone()

    def _dismiss(self, seat: Seat) -> None:
        """Let an executor end the way a program ends."""
        executor = seat.executor
        if executor is None:
            self._abandon(seat)
            return
        seat.leaving = seat.late = True
        executor.link.close()
        self._loop.call_later(_LEAVE_SECONDS, lambda: self._insist(executor))

    def _insist(self, executor: ExecutorHandle) -> None:
        if not executor.ended:
            process_tree.kill_tree(executor.pid)
            self._loop.call_later(_KILL_SECONDS, lambda: executor.end(None))

    def _abandon(self, seat: Seat) -> None:
        if seat.executor is None:
            self._withdraw(seat)
            self._drop(seat)
        else:
            self._retire(seat)

    def _finish_when_alone(self) -> None:
        """Answer when nothing of the batch is there any more."""
        if self._seats or self._result is None:
            return
        result = {"type": "result", "id": self.id, "value": self._result}
        self._outbox.put(protocol.encode(result))
        self._closed(self)

    def _tell(self, event: Dict[str, Any]) -> None:
        self._outbox.put(self._frame(event))

    def _frame(self, event: Dict[str, Any]) -> bytes:
        timed = {**event, "time": now()}
        return protocol.encode({"type": "event", "id": self.id, "event": timed})
