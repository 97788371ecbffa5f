"""What Docker tells of a container, whoever started it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

from pf_jupyter.engines import docker_state
from pf_jupyter.engines.api import InstanceState, InstanceStatus
from pf_jupyter.engines.containers import Container, FileChange, Mount
from pf_jupyter.errors import NotFound

_ASKED_SECONDS = 60.0
_KINDS: Mapping[int, Literal["changed", "added", "deleted"]] = {
    0: "changed",
    1: "added",
    2: "deleted",
}
_STATUS: Mapping[str, InstanceStatus] = {
    "created": "created",
    "running": "running",
    "restarting": "running",
    "paused": "paused",
}


class ContainerVerbs(ABC):
    """The part of `DockerEngine` that looks at any container."""

    @abstractmethod
    def _call(
        self, phase: str = "run", subject: str = ""
    ) -> AbstractContextManager[Any]:
        """Give docker-py's client, its exceptions translated."""

    def container(self, reference: str) -> Container:
        """Return a container by its id or name; see `HasContainers.container`."""
        with self._call("check", reference) as client:
            try:
                raw = client.inspect_container(reference)
            except Exception as error:
                if getattr(error, "status_code", None) != 404:
                    raise
                raise NotFound(
                    f"there is no container {reference!r} on this engine",
                    code="container_not_found",
                    hint="docker ps lists those that run",
                ) from error
            image = client.inspect_image(raw["Image"])
        return _container(raw, image)

    def occupants(self) -> list[InstanceState]:
        """Return all containers, whoever started them; see `HasOccupants`."""
        with self._call("check") as client:
            found = client.containers(all=True)
        return [_occupant(item) for item in found]

    def image_user(self, image: str) -> str:
        """Return the user that an image's containers run as; empty for root."""
        with self._call("check", image) as client:
            config = client.inspect_image(image).get("Config") or {}
        return str(config.get("User") or "")

    def changes(self, instance: str) -> list[FileChange]:
        """Return what differs from its image; see `HasContainers.changes`."""
        with self._call("run", instance) as client:
            found = client.diff(instance) or []
        return [FileChange(_KINDS[item["Kind"]], item["Path"]) for item in found]


def _container(raw: Mapping[str, Any], image: Mapping[str, Any]) -> Container:
    config, host = raw.get("Config") or {}, raw.get("HostConfig") or {}
    own = image.get("Config") or {}
    state = docker_state.to_state(raw)
    nano = host.get("NanoCpus") or 0
    quota, period = host.get("CpuQuota") or 0, host.get("CpuPeriod") or 100_000
    pids = host.get("PidsLimit") or 0
    health = (raw.get("State") or {}).get("Health") or {}
    return Container(
        id=str(raw["Id"]),
        name=str(raw.get("Name", "")).lstrip("/"),
        status=state.status,
        image=str(config.get("Image", "")),
        image_id=str(raw["Image"]),
        labels=dict(config.get("Labels") or {}),
        user=str(config.get("User") or ""),
        privileged=bool(host.get("Privileged")),
        capabilities=tuple(host.get("CapAdd") or ()),
        read_only=bool(host.get("ReadonlyRootfs")),
        mounts=tuple(_mounts(raw.get("Mounts") or ())),
        network=_network(str(host.get("NetworkMode") or "default")),
        memory=host.get("Memory") or None,
        cpus=nano / 1e9 if nano else quota / period if quota > 0 else None,
        pids=pids if pids > 0 else None,
        ports=tuple(_ports({**(own.get("ExposedPorts") or {}), **_given(config)})),
        health=str(health.get("Status") or "").replace("none", ""),
        # a value may be a secret: only the names leave this function
        variables=tuple(sorted({i.split("=")[0] for i in _env(config) - _env(own)})),
    )


def _occupant(item: Mapping[str, Any]) -> InstanceState:
    status = _STATUS.get(str(item.get("State")), "exited")
    return InstanceState(
        id=str(item["Id"]),
        name=str((item.get("Names") or [""])[0]).lstrip("/"),
        status=status,
        image=str(item.get("Image", "")),
        labels=dict(item.get("Labels") or {}),
    )


def _network(mode: str) -> str:
    return "bridge" if mode == "default" else mode


def _given(config: Mapping[str, Any]) -> dict[str, Any]:
    return dict(config.get("ExposedPorts") or {})


def _mounts(raw: Iterable[Mapping[str, Any]]) -> Iterable[Mount]:
    for item in raw:
        yield Mount(
            source=str(item.get("Source") or item.get("Name") or ""),
            target=str(item.get("Destination") or ""),
            writable=bool(item.get("RW", True)),
            kind=str(item.get("Type") or "bind"),
        )


def _ports(named: Mapping[str, Any]) -> list[int]:
    found = (text.partition("/") for text in named)
    return sorted(int(port) for port, _, kind in found if kind in ("", "tcp"))


def _env(config: Mapping[str, Any]) -> set[str]:
    return {str(item) for item in config.get("Env") or ()}


def locate_python(
    client: Any, api: str, instance: str, config: Mapping[str, Any]
) -> list[str] | None:
    """Look for Python's file in a container that was not started yet."""
    path = "/usr/local/bin:/usr/bin:/bin"
    for item in config.get("Env") or ():
        if item.startswith("PATH="):
            path = item[5:]
    url = f"{client.base_url}/v{api}/containers/{instance}/archive"
    for name in ("python3", "python"):
        for folder in path.split(":"):
            file = f"{folder}/{name}"
            # docker-py has only the call that would send the file too
            answer = client.head(url, params={"path": file}, timeout=_ASKED_SECONDS)
            if answer.status_code == 200:
                return [file] if name == "python" else ["python3"]
    return None
