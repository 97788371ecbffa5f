"""Executors without forking: an interpreter of its own for each, started ahead of time.

For systems that cannot fork, or not safely. Where an interpreter cannot be given our
sockets either, its pipes are turned into sockets by threads, so that control's loop is
the same everywhere.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from typing import (
    AbstractSet,
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from . import process_tree, start
from .active_run import ActiveRun
from .loop import Loop
from .snapshots import Snapshot
from .sources import ExecutorHandle, Observer, Source

_PIECE = 1 << 16
_LAST_WORDS_SECONDS = 5.0


def pump(read: Callable[[int], bytes], write: Callable[[bytes], Any]) -> None:
    """Copy until one side ends."""
    try:
        while True:
            data = read(_PIECE)
            if not data:
                return
            write(data)
    except (OSError, ValueError):
        # The other side is gone; what reads from it sees the end.
        return


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data`` to a blocking file descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def socket_from(fd: int) -> socket.socket:
    """Return a socket that gives what is read from ``fd``."""
    ours, theirs = socket.socketpair()

    def copy() -> None:
        pump(lambda size: os.read(fd, size), theirs.sendall)
        theirs.close()

    threading.Thread(target=copy, daemon=True).start()
    return ours


class FreshSource(Source):
    """Starts interpreters; each becomes an executor with nothing loaded."""

    def __init__(self, loop: Loop, observer: Observer, code_folder: str) -> None:
        super().__init__(loop, observer, spares=1)
        self._code_folder = code_folder
        self._start = _start_sharing if start.can_share_files() else _start_piped
        self.started: Set[int] = set()

    def make(self) -> None:
        """Start an interpreter."""
        try:
            started = self._start(self._code_folder)
        except OSError as error:
            text = error.strerror or str(error)
            self._loop.call_soon(lambda: self.failed(text))
            return
        process = started.process
        self.started.add(process.pid)
        handle = ExecutorHandle(
            self._loop,
            self._observer,
            self,
            process.pid,
            started.sock,
            started.outputs,
            False,
            in_order=not started.pumps,
        )

        def wait() -> None:
            code = process.wait()
            # A grandchild may hold the pipes open: what it still says is not awaited.
            for thread in started.pumps:
                thread.join(_LAST_WORDS_SECONDS)
            status = code if os.name == "nt" else wait_status(code)
            self._loop.call_from_thread(lambda: ended(status))
            if started.far is not None:
                started.far.close()

        def ended(status: int) -> None:
            self.started.discard(process.pid)
            handle.end(status)

        threading.Thread(target=wait, daemon=True).start()
        self._loop.call_soon(lambda: self.born(handle))


class _Started(NamedTuple):
    """An interpreter, and what we hear of it; ``pumps`` end when it has said all."""

    process: "subprocess.Popen[bytes]"
    sock: socket.socket
    outputs: List[Tuple[Any, str]]
    pumps: Sequence[threading.Thread] = ()
    far: Optional[socket.socket] = None


def _start_sharing(code_folder: str) -> _Started:
    """Start an interpreter that has the same files as a forked executor.

    Nothing stands between it and us, so that what it printed last is there when it has
    ended, and comes after what it said before.
    """
    opened: List[int] = []
    ours, theirs = socket.socketpair()
    try:
        for pair in (os.pipe, os.pipe):
            opened.extend(pair())
        out_read, out_write, err_read, err_write = opened
        for fd in (out_read, err_read):
            os.set_blocking(fd, False)
        process = subprocess.Popen(
            start.command(code_folder, "executor", str(out_read), str(err_read)),
            stdin=theirs.fileno(),
            stdout=out_write,
            stderr=err_write,
            pass_fds=(out_read, err_read),
            start_new_session=True,
        )
    except OSError:
        ours.close()
        for fd in opened:
            os.close(fd)
        raise
    finally:
        theirs.close()
    os.close(out_write)
    os.close(err_write)
    outputs: List[Tuple[Any, str]] = [(out_read, "stdout"), (err_read, "stderr")]
    return _Started(process, ours, outputs)


def _start_piped(code_folder: str) -> _Started:
    """Start an interpreter where pipes are all that can be shared with it."""
    process = subprocess.Popen(
        start.command(code_folder, "executor"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=os.name != "nt",
    )
    ours, theirs = socket.socketpair()
    stdin, stdout, stderr = _pipes(process)

    def say() -> None:
        pump(theirs.recv, lambda data: write_all(stdin.fileno(), data))
        stdin.close()

    def hear() -> None:
        pump(lambda size: os.read(stdout.fileno(), size), theirs.sendall)
        stdout.close()
        try:
            theirs.shutdown(socket.SHUT_WR)
        except OSError:
            # Control has closed its end.
            pass

    printed, errors = socket.socketpair()
    printed.setblocking(False)

    def print_errors() -> None:
        pump(lambda size: os.read(stderr.fileno(), size), errors.sendall)
        stderr.close()
        errors.close()

    hearing, printing, speaking = (
        threading.Thread(target=work, daemon=True) for work in (hear, print_errors, say)
    )
    for thread in (hearing, printing, speaking):
        thread.start()
    return _Started(process, ours, [(printed, "stderr")], (hearing, printing), theirs)


def _pipes(process: "subprocess.Popen[bytes]") -> Any:
    return process.stdin, process.stdout, process.stderr


def wait_status(code: int) -> int:
    """Return what ``os.waitpid`` would have given for a ``Popen.returncode``."""
    return -code if code < 0 else code << 8


class FreshBackend:
    """All executors of a worker on a system that does not fork."""

    feature = "spawn"

    def __init__(self, loop: Loop, observer: Observer, code_folder: str) -> None:
        self._source = FreshSource(loop, observer, code_folder)
        self._adopts = False
        self._strays: Set[int] = set()

    def start(self) -> None:
        """Have the first interpreter begin to load."""
        self._adopts = process_tree.adopt_orphans()
        self._source.refill()

    def ask(self, run: ActiveRun, snapshot: Snapshot) -> None:
        """Find an executor for ``run``; the observer hears of it."""
        self._source.ask(run)

    def has_loaded(self, run: ActiveRun, snapshot: Snapshot) -> bool:
        """Return True: an interpreter of ours loads nothing until it is asked."""
        return True

    def withdraw(self, run: ActiveRun, *, stuck: bool) -> bool:
        """Forget a run that waits; False when it did not."""
        return self._source.withdraw(run)

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        """Nothing of ours lives in a snapshot's folder."""

    def reaped(self, pid: int, status: int) -> None:
        """Nothing: each interpreter is waited for by a thread."""

    @property
    def busy(self) -> bool:
        """Whether any run depends on it."""
        return self._source.busy

    def own(self) -> Set[int]:
        """Return the processes that must not be swept."""
        return set(self._source.started)

    def sweep(self, keep: AbstractSet[int] = frozenset()) -> bool:
        """Kill what outlived its executor, where orphans come to us."""
        if not self._adopts:
            return False
        self._strays |= process_tree.end_strays(self.own() | keep)
        found = bool(self._strays)
        # Each is waited for by its number: the interpreters belong to their threads.
        for pid in list(self._strays):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self._strays.discard(pid)
            except ChildProcessError:
                self._strays.discard(pid)
        return found

    def processes(self) -> List[Dict[str, Any]]:
        """Return the processes that exist: pid, kind, snapshot."""
        return [
            {"pid": pid, "kind": "executor", "snapshot": None}
            for pid in self._source.executors
        ]

    def close(self) -> None:
        """End everything."""
        for pid in list(self._source.executors):
            process_tree.kill_tree(pid)
