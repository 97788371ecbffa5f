"""What an engine with containers tells of one, whoever started it.

Beyond the `Engine` protocol: engines without containers do not have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from pf_jupyter.engines.api import InstanceStatus


@dataclass(frozen=True)
class FileChange:
    """A path in a container that is not as its image has it."""

    kind: Literal["added", "changed", "deleted"]
    path: str


@dataclass(frozen=True)
class Mount:
    """A place of the host, or a volume, in a container."""

    source: str
    target: str
    writable: bool
    kind: str = "bind"


@dataclass(frozen=True)
class Container:
    """A container as it was started.

    Parameters
    ----------
    image, image_id
        The name it was started with, and the digest of what that was then.
    user
        As it was given, empty for the image's own, which is root in general.
    network
        ``bridge``, ``none``, ``host``, or the name of a network.
    memory, cpus, pids
        Its limits; memory in bytes, None without one.
    ports
        TCP ports that its image or whoever started it tells that it listens on.
    capabilities
        Those it has beyond an engine's usual ones.
    health
        ``healthy``, ``unhealthy``, ``starting``; empty without a check of its own.
    variables
        Names of the environment variables it has beyond its image's.
    """

    id: str
    name: str
    status: InstanceStatus
    image: str
    image_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    privileged: bool = False
    capabilities: Sequence[str] = ()
    read_only: bool = False
    mounts: Sequence[Mount] = ()
    network: str = "bridge"
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    ports: Sequence[int] = ()
    health: str = ""
    variables: Sequence[str] = ()


@runtime_checkable
class HasContainers(Protocol):
    """An engine whose instances are containers."""

    def container(self, reference: str) -> Container:
        """Return a container by its id or name (NotFound)."""

    def image_user(self, image: str) -> str:
        """Return the user that an image's containers run as; empty for root."""

    def changes(self, instance: str) -> list[FileChange]:
        """Return what differs from its image; mounts and memory are left out."""
