"""Environments."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from .base import Answer, Asked, Name, Text
from .files import AnyFile
from .runtimes import PackageAnswer


class KnownEnvironment(Asked):
    """The definition of an environment that was built before."""

    environment: Name


Definition = AnyFile | KnownEnvironment


class StartEnvironment(Asked):
    """An environment of one's own that begins; ``folder`` is below the root folder."""

    name: Name
    base: Text = ""
    folder: Text | None = None


class BuildEnvironment(Asked):
    """An environment to build."""

    source: Definition
    python: str = Field("", max_length=32)
    fresh: bool = False
    compute: Name | None = None
    context_limit: int | None = Field(None, gt=0, le=2**40)
    connection: Name | None = None


class PublishEnvironment(Asked):
    """An environment to publish."""

    source: Definition
    version: Name | None = None
    registry: Text | None = None
    description: str | None = Field(None, max_length=100_000)
    tags: dict[str, str] | None = None
    notes: str | None = Field(None, max_length=20_000)
    compute: Name | None = None
    connection: Name | None = None


class ImportEnvironment(Asked):
    """A version to take over, from a file of an export or from a registry."""

    file: AnyFile | None = None
    registry: Text | None = None
    name: Name | None = None
    compute: Name | None = None
    connection: Name | None = None


class CheckEnvironment(Asked):
    """How a version is tried; ``advisories`` is a database of OSV records.

    ``audit`` asks the public one instead, which is told names and versions.
    """

    advisories: AnyFile | None = None
    audit: bool = False
    connection: Name | None = None


class DescribeEnvironment(Asked):
    """What may change of a version."""

    description: str | None = Field(None, max_length=100_000)
    tags: dict[str, str] | None = None


class Archived(Asked):
    """Whether archived ones are wanted, too."""

    model_config = ConfigDict(extra="forbid", strict=False)

    archived: bool = False


class Other(Asked):
    """What to compare with."""

    model_config = ConfigDict(extra="forbid", strict=False)

    other: Name


class StarterAnswer(Answer):
    """Files by their paths, and where they were written, if they were."""

    name: str
    files: dict[str, str]
    folder: str | None


class BuildAnswer(Answer):
    """What a build gave."""

    name: str
    image: str
    digest: str
    definition: str
    base: str
    base_digest: str
    size: int
    python: str
    packages: list[PackageAnswer]
    cached: bool
    duration_ms: float
    phases: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    log: list[str]
    warnings: list[str]


class VersionAnswer(Answer):
    """A version of an environment."""

    name: str
    version: str
    digest: str
    image: str
    owner: str
    created_at: str
    description: str
    tags: dict[str, str]
    archived: bool
    base: str
    base_digest: str
    python: str
    size: int
    packages: list[PackageAnswer]
    registries: dict[str, str]
    used_by: list[str]
    checks: list[dict[str, Any]]
    environment_variables: dict[str, str]
    inference_config: dict[str, Any]
    definition: str
    curated: bool


class EnvironmentsAnswer(Answer):
    """All versions, ours first."""

    environments: list[VersionAnswer]


class VersionPackages(Answer):
    """What is in a version."""

    name: str
    version: str
    packages: list[PackageAnswer]


class Changed(Answer):
    """Something that differs; null where it is missing."""

    name: str
    before: str | None
    after: str | None


class DiffAnswer(Answer):
    """What differs between two versions."""

    before: str
    after: str
    equal: bool
    packages: list[Changed]
    facts: list[Changed]


class VersionsAnswer(Answer):
    """The versions that were hidden or shown again."""

    versions: list[str]
