"""Who may do what."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from .base import Answer, Asked, Name, Text

Role = Literal["owner", "contributor", "data_scientist", "compute_operator", "reader"]


class RevokeRole(Asked):
    """A role of somebody, on the workspace or on ``KIND:NAME``."""

    principal: Name
    role: Role
    on: Text = "workspace"


class AssignRole(RevokeRole):
    """A role to give; ``until`` is ``18:00`` or a date and time."""

    until: Text | None = None


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


class DecisionAnswer(Answer):
    """Whether they may, by which role, or which one it takes and who grants it."""

    allowed: bool
    principal: str
    right: str
    thing: str
    by: str
    needs: str
    ask: list[str]


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
    """How many lines are wanted."""

    model_config = ConfigDict(extra="forbid", strict=False)

    limit: int = Field(default=100, ge=1, le=10_000)


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
