"""Limits of requests as services have them, for the local protocol server.

A request beyond the limit is answered with 429, Retry-After and, when wanted, the
``x-ratelimit-…-requests`` headers that every answer then carries.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any


class RequestLimit:
    """So many requests in so many seconds.

    Parameters
    ----------
    requests, seconds
        The limit.
    kind
        ``sliding``: in any such stretch of time; ``fixed``: in each, counted from the
        start; ``bucket``: as many at once, filled again steadily.
    headers
        Whether answers tell of the limit.
    """

    def __init__(
        self,
        requests: int,
        seconds: float = 1.0,
        kind: str = "sliding",
        *,
        headers: bool = True,
    ) -> None:
        assert kind in ("sliding", "fixed", "bucket")
        self.requests, self.seconds, self.kind = requests, seconds, kind
        self._headers = headers
        self._lock = threading.Lock()
        self.began = time.monotonic()
        self.accepted: list[float] = []
        self.refused: list[float] = []
        """Seconds from the beginning at which requests came."""
        self._recent: deque[float] = deque()
        self._tokens = float(requests)
        self._filled = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return what another one like this is made of."""
        return {
            "requests": self.requests,
            "seconds": self.seconds,
            "kind": self.kind,
            "headers": self._headers,
        }

    def take(self) -> tuple[bool, dict[str, str]]:
        """Count a request; return whether it is accepted, and its answer's headers."""
        with self._lock:
            now = time.monotonic() - self.began
            taken, left, full, again = getattr(self, f"_{self.kind}")(now)
            (self.accepted if taken else self.refused).append(now)
        headers = {}
        if self._headers:
            headers = {
                "x-ratelimit-limit-requests": str(self.requests),
                "x-ratelimit-remaining-requests": str(left),
                "x-ratelimit-reset-requests": f"{full * 1000:.0f}ms",
            }
        if not taken:
            headers["Retry-After"] = f"{again:.3f}"
        return taken, headers

    def _sliding(self, now: float) -> Any:
        recent = self._recent
        while recent and recent[0] <= now - self.seconds:
            recent.popleft()
        taken = len(recent) < self.requests
        if taken:
            recent.append(now)
        until = recent[0] + self.seconds - now
        return taken, self.requests - len(recent), until, until

    def _fixed(self, now: float) -> Any:
        start = now - now % self.seconds
        recent = self._recent
        while recent and recent[0] < start:
            recent.popleft()
        taken = len(recent) < self.requests
        if taken:
            recent.append(now)
        until = start + self.seconds - now
        return taken, self.requests - len(recent), until, until

    def _bucket(self, now: float) -> Any:
        rate = self.requests / self.seconds
        filled = self._tokens + (now - self._filled) * rate
        self._tokens, self._filled = min(float(self.requests), filled), now
        taken = self._tokens >= 1
        if taken:
            self._tokens -= 1
        full = (self.requests - self._tokens) / rate
        return taken, int(self._tokens), full, max(0.0, 1 - self._tokens) / rate
