"""The environments that a workspace remembers, and their published versions."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from . import tables
from .database import Database
from .records import EnvironmentRecord, EnvironmentVersionRecord, timestamp

_names = tables.environments.c
_versions = tables.environment_versions.c
_AS_JSON = ("build", "tags", "registries", "document")


class EnvironmentRows:
    """Reads and writes environments, one transaction each.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: EnvironmentRecord) -> bool:
        """Remember a new name; False when it is taken."""
        return self._insert(tables.environments, record)

    def change(self, name: str, **changes: Any) -> bool:
        """Change fields of a name; False when there is none."""
        statement = update(tables.environments).where(_names.name == name)
        return self._update(statement, changes)

    def get(self, name: str) -> EnvironmentRecord | None:
        """Return what is known under a name, or None."""
        query = select(tables.environments).where(_names.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else EnvironmentRecord(**_values(row))

    def all(self) -> list[EnvironmentRecord]:
        """Return all names."""
        query = select(tables.environments).order_by(_names.name)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [EnvironmentRecord(**_values(row)) for row in found]

    def names(self) -> list[str]:
        """Return all names, archived ones left out."""
        query = select(_names.name).where(_names.archived.is_(False))
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(_names.name)).scalars())

    def add_version(self, record: EnvironmentVersionRecord) -> bool:
        """Remember a new version; False when there is one of that number."""
        return self._insert(tables.environment_versions, record)

    def change_version(self, name: str, version: str, **changes: Any) -> bool:
        """Change fields of a version; False when there is none."""
        statement = update(tables.environment_versions).where(
            _versions.name == name, _versions.version == version
        )
        return self._update(statement, changes)

    def remove_version(self, name: str, version: str) -> None:
        """Forget a version that did not come to be."""
        statement = delete(tables.environment_versions).where(
            _versions.name == name, _versions.version == version
        )
        with self._database.write() as connection:
            connection.execute(statement)

    def versions(self, name: str | None = None) -> list[EnvironmentVersionRecord]:
        """Return the versions of a name, or of all, in the order of publishing."""
        query = select(tables.environment_versions).order_by(
            _versions.name, _versions.created_at, _versions.version
        )
        if name is not None:
            query = query.where(_versions.name == name)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [EnvironmentVersionRecord(**_values(row)) for row in found]

    def _insert(self, table: Table, record: Any) -> bool:
        values = _row(dataclasses.asdict(record))
        with self._database.write() as connection:
            try:
                connection.execute(insert(table), values)
            except IntegrityError:
                return False
        return True

    def _update(self, statement: Any, changes: dict[str, Any]) -> bool:
        values = {**_row(changes), "changed_at": timestamp()}
        with self._database.write() as connection:
            return bool(connection.execute(statement.values(**values)).rowcount)


def _row(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: json.dumps(value) if key in _AS_JSON and value is not None else value
        for key, value in values.items()
    }


def _values(row: Any) -> dict[str, Any]:
    return {
        key: json.loads(value) if key in _AS_JSON and value is not None else value
        for key, value in dict(row).items()
    }
