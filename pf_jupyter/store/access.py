"""Who has which role on what, and the list of what was asked."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import delete, insert, select

from . import tables
from .database import Database
from .records import AssignmentRecord, AuditRecord

_given = tables.role_assignments.c
_lines = tables.audit.c


class AccessRows:
    """Reads and writes assignments and audit lines, one transaction each.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[AssignmentRecord]:
        """Return all assignments, those that have run out included."""
        query = select(tables.role_assignments).order_by(
            _given.principal, _given.scope, _given.role
        )
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [AssignmentRecord(**dict(row)) for row in found]

    def put(self, record: AssignmentRecord) -> None:
        """Remember an assignment in place of the same one given before."""
        with self._database.write() as connection:
            connection.execute(_same(record.principal, record.role, record.scope))
            connection.execute(
                insert(tables.role_assignments), dataclasses.asdict(record)
            )

    def remove(self, principal: str, role: str, scope: str) -> bool:
        """Forget an assignment; False when there is none."""
        with self._database.write() as connection:
            return bool(connection.execute(_same(principal, role, scope)).rowcount)

    def note(self, line: AuditRecord) -> None:
        """Add a line; nothing ever changes one."""
        with self._database.write() as connection:
            connection.execute(insert(tables.audit), dataclasses.asdict(line))

    def audit(self, limit: int) -> list[AuditRecord]:
        """Return the newest lines, the newest first."""
        columns = [c for c in tables.audit.c if c.name != "id"]
        query = select(*columns).order_by(_lines.id.desc()).limit(limit)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [AuditRecord(**dict(row)) for row in found]


def _same(principal: str, role: str, scope: str) -> Any:
    return delete(tables.role_assignments).where(
        _given.principal == principal, _given.role == role, _given.scope == scope
    )
