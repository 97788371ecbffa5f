"""The recorded runs of a local workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import NotFound
from .api import RunResult, Runs
from .batching import LocalBatchRecords
from .result import LocalRunResult

if TYPE_CHECKING:
    from .local import LocalWorkspace


class LocalRuns(LocalBatchRecords, Runs):
    """Finds runs.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    def list(
        self,
        *,
        limit: int = 100,
        tags: Mapping[str, str] | None = None,
        archived: bool = False,
        before: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return the newest runs; see `Runs.list`."""
        from ..runs.interrupted import mark_interrupted

        store = self._workspace.core.store
        mark_interrupted(store)
        found = store.summaries.runs(
            None if tags else limit, archived=archived, before=before
        )
        if tags:
            found = [one for one in found if _has(one.labels, tags)][:limit]
        return [
            {
                "run_id": record.run_id,
                "status": record.status,
                "flow": record.flow,
                "flow_path": record.flow_path,
                "runtime": record.runtime,
                "environment": {
                    "name": record.environment_name,
                    "version": record.environment_version,
                    "digest": record.environment_digest,
                },
                "mode": record.mode,
                "lines": record.lines and dict(record.lines),
                "node": record.node,
                "variant": record.variant,
                "source_run": record.source_run,
                "name": (record.labels or {}).get("name"),
                "tags": (record.labels or {}).get("tags") or {},
                "archived_at": record.archived_at,
                "created_at": record.created_at,
                "ended_at": record.ended_at,
                "duration_ms": record.duration_ms,
                "error": record.error
                and {
                    key: record.error.get(key)
                    for key in ("code", "message", "hint", "node")
                },
            }
            for record in found
        ]

    def get(self, run_id: str) -> RunResult:
        """Return a recorded run (NotFound); a batch as what `batch` returns."""
        from ..runs.interrupted import mark_interrupted

        store = self._workspace.core.store
        record = store.run(run_id)
        if record is not None and record.status == "Running":
            mark_interrupted(store)
            record = store.run(run_id)
        if record is None:
            raise NotFound(
                f"there is no run {run_id!r}", hint="%pfrun list shows the newest"
            )
        if record.mode == "batch":
            return self.batch(run_id)  # type: ignore[return-value]
        return LocalRunResult(record)

    def cancel(self, run_id: str) -> None:
        """Cancel a run that this process started (NotFound, IllegalState)."""
        self._workspace.core.cancel(run_id)


def _has(labels: Mapping[str, Any] | None, tags: Mapping[str, str]) -> bool:
    known = (labels or {}).get("tags") or {}
    return all(known.get(key) == value for key, value in tags.items())
