"""Asks who may do what, refuses with words, and writes down what was asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import NotFound, Refused, UsageError
from ..store.records import AssignmentRecord, AuditRecord, timestamp
from .roles import NAMES, RIGHTS, ROLES, THINGS, Thing, allows, roles_with

if TYPE_CHECKING:
    from ..store.access import AccessRows

WORKSPACE = "workspace"


@dataclass(frozen=True)
class Decision:
    """Whether somebody may do something, and why.

    Parameters
    ----------
    allowed
        The answer.
    principal, right, thing
        The question.
    by
        The role that gives the right, and on what; empty when none does.
    needs
        The smallest role that would give it.
    ask
        Who can grant it.
    """

    allowed: bool
    principal: str
    right: str
    thing: str
    by: str = ""
    needs: str = ""
    ask: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.allowed:
            return f"{self.principal} may {self.right} on {self.thing} ({self.by})"
        owners = f"; owners: {', '.join(self.ask)}" if self.ask else ""
        needs = f" (needs {self.needs}{owners})" if self.needs else ""
        return f"{self.principal} may not {self.right} on {self.thing}{needs}"


class Access:
    """The rights of one workspace.

    Parameters
    ----------
    rows
        Assignments and the audit list.
    """

    def __init__(self, rows: AccessRows) -> None:
        self._rows = rows

    def decide(self, principal: str, right: str, thing: Thing) -> Decision:
        """Return whether somebody may do something, without trying."""
        mine = [a for a in self.current() if a.principal == principal]
        here = f"{thing.kind}:{thing.name}"
        for given in mine:
            assigned = given.scope == here
            if not assigned and given.scope != WORKSPACE:
                continue
            if allows(given.role, right, thing, principal, assigned=assigned):
                by = f"{NAMES[given.role]} on {given.scope}"
                return Decision(True, principal, right, str(thing), by)
        needs = NAMES[roles_with(right)[0]]
        return Decision(
            False, principal, right, str(thing), needs=needs, ask=tuple(self.owners())
        )

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
        owners = f"; owners: {', '.join(decision.ask)}" if decision.ask else ""
        raise Refused(
            f"{principal} may not {_words(right)} {thing} (needs {decision.needs}"
            f"{owners})",
            code="missing_right",
            hint=f"ask an owner for it: %pfrole assign {principal} "
            f"{roles_with(right)[0]}"
            + (f" --on {thing.kind}:{thing.name}" if thing.name else ""),
            details={"principal": principal, "right": right, "ask": list(decision.ask)},
        )

    def sees(self, principal: str, thing: Thing) -> bool:
        """Tell whether somebody may know of a thing."""
        return self.decide(principal, f"{thing.kind}.list", thing).allowed

    def note(self, principal: str, right: str, thing: Thing, allowed: bool) -> None:
        """Add a line to the audit list."""
        self._rows.note(
            AuditRecord(timestamp(), principal, right, thing.kind, thing.name, allowed)
        )

    def current(self) -> list[AssignmentRecord]:
        """Return the assignments that hold now."""
        now = datetime.now(UTC).isoformat()
        return [a for a in self._rows.all() if not a.until or a.until > now]

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
        """Give a role, at once (UsageError for words that do not fit)."""
        check_words(role, scope)
        record = AssignmentRecord(
            principal=_principal(principal),
            role=role,
            scope=scope,
            granted_by=by,
            created_at=timestamp(),
            until=until,
        )
        self._rows.put(record)
        self.note(by, "role.create", Thing("role", f"{principal} {role} {scope}"), True)
        return record

    def revoke(self, by: str, principal: str, role: str, scope: str) -> None:
        """Take a role back, at once (NotFound)."""
        check_words(role, scope)
        if not self._rows.remove(principal, role, scope):
            raise NotFound(
                f"{principal} does not have the role {role} on {scope}",
                hint="%pfrole list shows who has which",
            )
        self.note(by, "role.delete", Thing("role", f"{principal} {role} {scope}"), True)

    def audit(self, limit: int) -> list[AuditRecord]:
        """Return the newest lines of the audit list."""
        return self._rows.audit(limit)


def hidden(thing: Thing) -> NotFound:
    """Return the error for something that is not there, for this person."""
    return NotFound(
        f"there is no {thing.kind} {thing.name!r}",
        hint=f"%pf{_MAGIC.get(thing.kind, thing.kind)} list shows those that there are",
    )


def check_right(right: str) -> str:
    """Return a right that exists (UsageError)."""
    if right not in RIGHTS:
        raise UsageError(
            f"there is no right {right!r}",
            code="bad_value",
            hint=f"one of {_listed(RIGHTS)}",
        )
    return right


def check_words(role: str, scope: str) -> None:
    """Refuse roles and scopes that do not exist (UsageError)."""
    if role not in ROLES:
        raise UsageError(
            f"there is no role {role!r}",
            code="bad_value",
            hint=f"one of {_listed(ROLES)}",
        )
    kind, _, name = scope.partition(":")
    if scope != WORKSPACE and (kind not in THINGS or not name or kind == WORKSPACE):
        raise UsageError(
            f"{scope!r} is nothing that a role can be given on",
            code="bad_value",
            hint="workspace, or KIND:NAME: runtime:demo, compute:docker, …",
        )


_MAGIC = {"environment": "env"}
_WORDS = {
    "list": "see",
    "create": "make",
    "use": "use",
    "update": "change",
    "delete": "delete",
}


def _words(right: str) -> str:
    return _WORDS[right.partition(".")[2]]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _principal(name: str) -> str:
    text = name.strip()
    if not text or len(text) > 255 or any(ord(c) < 32 for c in text):
        raise UsageError(
            f"{name!r} cannot be the name of a person",
            code="bad_value",
            hint="give the name that Jupyter knows them by",
        )
    return text
