"""No container: instances are folders, and programs run as this user's processes.

This does not isolate. Memory is limited by the worker itself; cores, the number of
processes and the network are not limited at all, and `ping` says so.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pf_jupyter.engines import (
    docker_profile,
    process_identity,
    process_records,
    process_watch,
)
from pf_jupyter.engines.api import (
    VOLUME_LABEL,
    EngineInfo,
    ImageInfo,
    InstanceEvent,
    InstanceSpec,
    InstanceState,
    InstanceStats,
    Subscription,
)
from pf_jupyter.engines.docker_profile import container_name
from pf_jupyter.engines.folder_layers import FolderLayers
from pf_jupyter.engines.lines import LogLines
from pf_jupyter.engines.probe import find_version, python_missing, usable
from pf_jupyter.engines.process_identity import MARK, STREAM_MARK, Process
from pf_jupyter.engines.process_images import NoImages
from pf_jupyter.engines.process_records import Record, Records
from pf_jupyter.engines.process_stream import ProcessStream
from pf_jupyter.errors import IllegalState, NotFound
from pf_jupyter.home import home_folder

MEMORY_VARIABLE = "PF_WORKER_MEMORY"
"""Tells the worker its limit in bytes; there is nobody else to keep it."""

_LOG_BYTES = 1024 * 1024
_SAMPLE_SECONDS = 0.1
# what a program needs to start, to find its files and to reach the network; nothing
# that could be a secret of the process that starts it
_INHERITED = frozenset(
    [
        "PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "USER",
        "LOGNAME",
        "SHELL",
        "TERM",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "PIP_CERT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "SYSTEMROOT",
        "SystemRoot",
        "WINDIR",
        "COMSPEC",
        "PATHEXT",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "PROGRAMDATA",
        "NUMBER_OF_PROCESSORS",
        "PROCESSOR_ARCHITECTURE",
    ]
)


class ProcessEngine(NoImages):
    """An `Engine` without containers.

    Parameters
    ----------
    home
        Folder whose ``instances`` folder holds them; the workspace's home when None.
    """

    name = "process"
    isolated = False

    def __init__(self, home: str | Path | None = None) -> None:
        self._home = Path(home) if home is not None else home_folder()
        self._records = Records(self._home)
        self._volumes = FolderLayers(self._home / "layers")
        self._changed = threading.Condition()
        self._samples: dict[str, tuple[float, float]] = {}

    def ping(self) -> EngineInfo:
        """Return this machine; it always answers."""
        return EngineInfo(
            name="process",
            version=platform.python_version(),
            address=str(self._home),
            isolated=False,
            platform=f"{sys.platform}/{platform.machine().lower()}",
            cpus=float(os.cpu_count() or 1),
            memory=_machine_memory(),
            warnings=(
                "code runs as you, with your files and network: this does not isolate",
            ),
        )

    def close(self) -> None:
        """Release nothing: there are no connections."""

    # images: interpreters of this machine

    def image(self, reference: str) -> ImageInfo | None:
        """Return the interpreter at the path ``reference``, or None."""
        path = Path(reference)
        if not path.is_file() or not os.access(path, os.X_OK):
            return None
        status = path.resolve().stat()
        return ImageInfo(
            id=_digest(path.resolve(), status),
            tags=(reference,),
            size=status.st_size,
            labels={},
        )

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
        """Create an instance and return its id; see `Engine.create`."""
        if self.image(spec.image) is None:
            raise NotFound(
                f"there is no interpreter {spec.image}",
                code="image_not_found",
                hint="without containers an image is the path of a Python",
            )
        labels = docker_profile.labels(spec)
        record = self._records.add(spec, container_name(spec.name), labels)
        self._tell()
        return record.id

    def start(self, instance: str) -> None:
        """Start an instance; one that runs is no error."""

        def started(record: Record) -> Record:
            if record.status == "running":
                return record
            return replace(
                record,
                status="running",
                exit_code=None,
                cause="",
                started_at=process_records.now(),
            )

        self._records.change(instance, started)
        self._tell()

    def stop(self, instance: str, timeout: float = 5.0) -> None:
        """Stop an instance, by force after ``timeout`` seconds."""

        def stopped(record: Record) -> Record:
            if record.status != "running":
                return record
            cause = "stopped (exit code 0)"
            return replace(record, status="exited", exit_code=0, cause=cause)

        record = self._records.change(instance, stopped)
        process_identity.end(instance, record.processes, timeout)
        self._tell()

    def remove(self, instance: str) -> None:
        """Remove an instance, running or not; one that is gone is no error."""
        try:
            self.stop(instance, timeout=0.0)
        except NotFound:
            pass  # its folder may still be half there
        self._records.forget(instance)
        self._samples.pop(instance, None)
        self._tell()

    def inspect(self, instance: str) -> InstanceState:
        """Return its state; status ``missing`` when it does not exist."""
        try:
            return self._records.get(instance).state()
        except NotFound:
            return process_records.missing(instance)

    def find(self, labels: Mapping[str, str]) -> list[InstanceState]:
        """Return the instances that carry all of these labels, whoever made them."""
        return [
            record.state()
            for record in self._records.all()
            if labels.items() <= record.labels.items()
        ]

    def logs(
        self, instance: str, *, tail: int | None = None, follow: bool = False
    ) -> LogLines:
        """Yield what programs in the instance wrote to their stderr."""
        self._records.get(instance)
        path = self._records.log(instance)

        def ended() -> bool:
            return self.inspect(instance).status != "running"

        return LogLines(process_watch.Tail(path, tail, ended if follow else None))

    def stats(self, instance: str) -> InstanceStats:
        """Return what it uses now; the cores are a mean since the last call."""
        record = self._records.get(instance)
        before = self._samples.get(instance)
        if before is None:
            use = process_identity.use(self._family(record))
            before = (time.monotonic(), use.cpu_seconds)
            time.sleep(_SAMPLE_SECONDS)
        use = process_identity.use(self._family(record))
        moment = time.monotonic()
        self._samples[instance] = (moment, use.cpu_seconds)
        elapsed = max(moment - before[0], 1e-3)
        return InstanceStats(
            cpu=max(0.0, (use.cpu_seconds - before[1]) / elapsed),
            memory=use.memory,
            memory_limit=record.memory,
            pids=use.count,
        )

    def _family(self, record: Record) -> list[Process]:
        return process_identity.family(record.id, record.processes)

    # what runs in it

    def python(self, instance: str) -> list[str]:
        """Return the command that starts Python 3.9 or newer in the instance."""
        record = self._records.get(instance)
        if os.path.abspath(record.image) == os.path.abspath(sys.executable):
            return [record.image]
        version = find_version(
            lambda command: self.open_stream(instance, command), record.image
        )
        if not usable(version):
            raise python_missing(record.image, "handshake", version)
        return [record.image]

    def open_stream(self, instance: str, command: Sequence[str]) -> ProcessStream:
        """Run ``command`` in a running instance with its stdin and stdout held."""
        record = self._records.get(instance)
        if record.status != "running":
            raise IllegalState(
                f"instance {instance[:12]} is {record.status}, not running",
                code="illegal_state",
                hint="start it first",
            )
        log = _BoundedLog(self._records.log(instance))
        stream: ProcessStream | None = None
        known = threading.Event()
        mark = uuid.uuid4().hex

        def ended(code: int) -> None:
            known.wait(10)
            if code < 0 and stream is not None and not stream.killed:
                self._killed(instance, -code)
            if code < 0:
                # it had no chance to end what it had started
                process_identity.end_left(mark)

        stream = ProcessStream(
            command,
            environment={**self._environment(record), STREAM_MARK: mark},
            folder=self._records.folder / instance / "work",
            on_stderr=log.write,
            on_exit=ended,
        )
        process = Process(stream.pid, process_identity.began(stream.pid))
        self._records.change(
            instance, lambda old: process_records.with_process(old, process)
        )
        known.set()
        return stream

    def _killed(self, instance: str, number: int) -> None:
        def killed(record: Record) -> Record:
            if record.status != "running":
                return record  # it was us
            cause = f"killed from outside (exit code {128 + number})"
            code = 128 + number
            return replace(record, status="exited", exit_code=code, cause=cause)

        try:
            self._records.change(instance, killed)
        except NotFound:
            return
        self._tell()

    def _environment(self, record: Record) -> dict[str, str]:
        variables = {k: v for k, v in os.environ.items() if k in _INHERITED}
        folder = str(self._records.folder / record.id / "tmp")
        variables |= {"TMPDIR": folder, "TMP": folder, "TEMP": folder}
        if record.memory is not None:
            variables[MEMORY_VARIABLE] = str(record.memory)
        return {**variables, **record.environment, MARK: record.id}

    def watch(self, callback: Callable[[InstanceEvent], None]) -> Subscription:
        """Call back on events of our instances; see `Engine.watch`."""
        return process_watch.RecordWatch(self._records, self._changed, callback)

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()


class _BoundedLog:
    """A file that keeps the beginning of what is written to it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, piece: bytes) -> None:
        """Add bytes, until the file is full."""
        try:
            with self._path.open("ab") as file:
                room = _LOG_BYTES - file.tell()
                if room > 0:
                    file.write(piece[:room])
        except OSError:
            pass  # the instance was removed while its last words came


def _machine_memory() -> int:
    if hasattr(os, "sysconf"):
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (ValueError, OSError):
            return 0
    import ctypes

    kilobytes = ctypes.c_ulonglong(0)
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    kernel.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return kilobytes.value * 1024


def _digest(path: Path, status: os.stat_result) -> str:
    text = f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
