"""What a server is not asked for over HTTP, done by this process on the same records.

A server of this machine works in a folder that this process sees, too. Environments
and batches are then done here, in the very workspace that the server holds; with a
server that is elsewhere they are refused with words.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from . import local
from .api import BatchRun, KeepsBatches, RunsBatches

if TYPE_CHECKING:
    from .api import Environments, Runs, Workspace
    from .evaluation_api import RunComparison
    from .remote_client import Client


class Beside:
    """The server's own workspace, where this process sees it.

    Parameters
    ----------
    client
        Asks the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._home: Path | None = None
        self._looked = False

    def workspace(self, what: str) -> Workspace:
        """Return it.

        Raises
        ------
        UsageError
            The server is elsewhere (code ``server_elsewhere``).
        """
        home = self.home()
        if home is None:
            raise UsageError(
                f"{what} cannot be asked of a server that is elsewhere",
                code="server_elsewhere",
                hint="do it on the server's machine: jupyter pf … in a terminal there; "
                "or work without it: pf_jupyter.connect(server=False)",
            )
        return local.connect(home)

    def home(self) -> Path | None:
        """Return the folder of the server's workspace, None where it is not seen.

        That this process finds the mark of its own token there proves that it is the
        same folder, and not one of the same name.
        """
        if not self._looked:
            home = Path(str(self._client.call("status.show")["home"]))
            name = hashlib.sha256(self._client.address.token.encode()).hexdigest()
            mark = home / "server" / "tokens" / f"{name}.json"
            try:
                self._home = home if mark.is_file() else None
            except OSError:
                self._home = None
            self._looked = True
        return self._home


class RemoteBatches(RunsBatches):
    """The part of a server's runtime that runs batches."""

    name: str
    _beside: Beside

    def batch(self, *given: Any, **options: Any) -> BatchRun:
        """Run a flow over rows; see `RunsBatches.batch`."""
        runtimes = self._beside.workspace("a batch").runtimes
        return runtimes.get(self.name).batch(*given, **options)

    def evaluate(self, *given: Any, **options: Any) -> BatchRun:
        """Judge a batch run; see `EvaluatesRuns.evaluate`."""
        runtimes = self._beside.workspace("an evaluation").runtimes
        return runtimes.get(self.name).evaluate(*given, **options)


class RemoteBatchRecords(KeepsBatches):
    """The part of a server's runs that is about batches."""

    _beside: Beside

    def batch(self, run_id: str) -> BatchRun:
        """Return a batch run (NotFound, UsageError for a single run)."""
        return self._runs.batch(run_id)

    def is_batch(self, run_id: str) -> bool:
        """Return whether a run is a batch; False when it is not there."""
        return self._beside.home() is not None and self._runs.is_batch(run_id)

    def archive(self, run_id: str) -> None:
        """Take a run out of the lists (NotFound)."""
        self._runs.archive(run_id)

    def restore(self, run_id: str) -> None:
        """Bring an archived run back (NotFound)."""
        self._runs.restore(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run, its record and its files (NotFound, IllegalState)."""
        self._runs.delete(run_id)

    def export(self, run_id: str, to: str | Path) -> Path:
        """Write a batch run into a folder as the public tool lays it out."""
        return self._runs.export(run_id, to)

    def compare(self, first: str | BatchRun, *others: str | BatchRun) -> RunComparison:
        """Lay batch runs side by side; see `ComparesRuns.compare`."""
        return self._runs.compare(first, *others)

    def previous_evaluation(self, run: str | BatchRun) -> BatchRun | None:
        """Return the evaluation before; see `ComparesRuns.previous_evaluation`."""
        return self._runs.previous_evaluation(run)

    @property
    def _runs(self) -> Runs:
        return self._beside.workspace("a batch").runs


def environments_of(beside: Beside) -> Environments:
    """Return the environments of the server's workspace."""
    return beside.workspace("an environment").environments
