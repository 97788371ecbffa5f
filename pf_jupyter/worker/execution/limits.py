"""What the caller of a run allows: how long it may take, what it shows and gives."""

from __future__ import annotations

import time
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Mapping, Optional

deadline: "ContextVar[Optional[float]]" = ContextVar("pf_deadline", default=None)
"""The moment of `time.monotonic()` at which the run must be over; None is never."""

streaming: "ContextVar[bool]" = ContextVar("pf_streaming", default=False)
"""Whether whoever asked for the run shows an output while it is made."""

given_connections: "ContextVar[Mapping[str, Any]]" = ContextVar(
    "pf_connections", default=MappingProxyType({})
)
"""Execution dictionaries of the run's connections, for tools that name one in text."""


def seconds_left() -> Optional[float]:
    """Return how long the run may still take; None without a limit."""
    end = deadline.get()
    return None if end is None else max(0.0, end - time.monotonic())
