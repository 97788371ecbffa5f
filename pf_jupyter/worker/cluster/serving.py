"""Speaks with the host for a Dask cluster, as a worker does for its executors."""

from __future__ import annotations

import base64
import os
import sys
import threading
from typing import Any, Callable, Dict, List, Optional

from .. import protocol
from . import connection
from .batch import ClusterBatch

_READ_BYTES = 1 << 20


class Server:
    """Answers the host's requests.

    Parameters
    ----------
    read, write
        The host's stream.
    connect
        Reaches the cluster with the fields of a request.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        write: Callable[[bytes], Any],
        connect: Callable[[Dict[str, Any]], connection.Connected],
    ) -> None:
        self._read = read
        self._write = write
        self._connect = connect
        self._writing = threading.Lock()
        self._connected: Optional[connection.Connected] = None
        self._code: Dict[str, Any] = {}
        self._snapshots: Dict[str, Dict[str, Any]] = {}
        self._batches: Dict[Any, ClusterBatch] = {}

    def serve(self) -> None:
        """Say hello, then answer until the host goes."""
        self._put(
            {
                "type": "hello",
                "protocol": protocol.PROTOCOL_VERSION,
                "python": ".".join(str(part) for part in sys.version_info[:3]),
                "pid": os.getpid(),
                "features": ["cluster"],
                "layers": [],
            }
        )
        decoder = protocol.Decoder()
        try:
            while True:
                data = self._read(_READ_BYTES)
                if not data:
                    return
                decoder.feed(data)
                while True:
                    request = decoder.next()
                    if request is None:
                        break
                    if request["op"] == "shutdown":
                        return
                    self._handle(request)
        finally:
            for batch in list(self._batches.values()):
                batch.cancel()
            if self._connected is not None:
                self._connected.close()

    def _handle(self, request: Dict[str, Any]) -> None:
        op, number = request["op"], request["id"]
        try:
            if op == "cluster.connect":
                # It may take its time; pings are answered meanwhile.
                threading.Thread(
                    target=self._open, args=(request,), daemon=True
                ).start()
                return
            if op == "batch":
                self._begin(request)
                return
            if op == "batch.recall":
                self._recall(request)
                return
            value = _ANSWERS[op](self, request)
            self._put({"type": "result", "id": number, "value": value})
        except connection.ClusterError as error:
            self._refuse(number, error.error)
        except KeyError as error:
            self._refuse(
                number,
                {
                    "code": "usage",
                    "message": f"a cluster cannot be asked {op!r} so: {error} is not "
                    "known",
                    "hint": "host and runtime must be of the same version",
                },
            )

    def _open(self, request: Dict[str, Any]) -> None:
        number = request["id"]
        try:
            connected = self._connect(request)
            self._code = {
                "command": request["command"],
                "archive": base64.b64decode(request["archive"]),
            }
            self._connected = connected
            facts = connected.facts()
        except connection.ClusterError as error:
            self._refuse(number, error.error)
            return
        except Exception as error:
            self._refuse(
                number,
                {
                    "code": "dask_unreachable",
                    "message": "the cluster cannot be used: "
                    f"{type(error).__name__}: {error}",
                    "hint": "look at the logs of its scheduler",
                },
            )
            return
        self._put({"type": "result", "id": number, "value": facts})

    def _begin(self, request: Dict[str, Any]) -> None:
        known = self._snapshots.get(request["snapshot"])
        if known is None or self._lacking(request["snapshot"]):
            raise connection.ClusterError(
                "snapshot_missing", "the flow is not here", "send it"
            )
        assert self._connected is not None
        facts = {**self._code, **known, "snapshot": request["snapshot"]}
        self._batches[request["id"]] = ClusterBatch(
            request, self._connected, facts, self._send, self._ended
        )

    def _ended(self, batch: ClusterBatch) -> None:
        self._batches.pop(batch.id, None)

    def _recall(self, request: Dict[str, Any]) -> None:
        number = request["id"]

        def answer(lines: List[int]) -> None:
            self._put({"type": "result", "id": number, "value": {"lines": lines}})

        batch = self._batches.get(request["target"])
        if batch is None:
            answer([])
        else:
            batch.recall(request["most"], answer)

    def _lines(self, request: Dict[str, Any]) -> Dict[str, Any]:
        batch = self._batches.get(request["target"])
        if batch is not None:
            batch.lines(request["lines"], bool(request.get("last")))
        return {"taken": batch is not None}

    def _cancel(self, request: Dict[str, Any]) -> Dict[str, Any]:
        batch = self._batches.get(request["target"])
        if batch is not None:
            batch.cancel()
        return {"canceled": batch is not None}

    def _open_snapshot(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self._snapshots.setdefault(
            request["snapshot"], {"files": request["files"], "blobs": {}}
        )
        return {"missing": self._lacking(request["snapshot"])}

    def _fill_snapshot(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self._snapshots[request["snapshot"]]["blobs"].update(request["blobs"])
        return {"missing": self._lacking(request["snapshot"])}

    def _lacking(self, snapshot: str) -> List[str]:
        known = self._snapshots[snapshot]
        digests = {file["digest"] for file in known["files"]}
        return sorted(digests - known["blobs"].keys())

    def _put(self, message: Dict[str, Any]) -> None:
        self._send(protocol.encode(message))

    def _refuse(self, number: Any, error: Dict[str, Any]) -> None:
        self._put({"type": "error", "id": number, "error": error})

    def _send(self, frame: bytes) -> None:
        with self._writing:
            try:
                self._write(frame)
            except OSError:
                pass  # the host went away, which the reading side finds out


_ANSWERS: Dict[str, Callable[[Server, Dict[str, Any]], Any]] = {
    "ping": lambda server, request: {},
    "batch.lines": Server._lines,
    "cancel": Server._cancel,
    "snapshot.open": Server._open_snapshot,
    "snapshot.fill": Server._fill_snapshot,
}


def by_address(request: Dict[str, Any]) -> connection.Connected:
    """Return the cluster at the address of a request."""
    return connection.connect(request["address"], request.get("tls"))


def main() -> None:
    """Serve the host on stdin and stdout until it goes."""
    in_fd, out_fd = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(out_fd, view) :]

    Server(lambda size: os.read(in_fd, size), write, by_address).serve()
    os._exit(0)
