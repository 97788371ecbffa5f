"""The control process: speaks with the host, starts and watches everything else.

It never imports code of users or of their packages, so nothing they do can break it.
The host's stream is its stdin and stdout; whatever else writes to stdout by accident is
sent to stderr instead.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, NamedTuple, Optional, Tuple

from . import layers, process_tree, protocol, start
from .active_run import ActiveRun, now
from .generations import Generation, Generations
from .known_flows import KnownFlows
from .layer_requests import LayerRequests
from .loop import Loop
from .outbox import Outbox
from .runs import Runs
from .snapshots import SnapshotError, Snapshots
from .sources import Observer
from .switchboard import Switchboard
from .work_folder import WorkFolder

if TYPE_CHECKING:
    from .batches import Batches

_READ_BYTES = 1 << 20
_FEW_BYTES = 1 << 14
_SNAPSHOT_BYTES = 512 << 20
_FLUSH_SECONDS = 2.0
_END_SECONDS = 10.0


class RequestError(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "hint": hint}


class Control:
    """Answers the host's requests.

    Parameters
    ----------
    code_folder
        Where our own package was unpacked.
    base_folder
        Writable folder for snapshots.
    spawn
        Start a fresh interpreter for each executor instead of forking.
    """

    def __init__(self, code_folder: str, base_folder: str, *, spawn: bool) -> None:
        self.loop = Loop()
        self._decoder = protocol.Decoder()
        self._room = _FEW_BYTES
        self._work = WorkFolder(base_folder)
        self._host_name = _host_name()
        self._stream = _sockets() if spawn else _pipes()
        stream = self._stream
        self.outbox = Outbox(self.loop, stream.out_fd, stream.send, self._stop)
        capacity = int(os.environ.get("PF_WORKER_SNAPSHOT_BYTES") or _SNAPSHOT_BYTES)
        self._flows = KnownFlows()
        self._snapshots = Snapshots(self._work.path, capacity)
        self._runs = Runs(self.loop, self.outbox, self._snapshots, self._host_name)
        heard = Switchboard(self._runs)
        self._backend = self._runs.backend = Generations(
            self.loop, lambda: _backend(self.loop, heard, code_folder, spawn)
        )
        self._layers = LayerRequests(self.loop, code_folder, self._backend)
        self._made_batches: Optional[Batches] = None
        self._answers: Dict[str, Callable[[Dict[str, Any]], Any]] = {
            "ping": lambda request: {"time": now()},
            "snapshot.open": self._open_snapshot,
            "snapshot.fill": self._fill_snapshot,
            "answer": lambda request: {
                "taken": self._runs.answer(request["target"], request["value"])
            },
            "cancel": lambda request: {
                "canceled": self._runs.cancel(request["target"])
                or self._batches.cancel(request["target"])
            },
            "batch.lines": lambda request: self._batches.lines(request),
            "batch.recall": lambda request: self._batches.recall(request),
            "batch.rows": lambda request: self._batches.rows(request),
            "stats": self._stats,
            "layers.use": self._layers.use,
        }

    @property
    def _batches(self) -> Batches:
        # A worker that never runs a batch does not load what batches need.
        if self._made_batches is None:
            from .batches import Batches

            self._made_batches = Batches(
                self.loop, self.outbox, self._snapshots, self._runs
            )
        return self._made_batches

    def serve(self) -> None:
        """Say hello, then answer until the host goes or asks us to end."""
        self.outbox.put(protocol.encode(self._hello()))
        self.outbox.flush()
        self._listen_to_signals()
        self._backend.start()
        self.loop.watch_read(self._stream.in_fd, self._read, pausable=True)
        try:
            self.loop.run()
        finally:
            self._end()

    def _hello(self) -> Dict[str, Any]:
        version = ".".join(str(part) for part in sys.version_info[:3])
        uid = os.getuid() if hasattr(os, "getuid") else None
        features = [self._backend.feature]
        if _has_package("jinja2"):
            features.append("jinja2")
        return {
            "type": "hello",
            "protocol": protocol.PROTOCOL_VERSION,
            "python": version,
            "implementation": sys.implementation.name,
            "pid": os.getpid(),
            "hostname": self._host_name,
            "user": _user_name(uid),
            "uid": uid,
            "cwd": os.getcwd(),
            "features": features,
            "layers": list(layers.used()),
        }

    # ---- signals ------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        bell = self.loop.open_bell()
        # Ctrl-C in a terminal reaches every process there; the host decides for us.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not hasattr(signal, "SIGCHLD") or self._backend.feature != "fork":
            return
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: self.loop.call_soon(self._reap))
        for name in ("SIGTERM", "SIGHUP"):
            signal.signal(getattr(signal, name), lambda *_: self._stop())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._backend.reaped(pid, status)

    def _stop(self) -> None:
        self.loop.running = False

    # ---- requests -----------------------------------------------------------

    def _read(self) -> None:
        try:
            # room for a lot is dear, and only a large message needs it
            data = self._stream.receive(self._room)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._stop()
            return
        self._room = _READ_BYTES if len(data) == self._room else _FEW_BYTES
        self._decoder.feed(data)
        while self.loop.running:
            body = self._decoder.next_body()
            if body is None:
                return
            self._handle(protocol.decode(body), body)

    def _handle(self, request: Dict[str, Any], body: bytes) -> None:
        number = request.get("id")
        op = request.get("op")
        self._runs.tidy()
        try:
            if op in ("run", "inspect", "batch"):
                self._begin(request, body)
                return
            if op == "layers.examine":
                self._layers.examine(request, lambda value: self._reply(number, value))
                return
            if op == "go":
                self._runs.go(request["target"])
                return
            if op == "shutdown":
                self._reply(number, {})
                self._stop()
                return
            if op not in self._answers:
                known = ", ".join(sorted([*self._answers, "run", "inspect", "batch"]))
                raise RequestError(
                    "usage", f"unknown operation {op!r}", f"known are {known}"
                )
            self._reply(number, self._answers[op](request))
        except RequestError as error:
            self._refuse(number, error.error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"malformed request {op!r}: {type(error).__name__}: {error}"
            hint = "host and worker must be of the same version; restart the runtime"
            self._refuse(number, {"code": "usage", "message": what, "hint": hint})
        except OSError as error:
            what = f"{op} failed in the runtime: {error}"
            hint = "look whether the runtime's disk is full or not writable"
            self._refuse(
                number, {"code": "runtime_failed", "message": what, "hint": hint}
            )

    def _reply(self, number: Any, value: Any) -> None:
        frame = protocol.encode({"type": "result", "id": number, "value": value})
        self.outbox.put(frame)

    def _refuse(self, number: Any, error: Dict[str, Any]) -> None:
        frame = protocol.encode({"type": "error", "id": number, "error": error})
        self.outbox.put(frame)

    def _begin(self, request: Dict[str, Any], body: bytes) -> None:
        is_short = "flow" not in request
        if not self._flows.complete(request):
            raise RequestError(
                "flow_missing", "this flow is not here", "send it, as before"
            )
        snapshot = self._snapshots.get(request["snapshot"])
        if snapshot is None:
            raise RequestError(
                "snapshot_missing",
                f"snapshot {request['snapshot']} is not here",
                "open it, then ask again",
            )
        if request["op"] == "batch":
            self._batches.begin(request, body, snapshot)
            return
        self._runs.begin(ActiveRun(request, body, is_short), snapshot)

    def _open_snapshot(self, request: Dict[str, Any]) -> Dict[str, Any]:
        try:
            missing = self._snapshots.open(request["snapshot"], request["files"])
        except SnapshotError as error:
            raise RequestError("usage", str(error), _SNAPSHOT_HINT) from None
        return {"missing": missing}

    def _fill_snapshot(self, request: Dict[str, Any]) -> Dict[str, Any]:
        try:
            missing = self._snapshots.fill(request["snapshot"], request["blobs"])
        except SnapshotError as error:
            raise RequestError("usage", str(error), _SNAPSHOT_HINT) from None
        return {"missing": missing}

    def _stats(self, request: Dict[str, Any]) -> Dict[str, Any]:
        processes = [
            {"pid": os.getpid(), "kind": "control", "snapshot": None},
            *self._backend.processes(),
        ]
        for process in processes:
            process["rss"] = process_tree.resident_bytes(process["pid"])
        return {
            "processes": processes,
            "runs": [
                *self._runs.ids(),
                *(self._made_batches.ids() if self._made_batches else ()),
            ],
        }

    # ---- the end ------------------------------------------------------------

    def _end(self) -> None:
        deadline = time.monotonic() + _FLUSH_SECONDS
        self.outbox.flush()
        self.loop.forget(self._stream.in_fd)
        while not self.outbox.empty and time.monotonic() < deadline:
            self.loop.run_once(0.1)
        self._backend.close()
        # The last to go: whatever outlived us would be nobody's.
        process_tree.end_family(_END_SECONDS)
        self._work.remove()


_SNAPSHOT_HINT = "the host sent a folder that cannot be; run it again"


def _backend(
    loop: Loop, observer: Observer, code_folder: str, spawn: bool
) -> Generation:
    if spawn:
        from .fresh import FreshBackend

        return FreshBackend(loop, observer, code_folder)
    from .templates import ForkBackend

    return ForkBackend(loop, observer, code_folder)


class _Stream(NamedTuple):
    """The host's stream: what to watch, and how to read and write without blocking."""

    in_fd: int
    out_fd: int
    receive: Callable[[int], bytes]
    send: Callable[[Any], int]
    owned: Tuple[Any, ...] = ()


def _take_standard_streams() -> Tuple[int, int]:
    """Return stdin and stdout for us alone; what prints from now on goes to stderr."""
    in_fd, out_fd = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return in_fd, out_fd


def _pipes() -> _Stream:
    in_fd, out_fd = _take_standard_streams()
    os.set_blocking(in_fd, False)
    os.set_blocking(out_fd, False)
    return _Stream(
        in_fd,
        out_fd,
        lambda size: os.read(in_fd, size),
        lambda data: os.write(out_fd, data),
    )


def _sockets() -> _Stream:
    """Copy stdin and stdout by threads, where a loop cannot watch pipes."""
    import socket
    import threading

    from .fresh import pump, socket_from, write_all

    in_fd, out_fd = _take_standard_streams()
    source = socket_from(in_fd)
    out, theirs = socket.socketpair()
    for ours in (source, out):
        ours.setblocking(False)
    arguments = (theirs.recv, lambda data: write_all(out_fd, data))
    threading.Thread(target=pump, args=arguments, daemon=True).start()
    return _Stream(
        source.fileno(), out.fileno(), source.recv, out.send, (source, out, theirs)
    )


def _has_package(name: str) -> bool:
    """Whether a package is installed, without looking into what is installed."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    roots = {sys.prefix, sys.base_prefix, "/usr", "/usr/local"}
    if sys.executable:
        roots.add(os.path.dirname(os.path.dirname(sys.executable)))
    places = [f"lib/{version}/site-packages", "lib/python3/dist-packages"]
    places.append("Lib/site-packages")
    return any(
        os.path.isdir(os.path.join(root, place, name))
        for root in roots
        for place in places
    )


def _host_name() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "")


def _user_name(uid: Optional[int]) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid or 0).pw_name
    except (ImportError, KeyError):
        return os.environ.get("USERNAME") or str(uid)


def main(code_folder: str, base_folder: str) -> None:
    """Serve the host on stdin and stdout until it goes."""
    try:
        Control(code_folder, base_folder, spawn=start.must_spawn()).serve()
    except protocol.ProtocolError as error:
        sys.stderr.write(f"the host does not speak our protocol: {error}\n")
        sys.stderr.flush()
        os._exit(2)
    os._exit(0)
