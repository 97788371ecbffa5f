"""Docker, and what speaks its language: podman, a remote; docker is imported late."""

from __future__ import annotations

import contextlib
import math
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pf_jupyter.engines import docker_networks, docker_profile, docker_state
from pf_jupyter.engines.api import (
    EngineInfo,
    InstanceEvent,
    InstanceSpec,
    InstanceState,
    InstanceStats,
    Subscription,
)
from pf_jupyter.engines.docker_address import Certificates, find_address, require
from pf_jupyter.engines.docker_client import prepare
from pf_jupyter.engines.docker_containers import ContainerVerbs, locate_python
from pf_jupyter.engines.docker_errors import translated
from pf_jupyter.engines.docker_image_verbs import ImageVerbs
from pf_jupyter.engines.docker_layers import LayerVerbs
from pf_jupyter.engines.docker_stream import ExecStream, PipeSocket, open_exec
from pf_jupyter.engines.docker_watch import EventWatch, HeldAnswer
from pf_jupyter.engines.lines import LogLines
from pf_jupyter.engines.probe import find_python, python_missing
from pf_jupyter.errors import NotFound, Unreachable

_CALL_SECONDS = 60.0
_PING_SECONDS = 8.0
_STALLED_SECONDS = 600.0
_LEAST_API = (1, 40)
_SAMPLE_SECONDS = 0.1


class DockerEngine(ImageVerbs, LayerVerbs, ContainerVerbs):
    """An `Engine` over docker-py.

    Nothing is connected until the first call.

    Parameters
    ----------
    address
        ``unix:///path``, ``npipe:////./pipe/NAME`` or ``tcp://host:port``; None means
        what the docker command would use: ``DOCKER_HOST``, the current context, the
        usual sockets.
    certificates
        For an address over TLS; or a folder with ``ca.pem``, ``cert.pem`` and
        ``key.pem``.
    source
        Who says that the engine is there, for messages.
    """

    name = "docker"
    isolated = True

    def __init__(
        self,
        address: str | None = None,
        *,
        certificates: str | Path | Certificates | None = None,
        source: str | None = None,
    ) -> None:
        if isinstance(certificates, str | Path):
            certificates = Certificates.from_folder(Path(certificates))
        found = find_address(address, certificates)
        self._address = replace(found, source=source or found.source)
        self._lock = threading.Lock()
        self._client: Any = None
        self._facts: dict[str, Any] = {}
        self._samples: dict[str, Mapping[str, Any]] = {}
        self._pythons: dict[str, list[str]] = {}
        self._api = ""

    # the connection

    def _connect(self, timeout: float = _CALL_SECONDS) -> Any:
        """Return docker-py's client, connecting at first."""
        with self._lock:
            if self._client is None:
                require(self._address)
                with translated(self._address, "check"):
                    self._client = self._negotiate(timeout)
            return self._client

    def _negotiate(self, timeout: float) -> Any:
        from docker.constants import DEFAULT_DOCKER_API_VERSION
        from docker.errors import InvalidVersion

        probe = self._make_client("1.40", _PING_SECONDS)
        try:
            answer = probe.version(api_version=False)
        finally:
            probe.close()
        theirs = _numbers(answer.get("ApiVersion", "1.0"))
        if theirs < _LEAST_API:
            raise InvalidVersion(f"its API is {answer.get('ApiVersion')}, we need 1.40")
        least = min(theirs, _numbers(DEFAULT_DOCKER_API_VERSION))
        self._api = ".".join(map(str, least))
        self._facts = {"version": answer}
        return self._make_client(self._api, timeout)

    def _make_client(self, api: str, timeout: float) -> Any:
        import docker
        import docker.tls

        mine = self._address.certificates
        tls: Any = False
        if mine is not None:
            tls = docker.tls.TLSConfig(verify=mine.verify)
        # the version is given: asking for it would come before trust_env is off
        client = docker.APIClient(
            base_url=self._address.url, version=api, timeout=int(timeout), tls=tls
        )
        prepare(client, self._address)
        return client

    @contextlib.contextmanager
    def _call(self, phase: str = "run", subject: str = "") -> Iterator[Any]:
        client = self._connect()
        with translated(self._address, phase, subject):
            yield client

    def ping(self) -> EngineInfo:
        """Return what answers; see `Engine.ping`."""
        self._connect()
        require(self._address)
        with translated(self._address, "check"):
            quick = self._make_client(self._api, _PING_SECONDS)
            try:
                info = quick.info()
                version = self._facts.get("version") or {}
                # the same engine as before need not say twice what it consists of
                if not version or version.get("Version") != info.get("ServerVersion"):
                    version = quick.version()
            finally:
                quick.close()
        self._facts = {"version": version, "info": info}
        warnings = [str(text) for text in info.get("Warnings") or ()]
        if info.get("OSType", "linux") != "linux":
            raise Unreachable(
                f"the Docker engine at {self._address.url} runs Windows containers",
                code="windows_containers",
                hint="switch Docker Desktop to Linux containers",
            )
        return EngineInfo(
            name="podman" if self._is_podman() else "docker",
            version=str(version.get("Version", "")),
            address=self._address.url,
            isolated=True,
            platform=f"{info.get('OSType', 'linux')}/{version.get('Arch', '')}",
            cpus=float(info.get("NCPU") or 0),
            memory=int(info.get("MemTotal") or 0),
            warnings=tuple(warnings),
        )

    def _components(self) -> dict[str, str]:
        parts = self._facts["version"].get("Components") or ()
        return {str(part["Name"]): str(part.get("Version", "")) for part in parts}

    def _is_podman(self) -> bool:
        return any("podman" in name.lower() for name in self._components())

    def _has_init(self) -> bool:
        return self._components().get("docker-init", "N/A") not in ("", "N/A")

    def _cpus(self, client: Any) -> float:
        if "info" not in self._facts:
            self._facts["info"] = client.info()
        return float(self._facts["info"].get("NCPU") or 0)

    def close(self) -> None:
        """Release connections; instances live on."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextlib.contextmanager
    def _patient(self, phase: str, subject: str) -> Iterator[Any]:
        # a client of its own: these calls may say nothing for minutes, and docker-py
        # lets them wait for ever unless the session bounds them
        self._connect()
        with translated(self._address, phase, subject):
            client = self._make_client(self._api, _STALLED_SECONDS)
            send = client.send

            def bounded(request: Any, **options: Any) -> Any:
                options["timeout"] = options.get("timeout") or _STALLED_SECONDS
                answer = send(request, **options)
                # one that is not read to its end would keep its socket
                held.callback(answer.close)
                return answer

            with contextlib.ExitStack() as held:
                held.callback(client.close)
                client.send = bounded
                yield client

    # the life of an instance

    def create(self, spec: InstanceSpec) -> str:
        """Create an instance and return its id; see `Engine.create`."""
        with self._call("create", spec.image) as client:
            if spec.network == "open" and not self._is_podman():
                docker_networks.keep(client, spec.network_name)
            image = client.inspect_image(spec.image)
            config = image.get("Config") or {}
            declared = (config.get("Labels") or {}).get(docker_profile.PYTHON_LABEL)
            python = shlex.split(declared) if declared else ["python3"]
            python = self._pythons.get(image["Id"], python)
            checked = bool(config.get("Healthcheck"))
            instance = self._create(client, spec, python, checked)
            if not declared and image["Id"] not in self._pythons:
                found = locate_python(client, self._api, instance, config)
                if found != python:
                    client.remove_container(instance, force=True, v=True)
                    if found is None:
                        raise python_missing(spec.image, "create")
                    instance = self._create(client, spec, found, checked)
                self._pythons[image["Id"]] = found
            return instance

    def _create(
        self,
        client: Any,
        spec: InstanceSpec,
        python: Sequence[str],
        checked: bool,
    ) -> str:
        host = docker_profile.host_options(
            spec,
            cpus=self._cpus(client),
            init=self._has_init(),
            podman=self._is_podman(),
            api=str(client.api_version),
        )
        options = docker_profile.container_options(spec, python, checked=checked)
        made = client.create_container(
            host_config=client.create_host_config(**host), **options
        )
        return str(made["Id"])

    def start(self, instance: str) -> None:
        """Start an instance; one that runs is no error."""
        with self._call("start", instance) as client:
            try:
                client.start(instance)
            except Exception as error:
                lost = "network" in str(error)
                if not lost or not docker_networks.rejoin(client, instance):
                    raise
                client.start(instance)

    def stop(self, instance: str, timeout: float = 5.0) -> None:
        """Stop an instance, by force after ``timeout`` seconds."""
        with self._call("run", instance) as client:
            client.stop(instance, timeout=math.ceil(timeout))

    def remove(self, instance: str) -> None:
        """Remove an instance, running or not; one that is gone is no error."""
        self._samples.pop(instance, None)
        with self._call("run", instance) as client:
            network = docker_networks.of(client, instance)
            for _ in range(100):
                try:
                    client.remove_container(instance, force=True, v=True)
                except Exception as error:
                    status = getattr(getattr(error, "response", None), "status_code", 0)
                    if status == 404:
                        return
                    if status != 409:
                        raise
                    # somebody else is removing it: wait until it is gone
                    time.sleep(0.1)
                else:
                    docker_networks.leave(client, network)
                    return

    def inspect(self, instance: str) -> InstanceState:
        """Return its state; status ``missing`` when it does not exist."""
        try:
            with self._call("run", instance) as client:
                raw = client.inspect_container(instance)
                ended = docker_state.to_state(raw).status == "exited"
                started = self._engine_started(client) if ended else None
                return docker_state.to_state(raw, started)
        except NotFound:
            return docker_state.missing(instance)

    def _engine_started(self, client: Any) -> datetime | None:
        # the engine makes its bridge anew whenever it starts and tells nowhere else
        if self._is_podman():
            return None
        try:
            created = client.inspect_network("bridge").get("Created")
        except Exception:
            return None  # an engine without a bridge: the cause is less exact
        return docker_state.parse_time(created)

    def find(self, labels: Mapping[str, str]) -> list[InstanceState]:
        """Return the instances that carry all of these labels, whoever made them."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        filters = {"label": wanted or [docker_profile.INSTANCE_LABEL]}
        with self._call() as client:
            found = [
                item["Id"] for item in client.containers(all=True, filters=filters)
            ]
        states = [self.inspect(instance) for instance in found]
        return [state for state in states if state.status != "missing"]

    def logs(
        self, instance: str, *, tail: int | None = None, follow: bool = False
    ) -> LogLines:
        """Yield lines of the instance's own output; close it to end following."""
        with self._call("run", instance) as client:
            options = {"tail": "all" if tail is None else tail, "follow": follow}
            # docker-py asks this too, but too late to close what it has opened
            client.inspect_container(instance)
            pieces = client.logs(instance, stream=True, **options)
        return LogLines(HeldAnswer(pieces))

    def stats(self, instance: str) -> InstanceStats:
        """Return what it uses now; the cores are a mean since the last call."""
        with self._call("run", instance) as client:
            before = self._samples.get(instance)
            if before is None:
                before = self._sample(client, instance)
                time.sleep(_SAMPLE_SECONDS)
            now = self._sample(client, instance)
        self._samples[instance] = now
        return docker_state.to_stats(before, now)

    def _sample(self, client: Any, instance: str) -> Mapping[str, Any]:
        one_shot = True if _numbers(self._api) >= (1, 41) else None
        sample: Mapping[str, Any] = client.stats(
            instance, stream=False, one_shot=one_shot
        )
        return sample

    # what runs in it

    def python(self, instance: str) -> list[str]:
        """Return the command that starts Python 3.9 or newer in the instance."""
        with self._call("handshake", instance) as client:
            config = client.inspect_container(instance).get("Config") or {}
        declared = (config.get("Labels") or {}).get(docker_profile.PYTHON_LABEL)
        if declared:
            return shlex.split(declared)
        known = (config.get("Entrypoint") or [])[:1]
        first = known if known and "python" in known[0] else []
        return find_python(
            lambda command: self.open_stream(instance, command),
            first,
            str(config.get("Image", "")),
        )

    def open_stream(self, instance: str, command: Sequence[str]) -> ExecStream:
        """Run ``command`` in a running instance with its stdin and stdout held."""
        with self._call("start", instance) as client:
            made = client.exec_create(
                instance, list(command), stdin=True, stdout=True, stderr=True
            )
            if self._address.scheme == "npipe":
                pipe = client.exec_start(made["Id"], socket=True)
                return ExecStream(PipeSocket(pipe), b"", self._address)
            return open_exec(self._address, self._api, made["Id"], instance)

    def watch(self, callback: Callable[[InstanceEvent], None]) -> Subscription:
        """Call back on events of our instances; see `Engine.watch`."""

        def connect(filters: Mapping[str, Any]) -> Any:
            client = self._connect()
            require(self._address)
            return HeldAnswer(client.events(filters=dict(filters), decode=True))

        watch = EventWatch(connect, callback)
        watch.wait_ready(5.0)
        return watch


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
