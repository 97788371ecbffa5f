"""Runtimes, and what is told of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from .base import Answer, Asked, Json, Name, Text


class Limits(Asked):
    """Upper bounds of a runtime; memory in bytes, null for the default."""

    cpus: float | None = Field(default=None, gt=0, le=4096)
    memory: int | None = Field(default=None, gt=0, le=2**50)
    pids: int | None = Field(default=None, gt=0, le=2**22)


class CreateRuntime(Asked):
    """A runtime that is to be made."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    environment: Name = "default"
    compute: Name | None = None
    kind: Literal["personal", "shared", "session"] = "personal"
    limits: Limits = Field(default_factory=lambda: Limits())
    network: Literal["open", "none"] = "open"
    idle_minutes: float | None = Field(default=None, ge=0, le=525_600)
    writable: bool = False


class EnvironmentAnswer(Answer):
    """What is installed in a runtime."""

    name: str
    version: str
    digest: str


class PersonAnswer(Answer):
    """Somebody's own instance in a shared runtime."""

    principal: str
    state: str
    container_id: str | None
    environment_digest: str
    started_at: str | None
    last_used_at: str | None


class RuntimeAnswer(Answer):
    """A runtime as it is now; ``people`` are in it beside whose it is."""

    id: str
    name: str
    state: str
    phase: str | None
    kind: str
    compute: str
    engine: str
    environment: EnvironmentAnswer | None
    container_id: str | None
    isolated: bool
    owner: str
    created_at: str
    update: Json | None
    error: Json | None
    limits: Json
    people: list[PersonAnswer] = Field(default_factory=list)


class WhichEnvironment(Asked):
    """The digest of the environment that is wanted, where it is known."""

    model_config = ConfigDict(extra="forbid", strict=False)

    digest: Text = ""


class InsteadAnswer(Answer):
    """The ways on from a runtime that is named: copy ``like``, take one of ``others``,
    or ask for ``role`` on it.
    """

    name: str
    usable: bool
    like: str
    digest: str
    others: list[str]
    same: list[str]
    role: str


class CopyRuntime(Asked):
    """The name of the runtime that is made like another."""

    name: Name


class RuntimesAnswer(Answer):
    """All runtimes by name."""

    runtimes: list[RuntimeAnswer]


class NamesAnswer(Answer):
    """Names alone: nothing waits for an engine."""

    names: list[str]


class Tail(Asked):
    """How much of a log is wanted."""

    model_config = ConfigDict(extra="forbid", strict=False)

    tail: int | None = Field(200, ge=1, le=100_000)


class LinesAnswer(Answer):
    """Lines of a log."""

    lines: list[str]


class LineAnswer(Answer):
    """One line of a log that is followed."""

    line: str


class StatsAnswer(Answer):
    """What a runtime uses now."""

    cpu: float | None
    memory: int | None
    memory_limit: int | None
    pids: int | None
    processes: list[Any]
    runs: list[Any]


class CheckAnswer(Answer):
    """One line of a check."""

    name: str
    status: Literal["pass", "warn", "fail"]
    message: str
    hint: str


class ChecksAnswer(Answer):
    """What was checked."""

    checks: list[CheckAnswer]


class UseRuntime(Asked):
    """The runtime to use from now on; null forgets it."""

    name: Name | None


class CurrentAnswer(Answer):
    """The runtime in use."""

    runtime: RuntimeAnswer | None


class Install(Asked):
    """Packages to install; ``requirements`` is the text of a requirements file."""

    packages: list[Text] = Field(default_factory=list, max_length=1000)
    requirements: str | None = Field(default=None, max_length=1_000_000)
    upgrade: bool = False


class InstallationAnswer(Answer):
    """What an installation did."""

    runtime: str
    resolved: int
    installed: dict[str, str]
    replaced: dict[str, str]
    present: dict[str, str]
    modules: dict[str, list[str]]
    seconds: float
    layers: int
    warnings: list[str]


class PackageAnswer(Answer):
    """One package, and where it comes from."""

    name: str
    version: str
    source: str


class PackagesAnswer(Answer):
    """What is installed, and the layers over the environment."""

    packages: list[PackageAnswer]
    layers: list[Any]
