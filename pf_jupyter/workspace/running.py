"""A run in a thread of its own, waited for by a coroutine."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ..errors import PfError
from ..runs.execute import Executor
from ..runs.request import Request
from ..store.records import RunRecord
from .api import OnEvent


class BackgroundRun:
    """One run, started by the first of `wait` or `events`.

    Parameters
    ----------
    executor
        Runs it.
    runtime_id
        Where.
    request
        What is to be run.
    """

    def __init__(self, executor: Executor, runtime_id: str, request: Request) -> None:
        self._executor = executor
        self._runtime_id = runtime_id
        self._request = request
        self._guard = threading.Lock()
        self._run_id: str | None = None
        self._unwanted = False
        self.record: RunRecord

    async def wait(self, on_event: OnEvent | None = None) -> RunRecord:
        """Wait for the end; a cancelled task cancels the run."""
        done = self._start(asyncio.get_running_loop(), on_event)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            self._cancel()
            raise

    async def events(
        self, on_event: OnEvent | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the events as they happen; leaving earlier cancels the run."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()

        def listen(event: Mapping[str, Any]) -> None:
            _call(loop, queue.put_nowait, event)
            if on_event is not None:
                on_event(event)

        done = self._start(loop, listen)
        done.add_done_callback(lambda _: queue.put_nowait(None))
        ended = False
        try:
            while (event := await queue.get()) is not None:
                yield event
            ended = True
            done.result()
        finally:
            if not ended:
                self._cancel()

    def _start(
        self, loop: asyncio.AbstractEventLoop, on_event: OnEvent | None
    ) -> asyncio.Future[RunRecord]:
        done: asyncio.Future[RunRecord] = loop.create_future()

        def finish(record: RunRecord | None, error: BaseException | None) -> None:
            if done.cancelled():
                return
            if record is not None:
                done.set_result(record)
            elif error is not None:
                done.set_exception(error)

        def work() -> None:
            try:
                record = self._executor.run(
                    self._runtime_id, self._request, on_event, on_begin=self._begun
                )
            except BaseException as error:
                _call(loop, finish, None, error)
            else:
                self.record = record
                _call(loop, finish, record, None)

        # whom it is for is known in this context
        call = contextvars.copy_context().run
        threading.Thread(target=call, args=(work,), name="pf-run", daemon=True).start()
        return done

    def _begun(self, run_id: str) -> None:
        with self._guard:
            self._run_id = run_id
            unwanted = self._unwanted
        if unwanted:
            self._executor.cancel(run_id)

    def _cancel(self) -> None:
        with self._guard:
            self._unwanted = True
            run_id = self._run_id
        if run_id is not None:
            try:
                self._executor.cancel(run_id)
            except PfError:
                pass  # it has ended in the meantime


def _call(loop: asyncio.AbstractEventLoop, function: Any, *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        pass  # the loop is closed: nobody waits any more
