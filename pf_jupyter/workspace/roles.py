"""Who may do what in a local workspace."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ..access.access import WORKSPACE, Access, check_right, hidden
from ..access.asking import Asking
from ..access.catalogue import check_scope
from ..access.granting import Granting
from ..access.holding import Decision
from ..access.roles import NAMES, RIGHTS, ROLES, Thing
from ..errors import NotFound, PfError, UsageError
from ..flow.fields import did_you_mean
from ..store.access import AuditFilter
from ..store.records import RoleRecord, timestamp
from .moments import read_moment as read_moment
from .role_api import (
    AccessRequest,
    Answer,
    Assignment,
    AuditLine,
    Revocation,
    RoleDefinition,
    RoleName,
    Roles,
)

if TYPE_CHECKING:
    from .local import LocalWorkspace

FIELDS = ("actions", "exclusions", "scopes", "reach", "description")
"""What can be changed of a role of the workspace's own."""


class LocalRoles(Roles):
    """Roles as whoever has the store's folder may give them.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    @property
    def access(self) -> Access:
        """What decides."""
        return self._workspace.core.access

    @property
    def by(self) -> str:
        """In whose name roles are given."""
        from ..runtimes.identity import user

        return user()

    @property
    def granting(self) -> Granting:
        """What gives and defines roles."""
        return Granting(self.access, asked=False)

    def list(self) -> builtins.list[Assignment]:
        """Return the assignments that hold now."""
        return [Assignment(**asdict(record)) for record in self.access.current()]

    def assign(
        self,
        principal: str,
        role: RoleName,
        *,
        on: str = WORKSPACE,
        until: str | None = None,
    ) -> Assignment:
        """Give a role, at once; see `Roles.assign`."""
        moment = None if until is None else read_moment(until)
        thing = self.scope_thing(on)
        record = self.granting.assign(self.by, principal, role, on, moment, thing)
        return Assignment(**asdict(record))

    def revoke(
        self,
        principal: str,
        role: RoleName,
        *,
        on: str = WORKSPACE,
        cancel: bool = False,
    ) -> Revocation:
        """Take a role back; see `Roles.revoke`."""
        try:
            thing = self.scope_thing(on)
        except NotFound:
            thing = None  # it is gone; the assignment need not outlive it
        self.granting.revoke(self.by, principal, role, on, thing)
        return self.revoked(principal, role, on, cancel)

    def revoked(self, principal: str, role: str, on: str, cancel: bool) -> Revocation:
        """Return what still runs of a role that was taken back, or end it."""
        running = self._running(principal, on)
        canceled = []
        for run_id in running if cancel else ():
            try:
                self._workspace.core.cancel(run_id)
                canceled.append(run_id)
            except PfError:
                pass  # it has ended by now, or another process waits for it
        rest = tuple(run_id for run_id in running if run_id not in canceled)
        return Revocation(principal, role, on, rest, tuple(canceled))

    def check(self, principal: str, right: str, *, on: str | None = None) -> Answer:
        """Return whether somebody may do something, without trying."""
        check_right(right)
        kind = right.partition(".")[0]
        thing = Thing(kind)
        if on is not None and on != WORKSPACE:
            check_scope(on)
            if on.partition(":")[0] != kind:
                raise UsageError(
                    f"{right} is nothing that can be done to {on}",
                    code="bad_value",
                    hint=f"give {kind}:NAME",
                )
            thing = self.thing(kind, on.partition(":")[2])
        return _answer(
            self.access.decide(principal, right, thing, at_all=not thing.name)
        )

    def audit(
        self,
        *,
        limit: int = 100,
        principal: str | None = None,
        right: str | None = None,
        on: str | None = None,
        allowed: bool | None = None,
        since: str | None = None,
    ) -> builtins.list[AuditLine]:
        """Return what was asked; see `Roles.audit`."""
        kind, colon, name = (on or "").partition(":")
        wanted = AuditFilter(
            principal=principal,
            right=right,
            kind=kind or None,
            name=name if colon else None,
            allowed=allowed,
            since=since,
        )
        return [AuditLine(**asdict(line)) for line in self.access.audit(limit, wanted)]

    # ---- roles of the workspace's own

    def definitions(self) -> builtins.list[RoleDefinition]:
        """Return all roles that there are, the five first."""
        return [self._definition(name) for name in self.access.catalogue().names()]

    def get(self, name: str) -> RoleDefinition:
        """Return a role (NotFound)."""
        found = {role.name: role for role in self.definitions()}
        if name not in found:
            raise NotFound(
                f"there is no role {name!r}",
                hint=did_you_mean(name, [*found], f"there is {', '.join(found)}"),
            )
        return found[name]

    def create(
        self,
        name: str,
        *,
        actions: Sequence[str] = (),
        exclusions: Sequence[str] = (),
        scopes: Sequence[str] = ("*",),
        reach: str = "shared",
        description: str = "",
    ) -> RoleDefinition:
        """Define a role; see `Roles.create`."""
        now = timestamp()
        role = RoleRecord(
            name=name,
            description=description,
            actions=tuple(actions),
            exclusions=tuple(exclusions),
            scopes=tuple(scopes),
            reach=reach,
            created_by=self.by,
            created_at=now,
            changed_at=now,
        )
        self.granting.define(self.by, role)
        return self._definition(name)

    def update(self, name: str, **changes: Any) -> RoleDefinition:
        """Change a role; see `Roles.update`."""
        unknown = changes.keys() - set(FIELDS)
        if unknown:
            raise UsageError(
                f"a role has no {', '.join(sorted(unknown))}",
                code="bad_value",
                hint=f"it has {', '.join(FIELDS)}",
            )
        given: dict[str, Any] = {
            key: value if isinstance(value, str) else tuple(value)
            for key, value in changes.items()
        }
        role = replace(self.granting.get(name), **given)
        self.granting.redefine(self.by, role)
        return self._definition(name)

    def delete(self, name: str, *, revoke: bool = False) -> None:
        """Forget a role; see `Roles.delete`."""
        self.granting.remove(self.by, name, revoke=revoke)

    def groups(self) -> dict[str, builtins.list[str]]:
        """Return each group that is known, and who was last seen in it."""
        return self.access.rows.groups()

    # ---- what was asked for

    def ask(
        self, role: RoleName, *, on: str = WORKSPACE, reason: str = ""
    ) -> AccessRequest:
        """Ask for a role; see `Roles.ask`."""
        return _request(self.asking.ask(self.by, role, on, reason))

    def requests(self, *, answered: bool = False) -> builtins.list[AccessRequest]:
        """Return what was asked for; see `Roles.requests`."""
        rows = self.access.rows
        found = rows.requests() if answered else self.asking.open()
        return [_request(one) for one in found]

    def grant(
        self, request: str, *, role: RoleName | None = None, until: str | None = None
    ) -> Assignment:
        """Give what was asked for; see `Roles.grant`."""
        found = self.asking.get(request)
        role = role or found.role
        made = self.assign(found.principal, role, on=found.scope, until=until)
        found = replace(found, role=role)
        self.asking.answered(found, self.by, "granted", made.until)
        return made

    def refuse(self, request: str) -> AccessRequest:
        """Refuse what was asked for; see `Roles.refuse`."""
        found = self.asking.get(request)
        return _request(self.asking.answered(found, self.by, "refused"))

    @property
    def asking(self) -> Asking:
        """What keeps the requests."""
        return Asking(self.access)

    # ---- things

    def scope_thing(self, scope: str) -> Thing | None:
        """Return what a scope names; None for the workspace (UsageError, NotFound)."""
        check_scope(scope)
        kind, _, name = scope.partition(":")
        return None if scope == WORKSPACE else self.thing(kind, name)

    def thing(self, kind: str, name: str) -> Thing:
        """Return something with its owner (NotFound)."""
        core = self._workspace.core
        if kind == "runtime":
            runtime = core.store.runtime(name)
            if runtime is not None:
                shared = runtime.kind == "shared"
                return Thing(kind, name, runtime.owner, shared)
        elif kind == "connection":
            for record in core.store.connections.named([name]):
                return Thing(kind, name, record.owner, record.scope == "workspace")
        elif kind == "run":
            run = core.store.run(name)
            if run is not None:
                return Thing(kind, name, run.owner)
        elif kind == "environment":
            rows = core.store.environments
            known = rows.get(name)
            if name == "default":
                return Thing(kind, name, None, True)
            if known is not None:
                return Thing(kind, name, known.owner, bool(rows.versions(name)))
        elif kind == "compute":
            added = core.store.computes.get(name)
            if added is not None:
                return Thing(kind, name, added.owner, added.scope == "workspace")
            if name in core.life.computes.builtin():
                return Thing(kind, name, None, True)
        else:
            return Thing(kind, name, None, True)
        raise hidden(Thing(kind, name))

    def _definition(self, name: str) -> RoleDefinition:
        catalogue = self.access.catalogue()
        own = catalogue.defined.get(name)
        fields = {} if own is None else {key: getattr(own, key) for key in _KEPT}
        return RoleDefinition(
            name=name,
            title=NAMES.get(name, name),
            builtin=name in ROLES,
            rights={right: catalogue.cell(name, right) for right in RIGHTS},
            **fields,
        )

    def _running(self, principal: str, scope: str) -> builtins.list[str]:
        """Return the runs of a person that go on, where a role was about."""
        kind, _, name = scope.partition(":")
        if kind not in (WORKSPACE, "runtime", "run"):
            return []
        return [
            run.run_id
            for run in self._workspace.core.store.runs(limit=None, status="Running")
            if run.owner == principal
            and (kind == WORKSPACE or name in (run.runtime, run.run_id))
        ]


_KEPT = (*FIELDS, "created_by", "changed_at")


def _answer(found: Decision) -> Answer:
    given = found.assignment
    assignment = None if given is None else Assignment(**asdict(given))
    return Answer(**{**asdict(found), "ask": found.ask, "assignment": assignment})


def _request(record: Any) -> AccessRequest:
    return AccessRequest(**asdict(record))
