"""The records as plain data, so that other rooms never see a row of a database.

Times are UTC in ISO 8601 with microseconds, so that their text sorts like them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


def timestamp(moment: datetime | None = None) -> str:
    """Return a moment, now by default, in the form that records use."""
    utc = datetime.now(UTC) if moment is None else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")


def moment(text: str) -> datetime:
    """Return the moment that `timestamp` wrote."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True)
class RuntimeRecord:
    """A runtime as it is remembered.

    Parameters
    ----------
    state, phase, phase_since
        Where it is in its life; ``phase`` is None outside of a way somewhere.
    environment_name, environment_version, environment_digest, image, python
        Empty until the environment is resolved.
    engine_address
        Where the engine was reached; empty when it is not known.
    base_digest, layers
        The environment without its layers, and what it has over it, the lowest first:
        each as `pf_jupyter.environments.layers.Layer.to_dict` gives it.
        ``environment_digest`` is that of all together.
    previous
        What it stood on before the last update, to go back to: the fields of the
        environment, ``packages``, ``kept_at``, and ``held``: where it was before while
        runs go on there, each ``{"instance", "switched_at"}``.
    profile
        How its instance is made: ``hardened``; ``writable``, for trying things out as
        root; ``adopted``, when somebody else started it.
    instance
        The engine's id of what it runs in, or None without one.
    seat_of
        Id of the shared runtime that this is one person's instance of, else empty.
    memory
        Bytes; like ``cpus`` and ``pids``, None means no limit.
    idle_minutes
        After this long without use a session is removed; 0 or None means never.
    error
        ``{"code", "message", "hint", "phase"}`` while it is failed.
    revision
        Counts the changes, for those who keep a copy.
    """

    id: str
    name: str
    kind: str
    owner: str
    compute: str
    engine: str
    isolated: bool
    state: str
    created_at: str
    changed_at: str
    phase: str | None = None
    phase_since: str | None = None
    environment_name: str = ""
    environment_version: str = ""
    environment_digest: str = ""
    image: str = ""
    python: str = ""
    instance: str | None = None
    hostname: str = ""
    network: str = "open"
    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None
    idle_minutes: float | None = None
    error: dict[str, Any] | None = None
    started_at: str | None = None
    last_used_at: str | None = None
    revision: int = 0
    engine_address: str = ""
    base_digest: str = ""
    layers: list[dict[str, Any]] | None = None
    profile: str = "hardened"
    previous: dict[str, Any] | None = None
    seat_of: str = ""

    @property
    def shown_name(self) -> str:
        """What people call it; of a seat, the shared runtime that it is in."""
        return self.name.partition("@")[0] if self.seat_of else self.name

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers, the uppermost first."""
        return tuple(layer["name"] for layer in reversed(self.layers or ()))


@dataclass(frozen=True)
class LifeLine:
    """One line of a runtime's life-cycle log."""

    time: str
    kind: str
    phase: str
    text: str
    elapsed: float | None = None


@dataclass(frozen=True)
class RunRecord:
    """A run as it is remembered; ``document`` is its whole result once it ended.

    ``process`` names the process that started it (see `Store.process`); a run that is
    Running while its process is gone was interrupted. Of a batch, ``lines`` counts its
    lines, ``labels`` holds a name and tags that the user gave, and ``source_run`` is
    the run that it evaluates.
    """

    run_id: str
    status: str
    flow: str
    flow_path: str
    runtime: str
    runtime_id: str
    environment_name: str
    environment_version: str
    environment_digest: str
    owner: str
    process: str
    created_at: str
    mode: str = "flow"
    node: str | None = None
    variant: str | None = None
    inputs: dict[str, Any] | None = None
    ended_at: str | None = None
    duration_ms: float | None = None
    hostname: str = ""
    error: dict[str, Any] | None = None
    document: dict[str, Any] | None = None
    lines: dict[str, int] | None = None
    labels: dict[str, Any] | None = None
    archived_at: str | None = None
    source_run: str | None = None


@dataclass(frozen=True)
class ConnectionRecord:
    """A connection as it is remembered.

    ``secrets`` maps each key to ``{"env": NAME}`` or to what encryption made of the
    value; nothing in it can be read without the key. ``scope`` is ``personal`` or
    ``workspace``.
    """

    name: str
    type: str
    module: str
    scope: str
    owner: str
    created_at: str
    changed_at: str
    configs: dict[str, str]
    secrets: dict[str, dict[str, str]]


@dataclass(frozen=True)
class EnvironmentRecord:
    """An environment by its name: whose it is, where it is defined, its last build.

    ``build`` is what the last build that succeeded gave, None before the first.
    """

    name: str
    owner: str
    created_at: str
    changed_at: str
    archived: bool = False
    folder: str = ""
    build: dict[str, Any] | None = None


@dataclass(frozen=True)
class EnvironmentVersionRecord:
    """A published version; but for archived, description and tags it never changes.

    Parameters
    ----------
    digest, image
        Of its content, and how the engine that published it knows it.
    registries
        Reference in a registry to the digest there; further ones may be added.
    document
        What is in it, what it was made of and how it was tried.
    """

    name: str
    version: str
    owner: str
    created_at: str
    changed_at: str
    digest: str
    image: str
    archived: bool = False
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    registries: dict[str, str] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AssignmentRecord:
    """Who has which role on what; ``until`` None means until it is taken back."""

    principal: str
    role: str
    scope: str
    granted_by: str
    created_at: str
    until: str | None = None


@dataclass(frozen=True)
class AuditRecord:
    """What was asked, and the answer."""

    time: str
    principal: str
    right: str
    kind: str
    name: str
    allowed: bool


@dataclass(frozen=True)
class RoleRecord:
    """A role that a workspace has defined for itself.

    Parameters
    ----------
    actions, exclusions
        Rights that it gives, and such that it takes away whatever gives them:
        ``runtime.use``, ``runtime.*``, ``*.list`` or ``*``.
    scopes
        Where it may be given: ``workspace``, ``runtime:*``, ``runtime:demo`` or ``*``.
    reach
        On the workspace, whose things it is about: ``own``, ``shared`` or ``all``.
    """

    name: str
    description: str
    actions: tuple[str, ...]
    exclusions: tuple[str, ...]
    scopes: tuple[str, ...]
    reach: str
    created_by: str
    created_at: str
    changed_at: str


@dataclass(frozen=True)
class RequestRecord:
    """What somebody has asked for: a role on something.

    ``state`` is ``open``, ``granted`` or ``refused``.
    """

    id: str
    principal: str
    role: str
    scope: str
    reason: str
    created_at: str
    state: str = "open"
    answered_by: str | None = None
    answered_at: str | None = None
    until: str | None = None
