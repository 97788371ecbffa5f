"""Schedules a line in which a tool is a coroutine (flow-format section 2.2)."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Callable, Coroutine, Dict, List, Optional

from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.line import Call, Line, timed_out
from pf_jupyter.worker.execution.logs import current_log
from pf_jupyter.worker.execution.pool import pool
from pf_jupyter.worker.execution.prepared import PreparedNode
from pf_jupyter.worker.execution.records import moment
from pf_jupyter.worker.execution.threads import MAX_CONCURRENCY

_GRACE_SECONDS = 1.0
_UNLIMITED = 1000


async def run_in_loop(
    line: Line,
    concurrency: int,
    timeout: Optional[float] = None,
    line_number: Optional[int] = None,
) -> None:
    """Run every node of ``line``; the first failure ends it.

    Coroutines run on the loop, sync tools in threads. ``concurrency`` limits both; its
    default of 16 limits threads alone, since a waiting coroutine costs nothing.

    Parameters
    ----------
    line, timeout, line_number
        As for `run_in_threads`.
    concurrency
        How many nodes may run at once.

    Raises
    ------
    PfError
        The first failure, or LineExecutionTimeoutError.
    """
    threads = asyncio.Semaphore(max(1, min(concurrency, MAX_CONCURRENCY)))
    anywhere = asyncio.Semaphore(
        max(1, concurrency) if concurrency < MAX_CONCURRENCY else _UNLIMITED
    )
    deadline = None if timeout is None else time.monotonic() + timeout
    tasks: Dict[asyncio.Task[Call], PreparedNode] = {}
    try:
        while True:
            for node in line.take_ready():
                # An async generator function only makes its object when called.
                is_async = node.tool is not None and node.tool.forces_loop
                gate = anywhere if is_async else threads
                task = asyncio.ensure_future(_run_one(line, node, gate))
                tasks[task] = node
            if line.finished:
                return
            if not tasks:
                raise FlowFailure(
                    "NoNodeExecutedError",
                    "no node can start, and the flow is not complete",
                    hint="this is a defect of pf_jupyter; please report the flow",
                )
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            done, _ = await asyncio.wait(
                tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                assert timeout is not None
                raise timed_out(timeout, line_number)
            for task in sorted(done, key=list(tasks).index):
                node = tasks.pop(task)
                if task.cancelled():  # by the tool itself
                    raise line.gave_up(node, asyncio.CancelledError())
                line.finish(task.result())
    finally:
        if tasks:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_GRACE_SECONDS)


async def _run_one(line: Line, node: Any, gate: asyncio.Semaphore) -> Call:
    async with gate:
        call = line.start(node)
        current_log.set(call.log)
        if node.tool.is_async:
            try:
                call.value = await call.function(**call.arguments)
            except (asyncio.CancelledError, KeyboardInterrupt):
                raise
            except BaseException as error:
                call.error = error
            call.ended = moment()
        elif node.tool.forces_loop:
            call.run()
        else:
            await _in_thread(call)
        return call


async def _in_thread(call: Call) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def job() -> None:
        try:
            call.run()
        except KeyboardInterrupt as error:
            call.error = error
        try:
            loop.call_soon_threadsafe(done.set)
        except RuntimeError:  # the line ended without this node, its loop is closed
            pass

    pool.submit(job)
    await done.wait()


def run_coroutine(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine to its end on a loop of its own, in this thread if that is free.

    Unlike ``asyncio.run`` it does not wait for threads that a tool left behind.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(make)
    outcome: List[Any] = []

    def elsewhere() -> None:
        try:
            outcome.append((_run(make), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=elsewhere, name="pf-loop", daemon=True)
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


def _run(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(make())
    finally:
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=_GRACE_SECONDS))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
