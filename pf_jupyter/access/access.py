"""Asks who may do what, refuses with words, and writes down what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import IllegalState, NotFound, Refused, UsageError
from ..store.access import AuditFilter
from ..store.records import AssignmentRecord, AuditRecord, timestamp
from .catalogue import WORKSPACE as WORKSPACE
from .catalogue import Catalogue, check_scope
from .holding import GROUP, Decision, Holding
from .roles import NAMES, RIGHTS, ROLES, Thing, cell, fits, roles_with

if TYPE_CHECKING:
    from ..store.access import AccessRows


Clock = Callable[[], datetime]


def _clock() -> datetime:
    return datetime.now(UTC)


class Access:
    """The rights of one workspace.

    Parameters
    ----------
    rows
        Assignments and the audit list.
    clock
        Tells the present moment.
    """

    def __init__(
        self,
        rows: AccessRows,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.rows = rows
        self._clock = clock

    @property
    def now(self) -> str:
        """The present moment, as records write it."""
        return timestamp(self._clock())

    def holding(self, principal: str, lasting: str | None = None) -> Holding:
        """Return what somebody holds now, or what of it lasts until a moment."""
        held = self.rows.held(principal, GROUP)
        return Holding(principal, held, lasting or self.now)

    def catalogue(self) -> Catalogue:
        """Return all roles that there are."""
        return Catalogue(self.rows.roles())

    def decide(
        self, principal: str, right: str, thing: Thing, *, at_all: bool = False
    ) -> Decision:
        """Return whether somebody may do something, without trying.

        Parameters
        ----------
        at_all
            Whether they may with anything of the kind, be it their own alone.
        """
        held = self.holding(principal)
        found = held.decide(right, thing)
        if at_all and not found.allowed and not found.excluded:
            found = held.decide_at_all(right, thing)
        if found.allowed:
            return found
        needs = NAMES[smallest(right, thing, principal)]
        return replace(found, needs=needs, ask=tuple(self._who_gives(thing)))

    def require(self, principal: str, right: str, thing: Thing) -> None:
        """Refuse unless somebody may do something; what is done is written down.

        Raises
        ------
        Refused
            The message names the person, the right, the thing and who can grant it.
        NotFound
            Not even its existence may be known.
        """
        decision = self.decide(principal, right, thing)
        if not right.endswith(".list"):
            self.note(principal, right, thing, decision.allowed)
        if decision.allowed:
            return
        if thing.name and not self.sees(principal, thing):
            raise hidden(thing)
        raise refusal(decision, right, thing)

    def sees(self, principal: str, thing: Thing) -> bool:
        """Tell whether somebody may know of a thing."""
        return self.holding(principal).decide(f"{thing.kind}.list", thing).allowed

    def note(self, principal: str, right: str, thing: Thing, allowed: bool) -> None:
        """Add a line to the audit list."""
        self.rows.note(
            AuditRecord(timestamp(), principal, right, thing.kind, thing.name, allowed)
        )

    def current(self) -> list[AssignmentRecord]:
        """Return the assignments that hold now."""
        now = self.now
        return [a for a in self.rows.all() if a.until is None or a.until >= now]

    def owners(self) -> list[str]:
        """Return who has the role Owner on the workspace."""
        found = (
            a.principal
            for a in self.current()
            if a.role == "owner" and a.scope == WORKSPACE
        )
        return sorted(set(found))

    def assign(
        self, by: str, principal: str, role: str, scope: str, until: str | None
    ) -> AssignmentRecord:
        """Give a role, at once; whether ``by`` may is not asked here.

        Raises
        ------
        UsageError
            Words do not fit.
        IllegalState
            The last owner would be one for a while only.
        """
        self.catalogue().check(role, scope)
        if until is not None:
            self._keep_an_owner(principal, role, scope)
        record = AssignmentRecord(
            principal=check_principal(principal),
            role=role,
            scope=scope,
            granted_by=by,
            created_at=timestamp(),
            until=until,
        )
        self.rows.put(record)
        self.note(by, "role.create", about(principal, role, scope, until), True)
        return record

    def revoke(self, by: str, principal: str, role: str, scope: str) -> None:
        """Take a role back, at once; whether ``by`` may is not asked here.

        Raises
        ------
        NotFound
            They do not have it.
        IllegalState
            Nobody would be left who is an owner for good.
        """
        check_scope(scope)
        self._keep_an_owner(principal, role, scope)
        if not self.rows.remove(principal, role, scope):
            raise NotFound(
                f"{principal} does not have the role {role} on {scope}",
                hint="%pfrole list shows who has which",
            )
        self.note(by, "role.delete", about(principal, role, scope), True)

    def audit(self, limit: int, wanted: AuditFilter | None = None) -> list[AuditRecord]:
        """Return the newest lines of the audit list that are wanted."""
        return self.rows.audit(limit, wanted)

    def _who_gives(self, thing: Thing) -> list[str]:
        own = [thing.owner] if thing.name and thing.owner else []
        return list(dict.fromkeys([*self.owners(), *own]))

    def _keep_an_owner(self, principal: str, role: str, scope: str) -> None:
        if role != "owner" or scope != WORKSPACE:
            return
        for_good = {
            one.principal
            for one in self.rows.all()
            if (one.role, one.scope, one.until) == (role, scope, None)
            and not one.principal.startswith(GROUP)
        }
        if for_good == {principal}:
            raise IllegalState(
                f"{principal} is the last owner: nobody could give a role any more",
                code="last_owner",
                hint="make somebody else an owner first: %pfrole assign PERSON owner",
            )


def refusal(decision: Decision, right: str, thing: Thing) -> Refused:
    """Return the error for a right that is missing."""
    person, ask = decision.principal, list(decision.ask)
    owners = f"owners: {', '.join(ask)}" if ask else ""
    why = f"needs {decision.needs}"
    if decision.excluded:
        why = f"{decision.excluded} takes that right away"
    why = "; ".join(text for text in (why, owners) if text)
    role = smallest(right, thing, person)
    on = f" --on {thing.kind}:{thing.name}" if thing.name else ""
    other = f"%pfruntime instead {thing.name} tells the ways on; "
    other = other if right == "runtime.use" and thing.name else ""
    return Refused(
        f"{person} may not {words_for(right)} {thing} ({why})",
        code="missing_right",
        hint=f"{other}%pfrole ask {role}{on} asks for it; an owner gives it with "
        f"%pfrole assign {person} {role}{on}",
        details={"principal": person, "right": right, "ask": ask},
    )


def smallest(right: str, thing: Thing, principal: str) -> str:
    """Return the smallest of the five roles that gives a right on a thing.

    Where none does on the workspace, it is the one to be had on that very thing.
    """
    able = [r for r in reversed(ROLES) if fits(cell(r, right), thing, principal)]
    return (able or roles_with(right))[0]


def hidden(thing: Thing) -> NotFound:
    """Return the error for something that is not there, for this person."""
    hint = f"%pf{_MAGIC.get(thing.kind, thing.kind)} list shows those that there are"
    if thing.kind == "runtime":
        hint = f"%pfruntime instead {thing.name} tells the ways on; {hint}"
    return NotFound(f"there is no {thing.kind} {thing.name!r}", hint=hint)


def about(principal: str, role: str, scope: str, until: str | None = None) -> Thing:
    """Return an assignment as the audit list names it."""
    end = f" until {until}" if until else ""
    return Thing("role", f"{principal} {role} {scope}{end}")


def check_right(right: str) -> str:
    """Return a right that exists (UsageError)."""
    if right not in RIGHTS:
        raise UsageError(
            f"there is no right {right!r}",
            code="bad_value",
            hint=f"one of {_listed(RIGHTS)}",
        )
    return right


def check_principal(name: str) -> str:
    """Return the name of a person or a group, ``group:NAME`` (UsageError)."""
    text = name.strip()
    bare = text.removeprefix(GROUP).strip()
    if not bare or len(text) > 255 or any(ord(c) < 32 for c in text):
        raise UsageError(
            f"{name!r} cannot be the name of a person or a group",
            code="bad_value",
            hint="give the name that Jupyter knows them by; group:NAME for a group",
        )
    return text


def words_for(right: str) -> str:
    """Return how people call what a right lets them do."""
    return _WORDS[right.partition(".")[2]]


_MAGIC = {"environment": "env"}
_WORDS = {
    "list": "see",
    "create": "make",
    "use": "use",
    "update": "change",
    "delete": "delete",
}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
