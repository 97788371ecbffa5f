"""A Dask cluster as a place for lines.

The one who speaks with the scheduler is a process in the runtime, so that client and
workers can be of one image; this side sends it what it would send to a worker. A
cluster that is an object of this process (a ``LocalCluster``, say) is spoken to from
here.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ...errors import IllegalState, PfError, RuntimeFailed, Unreachable, UsageError
from ...runtimes import bundle, identity
from ...runtimes.channel import WorkerChannel
from ...runtimes.life import Life
from ...store.records import RuntimeRecord
from ..execute import Executor
from .revival import bring_back

_HANDSHAKE_SECONDS = 30.0
_CONNECT_SECONDS = 60.0
_LINES_AHEAD = 1024
_SCHEMES = {"dask": "tcp", "tcp": "tcp", "tls": "tls"}
_KINDS: dict[str, type[PfError]] = {
    "dask_missing": IllegalState,
    "dask_unreachable": Unreachable,
    "dask_version_mismatch": IllegalState,
    "dask_no_workers": IllegalState,
}


def address_of(on: Any) -> str:
    """Return what a record says of where a cluster is.

    Raises
    ------
    UsageError
        It is neither an address nor a cluster.
    """
    if isinstance(on, str):
        _parsed(on)
        return on
    address = getattr(on, "scheduler_address", None)
    if address is None:
        scheduler = getattr(on, "scheduler", None)
        address = getattr(scheduler, "address", None)
    if address is None:
        raise UsageError(
            f"{type(on).__name__} is no Dask cluster",
            code="bad_cluster",
            hint="give an address, dask://HOST:PORT, or a cluster or client of Dask",
        )
    return str(address)


def _parsed(text: str) -> tuple[str, dict[str, Path] | None]:
    parts = urlsplit(text)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise UsageError(
            f"{text!r} is no address of a Dask scheduler",
            code="bad_cluster",
            hint="dask://HOST:PORT, or tls://HOST:PORT?ca=FILE&cert=FILE&key=FILE",
        )
    files = {name: Path(value).expanduser() for name, value in parse_qsl(parts.query)}
    if files and files.keys() != {"ca", "cert", "key"}:
        raise UsageError(
            f"{text!r} must name ca, cert and key, and nothing else",
            code="bad_cluster",
            hint="tls://HOST:PORT?ca=FILE&cert=FILE&key=FILE",
        )
    return f"{scheme}://{parts.netloc}", files or None


def _certificates(files: Mapping[str, Path] | None) -> dict[str, str] | None:
    if files is None:
        return None
    try:
        return {kind: path.read_text("utf-8") for kind, path in files.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"a certificate of the cluster cannot be read: {error}",
            code="bad_cluster",
            hint="ca, cert and key are files in PEM format on this machine",
        ) from None


class ClusterPlace:
    """A Dask cluster, reached from within a runtime or from this process.

    Parameters
    ----------
    executor, life
        Reach the runtime.
    runtime
        Its record.
    on
        An address, or a cluster or client of Dask in this process.
    """

    ahead = _LINES_AHEAD

    def __init__(
        self, executor: Executor, life: Life, runtime: RuntimeRecord, on: Any
    ) -> None:
        self._executor = executor
        self._life = life
        self._runtime = runtime
        self._on = on
        self.name = address_of(on).partition("?")[0]
        self.facts: dict[str, Any] = {}
        self._channel: WorkerChannel | None = None

    def open(self) -> WorkerChannel:
        """Return the channel to the process that speaks with the scheduler.

        Raises
        ------
        Unreachable, IllegalState, UsageError, RuntimeFailed
            The cluster cannot be used, with the reason.
        """
        channel = self._channel
        if channel is not None and channel.alive:
            return channel
        if isinstance(self._on, str):
            address, files = _parsed(self._on)
            tls = _certificates(files)
            channel = self._in_runtime()
        else:
            address, tls = self.name, None
            channel = _in_process(self._on)
        try:
            channel.handshake(_HANDSHAKE_SECONDS)
            self.facts = _connected(channel, address, tls)
        except BaseException:
            channel.close()
            raise
        self._channel = channel
        return channel

    def why(self, error: RuntimeFailed) -> RuntimeFailed:
        """Find out whether the runtime went away, or only what speaks for us there."""
        if error.code == "runtime_silent" or not isinstance(self._on, str):
            return error
        found = self._executor.why(self._runtime)
        if found.code != "worker_lost":
            return found
        return RuntimeFailed(
            f"the process that speaks with the cluster at {self.name} ended",
            phase="run",
            code="worker_lost",
            hint="it is started again",
            log=error.log,
        )

    def revive(self, error: RuntimeFailed) -> None:
        """Start the runtime again when it has died; opening then connects anew."""
        if isinstance(self._on, str):
            bring_back(self._life, self._runtime.id, error)

    def give_up(self, seconds: float) -> None:
        """End the channel to it."""
        if self._channel is not None:
            self._channel.fail(
                RuntimeFailed(
                    f"the cluster's client has not answered for {seconds:g} seconds",
                    phase="run",
                    code="runtime_silent",
                    hint="its machine may be cut off or much too busy",
                )
            )

    def close(self) -> None:
        """Let go of the cluster."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _in_runtime(self) -> WorkerChannel:
        self._runtime, _channel = self._executor.ready(self._runtime.id)
        record = self._runtime
        engine = self._life.computes.engine(record.compute)
        instance = record.instance or ""
        layers = identity.layer_folders(record, engine)
        command = bundle.command(engine.python(instance))
        stream = engine.open_stream(instance, [*command, "--cluster", *layers])
        return WorkerChannel(stream)


def _connected(
    channel: WorkerChannel, address: str, tls: dict[str, str] | None
) -> dict[str, Any]:
    archive = base64.b64encode(bundle.bundle().archive).decode("ascii")
    try:
        found: dict[str, Any] = channel.request(
            "cluster.connect",
            address=address,
            tls=tls,
            command=bundle.command([]),
            archive=archive,
        ).result(_CONNECT_SECONDS)
    except TimeoutError:
        raise Unreachable(
            f"the cluster at {address} did not answer within {_CONNECT_SECONDS:g} s",
            code="dask_unreachable",
            hint="look at the logs of its scheduler",
        ) from None
    except PfError as error:
        kind = _KINDS.get(error.code)
        if kind is None:
            raise
        raise kind(error.message, code=error.code, hint=error.hint) from None
    return found


class _SocketStream:
    """One end of a pair of sockets as a stream to a worker."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def read(self, size: int) -> bytes:
        """Return bytes, none at the end."""
        try:
            return self._end.recv(size)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Send all of ``data`` (Unreachable)."""
        try:
            self._end.sendall(data)
        except OSError as error:
            raise Unreachable(f"the cluster's client is gone: {error}") from None

    def close(self) -> None:
        """End the stream."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()

    def stderr(self) -> str:
        """Return nothing: it writes to this process's own."""
        return ""


def _in_process(on: Any) -> WorkerChannel:
    from ...worker.cluster import connection
    from ...worker.cluster.serving import Server

    ours, theirs = socket.socketpair()
    server = Server(theirs.recv, theirs.sendall, _user_of(on, connection.use))

    def serve() -> None:
        with contextlib.suppress(OSError), theirs:
            server.serve()

    threading.Thread(target=serve, name="pf_jupyter cluster", daemon=True).start()
    return WorkerChannel(_SocketStream(ours))


def _user_of(on: Any, use: Callable[..., Any]) -> Callable[..., Any]:
    def connect(request: dict[str, Any]) -> Any:
        from distributed import Client

        del request
        if isinstance(on, Client):
            return use(on, owned=False)
        client = Client(on, set_as_default=False)
        return use(client, owned=True)

    return connect
