"""The pace of calls to services, one for all executors of a runtime.

Executors tell of each call that they make and of how it was answered. While no limit of
a service is known, nobody waits; once one is, executors ask for leave before each call.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Set, Tuple

from . import wire
from .link import Link
from .loop import Loop, Timer
from .service_rate import ServiceRate


class _Service:
    def __init__(self, key: str) -> None:
        self.key = key
        self.rate = ServiceRate()
        self.known = False
        self.waiting: Deque[Tuple[Link, int]] = deque()
        self.timer: Optional[Timer] = None


class Pacing:
    """Gives leave for calls.

    Parameters
    ----------
    loop
        As everywhere.
    clock
        Seconds that only grow.
    """

    def __init__(self, loop: Loop, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        self._services: Dict[str, _Service] = {}
        self._links: Set[Link] = set()

    @property
    def limited(self) -> List[str]:
        """The services whose calls need leave."""
        return [service.key for service in self._services.values() if service.known]

    def said(self, link: Link, header: Dict[str, Any]) -> None:
        """Take what an executor says: PACE of :mod:`pf_jupyter.worker.wire`."""
        now = self._clock()
        self._links.add(link)
        key = header["service"]
        service = self._services.get(key)
        if service is None:
            service = self._services[key] = _Service(key)
        if "unused" in header:
            service.rate.unmade(header["unused"])
        elif "refused" in header:
            sent = now - header["age"]
            if header["refused"]:
                service.rate.refused(sent, now, header["headers"])
            else:
                service.rate.answered(now, header["headers"])
            if service.rate.limited and not service.known:
                service.known = True
                for other in self._links:
                    other.send(wire.LEAVE, {"limited": [key]})
        elif "number" in header:
            service.waiting.append((link, header["number"]))
        else:
            service.rate.made(now)
        self._give_leave(service)

    def gone(self, link: Link) -> None:
        """Forget an executor."""
        self._links.discard(link)
        for service in self._services.values():
            if any(other is link for other, _ in service.waiting):
                left = [one for one in service.waiting if one[0] is not link]
                service.waiting = deque(left)

    def _give_leave(self, service: _Service) -> None:
        if service.timer is not None:
            return
        while service.waiting:
            now = self._clock()
            wait = service.rate.wait(now)
            if wait > 0:
                call = self._loop.call_later
                service.timer = call(wait, lambda: self._time_is_over(service))
                return
            link, number = service.waiting.popleft()
            if link.open:
                service.rate.made(now)
                link.send(wire.LEAVE, {"numbers": [number], "at": now})

    def _time_is_over(self, service: _Service) -> None:
        service.timer = None
        self._give_leave(service)
