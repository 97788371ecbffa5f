"""Processes that do nothing but fork: the zygote, and a template for each loaded flow.

Both stay single-threaded and never run tools, so that every fork of them is a clean
place to run in. The zygote has Python's modules loaded, a template the flow's as well.
"""

from __future__ import annotations

import errno
import functools
import gc
import importlib
import os
import select
import signal
import socket
import threading
import warnings
from typing import Any, Callable, List, Optional, Sequence

from . import execution, executor, process_tree, rehearse, wire

_SIGNALS = ("SIGINT", "SIGTERM", "SIGCHLD", "SIGHUP")


class Nursery:
    """Forks children when control asks, and tells control when they end.

    Parameters
    ----------
    sock
        To control; open files travel over it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._parser = wire.Parser()
        self._later: List[Callable[[], Any]] = []
        self._postponed: List[Callable[[], Any]] = []
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        # A handler must exist for the signal to reach the pipe at all.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def warm(self, calls: Sequence[Callable[[], Any]]) -> None:
        """Make these calls, one at a time, whenever there is nothing else to do.

        Once something was forked that lives on, they wait until control says that
        nothing is urgent: it would have no part in what they load, which only takes
        memory and processor beside it.
        """
        self._later.extend(calls)

    def serve(self) -> None:
        """Do what control says until it closes the socket."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            ready = dict(poll.poll(0 if self._later else None))
            if not ready:
                self._warm_up()
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
                self._reap()
            if self._sock.fileno() in ready:
                data = self._sock.recv(1 << 16)
                if not data:
                    os._exit(0)
                for message in self._parser.feed(data):
                    self._handle(message)

    def _warm_up(self) -> None:
        try:
            self._later.pop(0)()
        except Exception:
            # What is broken or absent here is reported by the run that needs it.
            pass
        if not self._later:
            gc.freeze()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._say(wire.pack(wire.ENDED, {"pid": pid, "status": status}))

    def _say(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            os._exit(0)

    def _handle(self, message: wire.Message) -> None:
        if message.kind == wire.FORK:
            role = message.header["role"]
            self._fork(role, message.header["token"])
            if role == "template":
                self._postponed += self._later
                self._later.clear()
        elif message.kind == wire.WARM:
            self._later += self._postponed
            self._postponed.clear()
        elif message.kind == wire.LOAD:
            flow = wire.loads(message.payload)
            header = message.header
            executor.prepare(flow, header["folder"], header["environment"])
            gc.freeze()
            threads = threading.active_count()
            self._say(wire.pack(wire.LOADED, {"threads": threads}))

    def _fork(self, role: str, token: int) -> None:
        opened: List[int] = []
        try:
            for pair in (os.pipe, os.pipe):
                opened.extend(pair())
            ours, theirs = socket.socketpair()
        except OSError as error:
            for fd in opened:
                os.close(fd)
            self._refuse(token, error)
            return
        out_read, out_write, err_read, err_write = opened
        for fd in (out_read, err_read):
            os.set_blocking(fd, False)
        parent = os.getpid()
        try:
            pid = fork()
        except OSError as error:
            for fd in opened:
                os.close(fd)
            ours.close()
            theirs.close()
            self._refuse(token, error)
            return
        if pid == 0:
            self._leave_nursery(ours)
            become(role, theirs, (out_read, out_write), (err_read, err_write), parent)
        header = {"role": role, "token": token, "pid": pid}
        try:
            wire.send_files(
                self._sock,
                wire.pack(wire.BORN, header),
                [ours.fileno(), out_read, err_read],
            )
        except OSError:
            os._exit(0)
        for fd in opened:
            os.close(fd)
        ours.close()
        theirs.close()

    def _refuse(self, token: int, error: OSError) -> None:
        text = error.strerror or str(error)
        if error.errno == errno.EAGAIN:
            text = "the limit on the number of processes is reached"
        self._say(wire.pack(wire.REFUSED, {"token": token, "message": text}))

    def _leave_nursery(self, ours: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        for name in _SIGNALS:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._sock.close()
        ours.close()


def fork() -> int:
    """Fork, without the warning about threads that a library started unasked.

    Python's own threads are counted after loading; a template that has any is not
    forked. Threads of native libraries (OpenBLAS, say) take care of forks themselves.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def become(
    role: str,
    sock: socket.socket,
    out: "tuple[int, int]",
    err: "tuple[int, int]",
    parent: int,
) -> None:
    """Live as the child that control asked for; never returns."""
    try:
        os.dup2(out[1], 1)
        os.dup2(err[1], 2)
        os.close(out[1])
        os.close(err[1])
        process_tree.end_with_parent(parent)
        if role == "template":
            os.close(out[0])
            os.close(err[0])
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            nursery = Nursery(sock)
            nursery.warm([rehearse.prepare])
            nursery.serve()
        else:
            _live_as_executor(sock, out[0], err[0])
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def _live_as_executor(sock: socket.socket, out: int, err: int) -> None:
    import faulthandler

    os.setsid()
    process_tree.adopt_orphans()
    process_tree.offer_to_oom_killer()
    limit_memory(os.environ.get("PF_WORKER_MEMORY"))
    faulthandler.enable(2)
    executor.reseed()
    outputs = [(out, "stdout"), (err, "stderr")]
    asked = select.poll()
    asked.register(sock, select.POLLIN)
    worker = executor.Executor(
        wire.socket_wire(sock), outputs, lambda: bool(asked.poll(0))
    )
    if rehearse.is_prepared() and not asked.poll(0):
        worker.rehearse(rehearse.REQUEST, rehearse.HEADER)
    worker.serve()
    executor.leave()


def limit_memory(text: Optional[str]) -> None:
    """Bound the memory of this process to so many bytes, where the system can."""
    if not text:
        return
    try:
        import resource

        size = int(text)
        # Linux counts private writable mappings here; address space alone would
        # refuse programs that merely reserve a lot.
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    except (ImportError, OSError, ValueError):
        pass


def zygote(fd: int) -> None:
    """Live as the zygote; ``fd`` is its socket to control."""
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    process_tree.end_with_parent(os.getppid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nursery = Nursery(sock)
    nursery.warm([rehearse.prepare])
    nursery.warm(
        [
            functools.partial(importlib.import_module, name)
            for name in execution.WARM_MODULES
        ]
    )
    nursery.serve()
