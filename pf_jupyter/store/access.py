"""Who has which role on what, what was asked for, and the list of all of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from . import tables
from .database import Database
from .records import AssignmentRecord, AuditRecord, RequestRecord, RoleRecord

_given = tables.role_assignments.c
_lines = tables.audit.c
_roles = tables.roles.c
_members = tables.memberships.c
_asked = tables.access_requests.c
_LISTS = ("actions", "exclusions", "scopes")


@dataclasses.dataclass(frozen=True)
class Held:
    """What one person was given, by themselves and with others, at one moment.

    Parameters
    ----------
    groups
        The groups that they are in.
    assignments
        To them or to one of these, those that have run out included.
    roles
        The roles that the workspace has defined for itself, by name.
    """

    groups: tuple[str, ...]
    assignments: tuple[AssignmentRecord, ...]
    roles: dict[str, RoleRecord]


@dataclasses.dataclass(frozen=True)
class AuditFilter:
    """Which lines of the audit list are wanted; None means any."""

    principal: str | None = None
    right: str | None = None
    kind: str | None = None
    name: str | None = None
    allowed: bool | None = None
    since: str | None = None


class AccessRows:
    """Reads and writes assignments and audit lines, one transaction each.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- assignments

    def all(self) -> list[AssignmentRecord]:
        """Return all assignments, those that have run out included."""
        query = select(tables.role_assignments).order_by(
            _given.principal, _given.scope, _given.role
        )
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [AssignmentRecord(**dict(row)) for row in found]

    def held(self, principal: str, group: str) -> Held:
        """Return what a person was given, in one look.

        Parameters
        ----------
        principal
            The person.
        group
            What the names of groups begin with where they are principals.
        """
        with self._database.read() as connection:
            query = select(_members.member_of).where(_members.principal == principal)
            groups = tuple(sorted(connection.execute(query).scalars()))
            names = [group + name for name in groups]
            given = connection.execute(
                select(tables.role_assignments)
                .where(or_(_given.principal == principal, _given.principal.in_(names)))
                .order_by(_given.principal, _given.scope, _given.role)
            ).mappings()
            found = tuple(AssignmentRecord(**dict(row)) for row in given)
            own = connection.execute(select(tables.roles)).mappings()
            roles = {row["name"]: _role(row) for row in own}
        return Held(groups, found, roles)

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

    # ---- roles of the workspace's own

    def roles(self) -> dict[str, RoleRecord]:
        """Return the roles that the workspace has defined for itself, by name."""
        query = select(tables.roles).order_by(_roles.name)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return {row["name"]: _role(row) for row in found}

    def define(self, role: RoleRecord) -> None:
        """Remember a role in place of the one of that name."""
        row = dataclasses.asdict(role)
        row |= {name: json.dumps(row[name]) for name in _LISTS}
        with self._database.write() as connection:
            connection.execute(delete(tables.roles).where(_roles.name == role.name))
            connection.execute(insert(tables.roles), row)

    def forget(self, name: str, *, unused: bool) -> bool:
        """Forget a role, and who has it; False when it was not done.

        Parameters
        ----------
        unused
            Only if nobody has it.
        """
        given = _given.role == name
        with self._database.write() as connection:
            if unused:
                used = select(_given.role).where(given).limit(1)
                if connection.execute(used).first() is not None:
                    return False
            connection.execute(delete(tables.role_assignments).where(given))
            gone = delete(tables.roles).where(_roles.name == name)
            return bool(connection.execute(gone).rowcount)

    # ---- groups

    def groups(self) -> dict[str, list[str]]:
        """Return each group that is known and who is in it."""
        query = select(_members.member_of, _members.principal).order_by(
            _members.member_of, _members.principal
        )
        found: dict[str, list[str]] = {}
        with self._database.read() as connection:
            for group, principal in connection.execute(query):
                found.setdefault(group, []).append(principal)
        return found

    def join(self, principal: str, groups: Iterable[str]) -> bool:
        """Let a person be in these groups and in no others.

        Returns
        -------
        Whether that is news.
        """
        wanted = sorted(set(groups))
        mine = _members.principal == principal
        query = select(_members.member_of).where(mine)
        with self._database.read() as connection:
            if sorted(connection.execute(query).scalars()) == wanted:
                return False
        with self._database.write() as connection:
            connection.execute(delete(tables.memberships).where(mine))
            if wanted:
                connection.execute(
                    insert(tables.memberships),
                    [{"principal": principal, "member_of": name} for name in wanted],
                )
        return True

    # ---- what was asked for

    def requests(self, state: str | None = None) -> list[RequestRecord]:
        """Return what was asked for, the oldest first."""
        query = select(tables.access_requests).order_by(_asked.created_at, _asked.id)
        if state is not None:
            query = query.where(_asked.state == state)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [RequestRecord(**dict(row)) for row in found]

    def ask(self, request: RequestRecord) -> None:
        """Remember what somebody asks for."""
        with self._database.write() as connection:
            connection.execute(
                insert(tables.access_requests), dataclasses.asdict(request)
            )

    def answer(self, request: RequestRecord) -> bool:
        """Write down the answer to a request that is open; False when it is not."""
        with self._database.write() as connection:
            done = connection.execute(
                update(tables.access_requests)
                .where(_asked.id == request.id, _asked.state == "open")
                .values(
                    state=request.state,
                    role=request.role,
                    answered_by=request.answered_by,
                    answered_at=request.answered_at,
                    until=request.until,
                )
            )
            return bool(done.rowcount)

    # ---- the audit list

    def note(self, line: AuditRecord) -> None:
        """Add a line; nothing ever changes one."""
        with self._database.write() as connection:
            connection.execute(insert(tables.audit), dataclasses.asdict(line))

    def audit(self, limit: int, wanted: AuditFilter | None = None) -> list[AuditRecord]:
        """Return the newest lines that are wanted, the newest first."""
        columns = [c for c in tables.audit.c if c.name != "id"]
        query = select(*columns).order_by(_lines.id.desc()).limit(limit)
        for condition in _conditions(wanted or AuditFilter()):
            query = query.where(condition)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return [AuditRecord(**dict(row)) for row in found]


def _conditions(wanted: AuditFilter) -> Sequence[Any]:
    found = []
    for name in ("principal", "kind", "name", "allowed"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(_lines[name] == value)
    if wanted.right is not None:
        start, star, _ = wanted.right.partition("*")
        same = (
            _lines.right.startswith(start, autoescape=True)
            if star
            else _lines.right == start
        )
        found.append(same)
    if wanted.since is not None:
        found.append(_lines.time >= wanted.since)
    return found


def _role(row: Any) -> RoleRecord:
    lists = {name: tuple(json.loads(row[name])) for name in _LISTS}
    return RoleRecord(**{**dict(row), **lists})


def _same(principal: str, role: str, scope: str) -> Any:
    return delete(tables.role_assignments).where(
        _given.principal == principal, _given.role == role, _given.scope == scope
    )


def forget_given(connection: Connection, kind: str, name: str) -> None:
    """Forget who has what on a thing that goes: another of its name is not theirs.

    Parameters
    ----------
    connection
        Of the transaction that removes the thing.
    """
    scope = f"{kind}:{name}"
    connection.execute(delete(tables.role_assignments).where(_given.scope == scope))
    still_open = (_asked.scope == scope) & (_asked.state == "open")
    connection.execute(delete(tables.access_requests).where(still_open))
