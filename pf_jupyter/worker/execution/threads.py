"""Schedules a line whose tools are all sync (flow-format section 2.2)."""

from __future__ import annotations

import contextvars
import queue
import threading
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
    hands: Optional[_Hands] = None
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
        hands = hands or _Hands()
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
    """Runs calls, in one thread while that is enough, and returns them when over.

    While calls are quick, that thread wakes us once for all of them: two threads that
    wake each other for every node take longer than the nodes do.
    """

    def __init__(self) -> None:
        self._started: Deque[Call] = deque()
        self._over: Deque[Call] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._quick = True

    def take(self, calls: Sequence[Call]) -> None:
        """Run calls whose nodes have been started."""
        with self._lock:
            self._started.extend(calls)
            if not self._threads:
                self._quick, more = True, 1
            else:
                # one that is at it, and not slow, takes these along
                more = 0 if self._quick else len(calls)
            self._threads += more
        for _ in range(more):
            pool.submit(self._work)

    def next(self, deadline: Optional[float]) -> Optional[Call]:
        """Wait for the next call that is over; None when the time is up."""
        while not self._over:
            left = None if deadline is None else _left(deadline)
            if left == 0.0:
                return None
            if self._quick:
                left = _PATIENCE_SECONDS if left is None else left
                left = min(left, _PATIENCE_SECONDS)
            try:
                self._bell.get(timeout=left)
            except queue.Empty:
                if self._quick and not self._over:
                    self._spread()
        return self._over.popleft()

    def _spread(self) -> None:
        """Let every call that waits behind a slow one have a thread of its own."""
        self._quick = False
        with self._lock:
            more = len(self._started)
            self._threads += more
        for _ in range(more):
            pool.submit(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._started:
                    self._threads -= 1
                    break
                call = self._started.popleft()
            try:
                contextvars.copy_context().run(call.run)
            except KeyboardInterrupt as error:
                call.error = error
            self._over.append(call)
            if not self._quick:
                self._bell.put(None)
        self._bell.put(None)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
