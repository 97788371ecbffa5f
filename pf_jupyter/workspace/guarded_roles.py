"""Roles as one person has them: everybody sees their own, owners give them, and whoever
owns a thing lends it."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from ..access.access import WORKSPACE, hidden
from ..access.granting import Granting
from ..access.roles import Thing
from ..errors import NotFound, Refused
from .role_api import (
    AccessRequest,
    Answer,
    Assignment,
    AuditLine,
    Revocation,
    RoleDefinition,
)
from .roles import LocalRoles

if TYPE_CHECKING:
    from .guarded import GuardedWorkspace


class GuardedRoles(LocalRoles):
    """The roles of one person's workspace.

    What is not written here asks for its rights by itself, in `Granting`.

    Parameters
    ----------
    workspace
        The person's.
    """

    def __init__(self, workspace: GuardedWorkspace) -> None:
        super().__init__(workspace.inner)
        self._person = workspace

    @property
    def by(self) -> str:
        """The person."""
        return self._person.principal

    @property
    def granting(self) -> Granting:
        """What gives and defines roles; it asks for the person's rights."""
        return Granting(self.access)

    def list(self) -> builtins.list[Assignment]:
        """Return the assignments that hold now and may be seen."""
        mine = self.access.holding(self.by)
        groups = {f"group:{name}" for name in mine.groups}
        own = {
            f"runtime:{record.name}"
            for record in self._workspace.core.store.runtimes()
            if record.owner == self.by
        }
        return [
            found
            for found in super().list()
            if found.principal in groups
            or found.scope in own
            or mine.decide("role.list", _thing(found)).allowed
        ]

    def assign(self, principal: str, role: str, **options: Any) -> Assignment:
        """Give a role, at once; see `Roles.assign`."""
        self._hide(options.get("on", WORKSPACE))
        return super().assign(principal, role, **options)

    def revoke(self, principal: str, role: str, **options: Any) -> Revocation:
        """Take a role back; see `Roles.revoke`."""
        self._hide(options.get("on", WORKSPACE), gone=True)
        return super().revoke(principal, role, **options)

    def check(self, principal: str, right: str, *, on: str | None = None) -> Answer:
        """Return whether somebody may do something; of others only owners ask."""
        if principal != self.by:
            with self._person.may("role.create", Thing("role")):
                return super().check(principal, right, on=on)
        if on is not None and ":" in on:
            self._person.thing(*on.split(":", 1))
        return super().check(principal, right, on=on)

    def audit(self, **options: Any) -> builtins.list[AuditLine]:
        """Return what was asked; for owners."""
        with self._person.may("role.create", Thing("role")):
            return super().audit(**options)

    def definitions(self) -> builtins.list[RoleDefinition]:
        """Return all roles that there are, for whoever has one."""
        found = super().definitions()
        if self.access.holding(self.by).has_any:
            return found
        return [one for one in found if one.builtin]

    def groups(self) -> dict[str, builtins.list[str]]:
        """Return the groups; of others than their own only owners see them."""
        found = super().groups()
        if self.access.decide(self.by, "role.create", Thing("role")).allowed:
            return found
        mine = self.access.holding(self.by).groups
        return {name: [self.by] for name in found if name in mine}

    def requests(self, *, answered: bool = False) -> builtins.list[AccessRequest]:
        """Return their own requests, and those that they can answer."""
        found = super().requests(answered=answered)
        return [one for one in found if one.principal == self.by or self._answers(one)]

    def grant(
        self, request: str, *, role: str | None = None, until: str | None = None
    ) -> Assignment:
        """Give what was asked for; see `Roles.grant`."""
        self._check_answers(request)
        return super().grant(request, role=role, until=until)

    def refuse(self, request: str) -> AccessRequest:
        """Refuse what was asked for; see `Roles.refuse`."""
        self._check_answers(request)
        return super().refuse(request)

    def _check_answers(self, key: str) -> None:
        """Refuse to answer what somebody else is to answer."""
        found = self.asking.get(key)
        if self._answers(found):
            return
        if found.principal != self.by:
            raise NotFound(
                f"there is no request {key!r}",
                hint="%pfrole requests shows those that are open",
            )
        raise Refused(
            f"{self.by} may not answer what {self.by} asked for",
            code="missing_right",
            hint=f"it waits for an owner: {', '.join(self.access.owners())}",
        )

    def _answers(self, request: Any) -> bool:
        """Tell whether the person may give what was asked for."""
        if self.access.decide(self.by, "role.create", Thing("role")).allowed:
            return True
        if request.scope == WORKSPACE or request.principal == self.by:
            return False
        try:
            thing = self.scope_thing(request.scope)
        except NotFound:
            return False
        return thing is not None and thing.owner == self.by

    def _hide(self, scope: str, *, gone: bool = False) -> None:
        """Raise NotFound for what this person may not know of."""
        try:
            thing = self.scope_thing(scope)
        except NotFound:
            if gone:
                return
            raise
        if thing is not None and not self._person.sees(thing):
            raise hidden(thing)


def _thing(found: Assignment) -> Thing:
    return Thing("role", found.role, found.principal)
