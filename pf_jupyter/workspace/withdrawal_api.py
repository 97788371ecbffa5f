"""Withdrawing a version of an environment; part of the workspace interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..runtimes.model import WITHDRAWN

if TYPE_CHECKING:
    from .environment_api import Environment


class HasWithdrawals(ABC):
    """What can say that a version is not to be used any more."""

    @abstractmethod
    def describe(
        self,
        reference: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Environment:
        """Change description and tags, all that can change of a version (NotFound)."""

    def withdraw(
        self, reference: str, reason: str = "", *, undo: bool = False
    ) -> Environment:
        """Say that a version is not to be used any more, or that it may be again.

        It is never offered as an update then, and the check of a runtime that stands on
        it says so. By its number it stays usable. The mark is its tag ``withdrawn``.

        Parameters
        ----------
        reference
            ``name:version``: one version, named in full.
        reason
            Why, for people.
        undo
            Take the mark back.

        Raises
        ------
        NotFound
        UsageError
            ``withdrawal_incomplete``: no version is named, or no reason is given.
        """
        name, _, version = reference.partition(":")
        if not version or not (reason.strip() or undo):
            missing = "a reason" if version else "its version"
            raise UsageError(
                f"{reference} cannot be withdrawn without {missing}",
                code="withdrawal_incomplete",
                hint=f'%pfenv withdraw {name}:{version or 2} --reason "why"',
            )
        mark = "" if undo else reason.strip()
        return self.describe(reference, tags={WITHDRAWN: mark})
