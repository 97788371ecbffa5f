"""The part of the workspace interface that is about environments.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..runtimes.model import WITHDRAWN, CheckResult, OnPhase
from .withdrawal_api import HasWithdrawals


@dataclass(frozen=True)
class Package:
    """A package of an environment.

    ``source`` says where it comes from: ``base``, or ``environment``.
    """

    name: str
    version: str
    source: str

    def to_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return {"name": self.name, "version": self.version, "source": self.source}


@dataclass(frozen=True)
class EnvironmentBuild:
    """What a build gave.

    Parameters
    ----------
    name, image, digest
        The environment, and its image on the engine.
    definition
        ``sha256:…`` over all that decides what comes out.
    cached
        Whether nothing had changed, so that no work was done.
    duration_ms
        In milliseconds.
    phases
        Phase and its seconds, in their order.
    checks
        How the image was tried: ``{"name", "status", "message", "hint"}``.
    log
        What the build said, without logins.
    warnings
        What in the definition deserves a look.
    """

    name: str
    image: str
    digest: str
    definition: str
    base: str
    base_digest: str
    size: int
    python: str
    packages: Sequence[Package]
    cached: bool
    duration_ms: float
    phases: Sequence[tuple[str, float]] = ()
    checks: Sequence[Mapping[str, str]] = ()
    log: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {
            **vars(self),
            "packages": [package.to_dict() for package in self.packages],
            "phases": [{"phase": name, "seconds": s} for name, s in self.phases],
            "checks": [dict(check) for check in self.checks],
            "log": list(self.log),
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        return f"<EnvironmentBuild {self.name} @ {self.digest[7:19]}>"


@dataclass(frozen=True)
class Environment:
    """A version of an environment.

    Parameters
    ----------
    name, version, digest
        ``name:version``, and the digest of its content.
    image
        Its reference on the engine that published it.
    registries
        Reference in a registry to the digest there.
    used_by
        Names of the runtimes that stand on it.
    curated
        Whether it is ours (``default``).
    notes
        What is new in it, in its publisher's words.
    """

    name: str
    version: str
    digest: str
    image: str
    owner: str
    created_at: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    archived: bool = False
    base: str = ""
    base_digest: str = ""
    python: str = ""
    size: int = 0
    packages: Sequence[Package] = ()
    registries: Mapping[str, str] = field(default_factory=dict)
    used_by: Sequence[str] = ()
    checks: Sequence[Mapping[str, str]] = ()
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    inference_config: Mapping[str, Any] = field(default_factory=dict)
    definition: str = ""
    log: Sequence[str] = ()
    curated: bool = False
    notes: str = ""

    @property
    def withdrawn(self) -> str:
        """Why it is not to be used any more; empty when it may be."""
        return self.tags.get(WITHDRAWN, "")

    def to_dict(self) -> dict[str, Any]:
        """Return all of it but the build's log for JSON."""
        document = {
            **vars(self),
            "tags": dict(self.tags),
            "packages": [package.to_dict() for package in self.packages],
            "registries": dict(self.registries),
            "used_by": list(self.used_by),
            "checks": [dict(check) for check in self.checks],
        }
        del document["log"]
        return document

    def __repr__(self) -> str:
        return f"<Environment {self.name}:{self.version} @ {self.digest[7:19]}>"


@dataclass(frozen=True)
class PackageChange:
    """A package that differs; None where it is missing."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class EnvironmentDiff:
    """What differs between two versions; empty sequences where nothing does."""

    before: str
    after: str
    packages: Sequence[PackageChange]
    facts: Sequence[PackageChange]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.packages and not self.facts

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "before": self.before,
            "after": self.after,
            "equal": self.equal,
            "packages": [vars(change) for change in self.packages],
            "facts": [vars(change) for change in self.facts],
        }


class Environments(HasWithdrawals):
    """The environments of a workspace."""

    @abstractmethod
    def init(self, name: str, *, to: str | Path | None = None, base: str = "") -> Path:
        """Write a folder that builds at once: ``NAME/image_build``.

        Raises
        ------
        AlreadyExists, UsageError
        """

    @abstractmethod
    def build(
        self,
        source: str | Path,
        *,
        python: str = "",
        fresh: bool = False,
        compute: str | None = None,
        context_limit: int | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> EnvironmentBuild:
        """Make an environment's image and try it; no work when nothing changed.

        Parameters
        ----------
        source
            A folder or file that defines it, or the name of one built before.
        python
            Version of Python for our own base, of those on this machine.
        fresh
            Build even if nothing changed.
        compute
            Where; the local Docker when None.
        context_limit
            Bytes that the folder may have.
        connection
            Name of a connection with the login of the base's registry.

        Raises
        ------
        EnvironmentInvalid
            The definition has problems; all are listed.
        EnvironmentFailed
            It cannot be built, or a runtime on it would not get ready.
        Refused
            The name is another user's.
        """

    @abstractmethod
    def publish(
        self,
        source: str | Path,
        *,
        version: str | None = None,
        registry: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        notes: str | None = None,
        compute: str | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Environment:
        """Give a build a number for good, and send it to a registry when one is named.

        What was not built yet, or has changed since, is built first. An image that is
        a version already keeps that version.

        Parameters
        ----------
        source
            As for `build`.
        version
            Its number; the definition's, or the next one, when None.
        registry
            ``host:port/path`` to send it to as ``…/NAME:VERSION``.
        description, tags
            For people; they can be changed later with `describe`.
        notes
            What is new in it: it travels with the image, is shown to those who could
            update, and never changes.
        connection
            Name of a connection with the login of the registry; docker's own login
            is used without one.

        Raises
        ------
        AlreadyExists
            There is such a version with another content.
        Refused, EnvironmentFailed
        """

    @abstractmethod
    def list(self, *, archived: bool = False) -> list[Environment]:
        """Return all versions, ours first; archived ones only when asked for."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return what ``--env`` may be: names and ``name:version``; no engine waits."""

    @abstractmethod
    def get(self, reference: str) -> Environment:
        """Return ``name``, ``name:version`` or ``name@latest`` (NotFound)."""

    @abstractmethod
    def diff(self, before: str, after: str) -> EnvironmentDiff:
        """Return what differs between two versions (NotFound)."""

    @abstractmethod
    def check(
        self,
        reference: str,
        *,
        advisories: str | Path | None = None,
        connection: str | None = None,
    ) -> Sequence[CheckResult]:
        """Try a version again: image, contract, registry, base, known vulnerabilities.

        Parameters
        ----------
        reference
            The version.
        advisories
            A database of vulnerabilities: a file, archive or folder of OSV records, or
            ``pip-audit`` for the public one.
        connection
            Name of a connection with the login of its registry.
        """

    @abstractmethod
    def describe(
        self,
        reference: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Environment:
        """Change description and tags, all that can change of a version (NotFound)."""

    @abstractmethod
    def archive(self, reference: str) -> Sequence[str]:
        """Hide a name, or one version of it, from lists; it can still be used."""

    @abstractmethod
    def restore(self, reference: str) -> Sequence[str]:
        """Show again what was archived."""

    @abstractmethod
    def export(
        self,
        reference: str,
        to: str | Path,
        *,
        overwrite: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Path:
        """Write a version into one file, to be carried to where no registry is.

        Raises
        ------
        NotFound, AlreadyExists, EnvironmentFailed
        """

    @abstractmethod
    def import_(
        self,
        source: str | Path,
        *,
        name: str | None = None,
        compute: str | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Environment:
        """Take over a version from a file of `export`, or from a registry.

        Parameters
        ----------
        source
            The file, or ``host:port/path/NAME:VERSION``.
        name
            What it is to be called here; its own name when None.

        Raises
        ------
        NotFound, AlreadyExists, EnvironmentFailed
            Its digest is not the one it was written with, or it would not get ready.
        """
