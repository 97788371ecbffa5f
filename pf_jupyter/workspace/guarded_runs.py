"""The recorded runs that one person may see, each verb behind its right."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..access.roles import Thing
from ..errors import NotFound
from .api import BatchRun, RunResult, Runs
from .batch import LocalBatchRun
from .guarded_batches import GuardedBatchRun

if TYPE_CHECKING:
    from .evaluation_api import RunComparison
    from .guarded import GuardedWorkspace


class GuardedRuns(Runs):
    """The runs that one person may see.

    Parameters
    ----------
    workspace
        Theirs.
    """

    def __init__(self, workspace: GuardedWorkspace) -> None:
        self._workspace = workspace

    def list(self, *, limit: int = 100, **wanted: Any) -> builtins.list[dict[str, Any]]:
        """Return the newest runs; see `Runs.list`."""
        sees = self._workspace.sight()
        found: builtins.list[dict[str, Any]] = []
        most = limit
        while True:
            every = self._inner.list(limit=most, **wanted)
            owners = self._workspace.inner.core.store.run_owners(
                [run["run_id"] for run in every]
            )
            found = [
                run
                for run in every
                if sees(Thing("run", run["run_id"], owners.get(run["run_id"])))
            ]
            if len(found) >= limit or len(every) < most:
                return found[:limit]
            most *= 4

    def get(self, run_id: str) -> RunResult:
        """Return a recorded run (NotFound); for a batch, what `batch` returns."""
        self._thing(run_id)
        found = self._inner.get(run_id)
        if isinstance(found, LocalBatchRun):
            return GuardedBatchRun(self._workspace, found)
        return found

    def cancel(self, run_id: str) -> None:
        """Cancel a run (NotFound, IllegalState)."""
        with self._workspace.may("run.update", self._thing(run_id)):
            self._inner.cancel(run_id)

    def batch(self, run_id: str) -> BatchRun:
        """Return a batch run (NotFound, UsageError for a single run)."""
        self._thing(run_id)
        found = self._inner.batch(run_id)
        assert isinstance(found, LocalBatchRun)
        return GuardedBatchRun(self._workspace, found)

    def is_batch(self, run_id: str) -> bool:
        """Return whether a run is a batch; False when it is not there."""
        try:
            self._thing(run_id)
        except NotFound:
            return False
        return self._inner.is_batch(run_id)

    def archive(self, run_id: str) -> None:
        """Take a run out of the lists (NotFound)."""
        with self._workspace.may("run.update", self._thing(run_id)):
            self._inner.archive(run_id)

    def restore(self, run_id: str) -> None:
        """Bring an archived run back (NotFound)."""
        with self._workspace.may("run.update", self._thing(run_id)):
            self._inner.restore(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run, its record and its files (NotFound, IllegalState)."""
        with self._workspace.may("run.delete", self._thing(run_id)):
            self._inner.delete(run_id)

    def compare(self, first: str | BatchRun, *others: str | BatchRun) -> RunComparison:
        """Lay batch runs side by side; see `ComparesRuns.compare`."""
        runs = [self.batch(_id(run)) for run in (first, *others)]
        return self._inner.compare(*runs)

    def previous_evaluation(self, run: str | BatchRun) -> BatchRun | None:
        """Return the evaluation before, if this person may see it."""
        self._thing(_id(run))
        found = self._inner.previous_evaluation(_id(run))
        if found is None:
            return None
        try:
            return self.batch(found.run_id)
        except NotFound:
            return None

    def export(self, run_id: str, to: str | Path) -> Path:
        """Write a batch run into a folder as the public tool lays it out."""
        self._thing(run_id)
        return self._inner.export(run_id, to)

    @property
    def _inner(self) -> Runs:
        return self._workspace.inner.runs

    def _thing(self, run_id: str) -> Thing:
        return self._workspace.thing("run", run_id)


def _id(run: str | BatchRun) -> str:
    return run if isinstance(run, str) else run.run_id
