"""Everything that a workspace remembers, one transaction for each change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import AlreadyExists
from . import rows, tables
from .access import AccessRows, forget_given
from .batches import BatchRows
from .codec import Encoded, decode, encode
from .computes import ComputeRows
from .connections import ConnectionRows
from .database import BUSY_SECONDS, Database
from .environments import EnvironmentRows
from .place import chosen_url, identity
from .processes import Processes
from .records import LifeLine, RunRecord, RuntimeRecord, timestamp
from .summaries import Summaries

OF_RUNTIMES = ("version_check", "rehearsal")
"""Settings that belong to a runtime: ``KIND:ID``."""

_LOG_LINES_KEPT = 2000
_runs, _runtimes, _log = tables.runs.c, tables.runtimes.c, tables.runtime_log.c


class Store:
    """The records of one workspace, shared by any number of processes.

    Parameters
    ----------
    folder
        The workspace's home; created, readable by its owner alone, when missing.
    url
        A PostgreSQL database for its records; None means ``PF_JUPYTER_STORE_URL``,
        else a file in the home.
    busy_seconds
        How long a change waits for another process's.

    Raises
    ------
    Unreachable
        The store cannot be opened: ``store_locked``, ``store_full``,
        ``store_not_writable``, ``store_corrupt``, ``store_newer``,
        ``store_unreachable``. Every method may raise these, too.
    IllegalState
        Its records are elsewhere, or those of another home.
    """

    def __init__(
        self,
        folder: Path,
        *,
        url: str | None = None,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self.folder = folder
        url = chosen_url(folder, url)
        self.database = Database(folder, url=url, busy_seconds=busy_seconds)
        self.access = AccessRows(self.database)
        self.connections = ConnectionRows(self.database)
        self.batches = BatchRows(self.database)
        self.computes = ComputeRows(self.database)
        self.summaries = Summaries(self.database)
        self.environments = EnvironmentRows(self.database)
        self.processes = Processes(folder / "processes")
        try:
            self.id = identity(self.database, in_folder=url is None)
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        """Release connections and this process's mark."""
        self.processes.leave()
        self.database.close()

    # settings

    def setting(self, key: str) -> Any:
        """Return what was remembered under ``key``, or None."""
        query = select(tables.settings.c.value).where(tables.settings.c.key == key)
        with self.database.read() as connection:
            return decode(connection.execute(query).scalar())

    def remember(self, key: str, value: Any) -> None:
        """Remember a JSON-serialisable value under ``key``; None forgets it."""
        with self.database.write() as connection:
            connection.execute(
                delete(tables.settings).where(tables.settings.c.key == key)
            )
            if value is not None:
                connection.execute(
                    insert(tables.settings), {"key": key, "value": encode(value)}
                )

    # runtimes

    def add_runtime(self, record: RuntimeRecord) -> None:
        """Remember a new runtime.

        Raises
        ------
        AlreadyExists
            There is a runtime of that name.
        """
        with self.database.write() as connection:
            taken = select(_runtimes.id).where(_runtimes.name == record.name)
            if connection.execute(taken).scalar() is not None:
                raise _runtime_exists(record.name)
            try:
                connection.execute(insert(tables.runtimes), rows.runtime_row(record))
            except IntegrityError:
                raise _runtime_exists(record.name) from None

    def runtime(self, name: str) -> RuntimeRecord | None:
        """Return the runtime of that name, or None."""
        query = select(tables.runtimes).where(_runtimes.name == name)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else rows.runtime_record(row)

    def runtime_by_id(self, key: str) -> RuntimeRecord | None:
        """Return the runtime with that id, or None."""
        with self.database.read() as connection:
            found = connection.execute(rows.ONE_RUNTIME, {"key": key})
            row = found.mappings().one_or_none()
        return None if row is None else rows.runtime_record(row)

    def runtimes(self) -> list[RuntimeRecord]:
        """Return all runtimes by name."""
        return self.summaries.runtimes()

    def change_runtime(
        self,
        key: str,
        *,
        only_from: Sequence[str] | None = None,
        revision: int | None = None,
        line: LifeLine | None = None,
        **changes: Any,
    ) -> RuntimeRecord | None:
        """Change a runtime, provided that it is in one of the given states.

        Parameters
        ----------
        key
            Its id.
        only_from
            States in which the change is allowed; None allows any.
        revision
            The change is based on the record as it was then; None means that it does
            not matter.
        line
            Written to its log in the same transaction.
        changes
            Fields of `RuntimeRecord`.

        Returns
        -------
        The record as it is then; None when nothing was changed because the runtime is
        gone or in another state.
        """
        for name in rows.RUNTIME_JSON:
            if name in changes:
                changes[name] = encode(changes[name])
        statement = update(tables.runtimes).where(_runtimes.id == key)
        if only_from is not None:
            statement = statement.where(_runtimes.state.in_(only_from))
        if revision is not None:
            statement = statement.where(_runtimes.revision == revision)
        statement = statement.values(
            **changes, changed_at=timestamp(), revision=_runtimes.revision + 1
        )
        with self.database.write() as connection:
            if not connection.execute(statement).rowcount:
                return None
            if line is not None:
                connection.execute(insert(tables.runtime_log), rows.line_row(key, line))
            query = select(tables.runtimes).where(_runtimes.id == key)
            return rows.runtime_record(connection.execute(query).mappings().one())

    def touch_runtime(self, key: str) -> None:
        """Remember that a runtime is used now; this is no change of its life."""
        statement = update(tables.runtimes).where(_runtimes.id == key)
        with self.database.write() as connection:
            connection.execute(statement.values(last_used_at=timestamp()))

    def remove_runtime(self, key: str) -> None:
        """Forget a runtime, its log and who had which role on it; its runs stay."""
        with self.database.write() as connection:
            query = select(_runtimes.name).where(_runtimes.id == key)
            for name in connection.execute(query).scalars().all():
                forget_given(connection, "runtime", name)
            connection.execute(delete(tables.runtime_log).where(_log.runtime_id == key))
            connection.execute(delete(tables.runtimes).where(_runtimes.id == key))
            kept = [f"{kind}:{key}" for kind in OF_RUNTIMES]
            connection.execute(
                delete(tables.settings).where(tables.settings.c.key.in_(kept))
            )

    def log(self, key: str, lines: Iterable[LifeLine]) -> None:
        """Add lines to a runtime's life-cycle log; the oldest beyond 2000 go."""
        written = [rows.line_row(key, line) for line in lines]
        if not written:
            return
        with self.database.write() as connection:
            if (
                connection.execute(
                    select(_runtimes.id).where(_runtimes.id == key)
                ).scalar()
                is None
            ):
                return
            connection.execute(insert(tables.runtime_log), written)
            oldest = (
                select(_log.id)
                .where(_log.runtime_id == key)
                .order_by(_log.id.desc())
                .offset(_LOG_LINES_KEPT)
                .limit(1)
            )
            limit = connection.execute(oldest).scalar()
            if limit is not None:
                connection.execute(
                    delete(tables.runtime_log).where(
                        _log.runtime_id == key, _log.id <= limit
                    )
                )

    def life(
        self, key: str, *, tail: int | None = None, after: int = 0
    ) -> list[tuple[int, LifeLine]]:
        """Return a runtime's log, oldest first, each line with its number.

        Parameters
        ----------
        tail
            Only the last lines, so many; None means all.
        after
            Only lines with a greater number.
        """
        log = tables.runtime_log
        query = (
            select(log)
            .where(log.c.runtime_id == key, log.c.id > after)
            .order_by(log.c.id.desc())
        )
        if tail is not None:
            query = query.limit(tail)
        with self.database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [
            (
                row["id"],
                LifeLine(
                    time=row["time"],
                    kind=row["kind"],
                    phase=row["phase"],
                    text=row["text"],
                    elapsed=row["elapsed"],
                ),
            )
            for row in reversed(found)
        ]

    # runs

    def begin_run(self, record: RunRecord, *, revision: int | None = None) -> bool:
        """Remember a run as Running and its runtime as busy.

        Parameters
        ----------
        record
            The run.
        revision
            What is known of the runtime is as of then; None means that it does not
            matter.

        Returns
        -------
        Whether it was done: a runtime that is not ready, or has changed since, takes
        no run.
        """
        values: dict[str, Any] = {"key": record.runtime_id, "now": record.created_at}
        statement = rows.TAKE_RUNTIME
        if revision is not None:
            statement = rows.TAKE_UNCHANGED
            values["as_of"] = revision
        row = rows.run_row(record)
        with self.database.direct.write() as execute:
            taken = bool(execute(statement, values))
            if taken:
                execute(rows.INSERT_RUN, row)
            return taken

    def finish_run(
        self,
        run_id: str,
        runtime_id: str,
        *,
        status: str,
        duration_ms: float | None,
        hostname: str = "",
        error: dict[str, Any] | None = None,
        document: dict[str, Any] | Encoded | None = None,
        ended_at: str | None = None,
        lines: dict[str, int] | None = None,
    ) -> bool:
        """Write a run's end, and its runtime ready when nothing else runs in it.

        Returns
        -------
        Whether it was Running until now.
        """
        ended_at = ended_at or timestamp()
        values = {
            "key": run_id,
            "new_status": status,
            "new_ended_at": ended_at,
            "new_duration_ms": duration_ms,
            "new_hostname": hostname,
            "new_error": encode(error),
            "new_document": encode(document),
            "new_lines": encode(lines),
        }
        with self.database.direct.write() as execute:
            done = execute(rows.FINISH_RUN, values)
            execute(rows.RELEASE_RUNTIME, {"key": runtime_id, "now": ended_at})
            return bool(done)

    def run(self, run_id: str) -> RunRecord | None:
        """Return a run with its document, or None."""
        query = select(tables.runs).where(_runs.run_id == run_id)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else rows.run_record(row)

    def run_owners(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Return whose runs these are."""
        query = select(_runs.run_id, _runs.owner).where(_runs.run_id.in_(run_ids))
        with self.database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def runs(
        self,
        *,
        limit: int | None = 100,
        status: str | None = None,
        runtime_id: str | None = None,
        archived: bool = False,
        before: str | None = None,
    ) -> list[RunRecord]:
        """Return runs without documents, newest first; archived ones or others."""
        query = select(*rows.RUN_SUMMARY).order_by(
            _runs.created_at.desc(), _runs.run_id.desc()
        )
        shelf = _runs.archived_at
        query = query.where(shelf.is_not(None) if archived else shelf.is_(None))
        if before is not None:
            query = query.where(_runs.created_at < before)
        if status is not None:
            query = query.where(_runs.status == status)
        if runtime_id is not None:
            query = query.where(_runs.runtime_id == runtime_id)
        with self.database.read() as connection:
            found = connection.execute(query.limit(limit)).mappings().all()
        return [rows.run_record(row) for row in found]

    def running(self) -> list[tuple[str, str, str]]:
        """Return (run id, runtime id, process) of every run that is Running."""
        query = select(_runs.run_id, _runs.runtime_id, _runs.process).where(
            _runs.status == "Running"
        )
        with self.database.read() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def running_in(self, runtime_id: str, before: str | None = None) -> set[str]:
        """Return the ids of a runtime's runs that are Running, of all or older ones."""
        query = select(_runs.run_id).where(
            _runs.status == "Running", _runs.runtime_id == runtime_id
        )
        if before is not None:
            query = query.where(_runs.created_at <= before)
        with self.database.read() as connection:
            return set(connection.execute(query).scalars())


def _runtime_exists(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"there is a runtime {name!r} already",
        hint=f"use it with %pfruntime use {name}, or choose another name",
    )
