"""The part of the workspace interface that is about who may do what.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

RoleName = str
"""``owner``, ``contributor``, ``data_scientist``, ``compute_operator``, ``reader``, or
one of the workspace's own."""


@dataclass(frozen=True)
class Assignment:
    """Who has which role on what; ``until`` None means until it is taken back."""

    principal: str
    role: str
    scope: str
    granted_by: str
    created_at: str
    until: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"<Assignment {self.principal}: {self.role} on {self.scope}>"


@dataclass(frozen=True)
class RoleDefinition:
    """What a role gives and takes away.

    Parameters
    ----------
    actions, exclusions
        Rights that it gives, and such that it takes away whatever gives them:
        ``runtime.use``, ``runtime.*``, ``*.list`` or ``*``.
    scopes
        Where it may be given: ``workspace``, ``runtime:*``, ``runtime:demo`` or ``*``.
    reach
        On the workspace, whose things it is about: ``own``, ``shared`` or ``all``.
    rights
        What comes of it: each right with its cell of the table in docs/roles.md.
    builtin
        Whether it is one of the five, which never change.
    """

    name: str
    title: str
    description: str = ""
    actions: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("*",)
    reach: str = "shared"
    rights: Mapping[str, str] = field(default_factory=dict)
    builtin: bool = False
    created_by: str = ""
    changed_at: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        lists = {name: [*getattr(self, name)] for name in _LISTS}
        return {**asdict(self), **lists, "rights": dict(self.rights)}

    def __repr__(self) -> str:
        return f"<Role {self.name}: {', '.join(self.actions) or 'one of the five'}>"


_LISTS = ("actions", "exclusions", "scopes")


@dataclass(frozen=True)
class AccessRequest:
    """What somebody asked for; ``state`` is ``open``, ``granted`` or ``refused``."""

    id: str
    principal: str
    role: str
    scope: str
    reason: str
    created_at: str
    state: str = "open"
    answered_by: str | None = None
    answered_at: str | None = None
    until: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    def __repr__(self) -> str:
        about = f"{self.principal} asks for {self.role} on {self.scope}"
        return f"<Request {self.id}: {about}, {self.state}>"


@dataclass(frozen=True)
class Revocation:
    """A role that was taken back; ``running`` are runs of theirs that go on."""

    principal: str
    role: str
    scope: str
    running: tuple[str, ...] = ()
    canceled: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        lists = {"running": [*self.running], "canceled": [*self.canceled]}
        return {**asdict(self), **lists, "revoked": True}


@dataclass(frozen=True)
class Answer:
    """Whether somebody may do something, and why; ``ask`` can grant it.

    Parameters
    ----------
    by
        The role that gives it, on what, through which group, until when.
    needs
        The smallest role that would.
    assignment
        The assignment that ``by`` tells of; of a refusal, the one that takes the right
        away.
    excluded
        The role that takes it away, whatever gives it.
    """

    allowed: bool
    principal: str
    right: str
    thing: str
    by: str = ""
    needs: str = ""
    ask: tuple[str, ...] = ()
    assignment: Assignment | None = None
    excluded: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "ask": list(self.ask)}


@dataclass(frozen=True)
class AuditLine:
    """What was asked: who, which right, on what, when, and the answer."""

    time: str
    principal: str
    right: str
    kind: str
    name: str
    allowed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


class Roles(ABC):
    """Who may do what in a workspace; see docs/roles.md."""

    @abstractmethod
    def list(self) -> list[Assignment]:
        """Return the assignments that hold now."""

    @abstractmethod
    def assign(
        self,
        principal: str,
        role: RoleName,
        *,
        on: str = "workspace",
        until: str | None = None,
    ) -> Assignment:
        """Give a role, at once.

        Parameters
        ----------
        principal
            A person, as Jupyter knows them, or ``group:NAME`` for all in a group.
        role
            One of the five, or one of the workspace's own.
        on
            ``workspace``, or ``KIND:NAME`` such as ``runtime:demo``.
        until
            When it ends: ``18:00`` (today, where you are), ``2h``, or an ISO date and
            time.

        Raises
        ------
        UsageError
            The words do not fit.
        Refused
            Whoever asks may not give it, or has not all of it (``more_than_held``).
        """

    @abstractmethod
    def revoke(
        self,
        principal: str,
        role: RoleName,
        *,
        on: str = "workspace",
        cancel: bool = False,
    ) -> Revocation:
        """Take a role back: nothing new begins.

        Parameters
        ----------
        cancel
            Also end the person's runs that go on; otherwise they come to their end.

        Raises
        ------
        NotFound
            They do not have it.
        IllegalState
            They are the last owner.
        """

    @abstractmethod
    def check(self, principal: str, right: str, *, on: str | None = None) -> Answer:
        """Return whether somebody may do something, without trying.

        Parameters
        ----------
        principal
            The person.
        right
            ``runtime.create``, ``connection.use``, …
        on
            ``KIND:NAME``; None for something that is not there yet.
        """

    @abstractmethod
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
        """Return what was asked, the newest first; None means any.

        Parameters
        ----------
        right
            ``runtime.use``, or ``role.*`` for all that begin so.
        on
            ``KIND`` or ``KIND:NAME``.
        since
            An ISO date and time.
        """

    @abstractmethod
    def definitions(self) -> builtins.list[RoleDefinition]:
        """Return all roles that there are, the five first."""

    @abstractmethod
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
        """Define a role of the workspace's own; see `RoleDefinition`.

        Raises
        ------
        UsageError, AlreadyExists
            It cannot be, or is there.
        Refused
            Whoever asks may not, or has not all of it (``more_than_held``).
        """

    @abstractmethod
    def update(self, name: str, **changes: Any) -> RoleDefinition:
        """Change what is given of a role of the workspace's own, for all who have it.

        Raises
        ------
        NotFound, UsageError, Refused
            As `create`.
        IllegalState
            Somebody has it where it would not be for any more.
        """

    @abstractmethod
    def delete(self, name: str, *, revoke: bool = False) -> None:
        """Forget a role of the workspace's own.

        Parameters
        ----------
        revoke
            Take it back from all who have it first.

        Raises
        ------
        NotFound
            There is none of that name, or it is one of the five.
        IllegalState
            Somebody has it (``role_in_use``).
        """

    @abstractmethod
    def get(self, name: str) -> RoleDefinition:
        """Return a role (NotFound)."""

    @abstractmethod
    def groups(self) -> dict[str, builtins.list[str]]:
        """Return each group that is known, and who was last seen in it."""

    @abstractmethod
    def ask(
        self, role: RoleName, *, on: str = "workspace", reason: str = ""
    ) -> AccessRequest:
        """Ask for a role, for those to see who can give it.

        Asking tells nothing: what is hidden or not there can be asked for, too.
        """

    @abstractmethod
    def requests(self, *, answered: bool = False) -> builtins.list[AccessRequest]:
        """Return your own requests, and those that you can answer."""

    @abstractmethod
    def grant(
        self, request: str, *, role: RoleName | None = None, until: str | None = None
    ) -> Assignment:
        """Give what was asked for, or another role; see `assign`."""

    @abstractmethod
    def refuse(self, request: str) -> AccessRequest:
        """Refuse what was asked for; it can be asked for again."""
