"""Schedules a line whose tools are all sync (flow-format section 2.2)."""

from __future__ import annotations

import contextvars
import queue
import time
from collections import deque
from typing import Deque, Optional

from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.line import Call, Line, timed_out
from pf_jupyter.worker.execution.pool import pool
from pf_jupyter.worker.execution.prepared import PreparedNode

MAX_CONCURRENCY = 16


def run_in_threads(
    line: Line,
    concurrency: int,
    timeout: Optional[float] = None,
    line_number: Optional[int] = None,
) -> None:
    """Run every node of ``line``; the first failure ends it.

    A node that is alone runs in the calling thread, unless a time limit is set: then
    the calling thread keeps the time. Threads that are still busy when the line ends
    are left behind.

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
    done: queue.SimpleQueue[Call] = queue.SimpleQueue()
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
        while waiting and running < limit:
            call = line.start(waiting.popleft())
            pool.submit(_job(call, done))
            running += 1
        if running == 0:
            raise FlowFailure(
                "NoNodeExecutedError",
                "no node can start, and the flow is not complete",
                hint="this is a defect of pf_jupyter; please report the flow",
            )
        try:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            call = done.get(timeout=left)
        except queue.Empty:
            assert timeout is not None
            raise timed_out(timeout, line_number) from None
        running -= 1
        line.finish(call)


def _job(call: Call, done: queue.SimpleQueue[Call]):  # type: ignore[no-untyped-def]
    def job() -> None:
        try:
            call.run()
        except KeyboardInterrupt as error:
            call.error = error
        done.put(call)

    return job
