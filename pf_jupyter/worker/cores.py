"""How many processors there are for what runs here."""

from __future__ import annotations

import math
import os


def cores() -> int:
    """Return how many processes can work at once: the limits of a container count."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:
        allowed = os.cpu_count() or 1
    quota = _quota()
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def _quota() -> "float | None":
    """Return what the control group grants, in processors; None without a limit."""
    words = _words("/sys/fs/cgroup/cpu.max")
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
        return int(words[0]) / max(1, int(words[1]))
    quota = _words("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = _words("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    if quota and period and quota[0].isdigit() and period[0].isdigit():
        return int(quota[0]) / max(1, int(period[0]))
    return None


def _words(path: str) -> "list[str]":
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []
