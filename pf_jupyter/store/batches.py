"""What happens to runs that have ended: taken up again, archived, removed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update

from . import rows, tables
from .codec import encode
from .database import Database
from .records import timestamp

_runs = tables.runs.c


class BatchRows:
    """Changes records of runs that have ended.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_up(
        self, run_id: str, runtime_id: str, process: str, **changes: Any
    ) -> bool:
        """Make a run that has ended Running again, in a runtime that takes runs.

        Parameters
        ----------
        process
            The process that takes it up (see `Store.processes`).
        changes
            Fields of `RunRecord`.

        Returns
        -------
        Whether it was done: somebody else may be at it, and the runtime must be ready.
        """
        statement = (
            update(tables.runs)
            .where(_runs.run_id == run_id, _runs.status != "Running")
            .values(
                status="Running",
                process=process,
                runtime_id=runtime_id,
                ended_at=None,
                error=None,
                **changes,
            )
        )
        with self._database.write() as connection:
            values = {"key": runtime_id, "now": timestamp()}
            if not connection.execute(rows.TAKE_RUNTIME, values).rowcount:
                return False
            if connection.execute(statement).rowcount:
                return True
            connection.execute(rows.RELEASE_RUNTIME, values)
            return False

    def count(self, run_id: str, lines: dict[str, int]) -> None:
        """Remember how far a run is."""
        self._change(run_id, lines=encode(lines))

    def archive(self, run_id: str, archived: bool) -> bool:
        """Take a run out of the lists, or bring it back; False when it is not there."""
        return self._change(run_id, archived_at=timestamp() if archived else None)

    def label(self, run_id: str, labels: dict[str, Any]) -> bool:
        """Give a run another name and tags; False when it is not there."""
        return self._change(run_id, labels=encode(labels))

    def remove(self, run_id: str) -> bool:
        """Forget a run that does not go on; False when there is none."""
        statement = delete(tables.runs).where(
            _runs.run_id == run_id, _runs.status != "Running"
        )
        with self._database.write() as connection:
            return bool(connection.execute(statement).rowcount)

    def _change(self, run_id: str, **changes: Any) -> bool:
        statement = update(tables.runs).where(_runs.run_id == run_id).values(**changes)
        with self._database.write() as connection:
            return bool(connection.execute(statement).rowcount)
