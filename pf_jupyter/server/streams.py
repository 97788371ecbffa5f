"""Events as a stream: with a heartbeat, taken up again where it was cut.

A reader is written to only as fast as it reads, and nobody waits for it: what it has
not read stays in the operation's own buffer, which is bounded.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError

from ..errors import PfError
from .news import News
from .operations import Operation, Told
from .sifting import Sifting

if TYPE_CHECKING:
    from .handlers import PfHandler

HEARTBEAT_SECONDS = 15.0
NOUNS = ("computes", "connections", "environments", "roles", "runs", "runtimes")
"""What can change; a test holds it against what the store looks at."""
_END = Told(0, "close", "{}")


def _begin(handler: PfHandler) -> None:
    handler.set_header("Content-Type", "text/event-stream")
    handler.set_header("Cache-Control", "no-cache")
    # a proxy that collects would keep what is meant to be seen at once
    handler.set_header("X-Accel-Buffering", "no")


async def _send(handler: PfHandler, events: list[Told]) -> None:
    text = "".join(
        (f"id: {told.id}\n" if told.id else "")
        + f"event: {told.name}\ndata: {told.data}\n\n"
        for told in events
    )
    handler.write(text or ": still here\n\n")
    await handler.flush()


async def follow_operation(handler: PfHandler, operation: Operation, last: int) -> None:
    """Write what an operation tells, from after ``last`` to its end."""
    _begin(handler)
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    pending = threading.Lock()

    def wake() -> None:
        # one wake-up is on its way at most, however much there is to tell
        if pending.acquire(blocking=False):
            try:
                loop.call_soon_threadsafe(news.set)
            except RuntimeError:
                pass  # the loop is closed: nobody reads any more

    leave = operation.listen(wake)
    try:
        while True:
            news.clear()
            if pending.locked():
                pending.release()
            events = operation.after(last)
            if events:
                last = events[-1].id
                ended = events[-1].name == "end"
                await _send(handler, [*events, _END] if ended else events)
                if ended:
                    break
                continue
            if operation.ended_at is not None:
                # its end was told to this reader already
                await _send(handler, [_END])
                break
            try:
                await asyncio.wait_for(news.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                await _send(handler, [])
        handler.finish(set_content_type="text/event-stream")
    except StreamClosedError:
        pass  # the reader has gone; the operation goes on
    finally:
        leave()


async def follow_news(handler: PfHandler, news: News) -> None:
    """Write which nouns changed for whoever reads, for as long as they do.

    A reader that was away begins anew: the first event names every noun.
    """
    sifting = Sifting(handler.served, handler.principal)
    _begin(handler)
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    changed: set[str] = set(NOUNS)

    def hear(nouns: list[str]) -> None:
        changed.update(nouns)
        woken.set()

    def wake(nouns: list[str]) -> None:
        try:
            loop.call_soon_threadsafe(hear, nouns)
        except RuntimeError:
            pass  # the loop is closed: nobody reads any more

    leave = news.listen(wake)
    number = 0
    try:
        while True:
            if changed:
                heard = sorted(changed)
                changed.clear()
                concern = await handler.in_thread(sifting.changed, heard)
                if concern:
                    number += 1
                    told = json.dumps({"nouns": concern})
                    await _send(handler, [Told(number, "changed", told)])
            woken.clear()
            if changed:
                continue
            try:
                await asyncio.wait_for(woken.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                await _send(handler, [])
    except (StreamClosedError, PfError):
        pass  # the reader has gone, or comes back when the records can be read
    finally:
        leave()


async def follow_lines(handler: PfHandler, source: Iterator[Any]) -> None:
    """Write what an iterator gives, for as long as somebody reads."""
    _begin(handler)
    number = 0
    done = object()
    waiting: asyncio.Future[Any] | None = None
    try:
        while True:
            if waiting is None:
                waiting = asyncio.ensure_future(
                    asyncio.to_thread(_next, source, done)  # its own pool: it may wait
                )
            finished, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT_SECONDS)
            if not finished:
                await _send(handler, [])
                continue
            value, waiting = waiting.result(), None
            if value is done:
                break
            number += 1
            await _send(handler, [Told(number, "line", value.model_dump_json())])
        await _send(handler, [_END])
        handler.finish(set_content_type="text/event-stream")
    except StreamClosedError:
        pass  # the reader has gone
    finally:
        if waiting is None:
            close = getattr(source, "close", None)
            if close is not None:
                close()


def _next(source: Iterator[Any], done: object) -> Any:
    try:
        return next(source, done)
    except PfError:
        return done
