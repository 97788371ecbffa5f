"""How many lines go into one chunk."""

from __future__ import annotations

from typing import Dict

FIRST = 4
MOST = 1024
_SHORT_SECONDS = 0.5
_LONG_SECONDS = 2.0
_BETTER = 1.3


class Size:
    """Finds a size at which a chunk takes about a second.

    Lines that wait, for a model say, run side by side within a chunk: as long as twice
    as many of them are done notably faster for each, more are taken.
    """

    def __init__(self) -> None:
        self.value = FIRST
        self._speeds: Dict[int, float] = {}
        self._ceiling = MOST

    def see(self, count: int, seconds: float) -> None:
        """Learn from a chunk of so many lines."""
        if count != self.value:
            return
        speed = count / max(seconds, 1e-6)
        before = self._speeds.get(count, speed)
        speed = self._speeds[count] = (before + speed) / 2
        half = self._speeds.get(count // 2)
        untried = half is None and count == FIRST
        gains = half is not None and speed > _BETTER * half
        if seconds < _SHORT_SECONDS or untried or gains:
            self.value = min(self._ceiling, count * 2)
        elif seconds > _LONG_SECONDS and count > 1:
            self.value = self._ceiling = count // 2
