"""Who may do what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from .base import Answer, Asked, Name, Text

Role = Annotated[str, Field(min_length=2, max_length=32)]
"""One of the five, or one of the workspace's own."""

Scope = Annotated[str, Field(min_length=1, max_length=300)]
Reach = Literal["own", "shared", "all"]
Patterns = Annotated[list[Name], Field(max_length=200)]


class AssignRole(Asked):
    """A role to give to a person or ``group:NAME``, on the workspace or ``KIND:NAME``.

    ``until`` is ``18:00`` where the server is, ``2h``, or a date and time.
    """

    principal: Name
    role: Role
    on: Scope = "workspace"
    until: Text | None = None


class RevokeRole(Asked):
    """A role to take back; ``cancel`` also ends the person's runs that go on."""

    principal: Name
    role: Role
    on: Scope = "workspace"
    cancel: bool = False


class CheckRole(Asked):
    """A question: may they do it?"""

    principal: Name
    right: Name
    on: Text | None = None


class AssignmentAnswer(Answer):
    """Who has which role on what."""

    principal: str
    role: str
    scope: str
    granted_by: str
    created_at: str
    until: str | None


class AssignmentsAnswer(Answer):
    """All assignments that hold now."""

    assignments: list[AssignmentAnswer]


class RevocationAnswer(Answer):
    """A role that was taken back, and that person's runs that go on or were ended."""

    principal: str
    role: str
    scope: str
    revoked: bool
    running: list[str]
    canceled: list[str]


class DecisionAnswer(Answer):
    """Whether they may, by which role, or which one it takes and who grants it.

    ``assignment`` is what gives the right, or of a refusal takes it away.
    """

    allowed: bool
    principal: str
    right: str
    thing: str
    by: str
    needs: str
    ask: list[str]
    assignment: AssignmentAnswer | None
    excluded: str


class WhatAbout(Asked):
    """A thing, ``KIND:NAME``; nothing means what is not there yet."""

    model_config = ConfigDict(extra="forbid", strict=False)

    on: Text = ""


class RightAnswer(Answer):
    """Whether you may; else the smallest role that may, and who can grant it."""

    allowed: bool
    needs: str = ""
    ask: list[str] = Field(default_factory=list)


class RightsAnswer(Answer):
    """What whoever asks may do."""

    principal: str
    on: str | None
    rights: dict[str, RightAnswer]


class ListAudit(Asked):
    """Which lines are wanted, and how many at most.

    ``right`` may end with ``*``; ``on`` is ``KIND`` or ``KIND:NAME``; ``since`` a date
    and time.
    """

    model_config = ConfigDict(extra="forbid", strict=False)

    limit: int = Field(default=100, ge=1, le=10_000)
    principal: Text | None = None
    right: Text | None = None
    on: Text | None = None
    allowed: bool | None = None
    since: Text | None = None


class AuditLineAnswer(Answer):
    """One thing that was asked."""

    time: str
    principal: str
    right: str
    kind: str
    name: str
    allowed: bool


class AuditAnswer(Answer):
    """What was asked, the newest first."""

    lines: list[AuditLineAnswer]


class RoleFields(Asked):
    """What a role of the workspace's own gives and takes away; None stays as it is."""

    actions: Patterns | None = None
    exclusions: Patterns | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=200)] | None = None
    reach: Reach | None = None
    description: Text | None = None


class CreateRole(RoleFields):
    """A role to define."""

    name: Role


class DeleteRole(Asked):
    """Whether it is taken back from all who have it first."""

    model_config = ConfigDict(extra="forbid", strict=False)

    revoke: bool = False


class RoleAnswer(Answer):
    """What a role gives: ``rights`` has its cells of the table in docs/roles.md."""

    name: str
    title: str
    description: str
    actions: list[str]
    exclusions: list[str]
    scopes: list[str]
    reach: str
    rights: dict[str, str]
    builtin: bool
    created_by: str
    changed_at: str


class RolesAnswer(Answer):
    """All roles that there are, the five first."""

    roles: list[RoleAnswer]


class GroupsAnswer(Answer):
    """Each group that is known, and who was last seen in it."""

    groups: dict[str, list[str]]


class AskAccess(Asked):
    """A role that you ask for, and what for."""

    role: Role
    on: Scope = "workspace"
    reason: Annotated[str, Field(max_length=1000)] = ""


class GrantAccess(Asked):
    """What is given instead of what was asked for, and until when."""

    role: Role | None = None
    until: Text | None = None


class ListAccess(Asked):
    """Whether those that were answered are wanted, too."""

    model_config = ConfigDict(extra="forbid", strict=False)

    answered: bool = False


class AccessRequestAnswer(Answer):
    """What somebody asked for, and what became of it."""

    id: str
    principal: str
    role: str
    scope: str
    reason: str
    created_at: str
    state: Literal["open", "granted", "refused"]
    answered_by: str | None
    answered_at: str | None
    until: str | None


class AccessRequestsAnswer(Answer):
    """Your own requests, and those that you can answer."""

    requests: list[AccessRequestAnswer]
