"""Messages between control and the processes below it.

A message is a kind, a small JSON header and a payload of bytes. Payloads are mostly
finished frames for the host: control passes them on without looking inside, so that a
large result is encoded once, by the process that has it. Open files travel beside the
bytes where the socket can carry them.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

REQUEST = 1
"""Control to executor: what to do. Payload: the host's request."""
EVENT = 2
"""An event for the host, never dropped. Payload: the host's frame."""
PREVIEW = 3
"""An event that may be dropped when the host reads slowly. Payload: its frame."""
LOG = 4
"""Text that a node printed. Header: the event without its text. Payload: the text."""
NODE = 5
"""A node changed its state. Header: event, node. Payload: the host's frame; none where
the header is all there is to tell."""
KEEP = 6
"""What a finished node did, in full. Header: node. Payload: NODE as JSON."""
RESULT = 7
"""The answer. Payload: the host's frame."""
FAILURE = 8
"""The executor itself failed. Header: message, traceback."""
FORK = 9
"""Control to a nursery: make a child. Header: role, token."""
LOAD = 10
"""Control to a template: what to import. Header: folder, environment. Payload: flow."""
BORN = 11
"""A nursery made a child. Header: role, token, pid. Files: socket, stdout, stderr."""
LOADED = 12
"""A template is ready. Header: threads."""
ENDED = 13
"""A nursery's child is gone. Header: pid, status as os.waitpid gives it."""
REFUSED = 14
"""A nursery could not make a child. Header: token, message."""

ASK = 15
"""A question to the host that the executor waits for. Payload: the host's frame."""
ANSWER = 16
"""Control to executor: what the host answered. Payload: the value as JSON."""
LINES = 17
"""Control to a batch's executor: lines to run. Payload: [[line, number, inputs], …]."""
DONE = 18
"""Lines that ended. Header: lines, want, lanes. Payload: the host's frame."""
BEAT = 19
"""An executor of a batch is alive. Header: want, lanes; ``ready`` or ``error`` once."""
STUCK = 20
"""Lines took too long and cannot be ended from inside. Header: lines."""
ROWS = 21
"""Control to a batch's executor: what to aggregate. Header: last. Payload: rows."""
PACE = 22
"""A call of a service. Header: service; ``number`` when leave is asked for; of one that
was answered ``age``, ``refused`` and the ``headers`` that tell of limits; ``unused``,
the moment of a leave that came too late to be used."""
LEAVE = 23
"""Control to a batch's executor: calls may be made. Header: numbers and ``at``, the
moment; or ``limited``, the services for whose calls leave has to be asked."""
WARM = 24
"""Control to the zygote: nothing is urgent, load what flows will need."""

GO = 24
"""Control to executor: begin what was asked with ``held`` in its header."""

_PREFIX = struct.Struct(">BII")
# Made once: making one takes about as long as it takes to encode a line.
_as_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_MAX_FILES = 8
_FEW, _MUCH = 1 << 12, 1 << 16


class Message(NamedTuple):
    """One message as it was received."""

    kind: int
    header: Dict[str, Any]
    payload: bytes


def dumps(value: Any) -> bytes:
    """Return ``value`` as compact JSON; lone surrogates survive."""
    return _as_text(value).encode("utf-8", "surrogatepass")


def loads(data: bytes) -> Any:
    """Undo `dumps`."""
    return json.loads(data.decode("utf-8", "surrogatepass"))


def pack(
    kind: int, header: Optional[Dict[str, Any]] = None, payload: bytes = b""
) -> bytes:
    """Return the bytes of a message."""
    head = dumps(header) if header else b""
    return _PREFIX.pack(kind, len(head), len(payload)) + head + payload


class Parser:
    """Turns bytes that arrive in arbitrary pieces into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Add bytes and yield the messages that are complete now."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _PREFIX.size:
            kind, head, body = _PREFIX.unpack_from(buffer)
            start = _PREFIX.size + head
            if len(buffer) < start + body:
                return
            header = loads(bytes(buffer[_PREFIX.size : start])) if head else {}
            payload = bytes(buffer[start : start + body])
            del buffer[: start + body]
            yield Message(kind, header, payload)


class Wire:
    """A child's end: blocking, writable from any thread.

    Parameters
    ----------
    receive
        Returns at most so many bytes; b"" at the end.
    send
        Writes all of the bytes.
    """

    def __init__(
        self, receive: Callable[[int], bytes], send: Callable[[bytes], Any]
    ) -> None:
        self._receive = receive
        self._send = send
        self._parser = Parser()
        self._ready: List[Message] = []
        self._lock = threading.Lock()
        self._held: List[Callable[[], bytes]] = []
        self._room = _FEW

    def send(
        self, kind: int, header: Optional[Dict[str, Any]] = None, payload: bytes = b""
    ) -> None:
        """Send one message; blocks while the other side does not read."""
        data = pack(kind, header, payload)
        with self._lock:
            if self._held:
                data = self._take_held() + data
            self._send(data)

    def hold(self, make: Callable[[], bytes]) -> None:
        """Send with the next message what ``make`` returns, packed messages.

        Each by itself would wake the other side, and of what is discarded before that
        not even the bytes are needed.
        """
        with self._lock:
            self._held.append(make)

    def discard(self) -> None:
        """Forget what is held."""
        with self._lock:
            self._held.clear()

    def flush(self) -> None:
        """Send what is held."""
        with self._lock:
            if self._held:
                self._send(self._take_held())

    def _take_held(self) -> bytes:
        held, self._held = self._held, []
        return b"".join(make() for make in held)

    def receive(self) -> Optional[Message]:
        """Return the next message, or None at the end of the stream."""
        while not self._ready:
            # room for a lot is fresh memory, dearer than to read a short message
            data = self._receive(self._room)
            self._room = _MUCH if len(data) == self._room else _FEW
            if not data:
                return None
            self._ready.extend(self._parser.feed(data))
        return self._ready.pop(0)


def socket_wire(sock: socket.socket) -> Wire:
    """Return a wire over a connected socket."""
    return Wire(sock.recv, sock.sendall)


def pipe_wire(read_fd: int, write_fd: int) -> Wire:
    """Return a wire over two pipes."""

    def send(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(write_fd, view) :]

    return Wire(lambda size: os.read(read_fd, size), send)


def send_files(sock: socket.socket, data: bytes, files: Sequence[int]) -> None:
    """Send ``data`` and, with its first byte, open files."""
    sent = socket.send_fds(sock, [data], list(files))
    if sent < len(data):
        sock.sendall(data[sent:])


def receive_files(sock: socket.socket, size: int) -> "tuple[bytes, List[int]]":
    """Return bytes and the open files that came with them."""
    data, files, _flags, _address = socket.recv_fds(sock, size, _MAX_FILES)
    for fd in files:
        os.set_inheritable(fd, False)
    return data, list(files)
