"""What is installed in a runtime, and changing it: part of the workspace interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import IllegalState
from ..runtimes.model import Installation as Installation
from ..runtimes.model import OnPhase
from .capture_api import Capture
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

    def capture(
        self,
        name: str,
        *,
        to: str | Path | None = None,
        publish: bool = True,
        partial: bool = False,
        index_url: str | None = None,
        version: str | None = None,
        registry: str | None = None,
        description: str | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Capture:
        """Make an environment of what was installed by hand, and prove it equal.

        pip's packages become a lock, the system's a step of a Dockerfile. The folder is
        built without anything of the runtime, and the packages of both are held against
        each other. Files that were edited by hand are told and not taken.

        Parameters
        ----------
        name
            Of the environment; of one that is there, it becomes the next version.
        to
            The folder to write; one of that name here when None. What a capture wrote
            there before is replaced.
        publish
            Whether it gets a number at once.
        partial
            Publish it even if something differs.
        index_url
            The index of the rebuild; without it, what pip is told in the runtime.
        version, registry, description, connection
            As for `Environments.publish`.
        on_phase
            Called with each step.

        Raises
        ------
        UsageError
            Nothing was installed by hand.
        AlreadyExists
            The folder holds something else.
        EnvironmentFailed
            It cannot be built, or something differs (``capture_differs``); the folder
            stays, so that it can be mended by hand.
        """
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
