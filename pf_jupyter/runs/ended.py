"""Tells code that crashed from code whose runtime somebody has stopped.

Whoever stops a runtime ends all of its processes. A worker that sees its executors die
before it is ended itself takes that for a crash, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import RuntimeFailed
from ..runtimes.life import Life
from ..store.records import RuntimeRecord

_CRASH = "ProcessCrashError"
_ON_PURPOSE = ("stopping", "stopped")


def on_purpose(
    life: Life, runtime: RuntimeRecord, error: Mapping[str, Any] | None
) -> RuntimeFailed | None:
    """Return why a runtime has ended when its worker speaks of a crash.

    Parameters
    ----------
    life, runtime
        The runtimes, and which of them.
    error
        What the worker says.

    Returns
    -------
    RuntimeFailed or None
        None when it is something else, or a crash indeed.
    """
    if not error or error.get("code") != _CRASH:
        return None
    current = life.store.runtime_by_id(runtime.id)
    if current is not None and current.state not in _ON_PURPOSE:
        return None
    engine = life.computes.engine(runtime.compute)
    return life.failures.examine(runtime, engine)
