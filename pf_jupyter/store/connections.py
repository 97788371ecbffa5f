"""The connections that a workspace remembers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from . import tables
from .access import forget_given
from .database import Database
from .records import ConnectionRecord

_columns = tables.connections.c
_NAMED = select(tables.connections).where(
    _columns.name.in_(bindparam("names", expanding=True))
)


class ConnectionRows:
    """Reads and writes `ConnectionRecord`, one transaction each.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: ConnectionRecord) -> bool:
        """Remember a new connection; False when the name is taken."""
        try:
            with self._database.write() as connection:
                connection.execute(insert(tables.connections), _row(record))
        except IntegrityError:
            return False
        return True

    def change(self, record: ConnectionRecord, *, seen: str) -> bool:
        """Write a connection anew; False when it is not as it was at ``seen``.

        Parameters
        ----------
        record
            The whole of it.
        seen
            ``changed_at`` of the record that this one was made from.
        """
        statement = (
            update(tables.connections)
            .where(_columns.name == record.name, _columns.changed_at == seen)
            .values(**_row(record))
        )
        with self._database.write() as connection:
            return bool(connection.execute(statement).rowcount)

    def remove(self, name: str) -> bool:
        """Forget a connection; False when there is none."""
        statement = delete(tables.connections).where(_columns.name == name)
        with self._database.write() as connection:
            forget_given(connection, "connection", name)
            return bool(connection.execute(statement).rowcount)

    def named(self, names: Iterable[str]) -> list[ConnectionRecord]:
        """Return those of the given names that exist."""
        with self._database.read() as connection:
            found = connection.execute(_NAMED, {"names": list(names)}).mappings().all()
        return [_record(row) for row in found]

    def all(self) -> list[ConnectionRecord]:
        """Return all of them by name."""
        query = select(tables.connections).order_by(_columns.name)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [_record(row) for row in found]

    def names(self) -> list[str]:
        """Return all names."""
        query = select(_columns.name).order_by(_columns.name)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())


def _row(record: ConnectionRecord) -> dict[str, Any]:
    values = dataclasses.asdict(record)
    for name in ("configs", "secrets"):
        values[name] = json.dumps(values[name])
    return values


def _record(row: Any) -> ConnectionRecord:
    values = dict(row)
    for name in ("configs", "secrets"):
        values[name] = json.loads(values[name])
    return ConnectionRecord(**values)
