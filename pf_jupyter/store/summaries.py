"""Records for lists: what has not changed since is not read again, only looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, select

from . import rows, tables
from .codec import decode
from .database import Database
from .records import RunRecord, RuntimeRecord

Record = TypeVar("Record")
Mark = tuple[Any, ...]
"""A record's key, and all that changes whenever the rest of it does."""

_KEPT = 2_000
_AT_ONCE = 500
_runs, _runtimes, _settings = tables.runs.c, tables.runtimes.c, tables.settings.c


class Summaries:
    """The records that are listed often; safe to use from any thread.

    They are shared between calls: nobody may change what is in them.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept_runs: _Kept[RunRecord] = _Kept(_read_runs)
        self._kept_runtimes: _Kept[RuntimeRecord] = _Kept(_read_runtimes)

    def runs(
        self, limit: int | None, *, archived: bool = False, before: str | None = None
    ) -> list[RunRecord]:
        """Return the newest runs, the newest first, without inputs and documents.

        Parameters
        ----------
        limit
            How many; None means all.
        archived
            Those that are archived, instead of the others.
        before
            Only those that began before this moment.
        """
        shelf = _runs.archived_at
        query = (
            select(*_RUN_MARK)
            .where(shelf.is_not(None) if archived else shelf.is_(None))
            .order_by(_runs.created_at.desc(), _runs.run_id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(_runs.created_at < before)
        return self._answered(self._kept_runs, query)

    def runtimes(self) -> list[RuntimeRecord]:
        """Return all runtimes by name."""
        query = select(
            *(_runtimes.id, _runtimes.revision, _runtimes.state),
            _runtimes.last_used_at,
        ).order_by(_runtimes.name)
        return self._answered(self._kept_runtimes, query)

    def settings(self, kind: str) -> dict[str, Any]:
        """Return all that is remembered under ``KIND:…``, by what comes after it."""
        query = select(_settings.key, _settings.value).where(
            _settings.key.startswith(f"{kind}:", autoescape=True)
        )
        with self._database.read() as connection:
            found = connection.execute(query).all()
        return {key.partition(":")[2]: decode(value) for key, value in found}

    def _answered(self, kept: _Kept[Record], query: Any) -> list[Record]:
        with self._database.read() as connection:
            marks = [tuple(row) for row in connection.execute(query)]
            return kept.records(connection, marks)


class _Kept(Generic[Record]):
    def __init__(
        self,
        read: Callable[[Connection, Sequence[str]], Iterable[tuple[str, Record]]],
    ) -> None:
        self._read = read
        self._guard = threading.Lock()
        self._records: OrderedDict[Mark, Record] = OrderedDict()

    def records(self, connection: Connection, marks: Sequence[Mark]) -> list[Record]:
        """Return the records of these marks, in their order."""
        with self._guard:
            known = {m: self._records[m] for m in marks if m in self._records}
        missing = {mark[0]: mark for mark in marks if mark not in known}
        keys = list(missing)
        for start in range(0, len(keys), _AT_ONCE):
            for key, record in self._read(connection, keys[start : start + _AT_ONCE]):
                known[missing[key]] = record
        with self._guard:
            for mark, record in known.items():
                self._records[mark] = record
                self._records.move_to_end(mark)
            while len(self._records) > max(_KEPT, 2 * len(marks)):
                self._records.popitem(last=False)
        return [known[mark] for mark in marks if mark in known]


def _read_runs(
    connection: Connection, keys: Sequence[str]
) -> Iterable[tuple[str, RunRecord]]:
    query = select(*_RUN_COLUMNS).where(_runs.run_id.in_(keys))
    for row in connection.execute(query).mappings():
        yield row["run_id"], rows.run_record(row)


def _read_runtimes(
    connection: Connection, keys: Sequence[str]
) -> Iterable[tuple[str, RuntimeRecord]]:
    query = select(tables.runtimes).where(_runtimes.id.in_(keys))
    for row in connection.execute(query).mappings():
        yield row["id"], rows.runtime_record(row)


_RUN_MARK = (
    *(_runs.run_id, _runs.status, _runs.ended_at, _runs.lines),
    *(_runs.process, _runs.runtime_id, _runs.labels, _runs.archived_at),
)
_RUN_COLUMNS = [column for column in rows.RUN_SUMMARY if column.name != "inputs"]
