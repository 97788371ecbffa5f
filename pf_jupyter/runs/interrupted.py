"""Runs whose process is gone are found by later ones."""

from __future__ import annotations

from ..store.store import Store

INTERRUPTED = {
    "code": "interrupted",
    "message": "the process that waited for the run ended before it did",
    "hint": "run it again",
    "node": None,
    "traceback": "",
}


def mark_interrupted(store: Store) -> list[str]:
    """Record as Interrupted what dead processes left Running, and return the ids."""
    alive: dict[str, bool] = {}
    marked = []
    for run_id, runtime_id, process in store.running():
        if process not in alive:
            alive[process] = store.processes.alive(process)
        if not alive[process] and store.finish_run(
            run_id,
            runtime_id,
            status="Interrupted",
            duration_ms=None,
            error=INTERRUPTED,
        ):
            marked.append(run_id)
    for process in store.processes.dead():
        store.processes.forget(process)
    return marked
