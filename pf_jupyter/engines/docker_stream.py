"""The held stream of an exec: one connection, both directions, stderr kept apart.

The connection is ours from its first byte. docker-py would hand out the raw socket of
a response whose header was read through a buffer, and what the program had written by
then would stay in that buffer.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
from typing import Any, Protocol

from pf_jupyter.engines.docker_address import Address, why_unreachable
from pf_jupyter.engines.docker_errors import from_engine
from pf_jupyter.errors import Unreachable

STDERR_KEPT = 64 * 1024
_PIECE = 256 * 1024
_FRAME_HEADER = 8
_STDERR = 2
_OPEN_SECONDS = 30.0
_FAILED_START = (b"OCI runtime exec failed", b"rpc error: ", b"Error: crun: exec")


class Duplex(Protocol):
    """A connected socket, of whatever kind, that two threads may use at once."""

    def receive(self, size: int) -> bytes:
        """Wait for at least one byte; b"" at the end."""

    def send(self, data: bytes) -> None:
        """Send all of it, or raise OSError."""

    def close(self) -> None:
        """End both directions; a waiting `receive` returns."""


class PlainSocket:
    """A unix or TCP socket: the system keeps reading and writing apart."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.settimeout(None)

    def receive(self, size: int) -> bytes:
        """Wait for at least one byte; b"" at the end."""
        return self._sock.recv(size)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._sock.sendall(data)

    def close(self) -> None:
        """End both directions."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was first
        self._sock.close()


class TlsSocket:
    """A TLS socket: OpenSSL wants one thread at a time, so nobody waits inside it."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._closed = False
        sock.settimeout(0)

    def receive(self, size: int) -> bytes:
        """Wait for at least one byte; b"" at the end."""
        while True:
            with self._lock:
                if self._closed:
                    return b""
                try:
                    return self._sock.recv(size)
                except ssl.SSLWantReadError:
                    writing = False
                except ssl.SSLWantWriteError:
                    writing = True
                except ssl.SSLEOFError:
                    return b""
            self._wait(writing)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        view = memoryview(data)
        while view:
            with self._lock:
                if self._closed:
                    raise BrokenPipeError("the stream was closed")
                try:
                    view = view[self._sock.send(view) :]
                    continue
                except ssl.SSLWantReadError:
                    writing = False
                except ssl.SSLWantWriteError:
                    writing = True
            self._wait(writing)

    def _wait(self, writing: bool) -> None:
        number = self._sock.fileno()
        if number < 0:
            return
        # waiting has an end so that a close between the check and here is noticed
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(number, select.POLLOUT if writing else select.POLLIN)
            poll.poll(1000)
            return
        readers, writers = ([], [number]) if writing else ([number], [])
        select.select(readers, writers, [], 1.0)

    def close(self) -> None:
        """End both directions."""
        with self._lock:
            self._closed = True
            try:
                # not SSLSocket's own, which would turn later reads into plain ones
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
            except OSError:
                pass  # the other side was first
            self._sock.close()


class PipeSocket:
    """docker-py's named pipe of Windows."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe

    def receive(self, size: int) -> bytes:
        """Wait for at least one byte; b"" at the end."""
        try:
            return bytes(self._pipe.recv(size))
        except Exception as error:
            # pywintypes.error: 109 and 233 say that the other side closed
            if error.args and error.args[0] in (6, 109, 232, 233):
                return b""
            raise OSError(str(error)) from error

    def send(self, data: bytes) -> None:
        """Send all of it."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._pipe.send(bytes(view)) :]
        except Exception as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        """End both directions."""
        self._pipe.close()


class ExecStream:
    """A `ByteStream` over the multiplexed stream of a held exec.

    Parameters
    ----------
    duplex
        The connection, past its HTTP header.
    received
        Bytes that came with the header.
    address
        Where the engine is, for messages.
    """

    def __init__(self, duplex: Duplex, received: bytes, address: Address) -> None:
        self._duplex = duplex
        self._buffer = bytearray(received)
        self._address = address
        self._left = 0
        self._kind = 0
        self._first = True
        self._stderr = bytearray()
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes of the program's stdout; b"" at the end.

        Raises
        ------
        Unreachable
            The connection broke.
        """
        with self._reading:
            while not self._ended:
                if self._left == 0:
                    if not self._next_frame():
                        break
                    continue  # a frame may be empty
                piece = self._take(self._left if self._kind == _STDERR else size)
                if not piece:
                    break
                if self._kind == _STDERR:
                    self._keep(piece)
                    continue
                return piece
            self._ended = True
            return b""

    def _next_frame(self) -> bool:
        while len(self._buffer) < _FRAME_HEADER:
            data = self._receive(_PIECE)
            if not data:
                return False
            self._buffer += data
        self._kind = self._buffer[0]
        self._left = int.from_bytes(self._buffer[4:8], "big")
        del self._buffer[:_FRAME_HEADER]
        if self._first:
            self._first = False
            self._judge_start()
        return True

    def _take(self, size: int) -> bytes:
        wanted = min(size, self._left)
        if self._buffer:
            piece = bytes(self._buffer[:wanted])
            del self._buffer[:wanted]
        elif self._left >= _FRAME_HEADER:
            piece = self._receive(min(wanted, _PIECE))
        else:
            # a tiny rest: take the next header along in the same call
            self._buffer += self._receive(_PIECE)
            piece = bytes(self._buffer[:wanted])
            del self._buffer[:wanted]
        self._left -= len(piece)
        return piece

    def _judge_start(self) -> None:
        # engines report a program that cannot be started on its own stdout
        while len(self._buffer) < min(self._left, max(map(len, _FAILED_START))):
            data = self._receive(_PIECE)
            if not data:
                return
            self._buffer += data
        if self._buffer.startswith(_FAILED_START):
            self._kind = _STDERR

    def _keep(self, piece: bytes) -> None:
        self._stderr += piece
        if len(self._stderr) > 2 * STDERR_KEPT:
            del self._stderr[:-STDERR_KEPT]

    def _receive(self, size: int) -> bytes:
        try:
            return b"" if self._closed else self._duplex.receive(size)
        except OSError as error:
            if self._closed:
                return b""
            self._ended = True
            if isinstance(error, (ConnectionResetError, BrokenPipeError)):
                return b""
            raise why_unreachable(error, self._address) from error

    def write(self, data: bytes) -> None:
        """Send all of ``data`` to the program's stdin.

        Raises
        ------
        Unreachable
            The program or the engine is gone, or the stream was closed.
        """
        if self._closed or self._ended:
            raise self._gone("closed" if self._closed else "the program ended")
        try:
            with self._writing:
                self._duplex.send(data)
        except OSError as error:
            raise self._gone(str(error)) from error

    def _gone(self, reason: str) -> Unreachable:
        return Unreachable(
            f"the stream to the instance is gone: {reason}",
            code="stream_lost",
            hint="the instance's state tells why; start it again",
        )

    def close(self) -> None:
        """End the stream; a blocked `read` in another thread returns b""."""
        if self._closed:
            return
        self._closed = True
        self._duplex.close()

    def stderr(self) -> str:
        """Return the last 64 KB that the program wrote to its stderr."""
        return bytes(self._stderr[-STDERR_KEPT:]).decode("utf-8", "replace")


def open_exec(
    address: Address, api_version: str, exec_id: str, instance: str
) -> ExecStream:
    """Start an exec that was created and hold its stream.

    Raises
    ------
    OSError
        The engine could not be reached.
    IllegalState, NotFound, RuntimeFailed
        The engine refused.
    """
    sock = address.connect(_OPEN_SECONDS)
    try:
        body = json.dumps({"Detach": False, "Tty": False}).encode()
        lines = [
            f"POST /v{api_version}/exec/{exec_id}/start HTTP/1.1",
            "Host: docker",
            "Content-Type: application/json",
            "Connection: Upgrade",
            "Upgrade: tcp",
            f"Content-Length: {len(body)}",
        ]
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head, rest = _read_head(sock)
        status = _status_of(head)
        if status not in (101, 200):
            text = _read_body(sock, head, rest)
            raise from_engine(text, status, "start", instance)
    except BaseException:
        sock.close()
        raise
    duplex: Duplex = (
        TlsSocket(sock) if isinstance(sock, ssl.SSLSocket) else PlainSocket(sock)
    )
    return ExecStream(duplex, rest, address)


def _read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("the engine closed the connection")
        data += piece
        if len(data) > 1024 * 1024:
            raise ConnectionError("the answer is not HTTP")
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _status_of(head: bytes) -> int:
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ConnectionError("the answer is not HTTP")
    return int(words[1])


def _read_body(sock: socket.socket, head: bytes, rest: bytes) -> str:
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(rest) < length:
        piece = sock.recv(65536)
        if not piece:
            break
        rest += piece
    text = rest.decode("utf-8", "replace")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text
