"""What one person holds at one moment, and what that lets them do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..store.access import Held
from ..store.records import AssignmentRecord
from . import roles
from .catalogue import WORKSPACE, Catalogue
from .roles import RIGHTS, Thing

GROUP = "group:"
"""Begins the name of a group where it stands for all who are in it."""

NEVER = "9999"
"""Sorts after every moment: until when somebody has what has no end."""


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
        The role that gives the right, on what, and through which group; empty when
        none does.
    needs
        The smallest of the five roles that would give it.
    ask
        Who can grant it.
    assignment
        What ``by`` tells in words; of a refusal, the one that takes the right away.
    excluded
        The role that takes the right away, whatever gives it; empty without one.
    """

    allowed: bool
    principal: str
    right: str
    thing: str
    by: str = ""
    needs: str = ""
    ask: tuple[str, ...] = ()
    assignment: AssignmentRecord | None = None
    excluded: str = ""

    def __str__(self) -> str:
        if self.allowed:
            return f"{self.principal} may {self.right} on {self.thing} ({self.by})"
        owners = f"; owners: {', '.join(self.ask)}" if self.ask else ""
        needs = f" (needs {self.needs}{owners})" if self.needs else ""
        return f"{self.principal} may not {self.right} on {self.thing}{needs}"


class Holding:
    """The roles of one person.

    Parameters
    ----------
    principal
        The person.
    held
        What was ever given to them.
    lasting
        Only what holds until this moment at least counts.
    """

    def __init__(self, principal: str, held: Held, lasting: str) -> None:
        self.principal = principal
        self.groups = held.groups
        self.catalogue = Catalogue(held.roles)
        self._given = [
            one
            for one in held.assignments
            if (one.until is None or one.until >= lasting)
            # nobody becomes a group by a name that looks like one
            and (one.principal != principal or not principal.startswith(GROUP))
        ]
        self.has_any = bool(self._given)
        self.is_owner = any(
            one.role == "owner" and one.scope == WORKSPACE for one in self._given
        )

    def decide(self, right: str, thing: Thing) -> Decision:
        """Return whether they may do something; ``needs`` and ``ask`` are left out."""
        asked = (self.principal, right, str(thing))
        here = f"{thing.kind}:{thing.name}"
        near = [one for one in self._given if one.scope in (here, WORKSPACE)]
        taken = self._taken(right, near)
        if taken is not None:
            told = f"{taken.role} on {taken.scope}{_through(taken)}"
            return Decision(False, *asked, assignment=taken, excluded=told)
        for one in near:
            cell = self.catalogue.cell(one.role, right)
            assigned = one.scope != WORKSPACE
            if roles.fits(cell, thing, self.principal, assigned=assigned):
                title = self.catalogue.title(one.role)
                by = f"{title} on {one.scope}{_through(one)}"
                return Decision(True, *asked, by=by, assignment=one)
        return Decision(False, *asked)

    def decide_at_all(self, right: str, kind: Thing) -> Decision:
        """Return whether they may with some things of a kind, and with which."""
        own = Thing(kind.kind, owner=self.principal)
        shared = Thing(kind.kind, shared=True)
        found = [(self.decide(right, one), one) for one in (own, shared)]
        words = [
            "a shared one" if one.shared else "one of their own"
            for decision, one in found
            if decision.allowed
        ]
        if not words:
            return self.decide(right, kind)
        best = next(decision for decision, _ in found if decision.allowed)
        return replace(best, thing=f"{kind}: {' or '.join(words)}")

    def cell(self, right: str) -> str:
        """Return how far they have a right in the workspace."""
        wide = [one for one in self._given if one.scope == WORKSPACE]
        best = "no"
        if self._taken(right, wide) is None:
            for one in wide:
                cell = self.catalogue.cell(one.role, right)
                best = cell if roles.exceeds(cell, best) else best
        return best

    def lacks(
        self,
        role: str,
        scope: str,
        thing: Thing | None = None,
        catalogue: Catalogue | None = None,
    ) -> list[str]:
        """Return the rights of a role on a scope that they have not themselves.

        Parameters
        ----------
        thing
            What the scope names, unless that is the workspace.
        catalogue
            What the role is in, when it is to become another one.
        """
        cell = (catalogue or self.catalogue).cell
        if thing is None:
            missing = [
                right
                for right in RIGHTS
                if roles.exceeds(cell(role, right), self.cell(right))
            ]
        else:
            missing = [
                right
                for right in RIGHTS
                if right.startswith(f"{scope.partition(':')[0]}.")
                and roles.on_one_thing(cell(role, right))
                and not self.decide(right, thing).allowed
            ]
        return missing

    def _taken(
        self, right: str, near: Sequence[AssignmentRecord]
    ) -> AssignmentRecord | None:
        """Return the assignment that takes a right away; from owners none does."""
        if self.is_owner:
            return None
        excludes = self.catalogue.excludes
        return next((one for one in near if excludes(one.role, right)), None)


def _through(one: AssignmentRecord) -> str:
    group = f", through {one.principal}" if one.principal.startswith(GROUP) else ""
    until = f", until {one.until[:16].replace('T', ' ')} UTC" if one.until else ""
    return group + until
