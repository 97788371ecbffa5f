"""Removes runs for good."""

from __future__ import annotations

from ...errors import IllegalState, NotFound
from ...store.store import Store
from ..interrupted import mark_interrupted
from .folder import RunFolder


def remove_run(store: Store, run_id: str) -> None:
    """Remove a run's record, then its files.

    Raises
    ------
    NotFound
        There is no such run.
    IllegalState
        It goes on.
    """
    record = store.run(run_id)
    if record is None:
        raise NotFound(
            f"there is no run {run_id!r}", hint="%pfrun list shows the newest"
        )
    if record.status == "Running":
        mark_interrupted(store)
    if not store.batches.remove(run_id):
        raise IllegalState(
            f"run {run_id} is still going on",
            hint=f"%pfrun cancel {run_id} ends it",
        )
    RunFolder(store.folder, run_id).remove()
