"""Calls of services over HTTP keep the pace of the whole runtime.

What keeps it is control, which hears of the calls of all executors. Whatever uses httpx
is seen, as the library of OpenAI does, whether a node of type llm or a tool calls it.
Where the flow never loads httpx, nothing is done.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import queue
import re
import sys
import time
import zlib
from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Set

from pf_jupyter.worker.service_rate import told_headers

LIBRARIES = ("httpx", "httpx2")
TOO_MANY = 429
_MODEL = re.compile(rb'(?<!\\)"model"\s*:\s*"([^"]+)"')
_MODEL_BYTES = 1 << 16
_LATE_SECONDS = 0.03
_LATE_TIMES = 5


class Pace:
    """This process's end of the runtime's pace.

    Parameters
    ----------
    tell
        Sends a header to control, from any thread.
    limited
        Services whose calls need leave from the start.
    """

    def __init__(
        self, tell: Callable[[Dict[str, Any]], None], limited: Iterable[str] = ()
    ) -> None:
        self._tell = tell
        self._limited: Set[str] = set(limited)
        self._numbers = itertools.count(1)
        self._waiting: Dict[int, Callable[[float], None]] = {}

    def heard(self, header: Dict[str, Any]) -> None:
        """Take what control says."""
        self._limited.update(header.get("limited", ()))
        for number in header.get("numbers", ()):
            proceed = self._waiting.pop(number, None)
            if proceed is not None:
                proceed(header["at"])

    def begin(self, service: str) -> float:
        """Wait for leave to call a service; return the moment."""
        if service not in self._limited:
            self._tell({"service": service})
            return time.monotonic()
        for attempt in itertools.count():
            leave: "queue.SimpleQueue[float]" = queue.SimpleQueue()
            self._ask(service, leave.put)
            if self._may_use(service, leave.get(), attempt):
                break
        return time.monotonic()

    async def begin_soon(self, service: str) -> float:
        """Wait as `begin` does, on a loop."""
        import asyncio

        if service not in self._limited:
            self._tell({"service": service})
            return time.monotonic()
        loop = asyncio.get_running_loop()
        for attempt in itertools.count():
            leave: "asyncio.Queue[float]" = asyncio.Queue()

            def proceed(at: float, given: "asyncio.Queue[float]" = leave) -> None:
                try:
                    loop.call_soon_threadsafe(given.put_nowait, at)
                except RuntimeError:  # the line ended without this call
                    pass

            self._ask(service, proceed)
            if self._may_use(service, await leave.get(), attempt):
                break
        return time.monotonic()

    def _may_use(self, service: str, at: float, attempt: int) -> bool:
        """Whether leave is still good; else it is given back.

        Where the processor is wanted by many, several of a kind would come late and
        then all at once: too many for a service.
        """
        if attempt >= _LATE_TIMES or time.monotonic() - at <= _LATE_SECONDS:
            return True
        self._tell({"service": service, "unused": at})
        return False

    def _ask(self, service: str, proceed: Callable[[float], None]) -> None:
        number = next(self._numbers)
        self._waiting[number] = proceed
        self._tell({"service": service, "number": number})

    def ended(self, service: str, began: float, response: Any) -> None:
        """Tell how a call was answered."""
        self._tell(
            {
                "service": service,
                "age": time.monotonic() - began,
                "refused": response.status_code == TOO_MANY,
                "headers": told_headers(response.headers),
            }
        )


def keep_pace(pace: Pace) -> None:
    """Have every call over HTTP in this process keep a pace, from now on."""
    awaited = set()
    for name in LIBRARIES:
        module = sys.modules.get(name)
        if module is not None:
            _attend(module, pace)
        else:
            awaited.add(name)
    if awaited:
        sys.meta_path.insert(0, _Awaited(awaited, pace))


def service_of(request: Any) -> Optional[str]:
    """Return what a request's limit belongs to; None for what is not paced.

    That is an address, a model and an account; of the account's key a checksum is
    enough.
    """
    if request.method != "POST":
        return None
    url, headers = request.url, request.headers
    account = headers.get("authorization") or headers.get("api-key") or ""
    try:
        found = _MODEL.search(request.content[:_MODEL_BYTES])
    except Exception:
        found = None  # a body that is sent as a stream
    model = found[1].decode("utf-8", "replace") if found else ""
    number = zlib.crc32(account.encode("utf-8", "replace"))
    return f"{url.scheme}://{url.netloc.decode()}{url.path} {model} {number:x}"


def _attend(httpx: Any, pace: Pace) -> None:
    client, later = httpx.Client, httpx.AsyncClient
    send, send_later = client.send, later.send

    @functools.wraps(send)
    def paced(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        service = service_of(request)
        if service is None:
            return send(self, request, *args, **options)
        began = pace.begin(service)
        response = send(self, request, *args, **options)
        pace.ended(service, began, response)
        return response

    @functools.wraps(send_later)
    async def paced_later(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        service = service_of(request)
        if service is None:
            return await send_later(self, request, *args, **options)
        began = await pace.begin_soon(service)
        response = await send_later(self, request, *args, **options)
        pace.ended(service, began, response)
        return response

    client.send, later.send = paced, paced_later


class _Awaited:
    """Finds libraries when something imports them, and attends to them then."""

    def __init__(self, names: Set[str], pace: Pace) -> None:
        self._names = names
        self._pace = pace

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Any = None
    ) -> Any:
        """Return the module's own spec, its loader followed by ours."""
        if name not in self._names:
            return None
        # Whoever is asked next finds it where it is.
        self._names.discard(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        loader, pace = spec.loader, self._pace
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            _attend(module, pace)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
