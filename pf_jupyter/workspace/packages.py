"""The packages of a runtime of a local workspace."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import EnvironmentInvalid, UsageError
from ..runtimes.adopting import refuse_adopted
from ..runtimes.states import USABLE
from .api import OnPhase, Runtime
from .capture_api import Capture
from .environment_api import Package
from .package_api import HasPackages, Installation

if TYPE_CHECKING:
    from ..environments.requirements import Requirements
    from ..runtimes.installing import Installer
    from ..store.records import RuntimeRecord
    from .local import LocalWorkspace


class LocalPackages(HasPackages):
    """The part of `LocalRuntime` that knows packages."""

    _workspace: LocalWorkspace

    @property
    @abstractmethod
    def id(self) -> str:
        """Identity that no other runtime ever had."""

    @property
    @abstractmethod
    def _installer(self) -> Installer:
        """Installs into this runtime."""

    @abstractmethod
    def _require(self) -> RuntimeRecord:
        """Return the record as it is now."""

    def install(
        self,
        *packages: str,
        requirements: str | Path | None = None,
        upgrade: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Installation:
        """Install packages into this runtime now; see `HasPackages.install`."""
        self._refuse_adopted()
        wanted = read_wanted(packages, requirements)
        return self._installer.install(
            self.id, wanted, upgrade=upgrade, on_phase=on_phase
        )

    def reset(self) -> Runtime:
        """Take off all that was installed by hand: it is its definition again."""
        from ..runtimes.writable import renew

        self._refuse_adopted()
        life = self._workspace.core.life
        record = self._require()
        renew(record, life.computes.engine(record.compute), life.lifecycle)
        self._installer.reset(self.id)
        return cast(Runtime, self)

    def packages(self) -> list[Package]:
        """Return what is installed, by name, each with its version and source."""
        found = self._installer.packages(self.id)
        own = self._of_environment()
        return [
            Package(name, version, "environment")
            if source == "base" and own.get(name) == version
            else Package(name, version, source)
            for name, version, source in found
        ]

    def _of_environment(self) -> dict[str, str]:
        """Return what the environment has beyond its base, as far as it is known."""
        record = self._require()
        rows = self._workspace.core.store.environments
        for one in rows.versions(record.environment_name):
            base = one.document.get("base_packages")
            if one.version == record.environment_version and base:
                packages = one.document.get("packages") or {}
                return dict(packages.items() - base.items())
        return {}

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
        """Make an environment of what was installed; see `HasPackages.capture`."""
        from .capturing import CaptureWish, Capturing

        record = self._require()
        if record.state not in USABLE:
            cast(Runtime, self).start(on_phase=on_phase)
            record = self._require()
        wish = CaptureWish(
            name=name,
            to=Path(to if to is not None else name).expanduser().absolute(),
            publish=publish,
            partial=partial,
            index_url=index_url or "",
            version=version,
            registry=registry,
            description=description,
            connection=connection,
        )
        return Capturing(self._workspace, record, wish, on_phase).make()

    def _refuse_adopted(self) -> None:
        record = self._require()
        inside = f"docker exec {(record.instance or '')[:12]}"
        refuse_adopted(
            record,
            "its packages are not ours to change",
            f"{inside} python3 -m pip install PACKAGE; then %pfruntime capture "
            f"{record.name} keeps it",
        )

    def layers(self) -> list[dict[str, Any]]:
        """Return the layers over the environment; see `HasPackages.layers`."""
        shown = ("name", "source", "requirements", "packages")
        return [
            {key: layer[key] for key in shown} for layer in self._require().layers or ()
        ]


def read_wanted(
    packages: tuple[str, ...], requirements: str | Path | None
) -> Requirements:
    """Return what somebody wants installed.

    Raises
    ------
    UsageError
        Nothing is asked for.
    EnvironmentInvalid
        Something is no requirement; all problems are in it.
    """
    from ..environments.requirements import (
        join,
        parse_requirements,
        read_requirements,
    )

    wanted = parse_requirements(list(packages), Path.cwd())
    if requirements is not None:
        wanted = join(read_requirements(Path(requirements).expanduser()), wanted)
    if wanted.problems:
        problems = [problem.to_dict() for problem in wanted.problems]
        for problem in problems:
            problem["file"] = problem["file"] or "install"
        raise EnvironmentInvalid(
            f"{len(problems)} of the requirements cannot be read", problems=problems
        )
    if not wanted.items:
        raise UsageError(
            "there is nothing to install",
            code="nothing_to_install",
            hint="name packages, such as: %pfruntime install beautifulsoup4",
        )
    return wanted
