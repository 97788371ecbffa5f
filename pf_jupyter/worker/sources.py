"""Where executors come from, as control sees it.

A source hands a fresh executor to each run, and keeps one spare so that a run need not
wait for a process to start.
"""

from __future__ import annotations

import functools
import os
import socket
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Protocol, Tuple

from . import process_tree, wire
from .active_run import ActiveRun
from .link import Link
from .loop import Loop, Timer, fileno, read_now

_OUTPUT_BYTES = 1 << 20
# How long a process may live after its socket closed, and how long the news of its end
# may take after that.
_SILENT_SECONDS = 1.0
_STATUS_SECONDS = 10.0
# How long text may wait to hear which node has printed it.
_HOLD_SECONDS = 0.2
_HOLD_PIECES = 16
Status = Optional[int]


class Observer(Protocol):
    """Who is told what executors say and do."""

    def assigned(self, executor: "ExecutorHandle", run: ActiveRun) -> None:
        """A fresh executor was found for ``run``."""

    def refused(self, run: ActiveRun, message: str) -> None:
        """No executor can be made for ``run``."""

    def loading(self, run: ActiveRun, stream: str, text: bytes) -> None:
        """The code of ``run`` printed this while it was loaded."""

    def said(self, executor: "ExecutorHandle", message: wire.Message) -> None:
        """The executor sent a message."""

    def printed(self, executor: "ExecutorHandle", stream: str, text: bytes) -> None:
        """Something was written to its stdout or stderr."""

    def gone(self, executor: "ExecutorHandle", status: Status) -> None:
        """It ended, with this status of ``os.waitpid`` if that is known."""


class ExecutorHandle:
    """Control's side of one executor.

    Parameters
    ----------
    outputs
        Non-blocking readers of what it writes to stdout and stderr.
    prepared
        Whether it was forked from a template, its flow's code loaded.
    in_order
        Whether all that it said before it printed something is here before that.
    """

    def __init__(
        self,
        loop: Loop,
        observer: Observer,
        source: "Source",
        pid: int,
        sock: socket.socket,
        outputs: List[Tuple[Any, str]],
        prepared: bool,
        *,
        in_order: bool = True,
    ) -> None:
        self._loop = loop
        self._observer = observer
        self.source = source
        self.pid = pid
        self.prepared = prepared
        self.run: Optional[ActiveRun] = None
        self.ended = False
        self._hurried = False
        self._timer: Optional[Timer] = None
        self._outputs = outputs
        self._in_order = in_order
        self._held: List[Tuple[str, bytes]] = []
        for output, stream in outputs:
            read = functools.partial(self._read, output, stream)
            loop.watch_read(fileno(output), read, pausable=True)
        self.link = Link(loop, sock, self._hear, self._silent)

    def send(self, header: Dict[str, Any], body: bytes) -> None:
        """Ask it to do its one thing."""
        self.link.send(wire.REQUEST, header, body)

    def go(self) -> None:
        """Let it begin what it was asked to do when it is told."""
        self.link.send(wire.GO)

    def answer(self, value: bytes) -> None:
        """Pass on what the host answered to its question."""
        self.link.send(wire.ANSWER, None, value)

    def _hear(self, message: wire.Message) -> None:
        self._observer.said(self, message)
        if self._held and message.kind == wire.NODE:
            self._pass_on()

    def _read(self, output: Any, stream: str) -> None:
        # What it said about nodes comes first: the text belongs to the node after it.
        self.link.read()
        self._collect(output, stream)
        waits = self.run is not None and self.run.only_node is None
        if self._in_order or not waits or len(self._held) > _HOLD_PIECES:
            self._pass_on()
        elif len(self._held) == 1:
            self._loop.call_later(_HOLD_SECONDS, self._pass_on)

    def _collect(self, output: Any, stream: str) -> None:
        text = read_now(output, _OUTPUT_BYTES)
        if text:
            self._held.append((stream, text))
        elif text is None:
            self._loop.forget(fileno(output))

    def _pass_on(self) -> None:
        held, self._held = self._held, []
        for stream, text in held:
            self._observer.printed(self, stream, text)

    def drain(self) -> None:
        """Handle everything it said and wrote up to now."""
        self.link.read()
        self.collect()

    def collect(self) -> None:
        """Handle what it wrote to its file descriptors up to now."""
        for output, stream in self._outputs:
            self._collect(output, stream)
        self._pass_on()

    def _silent(self) -> None:
        if not self.ended and self._timer is None:
            self._timer = self._loop.call_later(_SILENT_SECONDS, self._hurry)

    def _hurry(self) -> None:
        # Whoever cannot answer any more ends. One that has ended, but whose end nobody
        # had the time to notice, keeps the status that it ended with.
        if process_tree.is_below(self.pid, os.getpid()):
            process_tree.kill_tree(self.pid)
            self._hurried = True
        self._timer = self._loop.call_later(_STATUS_SECONDS, lambda: self.end(None))

    def end(self, status: Status) -> None:
        """Take note that it ended; releases everything it had."""
        if self.ended:
            return
        self.ended = True
        if self._timer is not None:
            self._timer.cancel()
        self.drain()
        self._release()
        if self._hurried and process_tree.was_killed(status):
            status = None
        self._observer.gone(self, status)

    def dismiss(self) -> None:
        """End a spare."""
        self.ended = True
        process_tree.kill(self.pid)
        self._release()

    def _release(self) -> None:
        self.link.close()
        for output, _stream in self._outputs:
            self._loop.forget(fileno(output))
            if isinstance(output, int):
                os.close(output)
            else:
                output.close()
        self._outputs = []
        self.source.lost(self)


class Source:
    """Hands executors to runs; subclasses know how to make one.

    Parameters
    ----------
    loop, observer
        As everywhere.
    spares
        How many to keep ready.
    """

    def __init__(self, loop: Loop, observer: Observer, spares: int = 1) -> None:
        self._loop = loop
        self._observer = observer
        self._keep = spares
        self._spares: Deque[ExecutorHandle] = deque()
        self._requested = 0
        self.waiting: Deque[ActiveRun] = deque()
        self.executors: Dict[int, ExecutorHandle] = {}

    @property
    def busy(self) -> bool:
        """Whether any run depends on this source now."""
        return bool(self.waiting) or len(self.executors) > len(self._spares)

    @property
    def has_spare(self) -> bool:
        """Whether the next run finds an executor ready."""
        return bool(self._spares)

    def ask(self, run: ActiveRun) -> None:
        """Give ``run`` an executor, now or as soon as there is one."""
        if self._spares:
            self._assign(self._spares.popleft(), run)
        else:
            self.waiting.append(run)
            self.fill(0)

    def withdraw(self, run: ActiveRun) -> bool:
        """Forget that ``run`` waits; False when it did not."""
        if run in self.waiting:
            self.waiting.remove(run)
            return True
        return False

    def refill(self) -> None:
        """Have spares again."""
        self.fill(self._keep)

    def fill(self, spares: int) -> None:
        """Make executors for those who wait and so many more."""
        if self.able:
            wanted = len(self.waiting) + spares
            while len(self._spares) + self._requested < wanted:
                self._requested += 1
                self.make()

    @property
    def able(self) -> bool:
        """Whether executors can be made now."""
        return True

    def make(self) -> None:
        """Start one executor; `born` or `failed` is called in the end."""
        raise NotImplementedError

    def born(self, executor: ExecutorHandle) -> None:
        """Take an executor that was made."""
        self._requested -= 1
        self.executors[executor.pid] = executor
        if self.waiting:
            self._assign(executor, self.waiting.popleft())
        else:
            self._spares.append(executor)

    def failed(self, message: str) -> None:
        """Take note that an executor could not be made."""
        self._requested -= 1
        if self.waiting and not self._requested:
            self._observer.refused(self.waiting.popleft(), message)
            self._loop.call_later(0.05, lambda: self.fill(0))

    def lost(self, executor: ExecutorHandle) -> None:
        """Take note that an executor ended."""
        self.executors.pop(executor.pid, None)
        if executor in self._spares:
            self._spares.remove(executor)

    def _assign(self, executor: ExecutorHandle, run: ActiveRun) -> None:
        executor.run = run
        self._observer.assigned(executor, run)

    def dismiss_spares(self) -> None:
        """Let the spares go."""
        for executor in list(self._spares):
            executor.dismiss()


class NurserySource(Source):
    """Executors that are forked by a process below us.

    Parameters
    ----------
    prepared
        Whether that process has a flow's code loaded.
    """

    def __init__(
        self, loop: Loop, observer: Observer, *, prepared: bool, spares: int = 2
    ) -> None:
        super().__init__(loop, observer, spares)
        self._prepared = prepared
        self._link: Optional[Link] = None
        self._foreign: Dict[int, Callable[[int, List[int]], None]] = {}
        self._tokens = 0
        self.pid = 0

    def connect(self, pid: int, sock: socket.socket) -> None:
        """Take the process that forks for us."""
        self.pid = pid
        self._link = Link(
            self._loop, sock, self._hear, self._disconnected, carries_files=True
        )

    @property
    def able(self) -> bool:
        """Whether the process that forks is there."""
        return self._link is not None

    def make(self) -> None:
        """Ask for a fork."""
        self.send(wire.FORK, {"role": "executor", "token": 0})

    def make_template(self, taken: Callable[[int, List[int]], None]) -> int:
        """Ask for a fork that becomes a template; ``taken`` gets pid and files."""
        self._tokens += 1
        self._foreign[self._tokens] = taken
        self.send(wire.FORK, {"role": "template", "token": self._tokens})
        return self._tokens

    def send(self, kind: int, header: Dict[str, Any], payload: bytes = b"") -> None:
        """Tell the process that forks."""
        if self._link is not None:
            self._link.send(kind, header, payload)

    def _hear(self, message: wire.Message) -> None:
        header = message.header
        if message.kind == wire.BORN:
            assert self._link is not None
            files = [self._link.files.pop(0) for _ in range(3)]
            taken = self._foreign.pop(header["token"], None)
            if taken is not None:
                taken(header["pid"], files)
                return
            outputs: List[Tuple[Any, str]] = [
                (files[1], "stdout"),
                (files[2], "stderr"),
            ]
            sock = socket.socket(fileno=files[0])
            self.born(
                ExecutorHandle(
                    self._loop,
                    self._observer,
                    self,
                    header["pid"],
                    sock,
                    outputs,
                    self._prepared,
                )
            )
        elif message.kind == wire.ENDED:
            self.child_ended(header["pid"], header["status"])
        elif message.kind == wire.REFUSED:
            if self._foreign.pop(header["token"], None) is not None:
                self.template_refused(header["token"], header["message"])
            else:
                self.failed(header["message"])
        else:
            self.heard(message)

    def child_ended(self, pid: int, status: int) -> None:
        """Take note that a process which was forked here ended."""
        executor = self.executors.get(pid)
        if executor is not None:
            executor.end(status)

    def template_refused(self, token: int, message: str) -> None:
        """Take note that a template could not be forked."""

    def heard(self, message: wire.Message) -> None:
        """Handle what else the process says."""

    def _disconnected(self) -> None:
        self._link = None
        self._requested = 0
        self.disconnected()

    def disconnected(self) -> None:
        """Handle the end of the process that forks."""

    def close(self) -> None:
        """Let the process that forks, and its spares, end."""
        if self._link is not None:
            self._link.close()
            self._link = None
        self.dismiss_spares()
