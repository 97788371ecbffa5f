"""Layers in volumes of a Docker engine.

A volume is mounted when a container is created, so each container of ours has one in
which layers appear later. It has it read-only. What fills it is a container that is
created for the purpose and never started: the engine copies into it.
"""

from __future__ import annotations

import contextlib
import tarfile
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pf_jupyter.engines import docker_profile, docker_state
from pf_jupyter.engines.api import LABEL, LAYER_MARK
from pf_jupyter.errors import PfError, RuntimeFailed

FILLER_LABEL = f"{LABEL}.filler"
"""On a container that fills a volume: the name of the layer."""

_MOUNT = docker_profile.LAYERS
_STALE_SECONDS = 900.0
_LOOK_SECONDS = 0.1
_IN_MEMORY = 32 * 1024 * 1024
_REMOVE = "import shutil, sys\nfor p in sys.argv[1:]: shutil.rmtree(p, True)"
_LIST = """
import os, sys
for name in sorted(os.listdir(sys.argv[1])):
    if os.path.isfile(os.path.join(sys.argv[1], name, sys.argv[2])):
        print(name)
"""


class LayerVerbs(ABC):
    """The part of `DockerEngine` that knows volumes with layers."""

    @abstractmethod
    def _call(
        self, phase: str = "run", subject: str = ""
    ) -> AbstractContextManager[Any]:
        """Give docker-py's client, its exceptions translated."""

    @abstractmethod
    def _patient(self, phase: str, subject: str) -> AbstractContextManager[Any]:
        """Give a client for one call that may take minutes."""

    def layer_folder(self, volume: str) -> str:
        """Return where containers see the layers of a volume."""
        del volume
        return _MOUNT

    def layers(self, volume: str, image: str) -> list[str]:
        """Return the names of the layers that are complete in a volume."""
        return self._run(volume, image, _LIST, [_MOUNT, LAYER_MARK]).split()

    def add_layer(self, volume: str, name: str, folder: Path, image: str) -> bool:
        """Put a copy of a folder into a volume; see `Engine.add_layer`."""
        with self._patient("build", "the layer") as client:
            while (filler := self._filler(client, volume, name, image)) is None:
                time.sleep(_LOOK_SECONDS)
            try:
                if _has(client, filler, f"{_MOUNT}/{name}/{LAYER_MARK}"):
                    return False
                self._fill(client, filler, name, folder)
                return True
            except BaseException:
                with contextlib.suppress(PfError):
                    self.remove_layer(volume, name, image)
                raise
            finally:
                client.remove_container(filler, force=True)

    def _filler(self, client: Any, volume: str, name: str, image: str) -> str | None:
        """Return a container to copy into; None while somebody else has one.

        Its name is taken once in the whole engine, so it is also the lock.
        """
        called = f"{docker_profile.NAME_PREFIX}layer-{name}"
        host = client.create_host_config(
            binds={volume: {"bind": _MOUNT, "mode": "rw"}}, network_mode="none"
        )
        try:
            made = client.create_container(
                image,
                command=["true"],
                name=called,
                labels={FILLER_LABEL: name},
                host_config=host,
            )
        except Exception as error:
            if _status(error) != 409:
                raise
        else:
            return str(made["Id"])
        with contextlib.suppress(Exception):
            # gone in between is as good as removed
            created = client.inspect_container(called).get("Created")
            began = docker_state.parse_time(created) or datetime.now(UTC)
            if (datetime.now(UTC) - began).total_seconds() > _STALE_SECONDS:
                client.remove_container(called, force=True)
        return None

    def _fill(self, client: Any, filler: str, name: str, folder: Path) -> None:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as archive:
            try:
                write_tar(archive, name, folder)
            except OSError as error:
                raise _not_packed(error) from error
            archive.seek(0)
            client.put_archive(filler, _MOUNT, archive)

    def remove_layer(self, volume: str, name: str, image: str) -> None:
        """Remove a layer; one that is not there is no error."""
        self._run(volume, image, _REMOVE, [f"{_MOUNT}/{name}"])

    def remove_volume(self, volume: str) -> bool:
        """Remove a volume; False while a container has it."""
        with self._call("run", volume) as client:
            try:
                client.remove_volume(volume)
            except Exception as error:
                if _status(error) not in (404, 409):
                    raise
                return _status(error) == 404
        return True

    def _run(
        self, volume: str, image: str, program: str, arguments: Sequence[str]
    ) -> str:
        """Run Python in a container that may write to a volume; return its output."""
        with self._patient("build", "the layers") as client:
            config = client.inspect_image(image).get("Config") or {}
            declared = (config.get("Labels") or {}).get(docker_profile.PYTHON_LABEL)
            python = str(declared).split() if declared else ["python3"]
            host = client.create_host_config(
                binds={volume: {"bind": _MOUNT, "mode": "rw"}}, network_mode="none"
            )
            made = client.create_container(
                image,
                entrypoint=[*python, "-I", "-S", "-c", program],
                command=list(arguments),
                user="0:0",
                labels={FILLER_LABEL: "tidy"},
                host_config=host,
            )["Id"]
            try:
                client.start(made)
                client.wait(made)
                return bytes(client.logs(made, stderr=False)).decode("utf-8")
            finally:
                client.remove_container(made, force=True)


def write_tar(archive: Any, name: str, folder: Path) -> None:
    """Write a folder as a tar that unpacks as ``name``, its mark as the last file."""
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in [folder, *_below(folder)]:
            relative = path.relative_to(folder).as_posix()
            info = tar.gettarinfo(
                path, name if relative == "." else f"{name}/{relative}"
            )
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mtime = int(info.mtime)
            if info.islnk():
                # one content under two names here; there each has its own
                info.type, info.linkname = tarfile.REGTYPE, ""
                info.size = path.stat().st_size
            runs = info.isdir() or info.mode & 0o100
            info.mode = 0o755 if runs else 0o644
            if info.isreg():
                with path.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)


def _below(folder: Path) -> Iterator[Path]:
    mark = folder / LAYER_MARK
    yield from (path for path in sorted(folder.rglob("*")) if path != mark)
    if mark.exists():
        yield mark


def _has(client: Any, container: str, path: str) -> bool:
    answer = client.head(
        client._url("/containers/{0}/archive", container), params={"path": path}
    )
    if answer.status_code != 404:
        client._raise_for_status(answer)
    return bool(answer.status_code != 404)


def _status(error: Exception) -> int:
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)


def _not_packed(error: OSError) -> RuntimeFailed:
    reason = error.strerror or str(error)
    return RuntimeFailed(
        f"the layer could not be packed: {reason}",
        phase="build",
        code="disk_full" if "space" in reason else "layer_failed",
        hint="look whether the disk of the temporary folder is full",
    )
