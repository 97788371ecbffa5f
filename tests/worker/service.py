"""A service with a limit and those who call it, in a time that only a test moves."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pf_jupyter.worker.service_rate import ServiceRate


@dataclass
class Limit:
    """So many calls in so many seconds, of the kind that a service may have."""

    kind: str
    calls: int = 50
    seconds: float = 1.0
    tokens: float = field(init=False)
    filled: float = 0.0
    recent: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.tokens = float(self.calls)

    def take(self, now: float) -> tuple[bool, int, float, float]:
        """Return whether a call is taken, what is left, and when to ask again."""
        if self.kind == "bucket":
            return self._bucket(now)
        start = now - self.seconds
        if self.kind == "fixed":
            start = now - (now + 0.37) % self.seconds
        while self.recent and self.recent[0] <= start:
            self.recent.popleft()
        taken = len(self.recent) < self.calls
        if taken:
            self.recent.append(now)
        begins = start if self.kind == "fixed" else self.recent[0]
        until = begins + self.seconds - now
        return taken, self.calls - len(self.recent), until, until

    def _bucket(self, now: float) -> tuple[bool, int, float, float]:
        rate = self.calls / self.seconds
        filled = self.tokens + (now - self.filled) * rate
        self.tokens, self.filled = min(float(self.calls), filled), now
        taken = self.tokens >= 1
        if taken:
            self.tokens -= 1
        full = (self.calls - self.tokens) / rate
        return taken, int(self.tokens), full, max(0.0, 1 - self.tokens) / rate


@dataclass
class Told:
    """How a service answers."""

    headers: bool
    retry: str
    """``whole`` seconds, ``exact`` ones, or ``none``."""

    def of(
        self, limit: Limit, answer: tuple[bool, int, float, float]
    ) -> dict[str, str]:
        """Return an answer's headers."""
        taken, left, full, again = answer
        found = {}
        if self.headers:
            found = {
                "x-ratelimit-limit-requests": str(limit.calls),
                "x-ratelimit-remaining-requests": str(left),
                "x-ratelimit-reset-requests": f"{full * 1000:.0f}ms",
            }
        if not taken and self.retry != "none":
            whole = str(math.ceil(again))
            found["retry-after"] = whole if self.retry == "whole" else f"{again:.3f}"
        return found


@dataclass
class Seen:
    """What a service has seen: moments of calls that it took and refused."""

    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def rate(self, begin: float, end: float) -> float:
        """Return the calls a second that were taken in a stretch of time."""
        return sum(begin < moment <= end for moment in self.taken) / (end - begin)

    def refused_after(self, begin: float) -> int:
        """Return how many were refused later than that."""
        return sum(moment > begin for moment in self.refused)


def simulate(
    limit: Limit,
    told: Told,
    *,
    seconds: float = 40.0,
    lanes: int = 128,
    delay: float = 0.2,
    seed: int = 1,
) -> Seen:
    """Let so many lanes call a service without end, at a pace that is found out."""
    chance, rate, seen = random.Random(seed), ServiceRate(), Seen()
    events: list[Any] = []
    order = itertools.count()
    waiting = 0
    timer: float | None = None

    def later(when: float, kind: str, what: Any = None) -> None:
        heapq.heappush(events, (when, next(order), kind, what))

    have, opened = 2, 0.1
    for _ in range(have):
        later(0.0, "wants")
    while have < lanes:
        for _ in range(have):
            later(opened, "wants")
        have, opened = 2 * have, opened + 0.08
    while events:
        now, _, kind, what = heapq.heappop(events)
        if now > seconds:
            break
        if kind == "wants":
            waiting += 1
        elif kind == "timer":
            timer = None
        elif kind == "arrives":
            answer = limit.take(now)
            (seen.taken if answer[0] else seen.refused).append(now)
            headers = told.of(limit, answer)
            later(
                now + (delay if answer[0] else 0.003), "back", (what, *answer, headers)
            )
            continue
        else:
            sent, taken, *_, headers = what
            if taken:
                rate.answered(now, headers)
                later(now, "wants")
            else:
                rate.refused(sent, now, headers)
                later(now + float(headers.get("retry-after", 1)), "wants")
        while waiting and timer is None:
            pause = rate.wait(now)
            if pause > 0:
                timer = now + pause + chance.expovariate(1000)
                later(timer, "timer")
            else:
                waiting -= 1
                rate.made(now)
                later(now + 0.002 + 0.01 * chance.random(), "arrives", now)
    return seen
