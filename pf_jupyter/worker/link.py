"""Control's end of a socket to a process below it; it never blocks."""

from __future__ import annotations

import os
import socket
from typing import Any, Callable, Dict, List, Optional

from . import wire
from .loop import Loop

_READ_SIZE = 1 << 16


class Link:
    """A socket to a child, its messages and the files that come with them.

    Parameters
    ----------
    loop
        Calls us when there is something to do.
    sock
        Connected; owned by the link from now on.
    on_message
        Called with each message.
    on_end
        Called once when the other side is gone.
    carries_files
        Whether open files may come with messages; `files` then holds them in order.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_message: Callable[[wire.Message], None],
        on_end: Callable[[], None],
        *,
        carries_files: bool = False,
    ) -> None:
        self._loop = loop
        self._sock: Optional[socket.socket] = sock
        self._fd = sock.fileno()
        self._on_message = on_message
        self._on_end = on_end
        self._parser = wire.Parser()
        self._out = bytearray()
        self._waits = False
        self._carries_files = carries_files
        self.files: List[int] = []
        sock.setblocking(False)
        # Nurseries are always heard: nothing they say is for the host.
        loop.watch_read(self._fd, self.read, pausable=not carries_files)

    @property
    def open(self) -> bool:
        """Whether the other side is still there, as far as we know."""
        return self._sock is not None

    def send(
        self, kind: int, header: Optional[Dict[str, Any]] = None, payload: bytes = b""
    ) -> None:
        """Send a message, now or as soon as the other side reads."""
        if self._sock is None:
            return
        self._out += wire.pack(kind, header, payload)
        self._flush()

    def _flush(self) -> None:
        if self._sock is None:
            return
        try:
            while self._out:
                del self._out[: self._sock.send(self._out)]
        except BlockingIOError:
            self._waits = True
            self._loop.watch_write(self._fd, self._flush)
            return
        except OSError:
            # Its end is reported by reading, after all that it still said.
            self._out.clear()
        if self._waits:
            self._waits = False
            self._loop.watch_write(self._fd, None)

    def read(self) -> None:
        """Handle what the other side said up to now."""
        while self._sock is not None:
            try:
                if self._carries_files:
                    data, files = wire.receive_files(self._sock, _READ_SIZE)
                    self.files.extend(files)
                else:
                    data = self._sock.recv(_READ_SIZE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                self._on_end()
                return
            for message in self._parser.feed(data):
                self._on_message(message)
            if len(data) < _READ_SIZE and not self._carries_files:
                return

    def close(self) -> None:
        """Close the socket; whoever reads at the other side sees the end."""
        if self._sock is not None:
            self._loop.forget(self._fd)
            self._sock.close()
            self._sock = None
            for fd in self.files:
                os.close(fd)
            self.files.clear()
