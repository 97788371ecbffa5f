"""The held stream of a program that runs on this machine."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pf_jupyter.errors import RuntimeFailed, Unreachable

STDERR_KEPT = 64 * 1024
_PIECE = 64 * 1024
# a worker first ends everything that it started, on a busy machine as well
_PATIENCE_SECONDS = 15.0


class ProcessStream:
    """A `ByteStream` over the pipes of a subprocess in a session of its own.

    ``killed`` tells that the stream itself ended it, because it outlived its input.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        All of its variables.
    folder
        Where it starts.
    on_stderr
        Called from a thread with what it writes to stderr.
    on_exit
        Called once from that thread with its return code; negative for a signal.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        on_stderr: Callable[[bytes], None] | None = None,
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                cwd=folder,
                bufsize=0,
                **_apart(),
            )
        except OSError as error:
            raise RuntimeFailed(
                f"{command[0]} cannot be started: {error.strerror or error}",
                phase="start",
                code="program_missing",
                hint="the environment was removed or is damaged; create it again",
            ) from error
        self.pid = self._process.pid
        self._stderr = bytearray()
        self._on_stderr = on_stderr
        self._on_exit = on_exit
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False
        self.killed = False
        self._wake = _Wake()
        if self._wake.works:
            os.set_blocking(self._stdin, False)
        self._listener = self._thread(self._listen, "stderr")
        self._waiter = self._thread(self._wait, "wait")

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(
            target=work, daemon=True, name=f"pf-process-{self.pid}-{name}"
        )
        thread.start()
        return thread

    @property
    def _stdin(self) -> int:
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    @property
    def _stdout(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr:
            number = self._process.stderr.fileno()
            while piece := os.read(number, _PIECE):
                self._stderr += piece
                if len(self._stderr) > 2 * STDERR_KEPT:
                    del self._stderr[:-STDERR_KEPT]
                if self._on_stderr is not None:
                    self._on_stderr(piece)

    def _wait(self) -> None:
        code = self._process.wait()
        # children of the program may hold its pipes for longer than it lives
        self._wake.up()
        if self._on_exit is not None:
            self._on_exit(code)

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes of the program's stdout; b"" at the end."""
        with self._reading:
            try:
                if self._closed or not self._wake.wait_for(self._stdout):
                    return b""
                piece = os.read(self._stdout, size)
            except (OSError, ValueError):
                return b""  # closed by another thread
        if not piece:
            # what it said last is complete before anybody asks for it
            self._listener.join(1.0)
        return piece

    def write(self, data: bytes) -> None:
        """Send all of ``data`` to the program's stdin.

        Raises
        ------
        Unreachable
            The program ended, or the stream was closed.
        """
        view = memoryview(data)
        try:
            with self._writing:
                while view:
                    if self._closed:
                        raise BrokenPipeError
                    try:
                        view = view[os.write(self._stdin, view) :]
                    except BlockingIOError:
                        if not self._wake.wait_for(self._stdin, writing=True):
                            raise BrokenPipeError from None
        except (OSError, ValueError) as error:
            raise Unreachable(
                "the stream to the instance is gone: the program ended",
                code="stream_lost",
                hint="the instance's state tells why; start it again",
            ) from error

    def close(self) -> None:
        """End the stream and with it the program's input, as a container would."""
        if self._closed:
            return
        self._closed = True
        self._wake.up()
        if not self._wake.works:
            self._kill()
        with self._writing:
            assert self._process.stdin is not None
            self._process.stdin.close()
        # a program that heeds the end of its input needs no more
        self._thread(self._end, "end")

    def _end(self) -> None:
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
        self._waiter.join()
        with self._reading:
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._wake.close()

    def _kill(self) -> None:
        self.killed = True
        self._process.kill()

    def stderr(self) -> str:
        """Return the last 64 KB that the program wrote to its stderr."""
        return bytes(self._stderr[-STDERR_KEPT:]).decode("utf-8", "replace")


class _Wake:
    """Lets a thread wait for a pipe, or for being woken; not on Windows."""

    def __init__(self) -> None:
        self.works = hasattr(select, "poll")
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = os.pipe() if self.works else None

    def up(self) -> None:
        """Wake whoever waits now or later."""
        with self._lock:
            if self._ends is not None:
                os.write(self._ends[1], b"!")

    def wait_for(self, number: int, *, writing: bool = False) -> bool:
        """Return True when the pipe is ready, False when only woken."""
        if self._ends is None:
            return not self.works
        poll = select.poll()
        poll.register(number, select.POLLOUT if writing else select.POLLIN)
        poll.register(self._ends[0], select.POLLIN)
        return any(ready == number for ready, _ in poll.poll())

    def close(self) -> None:
        """Give the pipe back."""
        with self._lock:
            ends, self._ends = self._ends, None
        for number in ends or ():
            os.close(number)


def _apart() -> dict[str, Any]:
    """Return what keeps a terminal's or notebook's interrupt away from a program."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
