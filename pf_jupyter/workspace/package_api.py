"""What is installed in a runtime, and changing it: part of the workspace interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import IllegalState
from ..runtimes.model import Installation as Installation
from ..runtimes.model import OnPhase
from .environment_api import Package

if TYPE_CHECKING:
    from .api import Runtime


class HasPackages:
    """A runtime's packages. Its environment stays what it is: layers lie over it."""

    name: str

    def install(
        self,
        *packages: str,
        requirements: str | Path | None = None,
        upgrade: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Installation:
        """Install packages into this runtime now, and into nothing else.

        What runs is not disturbed; whatever begins afterwards has the packages. All
        that was asked for is imported before anything changes.

        Parameters
        ----------
        packages
            Requirements: ``name``, ``name==1.2``, ``name[extra]>=1``, the path of a
            wheel or project folder, a URL.
        requirements
            A requirements file.
        upgrade
            Whether packages that are there may be replaced by newer ones; otherwise
            only those that are named, and only when their version does not fit.
        on_phase
            Called with each step: resolve, install, verify.

        Raises
        ------
        RuntimeFailed, Unreachable, Refused, UsageError
            Nothing has changed; the message is the resolver's own explanation.
        """
        raise _impossible(self.name)

    def reset(self) -> Runtime:
        """Take off all that was installed by hand: it is its definition again."""
        raise _impossible(self.name)

    def packages(self) -> list[Package]:
        """Return what is installed, by name, each with its version and source."""
        raise _impossible(self.name)

    def layers(self) -> list[dict[str, Any]]:
        """Return the layers over the environment, the lowest first.

        Each is ``{"name", "source", "requirements", "packages"}``.
        """
        raise _impossible(self.name)


def _impossible(name: str) -> IllegalState:
    return IllegalState(
        f"the packages of runtime {name!r} cannot be changed from here",
        hint="do it where its workspace is",
    )
