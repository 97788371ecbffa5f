"""What a worker needs of the system that it runs on: executors."""

from __future__ import annotations

from typing import Any, Dict, List, Protocol

from .active_run import ActiveRun
from .snapshots import Snapshot


class Backend(Protocol):
    """Where executors come from on this system."""

    feature: str

    def start(self) -> None:
        """Begin to load what runs will need."""

    def ask(self, run: ActiveRun, snapshot: Snapshot) -> None:
        """Find an executor."""

    def has_loaded(self, run: ActiveRun, snapshot: Snapshot) -> bool:
        """Whether finding an executor runs no code of the flow, not even to load it."""

    def withdraw(self, run: ActiveRun, *, stuck: bool) -> bool:
        """Forget a run that waits; False when it does not."""

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        """End what lives in a folder that is about to go."""

    def reaped(self, pid: int, status: int) -> None:
        """Take note of a child that ended."""

    def sweep(self) -> bool:
        """Kill what outlived its executor; whether there was anything."""

    def processes(self) -> List[Dict[str, Any]]:
        """Return what exists: pid, kind, snapshot."""

    def close(self) -> None:
        """End everything."""
