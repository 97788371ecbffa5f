"""An engine in memory, for tests that are about what is built upon engines.

It keeps the contract and lets a test make happen what one waits long for elsewhere.
Programs are this machine's own, or functions that a test gives. Registered nowhere.
"""

from __future__ import annotations

import os
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pf_jupyter.engines import docker_profile
from pf_jupyter.engines.api import (
    LABEL,
    VOLUME_LABEL,
    ByteStream,
    EngineInfo,
    ImageInfo,
    InstanceEvent,
    InstanceSpec,
    InstanceState,
    InstanceStats,
    Subscription,
)
from pf_jupyter.engines.docker_profile import container_name
from pf_jupyter.engines.docker_state import missing, out_of_memory
from pf_jupyter.engines.fake_images import FakeImages
from pf_jupyter.engines.folder_layers import FolderLayers
from pf_jupyter.engines.lines import LogLines
from pf_jupyter.engines.process_stream import ProcessStream
from pf_jupyter.errors import AlreadyExists, IllegalState, NotFound, Unreachable

Program = Callable[[Sequence[str]], ByteStream]


@dataclass
class FakeInstance:
    """What the engine keeps of an instance; tests may read it."""

    id: str
    spec: InstanceSpec
    status: Any = "created"
    exit_code: int | None = None
    cause: str = ""
    oom_killed: bool = False
    started_at: datetime | None = None
    streams: list[ByteStream] = field(default_factory=list)

    def labels(self) -> dict[str, str]:
        """Return its labels, ours included."""
        return docker_profile.labels(self.spec)


class FakeEngine(FakeImages):
    """An `Engine` in memory.

    Parameters
    ----------
    images
        References that are there from the beginning.
    python
        The command that `python` answers.
    program
        Opens the stream for a command; this machine's own programs when None.
    registry
        What its registries hold, to be shared with other engines.
    """

    name = "fake"
    isolated = True

    def __init__(
        self,
        images: Sequence[str] = (),
        *,
        python: Sequence[str] = ("python3",),
        program: Program | None = None,
        registry: dict[str, ImageInfo] | None = None,
    ) -> None:
        self.instances: dict[str, FakeInstance] = {}
        self.calls: list[str] = []
        self.reachable = True
        self._python = list(python)
        self._program = program or _local
        # nothing is there before the first layer is
        scratch = Path(tempfile.gettempdir(), f"pf-fake-{uuid.uuid4().hex}")
        self._volumes = FolderLayers(scratch)
        self._watchers: list[Callable[[InstanceEvent], None]] = []
        self._lock = threading.RLock()
        FakeImages.__init__(self, images, self._called, registry)

    # faults

    def lose(self) -> None:
        """Make the engine unreachable."""
        self.reachable = False
        self._tell("engine_lost", None)

    def recover(self) -> None:
        """Make the engine reachable again."""
        self.reachable = True
        self._tell("engine_back", None)

    def kill(self, instance: str, exit_code: int = 137) -> None:
        """End an instance from outside."""
        cause = f"killed from outside (exit code {exit_code})"
        self._end(self._get(instance), exit_code, cause)

    def exhaust(self, instance: str, *, fatal: bool = True) -> None:
        """Let something in the instance be killed for memory, or all of it."""
        found = self._get(instance)
        self._tell("oom", found)
        if fatal:
            found.oom_killed = True
            self._end(found, 137, out_of_memory(found.spec.limits.memory))

    def _end(self, found: FakeInstance, exit_code: int, cause: str) -> None:
        with self._lock:
            if found.status not in ("running", "paused"):
                return
            found.status, found.exit_code, found.cause = "exited", exit_code, cause
            streams, found.streams = found.streams, []
        for stream in streams:
            stream.close()
        self._tell("died", found, exit_code)

    # the engine itself

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if not self.reachable:
            raise Unreachable(
                "the fake engine does not answer",
                code="no_engine",
                hint="let it recover",
            )

    def ping(self) -> EngineInfo:
        """Return what answers."""
        self._called("ping")
        return EngineInfo(
            name="fake",
            version="1",
            address="memory",
            isolated=True,
            platform="linux/amd64",
            cpus=2.0,
            memory=8 * 1024**3,
        )

    def close(self) -> None:
        """Release nothing."""

    # volumes with layers

    def layer_folder(self, volume: str) -> str:
        """Return where instances see the layers of a volume."""
        return str(self._volumes.folder(volume))

    def layers(self, volume: str, image: str) -> list[str]:
        """Return the names of the layers that are complete in a volume."""
        del image
        return self._volumes.names(volume)

    def add_layer(self, volume: str, name: str, folder: Path, image: str) -> bool:
        """Put a copy of a folder into a volume; see `Engine.add_layer`."""
        del image
        return self._volumes.add(volume, name, folder)

    def remove_layer(self, volume: str, name: str, image: str) -> None:
        """Remove a layer; one that is not there is no error."""
        del image
        self._volumes.remove(volume, name)

    def remove_volume(self, volume: str) -> bool:
        """Remove a volume; False while an instance has it."""
        if any(
            state.status != "missing" for state in self.find({VOLUME_LABEL: volume})
        ):
            return False
        self._volumes.remove_volume(volume)
        return True

    # the life of an instance

    def create(self, spec: InstanceSpec) -> str:
        """Create an instance and return its id."""
        self._called("create")
        if self.image(spec.image) is None:
            raise NotFound(
                f"there is no image {spec.image}",
                code="image_not_found",
                hint="give it to FakeEngine",
            )
        with self._lock:
            if any(one.spec.name == spec.name for one in self.instances.values()):
                raise AlreadyExists(
                    f"an instance {spec.name} exists already", hint="remove it first"
                )
            made = FakeInstance(uuid.uuid4().hex, spec)
            self.instances[made.id] = made
        return made.id

    def _get(self, instance: str) -> FakeInstance:
        try:
            return self.instances[instance]
        except KeyError:
            raise NotFound(
                f"instance {instance[:12]} does not exist",
                code="instance_not_found",
                hint="create a new one",
            ) from None

    def start(self, instance: str) -> None:
        """Start an instance; one that runs is no error."""
        self._called("start")
        found = self._get(instance)
        if found.status == "running":
            return
        found.status, found.exit_code, found.cause = "running", None, ""
        found.oom_killed, found.started_at = False, datetime.now(UTC)
        self._tell("started", found)

    def stop(self, instance: str, timeout: float = 5.0) -> None:
        """Stop an instance."""
        self._called("stop")
        self._end(self._get(instance), 0, "stopped (exit code 0)")

    def remove(self, instance: str) -> None:
        """Remove an instance; one that is gone is no error."""
        self._called("remove")
        found = self.instances.get(instance)
        if found is None:
            return
        self._end(found, 137, "")
        if self.instances.pop(instance, None) is not None:
            self._tell("removed", found)

    def inspect(self, instance: str) -> InstanceState:
        """Return its state; status ``missing`` when it does not exist."""
        self._called("inspect")
        found = self.instances.get(instance)
        return missing(instance) if found is None else self._state(found)

    def _state(self, found: FakeInstance) -> InstanceState:
        return InstanceState(
            id=found.id,
            name=container_name(found.spec.name),
            status=found.status,
            image=found.spec.image,
            labels=found.labels(),
            exit_code=found.exit_code,
            oom_killed=found.oom_killed,
            cause=found.cause,
            started_at=found.started_at,
        )

    def find(self, labels: Mapping[str, str]) -> list[InstanceState]:
        """Return the instances that carry all of these labels."""
        self._called("find")
        return [
            self._state(found)
            for found in list(self.instances.values())
            if labels.items() <= found.labels().items()
        ]

    def logs(
        self, instance: str, *, tail: int | None = None, follow: bool = False
    ) -> LogLines:
        """Yield nothing; with ``follow``, until it is closed."""
        self._called("logs")
        self._get(instance)
        return LogLines(_Silence() if follow else [])

    def stats(self, instance: str) -> InstanceStats:
        """Return numbers that fit the limits."""
        self._called("stats")
        found = self._get(instance)
        return InstanceStats(0.0, 1024**2, found.spec.limits.memory, 1)

    # what runs in it

    def python(self, instance: str) -> list[str]:
        """Return the command that the constructor got."""
        self._called("python")
        self._get(instance)
        return list(self._python)

    def open_stream(self, instance: str, command: Sequence[str]) -> ByteStream:
        """Run a command in a running instance."""
        self._called("open_stream")
        found = self._get(instance)
        if found.status != "running":
            raise IllegalState(
                f"instance {instance[:12]} is {found.status}, not running",
                hint="start it first",
            )
        stream = self._program(command)
        found.streams.append(stream)
        return stream

    def watch(self, callback: Callable[[InstanceEvent], None]) -> Subscription:
        """Call back on events, from the thread that causes them."""
        self._called("watch")
        self._watchers.append(callback)
        return _FakeSubscription(self._watchers, callback)

    def _tell(
        self, kind: Any, found: FakeInstance | None, exit_code: int | None = None
    ) -> None:
        labels = found.labels() if found is not None else {}
        event = InstanceEvent(
            kind=kind,
            id=found.id if found is not None else "",
            time=datetime.now(UTC),
            exit_code=exit_code,
            labels={k: v for k, v in labels.items() if k.startswith(LABEL)},
        )
        for callback in list(self._watchers):
            callback(event)


class _FakeSubscription:
    def __init__(
        self,
        watchers: list[Callable[[InstanceEvent], None]],
        callback: Callable[[InstanceEvent], None],
    ) -> None:
        self._watchers = watchers
        self._callback = callback

    def close(self) -> None:
        """Stop watching."""
        if self._callback in self._watchers:
            self._watchers.remove(self._callback)


class _Silence:
    """Pieces of a log that never come."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def __iter__(self) -> _Silence:
        return self

    def __next__(self) -> bytes:
        self._closed.wait()
        raise StopIteration

    def close(self) -> None:
        """End it."""
        self._closed.set()


def _local(command: Sequence[str]) -> ByteStream:
    return ProcessStream(
        command, environment=os.environ, folder=Path(tempfile.gettempdir())
    )
