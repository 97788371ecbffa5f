"""The part of the workspace interface that is about who may do what.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

RoleName = str
"""``owner``, ``contributor``, ``data_scientist``, ``compute_operator``, ``reader``."""


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
class Answer:
    """Whether somebody may do something, and why; ``ask`` can grant it."""

    allowed: bool
    principal: str
    right: str
    thing: str
    by: str = ""
    needs: str = ""
    ask: tuple[str, ...] = ()

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
            A person, as Jupyter knows them.
        role
            One of the five.
        on
            ``workspace``, or ``KIND:NAME`` such as ``runtime:demo``.
        until
            When it ends: ``18:00`` (today, local time), or an ISO date and time.

        Raises
        ------
        UsageError
            The words do not fit.
        Refused
            Whoever asks is no owner.
        """

    @abstractmethod
    def revoke(self, principal: str, role: RoleName, *, on: str = "workspace") -> None:
        """Take a role back: nothing new begins, what runs goes on (NotFound)."""

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
    def audit(self, *, limit: int = 100) -> builtins.list[AuditLine]:
        """Return what was asked, the newest first."""
