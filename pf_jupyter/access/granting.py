"""Who may give and take back which roles, and define new ones.

Nobody gives more than they have, nor for longer; owners of the workspace give to
others what they like, and to themselves what they have.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import AlreadyExists, IllegalState, NotFound, Refused
from ..store.records import AssignmentRecord, RoleRecord, timestamp
from .access import Access, about, check_principal, refusal
from .catalogue import WORKSPACE, Catalogue, check_definition, in_scopes
from .holding import GROUP, NEVER, Holding
from .roles import NAMES, ROLES, Thing

_NAMED = 5


class Granting:
    """Gives, takes back and defines roles in somebody's name.

    Parameters
    ----------
    access
        What decides.
    asked
        Whether they are asked for their rights; whoever has the folder of the
        workspace is not.
    """

    def __init__(self, access: Access, *, asked: bool = True) -> None:
        self._access = access
        self._rows = access.rows
        self._asked = asked

    def assign(
        self,
        by: str,
        principal: str,
        role: str,
        scope: str,
        until: str | None,
        thing: Thing | None,
    ) -> AssignmentRecord:
        """Give a role in somebody's name, at once.

        Parameters
        ----------
        thing
            What the scope names; None when that is the workspace.

        Raises
        ------
        Refused
            They may not give roles here, or have not all of it themselves.
        UsageError, IllegalState
            See `Access.assign`.
        """
        what = about(principal, role, scope, until)
        self._require(by, "role.create", what, thing)
        self._access.catalogue().check(role, scope)
        principal = check_principal(principal)
        now = self._access.holding(by)
        lasting = self._access.holding(by, until or NEVER)
        free = lasting.is_owner and not _is_self(lasting, principal)
        if self._asked and not free:
            lacking = lasting.lacks(role, scope, thing)
            if lacking and not now.lacks(role, scope, thing):
                raise self._too_long(by, what)
            if lacking:
                raise self._too_much(by, "role.create", what, lacking)
        return self._access.assign(by, principal, role, scope, until)

    def revoke(
        self, by: str, principal: str, role: str, scope: str, thing: Thing | None
    ) -> None:
        """Take a role back in somebody's name, at once.

        Raises
        ------
        Refused
            They could not give it either, or it keeps them from something.
        NotFound, IllegalState
            See `Access.revoke`.
        """
        what = about(principal, role, scope)
        self._require(by, "role.delete", what, thing)
        now = self._access.holding(by)
        if self._asked and not now.is_owner:
            lacking = [] if principal == by else now.lacks(role, scope, thing)
            lacking += _not_had(now, now.catalogue.exclusions(role))
            if lacking:
                raise self._too_much(by, "role.delete", what, lacking)
        self._access.revoke(by, principal, role, scope)

    def define(self, by: str, role: RoleRecord) -> RoleRecord:
        """Make a role of the workspace's own.

        Raises
        ------
        UsageError
            It cannot be.
        AlreadyExists
            There is one of that name.
        Refused
            They may not, or have not all of it themselves.
        """
        self._require(by, "role.update", Thing("role", role.name[:100]), None)
        check_definition(role)
        if role.name in self._rows.roles():
            raise AlreadyExists(
                f"there is a role {role.name!r} already",
                hint=f"%pfrole update {role.name} changes it",
            )
        self._write(by, role, set(), [])
        return role

    def redefine(self, by: str, role: RoleRecord) -> RoleRecord:
        """Change a role; who has it has it changed from the next request on.

        Raises
        ------
        UsageError, NotFound
            It cannot be, or is not there.
        IllegalState
            Somebody has it where it would not be for any more.
        Refused
            They may not, or have not all of it themselves.
        """
        self._require(by, "role.update", Thing("role", role.name[:100]), None)
        check_definition(role)
        before = self.get(role.name)
        users = self._users(role.name)
        outside = [one for one in users if not in_scopes(role.scopes, one.scope)]
        if outside:
            raise IllegalState(
                f"{_people(outside)} would have {role.name} where it is not for",
                code="role_in_use",
                hint=f"take it back there first: %pfrole revoke {outside[0].principal} "
                f"{role.name} --on {outside[0].scope}",
            )
        freed = self._access.catalogue().exclusions(role.name)
        role = replace(
            role,
            created_by=before.created_by,
            created_at=before.created_at,
            changed_at=timestamp(),
        )
        self._write(by, role, freed, users)
        return role

    def remove(self, by: str, name: str, *, revoke: bool = False) -> None:
        """Forget a role.

        Parameters
        ----------
        revoke
            Take it back from all who have it first.

        Raises
        ------
        NotFound
            There is none of that name, or it is one of the five.
        IllegalState
            Somebody has it.
        Refused
            They may not; or it keeps them from something.
        """
        self._require(by, "role.update", Thing("role", name), None)
        self.get(name)
        now = self._access.holding(by)
        users = self._users(name)
        freed = _not_had(now, now.catalogue.exclusions(name)) if users else []
        if self._asked and freed and not now.is_owner:
            raise self._too_much(by, "role.update", Thing("role", name), freed)
        if not self._rows.forget(name, unused=not revoke):
            users = self._users(name)
            raise IllegalState(
                f"the role {name} is in use: {_people(users)}",
                code="role_in_use",
                hint=f"%pfrole delete {name} --revoke takes it back from them, too",
            )
        for one in users:
            gone = about(one.principal, name, one.scope)
            self._access.note(by, "role.delete", gone, True)
        self._access.note(by, "role.update", Thing("role", f"{name} deleted"), True)

    def get(self, name: str) -> RoleRecord:
        """Return a role of the workspace's own (NotFound)."""
        found = self._rows.roles().get(name)
        if found is None:
            hint = "%pfrole roles shows those that there are"
            if name in ROLES:
                hint = f"{NAMES[name]} is one of the five, which never change"
            raise NotFound(f"there is no role {name!r} of your own", hint=hint)
        return found

    def _write(
        self, by: str, role: RoleRecord, freed: set[str], users: list[AssignmentRecord]
    ) -> None:
        """Write a role down unless it would give more than who writes it has."""
        what = Thing("role", f"{role.name} {_shown(role)}")
        held = self._access.holding(by, NEVER)
        if self._asked and not held.is_owner:
            wanted = Catalogue({**held.catalogue.defined, role.name: role})
            lacking = held.lacks(role.name, WORKSPACE, None, wanted)
            lacking += _not_had(held, freed - wanted.exclusions(role.name))
            if any(one.scope != WORKSPACE for one in users):
                # on these it would give what nobody has asked about
                lacking += ["the role Owner, for it is given on single things"]
            if lacking:
                raise self._too_much(by, "role.update", what, lacking)
        self._rows.define(role)
        self._access.note(by, "role.update", what, True)

    def _require(self, by: str, right: str, what: Thing, thing: Thing | None) -> None:
        if not self._asked or (thing is not None and thing.owner == by):
            return  # their own thing: what they have of it is asked next
        decision = self._access.decide(by, right, Thing("role"))
        if not decision.allowed:
            self._access.note(by, right, what, False)
            raise refusal(decision, right, Thing("role"))

    def _too_much(
        self, by: str, right: str, what: Thing, lacking: list[str]
    ) -> Refused:
        self._access.note(by, right, what, False)
        more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        owners = self._access.owners()
        return Refused(
            f"{by} may not change {what}: nobody gives or takes more than they have, "
            f"and {by} lacks {', '.join(lacking[:_NAMED])}{more}",
            code="more_than_held",
            hint=f"ask an owner: {', '.join(owners) or 'there is none'}",
            details={"principal": by, "lacks": lacking, "ask": owners},
        )

    def _too_long(self, by: str, what: Thing) -> Refused:
        self._access.note(by, "role.create", what, False)
        ends = [one.until for one in self._access.current() if one.principal == by]
        last = max((end for end in ends if end), default="")
        return Refused(
            f"{by} has this for a while only, and gives nothing that lasts longer",
            code="more_than_held",
            hint=f"give it for a while, too: --until {last[:16]}Z at the latest",
            details={"principal": by, "until": last},
        )

    def _users(self, role: str) -> list[AssignmentRecord]:
        return [one for one in self._access.current() if one.role == role]


def _not_had(held: Holding, rights: set[str]) -> list[str]:
    return sorted(right for right in rights if held.cell(right) == "no")


def _is_self(held: Holding, principal: str) -> bool:
    mine = [held.principal, *(GROUP + group for group in held.groups)]
    return principal in mine


def _shown(role: RoleRecord) -> str:
    without = f" but {' '.join(role.exclusions)}" if role.exclusions else ""
    text = f"{' '.join(role.actions)}{without} on {' '.join(role.scopes)}"
    return f"{text} ({role.reach})"[:500]


def _people(users: list[AssignmentRecord]) -> str:
    named = [f"{one.principal} on {one.scope}" for one in users[:_NAMED]]
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return ", ".join(named) + more
