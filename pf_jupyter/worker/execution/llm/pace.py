"""How many calls of models a batch has under way: fewer when a service says "too many".

Nobody knows a service's limit beforehand. Until it refuses a call there is none; then
the number of calls at once is cut, all of them pause for as long as the service asks,
and the number grows again with every answer, slowly.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Callable, Iterator, Optional

CUT = 0.7
LONGEST_PAUSE = 60.0
_ONCE_SECONDS = 1.0


class Pace:
    """Lets so many calls through at once as a service seems to bear.

    Parameters
    ----------
    clock
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._limit: Optional[float] = None
        self._active = 0
        self._resume_at = 0.0
        self._cut_at = float("-inf")

    @property
    def limit(self) -> Optional[float]:
        """Calls at once, None as long as nothing was refused."""
        return self._limit

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Wait until a call may be made, and count it while it is."""
        with self._changed:
            while True:
                pause = self._resume_at - self._clock()
                full = self._limit is not None and self._active >= int(self._limit)
                if pause <= 0 and not full:
                    break
                self._changed.wait(pause if pause > 0 else None)
            self._active += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def answered(self) -> None:
        """Note that a call was answered: there may be room for more."""
        with self._changed:
            if self._limit is not None:
                self._limit += 1 / max(1.0, self._limit)
                self._changed.notify_all()

    def refused(self, wait: float) -> None:
        """Note that a call was refused; the service asks for ``wait`` seconds."""
        with self._changed:
            now = self._clock()
            pause = min(max(0.0, wait), LONGEST_PAUSE)
            self._resume_at = max(self._resume_at, now + pause)
            # Calls that were made together are refused together: that counts once.
            if now - self._cut_at >= _ONCE_SECONDS + pause:
                self._cut_at = now
                before = self._active + 1 if self._limit is None else self._limit
                self._limit = max(1.0, before * CUT)
            self._changed.notify_all()


_pace: Optional[Pace] = None


def keep_pace() -> Pace:
    """Have all calls of this process keep one pace, from now on."""
    global _pace
    _pace = _pace or Pace()
    return _pace


def pace() -> Optional[Pace]:
    """Return the pace of this process; None where calls are made one by one."""
    return _pace
