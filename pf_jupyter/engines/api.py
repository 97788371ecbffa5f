"""The engine protocol: what a place must offer so that runtimes can live there.

An *instance* is what a runtime runs in: a container, or a worker process. Engines
translate every exception of the libraries they use into :mod:`pf_jupyter.errors`;
blocking calls are bounded in time and safe to call from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

InstanceStatus = Literal["created", "running", "paused", "exited", "missing"]
NetworkPolicy = Literal["open", "none"]
Progress = Callable[["BuildProgress"], None]

LABEL = "pf_jupyter"
"""Prefix of every label we set: ``pf_jupyter.runtime``, ``.owner``, ``.digest`` …"""
VOLUME_LABEL = f"{LABEL}.volume"
"""On an instance: the volume with layers that it sees."""

LAYER_MARK = "pf_layer.json"
"""The file of a layer that is written last."""


@dataclass(frozen=True)
class EngineInfo:
    """What answers: ``version`` of the engine, ``address`` it was reached at."""

    name: str
    version: str
    address: str
    isolated: bool
    platform: str
    cpus: float
    memory: int
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Limits:
    """Upper bounds of an instance. None means none; memory is in bytes."""

    cpus: float | None = 2.0
    memory: int | None = 4 * 1024**3
    pids: int | None = 512


@dataclass(frozen=True)
class InstanceSpec:
    """What to create.

    Parameters
    ----------
    name
        Unique on the engine; engines prefix it.
    image
        Reference or digest of an image; path of an interpreter on the process engine.
    labels
        Text to text; the instance is found again by them from another process.
    network_name
        The network that it is in, made where it is not there; empty for the usual one.
    environment
        Environment variables of the instance. Never secrets: they show in inspect.
    hardened
        Non-root, no capabilities, no-new-privileges, read-only root with tmpfs.
    volume
        Name of the volume with layers that it sees, read-only; empty for none.
    writable
        Root may write its root file system, with what a package manager needs.
    """

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    network: NetworkPolicy = "open"
    network_name: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    hardened: bool = True
    volume: str = ""
    writable: bool = False


@dataclass(frozen=True)
class InstanceState:
    """What an engine knows of an instance now.

    ``cause`` is one sentence for people when it is not running by itself: "killed (exit
    code 137)", "out of memory (limit 4.0 GB)", "removed from outside".
    """

    id: str
    name: str
    status: InstanceStatus
    image: str
    labels: Mapping[str, str]
    exit_code: int | None = None
    oom_killed: bool = False
    cause: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True)
class InstanceStats:
    """Use of resources: ``cpu`` in cores, memory in bytes, ``pids`` a count."""

    cpu: float
    memory: int
    memory_limit: int | None
    pids: int


@dataclass(frozen=True)
class InstanceEvent:
    """Something happened to an instance from outside, or to the engine itself.

    ``kind``: ``started``, ``died`` (exit_code), ``oom`` (something in it was killed for
    memory; the instance may live on), ``removed``, ``paused``, ``unpaused``,
    ``engine_lost``, ``engine_back`` (these two have an empty id).
    """

    kind: Literal[
        "started",
        "died",
        "oom",
        "removed",
        "paused",
        "unpaused",
        "engine_lost",
        "engine_back",
    ]
    id: str
    time: datetime
    exit_code: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildProgress:
    """One step of making or fetching an image; sizes in bytes, None when unknown."""

    text: str
    current: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class ImageInfo:
    """An image in the engine. ``id`` is its content digest, ``sha256:…``.

    ``registry_digests`` are ``repository@sha256:…``, one for each registry that has it.
    """

    id: str
    tags: Sequence[str]
    size: int
    labels: Mapping[str, str]
    created_at: datetime | None = None
    registry_digests: Sequence[str] = ()


@dataclass(frozen=True)
class Login:
    """What a registry is told about who asks; never shown."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class BuildOptions:
    """How a folder is built.

    Parameters
    ----------
    dockerfile
        POSIX path of the Dockerfile in the folder.
    text
        Takes the place of what stands in that file.
    files
        What is sent: (POSIX path in the context, path here), folders and symbolic links
        as what they are; None sends everything.
    arguments
        Build arguments; those for proxies leave no trace in the image.
    host_network
        Build steps use the engine's own network, such as for a proxy on loopback.
    mark
        Builds of the same thing carry the same: what one that was killed left is found
        by it at the next; the reference when empty. One at a time, please.
    """

    dockerfile: str = "Dockerfile"
    text: str | None = None
    files: Sequence[tuple[str, Path]] | None = None
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)
    host_network: bool = False
    mark: str = ""


PLAIN_BUILD = BuildOptions()
"""Everything in the folder, its Dockerfile as it stands."""


class ByteStream(Protocol):
    """A two-way stream to a program that runs in an instance."""

    def read(self, size: int) -> bytes:
        """Return at least 1 and at most ``size`` bytes; b"" at the end."""

    def write(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises
        ------
        Unreachable
            The program or the engine is gone.
        """

    def close(self) -> None:
        """End the stream; a blocked `read` in another thread returns b""."""

    def stderr(self) -> str:
        """Return the last kilobytes that the program wrote to its stderr."""


class Subscription(Protocol):
    """A running watch; close it to end its thread."""

    def close(self) -> None:
        """Stop watching."""


@runtime_checkable
class Engine(Protocol):
    """A place where instances live. Instances are named by the id `create` returned."""

    name: str
    isolated: bool

    def ping(self) -> EngineInfo:
        """Return what answers.

        Raises
        ------
        Unreachable
            Nothing does; message and hint say why (no socket, no permission, …).
        """

    def image(self, reference: str) -> ImageInfo | None:
        """Return the image that is here under ``reference``, or None."""

    def images(self, labels: Mapping[str, str]) -> list[ImageInfo]:
        """Return the images with a name that carry all of these labels."""

    def pull(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> ImageInfo:
        """Fetch an image from its registry (Unreachable, NotFound, Refused).

        ``login`` None means what the engine's own command would use.
        """

    def push(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> str:
        """Send an image to the registry in its name; return its digest there.

        Raises
        ------
        Unreachable, Refused, NotFound, RuntimeFailed
            It is not there, or not all of it.
        """

    def registry_digest(self, reference: str, *, login: Login | None = None) -> str:
        """Return the digest that a registry has under a name, fetching nothing.

        Raises
        ------
        Unreachable, Refused, NotFound
        """

    def tag(self, image: str, reference: str) -> None:
        """Give an image that is here a further name, taking it from any other."""

    def save(
        self, references: Sequence[str], archive: Path, progress: Progress | None = None
    ) -> None:
        """Write images with their names into a file."""

    def load(self, archive: Path, progress: Progress | None = None) -> list[ImageInfo]:
        """Read the images of a file that `save` wrote."""

    def import_image(
        self,
        archive: Path,
        reference: str,
        *,
        environment: Mapping[str, str],
        labels: Mapping[str, str],
        progress: Progress | None = None,
    ) -> ImageInfo:
        """Make a one-layer image from a tar of a root file system."""

    def build(
        self,
        context: Path,
        reference: str,
        *,
        labels: Mapping[str, str],
        progress: Progress | None = None,
        options: BuildOptions = PLAIN_BUILD,
    ) -> ImageInfo:
        """Build a folder with a Dockerfile; the last log lines go into a failure.

        What a build that fails or is interrupted has made is removed again.
        """

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is not there is no error."""

    def layer_folder(self, volume: str) -> str:
        """Return where instances see the layers of a volume, one folder each."""

    def layers(self, volume: str, image: str) -> list[str]:
        """Return the names of the layers that are complete in a volume.

        ``image`` is one that is here: engines may need it to look inside.
        """

    def add_layer(self, volume: str, name: str, folder: Path, image: str) -> bool:
        """Put a copy of a folder into a volume, all of it or nothing; False if there.

        A layer that is complete stays as it is, and two makers at the same time end
        with one. ``LAYER_MARK`` is written last: without it a layer is not complete.

        Raises
        ------
        RuntimeFailed, Unreachable
            It could not be copied (``disk_full``, say); nothing of it stays.
        """

    def remove_layer(self, volume: str, name: str, image: str) -> None:
        """Remove a layer; one that is not there is no error."""

    def remove_volume(self, volume: str) -> bool:
        """Remove a volume; False while an instance has it, True when it is gone."""

    def create(self, spec: InstanceSpec) -> str:
        """Create an instance and return its id (AlreadyExists, NotFound image)."""

    def start(self, instance: str) -> None:
        """Start an instance; one that runs is no error."""

    def stop(self, instance: str, timeout: float = 5.0) -> None:
        """Stop an instance, by force after ``timeout`` seconds."""

    def remove(self, instance: str) -> None:
        """Remove an instance, running or not; one that is gone is no error."""

    def inspect(self, instance: str) -> InstanceState:
        """Return its state; status ``missing`` when it does not exist."""

    def find(self, labels: Mapping[str, str]) -> list[InstanceState]:
        """Return the instances that carry all of these labels, whoever made them."""

    def logs(
        self, instance: str, *, tail: int | None = None, follow: bool = False
    ) -> Iterator[str]:
        """Yield lines of the instance's own output."""

    def stats(self, instance: str) -> InstanceStats:
        """Return what it uses now."""

    def python(self, instance: str) -> list[str]:
        """Return the command that starts Python 3.9 or newer in the instance."""

    def open_stream(self, instance: str, command: Sequence[str]) -> ByteStream:
        """Run ``command`` in a running instance with its stdin and stdout held."""

    def watch(self, callback: Callable[[InstanceEvent], None]) -> Subscription:
        """Call back, from a thread of its own, on events of instances with our labels.

        It survives a restart of the engine: ``engine_lost`` once, then
        ``engine_back`` once it answers again.
        """

    def close(self) -> None:
        """Release connections; instances live on."""
