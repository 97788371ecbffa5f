"""All batches of a worker."""

from __future__ import annotations

from typing import Any, Dict, List

from .batch import Batch
from .loop import Loop
from .outbox import Outbox
from .pacing import Pacing
from .runs import Runs
from .snapshots import Snapshot, Snapshots


class Batches:
    """Conducts batches.

    Parameters
    ----------
    loop, outbox, snapshots
        As everywhere.
    runs
        The single runs, whose executors come from the same place.
    """

    def __init__(
        self, loop: Loop, outbox: Outbox, snapshots: Snapshots, runs: Runs
    ) -> None:
        self._loop = loop
        self._outbox = outbox
        self._snapshots = snapshots
        self._runs = runs
        self._pacing = Pacing(loop)
        self._open: Dict[Any, Batch] = {}

    def begin(self, request: Dict[str, Any], body: bytes, snapshot: Snapshot) -> None:
        """Open a batch."""
        self._snapshots.begin(snapshot)
        backend = self._runs.backend
        batch = Batch(
            request,
            body,
            snapshot,
            loop=self._loop,
            outbox=self._outbox,
            memory=self._runs.memory,
            pacing=self._pacing,
            ask=lambda seat: backend.ask(seat, snapshot),
            withdraw=lambda seat: backend.withdraw(seat, stuck=False),
            closed=self._close,
        )
        self._open[batch.id] = batch
        batch.begin()

    def lines(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Take lines for a batch."""
        batch = self._open.get(request["target"])
        if batch is not None:
            batch.add(request["lines"], bool(request.get("last")))
        return {"taken": batch is not None}

    def recall(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Give lines of a batch back that no executor has yet."""
        batch = self._open.get(request["target"])
        taken: List[Any] = []
        while batch is not None and batch.lines and len(taken) < request["most"]:
            taken.append(batch.lines.pop()[0])
        return {"lines": taken}

    def rows(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Take what a batch is to aggregate."""
        batch = self._open.get(request["target"])
        if batch is not None:
            batch.add_rows(request["rows"], bool(request.get("last")))
        return {"taken": batch is not None}

    def cancel(self, number: Any) -> bool:
        """End a batch; False when it is not there (any more)."""
        batch = self._open.get(number)
        if batch is not None:
            batch.cancel()
        return batch is not None

    def ids(self) -> List[Any]:
        """Return the ids of batches that were not answered yet."""
        return list(self._open)

    def _close(self, batch: Batch) -> None:
        del self._open[batch.id]
        self._snapshots.end(batch.snapshot)
