"""How many calls a second a service takes, found out from what it answers.

Nobody says so beforehand. Two things tell: headers, in which many services give their
limit and when it is full again, and refusals (HTTP 429). Calls are then spaced evenly,
a little below the limit, since some of them arrive closer together than they were sent.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Dict, Iterable, Mapping, Optional

SAFETY = 0.97
"""Part of the limit that is used."""
_LEAST_SAFETY = 0.955
_SAFETY_STEP = 0.005
_DOUBTS = 6
_DOUBT_SECONDS = 30.0
LONGEST_PAUSE = 60.0
_SECOND = 1.0
# Calls may arrive so much closer together than they were made.
_JITTER = 0.03
_LATE_SECONDS = 0.15
_LEAST_RATE = 1 / 60
_TRIAL_SECONDS = 2.0
_TRIAL_CALLS = 5
_SETTLE_SECONDS = 0.05
_KEPT_SECONDS = 3.0
_STEEPEST = 0.75
_RAISE = 1.12
_NEAR = 0.94
_AGAIN_SECONDS = 60.0
_LONGEST_PROBE_PAUSE = 3600.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class ServiceRate:
    """What is known of one service's limit, and when the next call may be made.

    All moments are seconds of one clock that only grows.
    """

    def __init__(self) -> None:
        self._rate: Optional[float] = None
        self._told: Optional[float] = None
        self._safety = SAFETY
        self._doubts: Deque[float] = deque()
        self._told_at = float("-inf")
        self._window = 0.0
        self._pause_until = float("-inf")
        self._next = float("-inf")
        self._made: Deque[float] = deque()
        self._taken = 0
        self._closed = _SETTLE_SECONDS
        self._refusals: Deque[float] = deque()
        self._open_refusal: Optional[float] = None
        self._episode: Optional[float] = None
        self._since = float("-inf")
        self._counted = 0
        self._too_high: Optional[float] = None
        self._probe_at = float("-inf")
        self._probe_pause = _AGAIN_SECONDS

    @property
    def limited(self) -> bool:
        """Whether any limit is known."""
        return self.pace is not None or self._open_refusal is not None

    @property
    def pace(self) -> Optional[float]:
        """Calls a second that are made at most; None for no limit."""
        if self._told is None:
            return self._rate
        told = self._told * self._safety
        return told if self._rate is None else min(self._rate, told)

    # ---- leave for calls ----------------------------------------------------

    def wait(self, now: float) -> float:
        """Return the seconds until a call may be made; 0 for now."""
        if now < self._pause_until:
            return self._pause_until - now
        self._learn(now)
        pace = self.pace
        if pace is None:
            return 0.0
        ready = self._next
        self._forget(now)
        # Calls that are late may catch up, but never beyond a second's share.
        share = max(1, int(pace / self._safety + 0.01))
        if len(self._made) >= share:
            apart = _SECOND + max(_JITTER, 1 / self._safety - 1)
            ready = max(ready, self._made[-share] + apart)
        return max(0.0, ready - now)

    def made(self, now: float) -> None:
        """Note that a call is made."""
        self._made.append(now)
        self._forget(now)
        pace = self.pace
        if pace is None:
            return
        step = 1 / pace
        self._next = max(self._next + step, now - max(step, _LATE_SECONDS))
        self._counted += 1
        self._try_more(now)

    def unmade(self, moment: float) -> None:
        """Note that a call for which there was leave at ``moment`` was not made."""
        pace = self.pace
        if pace is not None and moment in self._made:
            self._made.remove(moment)
            self._next -= 1 / pace

    def _forget(self, now: float) -> None:
        for moments in (self._made, self._refusals):
            while moments and moments[0] <= now - _KEPT_SECONDS:
                moments.popleft()

    # ---- what the service says ----------------------------------------------

    def answered(self, now: float, headers: Mapping[str, str]) -> None:
        """Note that a call was taken."""
        self._taken += 1
        self._closed = _SETTLE_SECONDS
        self._read(headers, now)

    def refused(self, sent: float, now: float, headers: Mapping[str, str]) -> None:
        """Note that a call made at ``sent`` was refused for being too many."""
        self._read(headers, now)
        asked = retry_after(headers)
        pause = self._closed if asked is None else max(_SETTLE_SECONDS, asked + _JITTER)
        until = now + min(pause, LONGEST_PAUSE)
        self._pause_until = max(self._pause_until, until)
        self._refusals.append(sent)
        # One that was made before the rate became what it is tells nothing of it.
        if sent > self._since and self._open_refusal is None:
            self._open_refusal = sent

    # ---- learning -----------------------------------------------------------

    def _learn(self, now: float) -> None:
        """Take a lower rate after a refusal, once all that came with it are known."""
        sent, self._open_refusal = self._open_refusal, None
        if sent is None:
            return
        fresh = self._told is not None and sent - self._told_at < _TRIAL_SECONDS
        fresh = fresh or self._is_by_chance(sent)
        if self._episode is not None and not self._taken:
            # Nothing is taken at all: that is no matter of pace but of waiting.
            self._closed = min(2 * self._closed, LONGEST_PAUSE)
        elif not fresh:
            self._rate = max(_LEAST_RATE, self._found(sent) * SAFETY)
        self._episode, self._taken = sent, 0
        self._next = now
        self._start_trial(now)

    def _is_by_chance(self, sent: float) -> bool:
        """Whether a refusal does not speak against the limit that was told.

        Now and then calls arrive closer together than they were sent. A little more
        room is left then; only a service that refuses again and again has another limit
        than it says.
        """
        if self._told is None or self._rate is not None:
            return False
        if not self._doubts or sent > self._doubts[-1] + _SECOND:
            self._doubts.append(sent)
            self._safety = max(_LEAST_SAFETY, self._safety - _SAFETY_STEP)
        while self._doubts[0] < sent - _DOUBT_SECONDS:
            self._doubts.popleft()
        return len(self._doubts) < _DOUBTS

    def _found(self, sent: float) -> float:
        """Return how many calls a second the service seems to take."""
        rate = self.pace
        recent = _within(self._made, sent) - _within(self._refusals, sent)
        if rate is None or self._episode is None:
            return float(max(1, recent))
        self._too_high = min(rate, self._too_high or rate)
        self._probe_pause = min(2 * self._probe_pause, _LONGEST_PROBE_PAUSE)
        if 0.5 * rate <= recent <= SAFETY * rate:
            return float(recent)
        elapsed = sent - self._episode
        through = self._taken / elapsed if elapsed > 0 else rate
        return min(max(through, _STEEPEST * rate), rate)

    def _try_more(self, now: float) -> None:
        """Go up when a rate has held for a while and may be too low."""
        rate, lasted = self._rate, now - self._since
        if rate is None or now < self._probe_at or lasted < _TRIAL_SECONDS:
            return
        if self._counted < max(_TRIAL_CALLS, 0.8 * rate * lasted):
            self._start_trial(now)
            return
        high = self._too_high
        if high is None or rate >= _NEAR * high:
            # Now and then it is tried whether the service bears more than it did.
            self._too_high = rate * _RAISE
            self._probe_at = now + self._probe_pause
            return
        self._rate = min(high, (rate + high) / 2)
        self._start_trial(now)

    def _start_trial(self, now: float) -> None:
        self._since, self._counted = now, 0

    def _read(self, headers: Mapping[str, str], now: float) -> None:
        """Learn from ``x-ratelimit-…``: the limit, what is left, when it is full."""
        limit = _number(headers.get("x-ratelimit-limit-requests"))
        reset = seconds_of(headers.get("x-ratelimit-reset-requests"))
        left = _number(headers.get("x-ratelimit-remaining-requests"))
        if limit and reset and limit > 0:
            # Of a bucket that fills steadily it is shown only when it is empty how
            # long that takes, of a window when it is new: the longest time is right.
            self._window = max(self._window, min(reset, 86400.0))
            told = limit / self._window
            if self._told is None or abs(told - self._told) > 0.01 * told:
                self._told_at = now
            self._told = told
        for kind, rest in (("requests", left), ("tokens", None)):
            if kind == "tokens":
                rest = _number(headers.get("x-ratelimit-remaining-tokens"))
            again = seconds_of(headers.get(f"x-ratelimit-reset-{kind}"))
            if rest is not None and rest <= 0 and again:
                until = now + min(again, LONGEST_PAUSE)
                self._pause_until = max(self._pause_until, until)


def _within(moments: Iterable[float], last: float) -> int:
    """Return how many were in the second that ended with ``last``."""
    return sum(1 for moment in moments if last - _SECOND < moment <= last)


def told_headers(headers: Mapping[str, Any]) -> Dict[str, str]:
    """Return those of an answer's headers that tell of limits."""
    return {name: str(headers[name]) for name in _TELLING if name in headers}


_TELLING = (
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
)


def retry_after(headers: Mapping[str, str]) -> Optional[float]:
    """Return the seconds that a service asks to wait; None when it asks for none.

    A date is not read: clocks differ by more than such a wait.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    seconds = _number(headers.get("retry-after"))
    return None if seconds is None else max(0.0, seconds)


def seconds_of(text: Optional[str]) -> Optional[float]:
    """Return a duration as services write it: ``1s``, ``6m0s``, ``20ms``, ``0.5``."""
    if not text:
        return None
    plain = _number(text)
    if plain is not None:
        return plain
    total, digits, rest = 0.0, "", text.strip()
    while rest:
        if rest[0].isdigit() or rest[0] == ".":
            digits, rest = digits + rest[0], rest[1:]
            continue
        unit = next((name for name in _UNITS if rest.startswith(name)), None)
        value = _number(digits)
        if unit is None or value is None:
            return None
        total, digits, rest = total + value * _UNITS[unit], "", rest[len(unit) :]
    return None if digits else total


def _number(text: Optional[str]) -> Optional[float]:
    try:
        found = float(text) if text else None
    except ValueError:
        return None
    return found if found is None or abs(found) < float("inf") else None
