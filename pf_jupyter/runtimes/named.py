"""Environments by their names: which version a runtime gets, and that it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..engines.api import Engine, Login, Progress
from ..errors import EnvironmentFailed, NotFound, PfError, UsageError
from ..flow.fields import did_you_mean
from ..store.records import EnvironmentVersionRecord, RuntimeRecord
from ..store.store import Store
from .model import WITHDRAWN

DEFAULT = "default"
Logins = Callable[[str], Login | None]
SOURCES = {
    "host": "made from the Python of this machine",
    "registry": "made on a base image from a registry",
    "published": "fetched from its registry",
}


class Resolved(Protocol):
    """What an environment came to; see the environments room."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102
    @property
    def image(self) -> str: ...  # noqa: D102
    @property
    def python(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102


Resolve = Callable[[Engine, Progress], Resolved]


@dataclass(frozen=True)
class Fetched:
    """A published version that is on an engine."""

    name: str
    version: str
    digest: str
    image: str
    python: str
    source: str = "published"


class NamedEnvironments:
    """Finds published versions for runtimes.

    Parameters
    ----------
    store
        Where they are remembered.
    logins
        Gives the login for a registry.
    """

    def __init__(self, store: Store, logins: Logins = lambda _: None) -> None:
        self._store = store
        self._logins = logins

    def pin(self, text: str) -> dict[str, Any]:
        """Return the fields of a runtime's record for an environment.

        ``name`` and ``name@latest`` become the newest version there is now.

        Parameters
        ----------
        text
            As a user names it; nothing is fixed yet for ``default``.

        Raises
        ------
        UsageError
            It is no name.
        NotFound
            There is none of that name, or no such version.
        """
        from ..environments.versions import parse_reference

        wanted = parse_reference(text)
        if wanted.name == DEFAULT and not self._is_published(wanted.version):
            self._check_default(wanted.version)
            return {}
        found = self.find(wanted.name, wanted.version)
        return {
            "environment_name": found.name,
            "environment_version": found.version,
            "environment_digest": found.digest,
            "python": str(found.document.get("python", "")),
        }

    def find(self, name: str, version: str | None) -> EnvironmentVersionRecord:
        """Return a version, the newest that is neither archived nor withdrawn for None.

        Raises
        ------
        NotFound
            There is none; the hint names what there is.
        """
        versions = self._store.environments.versions(name)
        if version is not None:
            for record in versions:
                if record.version == version:
                    return record
        current = [record for record in versions if not record.archived]
        if version is None and current:
            good = [record for record in current if WITHDRAWN not in record.tags]
            return (good or current)[-1]
        if versions:
            listed = ", ".join(record.version for record in current) or "none"
            raise NotFound(
                f"{name} has no version {version or 'that is not archived'}",
                code="environment_not_found",
                hint=f"there is {listed}; %pfenv list --all shows archived ones, too",
            )
        raise NotFound(
            f"there is no environment {name!r}", hint=self._hint_for_missing(name)
        )

    def fetch(
        self, record: RuntimeRecord, engine: Engine, progress: Progress
    ) -> Fetched | None:
        """Bring a runtime's version to its engine; None for ``default``.

        Raises
        ------
        EnvironmentFailed
            It is nowhere to be had, or is not what was published.
        """
        name, version = record.environment_name, record.environment_version
        if name == "" or (name == DEFAULT and not self._is_published(version)):
            return None
        found = self.find(record.environment_name, record.environment_version)
        return self.bring(found, engine, progress)

    def bring(
        self, found: EnvironmentVersionRecord, engine: Engine, progress: Progress
    ) -> Fetched:
        """Bring a version to an engine, from one of its registries if need be.

        Raises
        ------
        EnvironmentFailed
            It is nowhere to be had, or is not what was published.
        """
        image = engine.image(found.image)
        problems: list[str] = []
        for reference in found.registries if image is None else ():
            try:
                image = engine.pull(reference, progress, login=self._logins(reference))
            except PfError as error:
                problems.append(f"{reference}: {error.message}")
                continue
            if image.id != found.digest:
                problems.append(f"{reference} holds another image by now")
                image = None
                continue
            engine.tag(reference, found.image)
            break
        if image is None:
            tried = "; ".join(problems) or "it was published to no registry"
            raise EnvironmentFailed(
                f"{found.name}:{found.version} is not on this engine: {tried}",
                phase="pull",
                code="environment_not_here",
                hint=f"%pfenv publish {found.name} --registry HOST/PATH, or %pfenv "
                "export and import, bring it here",
            )
        python = str(found.document.get("python", ""))
        return Fetched(found.name, found.version, image.id, found.image, python)

    def _is_published(self, version: str | None) -> bool:
        """Return whether a version of ``default`` came from a registry."""
        if not version:
            return False
        found = self._store.environments.versions(DEFAULT)
        return any(one.version == version for one in found)

    def _check_default(self, version: str | None) -> None:
        from ..environments.default import DEFAULT_VERSION

        if version not in (None, DEFAULT_VERSION):
            raise NotFound(
                f"there is no version {version} of default",
                code="environment_not_found",
                hint=f"leave it out, or say default:{DEFAULT_VERSION}",
            )

    def _hint_for_missing(self, name: str) -> str:
        build = self._store.environments.get(name)
        if build is not None and build.build is not None:
            return f"it is built and not published yet: %pfenv publish {name}"
        names = [*self._store.environments.names(), DEFAULT]
        return did_you_mean(name, names, f"there is {', '.join(names)}")


def refuse_without_containers(text: str) -> UsageError:
    """Return the error for a published environment where there are no images."""
    return UsageError(
        f"{text} is an image, and compute 'process' runs without containers",
        code="no_images",
        hint="choose compute docker, or leave the environment out",
    )
