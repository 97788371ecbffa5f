"""Containers that somebody else started: part of the workspace interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import IllegalState
from ..runtimes.model import CheckResult, OnPhase

if TYPE_CHECKING:
    from .api import Runtime

OnCheck = Callable[[CheckResult], None]


class AdoptsContainers:
    """Makes runtimes of containers that are there already."""

    def adopt(
        self,
        container: str,
        *,
        name: str | None = None,
        compute: str | None = None,
        on_check: OnCheck | None = None,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        """Make a runtime of a container that somebody else started.

        Its Python, user, mounts, network, limits and labels are checked one by one, and
        the worker is started in it. The container stays theirs: deleting the runtime
        leaves it running.

        Parameters
        ----------
        container
            Its name or id on the engine.
        name
            The runtime's; the container's when None.
        compute
            Where it is; the local Docker when None.
        on_check
            Called with each check.
        on_phase
            Called with each step.

        Raises
        ------
        NotFound
            There is no such container.
        AlreadyExists
            There is a runtime of that name.
        IllegalState
            A check failed (``not_adoptable``); all are in its details.
        """
        raise IllegalState(
            f"{container} cannot be adopted from here",
            hint="do it where its workspace is",
        )
