"""The control group that limits this worker's memory, and what it did about it."""

from __future__ import annotations

import os
from typing import Dict, Optional


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _counters(text: str) -> Dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


class MemoryGroup:
    """Tells whether the kernel killed something of ours for memory.

    Parameters
    ----------
    root
        Where control groups are mounted.
    membership
        File that says which groups this process is in.
    """

    def __init__(
        self, root: str = "/sys/fs/cgroup", membership: str = "/proc/self/cgroup"
    ) -> None:
        self._events, self._limit = "", ""
        for line in _read(membership).splitlines():
            _number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if "memory" in controllers.split(","):
                base, events, limit = (
                    f"{root}/memory",
                    "memory.oom_control",
                    "memory.limit_in_bytes",
                )
            elif not controllers and not self._events:
                base, events, limit = root, "memory.events", "memory.max"
            else:
                continue
            # Inside a container the group's own folder is often mounted as the root.
            for folder in (base + path.rstrip("/"), base):
                if os.path.exists(f"{folder}/{events}"):
                    self._events = f"{folder}/{events}"
                    self._limit = f"{folder}/{limit}"
                    break
        self._seen = self._kills()

    def _kills(self) -> int:
        return _counters(_read(self._events)).get("oom_kill", 0) if self._events else 0

    def took_one(self) -> bool:
        """Whether there is a kill for memory that was not accounted for yet."""
        if self._kills() > self._seen:
            self._seen += 1
            return True
        return False

    def limit(self) -> Optional[int]:
        """Return the limit in bytes, or None when there is none."""
        text = _read(self._limit).strip() if self._limit else ""
        # Version 1 says "no limit" with a number near 2**63.
        return int(text) if text.isdigit() and int(text) < 1 << 60 else None


def describe_bytes(size: int) -> str:
    """Return a size for people: ``256 MB``, ``4.0 GB``."""
    if size >= 1 << 30:
        return f"{size / (1 << 30):.1f} GB"
    return f"{size / (1 << 20):.0f} MB"
