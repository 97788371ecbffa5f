"""Batches and a running event loop: awaited, whether they block it or not."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .batch_api import BatchRun

_Run = TypeVar("_Run")


class Awaited:
    """A run that is over: whoever awaits it has it at once.

    So ``await rt.batch(…)`` is as right as ``rt.batch(…)``; `AwaitsBatches.abatch` is
    what leaves the loop free.
    """

    def __await__(self: _Run) -> Generator[None, None, _Run]:
        yield from ()
        return self


class AwaitsBatches(ABC):
    """What runs batches, beside a running event loop too."""

    @abstractmethod
    def batch(self, *given: Any, **options: Any) -> BatchRun:
        """Run a flow over rows; see `RunsBatches.batch`."""

    async def abatch(
        self,
        flow: str | Path | None = None,
        data: Any = None,
        *,
        on_event: Callable[[Mapping[str, Any]], None] | None = None,
        **options: Any,
    ) -> BatchRun:
        """Do what `batch` does without blocking the running event loop.

        Cancelling what awaits it ends the batch, too; what was done is kept.

        Parameters
        ----------
        on_event
            Told how it goes, on the loop.
        flow, data, options
            As `batch`.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        unwanted = threading.Event()

        def listen(event: Mapping[str, Any]) -> None:
            if unwanted.is_set():
                raise KeyboardInterrupt
            if on_event is not None:
                loop.call_soon_threadsafe(on_event, event)

        def work() -> BatchRun | None:
            try:
                return self.batch(flow, data, on_event=listen, **options)
            except KeyboardInterrupt:
                return None

        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            run = await asyncio.shield(task)
        except asyncio.CancelledError:
            unwanted.set()
            await asyncio.wait([task])
            raise
        assert run is not None
        return run
