"""Schedules a line whose tools are all sync (flow-format section 2.2)."""

from __future__ import annotations

import contextvars
import queue
import time
from collections import deque
from typing import Deque, Optional, Sequence

from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.line import Call, Line, timed_out
from pf_jupyter.worker.execution.pool import pool
from pf_jupyter.worker.execution.prepared import PreparedNode

MAX_CONCURRENCY = 16
_PATIENCE_SECONDS = 0.001
"""How long a node may take before those behind it get threads of their own."""


def run_in_threads(
    line: Line,
    concurrency: int,
    timeout: Optional[float] = None,
    line_number: Optional[int] = None,
) -> None:
    """Run every node of ``line``; the first failure ends it.

    A node that is alone runs in the calling thread, unless a time limit is set: then
    the calling thread keeps the time. Of several, one thread runs one after the other
    as long as each is over at once; as soon as one is not, every node that waits gets
    a thread of its own. Handing work to a thread costs more than most nodes do.
    Threads that are still busy when the line ends are left behind.

    Parameters
    ----------
    line
        The nodes and their state.
    concurrency
        How many nodes may run at once; at most 16.
    timeout
        Seconds for the whole line.
    line_number
        For the message of a timeout.

    Raises
    ------
    PfError
        The first failure, or LineExecutionTimeoutError.
    """
    limit = max(1, min(concurrency, MAX_CONCURRENCY))
    deadline = None if timeout is None else time.monotonic() + timeout
    hands = _Hands()
    waiting: Deque[PreparedNode] = deque()
    running = 0
    while True:
        waiting.extend(line.take_ready())
        if line.finished:
            return
        if deadline is None and running == 0 and len(waiting) == 1:
            call = line.start(waiting.popleft())
            contextvars.copy_context().run(call.run)
            line.finish(call)
            continue
        room = min(limit - running, len(waiting))
        if room:
            hands.take([line.start(waiting.popleft()) for _ in range(room)])
            running += room
        if running == 0:
            raise FlowFailure(
                "NoNodeExecutedError",
                "no node can start, and the flow is not complete",
                hint="this is a defect of pf_jupyter; please report the flow",
            )
        ended = hands.next(deadline)
        if ended is None:
            assert timeout is not None
            raise timed_out(timeout, line_number) from None
        running -= 1
        line.finish(ended)


class _Hands:
    """Runs calls, in one thread while that is enough, and returns them when over."""

    def __init__(self) -> None:
        self._started: Deque[Call] = deque()
        self._done: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._alone = False

    def take(self, calls: Sequence[Call]) -> None:
        """Run calls whose nodes have been started."""
        self._started.extend(calls)
        self._alone = True
        pool.submit(self._work)

    def next(self, deadline: Optional[float]) -> Optional[Call]:
        """Wait for the next call that is over; None when the time is up."""
        if self._alone and self._started:
            left = _PATIENCE_SECONDS if deadline is None else _left(deadline)
            try:
                return self._done.get(timeout=min(left, _PATIENCE_SECONDS))
            except queue.Empty:
                self._alone = False
                for _ in range(len(self._started)):
                    pool.submit(self._work)
        try:
            return self._done.get(timeout=None if deadline is None else _left(deadline))
        except queue.Empty:
            return None

    def _work(self) -> None:
        while True:
            try:
                call = self._started.popleft()
            except IndexError:
                return
            try:
                contextvars.copy_context().run(call.run)
            except KeyboardInterrupt as error:
                call.error = error
            self._done.put(call)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
