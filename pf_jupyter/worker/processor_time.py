"""How busy this process was: its own time, and the time it was kept from running.

A process that wants the processor and does not get it is busy as well: more threads in
it would not help. Only what neither runs nor wants to run waits for something else.
"""

from __future__ import annotations

import os
import time

_FOLDER = "/proc/self/task"


class ProcessorTime:
    """Measures from one call of `busy` to the next."""

    def __init__(self) -> None:
        self._ran = time.process_time()
        self._queued = _queued()

    def busy(self, elapsed: float) -> float:
        """Return the share of ``elapsed`` seconds that was busy, 0 to 1 and above."""
        ran, queued = time.process_time(), _queued()
        spent = ran - self._ran + max(0.0, queued - self._queued)
        self._ran, self._queued = ran, queued
        return spent / max(elapsed, 1e-6)


def _queued() -> float:
    """Return the seconds that threads of this process were ready and did not run."""
    total = 0
    try:
        threads = os.listdir(_FOLDER)
    except OSError:
        return 0.0
    for thread in threads:
        try:
            with open(f"{_FOLDER}/{thread}/schedstat", "rb") as file:
                total += int(file.read().split()[1])
        except (OSError, ValueError, IndexError):
            continue
    return total / 1e9
