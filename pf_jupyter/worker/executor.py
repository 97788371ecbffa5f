"""An executor: a fresh process that does exactly one thing and ends.

Its standard output and error are pipes that control reads. It reads them itself, too,
whenever a node starts or ends, so that what was printed by a library or a subprocess is
known to belong to the node that ran at the time.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, Sequence, Set, Tuple

from . import execution, process_tree, protocol, wire
from .execution.ticker import ticker
from .loop import read_available

CHILDREN_REMAIN = 77
"""Exit code that asks control to look for processes that outlived the run."""

_TRANSITIONS = frozenset(
    ["node_started", "node_completed", "node_failed", "node_bypassed", "node_canceled"]
)
_DROPPABLE = frozenset(["chunk", "node_running"])
NOT_SHOWN = frozenset(["node_result", "last"])
_DRAIN_BYTES = 1 << 20
_CHILDREN_SECONDS = 1.0
_LINGER_SECONDS = 0.008
_OWN_THREADS = 2


_loaded: Dict[str, Any] = {}
"""The flow that was loaded here, or in the process that this is a fork of."""


class _Asked(BaseException):
    """A rehearsal has to end: there is something to do."""


class Executor:
    """Runs one request and reports over a wire.

    Parameters
    ----------
    connection
        To control.
    outputs
        Non-blocking read ends of our own stdout and stderr, each with its name; empty
        where nobody but control reads them.
    has_message
        Whether control has said something that was not received yet.
    """

    def __init__(
        self,
        connection: wire.Wire,
        outputs: Sequence[Tuple[int, str]] = (),
        has_message: Callable[[], bool] = lambda: False,
    ) -> None:
        self._wire = connection
        self._outputs = outputs
        self._has_message = has_message
        self._running: Set[str] = set()
        self._lock = threading.RLock()
        self._id: Any = None
        self._asking = threading.Lock()
        self._is_prepared = False
        self._listens = True
        self._printed: Any = None
        if outputs:
            # to ask for both at once is cheaper than to read each for nothing
            self._printed = select.poll()
            for fd, _stream in outputs:
                self._printed.register(fd, select.POLLIN)

    def rehearse(self, request: Dict[str, Any], header: Dict[str, Any]) -> None:
        """Do something of no consequence as if it were asked, and tell nobody.

        It is left as soon as there is a request.
        """
        connection, path, folder = self._wire, list(sys.path), os.getcwd()
        self._wire = wire.Wire(lambda size: b"", self._leave_if_asked)
        try:
            message = wire.loads(wire.dumps(request))
            value = self._do(message, header)
            protocol.encode({"type": "result", "id": self._id, "value": value})
        except _Asked:
            pass
        finally:
            self._wire = connection
            self._running.clear()
            sys.path[:] = path
            os.chdir(folder)

    def _leave_if_asked(self, data: bytes) -> None:
        if self._has_message():
            raise _Asked

    def serve(self) -> None:
        """Wait for the request, do it, answer; returns when nothing was asked."""
        message = self._wire.receive()
        if message is None:
            return
        request = wire.loads(message.payload)
        request.setdefault("flow", _loaded)
        self._id = request["id"]
        try:
            if message.header.get("held") and not self._may_go(request, message.header):
                return
            if request["op"] == "batch":
                from .batch_executor import BatchExecutor

                BatchExecutor(self._wire, request, message.header).serve()
                return
            value = self._do(request, message.header)
            # Before the answer: whoever has it finds nothing of the run any more.
            _end_children()
            self._drain()
            frame = protocol.encode({"type": "result", "id": self._id, "value": value})
            if not self._listens:
                # the result tells all of it, and nobody looks at more
                self._wire.discard()
            self._wire.send(wire.RESULT, None, frame)
        except BaseException as error:
            text = "".join(traceback.format_exception_only(type(error), error)).strip()
            self._wire.send(
                wire.FAILURE, {"message": text, "traceback": traceback.format_exc()}
            )

    def _may_go(self, request: Dict[str, Any], header: Dict[str, Any]) -> bool:
        """Get ready without running anything, then wait for the word to begin."""
        if header["prepared"]:
            execution.recall(request, header["folder"])
        message = self._wire.receive()
        return message is not None and message.kind == wire.GO

    def _do(self, request: Dict[str, Any], header: Dict[str, Any]) -> Dict[str, Any]:
        folder = header["folder"]
        self._is_prepared = header["prepared"]
        self._listens = request.get("listens", True)
        if not header["prepared"]:
            environment = execution.environment_of(request)
            prepare(request["flow"], folder, environment)
        if request["op"] == "inspect":
            return execution.inspect_tools(
                request["flow"], folder, request.get("nodes")
            )
        result = execution.run_flow(request, folder, self.emit, self.ask)
        result["pid"] = os.getpid()
        result["hostname"] = host_name()
        return result

    def ask(self, question: Dict[str, Any]) -> Any:
        """Ask the host and wait for its answer; may be called from any thread.

        Whatever asks comes to rest for a moment, so only what a run wants to know of
        earlier runs is asked; None is also the answer of a host that is gone.
        """
        frame = protocol.encode({"type": "ask", "id": self._id, "question": question})
        with self._asking:
            self._wire.send(wire.ASK, None, frame)
            message = self._wire.receive()
        return None if message is None else wire.loads(message.payload)

    def emit(self, event: Dict[str, Any]) -> None:
        """Send an event; may be called from any thread."""
        name = event["event"]
        if name == "log":
            header = {key: event[key] for key in event if key != "text"}
            text = event["text"].encode("utf-8", "surrogatepass")
            self._wire.send(wire.LOG, header, text)
        elif name in _TRANSITIONS:
            self._emit_transition(name, event)
        elif name == "run_started" and not self._listens:
            pass  # control says it itself if it comes to that
        elif name == "run_started" and self._is_prepared:
            self._hold(lambda: wire.pack(wire.EVENT, None, self._frame(event)))
        else:
            kind = wire.PREVIEW if name in _DROPPABLE else wire.EVENT
            self._wire.send(kind, None, self._frame(event))

    def _emit_transition(self, name: str, event: Dict[str, Any]) -> None:
        node = event["node"]
        with self._lock:
            self._drain()
            if name == "node_started":
                self._running.add(node)
                self._wire.send(wire.NODE, event)
                return
            self._running.discard(node)
            if event.get("last"):
                self._hold(lambda: self._ended(event))
            else:
                self._wire.hold(lambda: self._ended(event))
                self._wire.flush()

    def _ended(self, event: Dict[str, Any]) -> bytes:
        """Return the messages that tell of a node's end."""
        header = {"event": event["event"], "node": event["node"]}
        shown = {key: event[key] for key in event if key not in NOT_SHOWN}
        told = wire.pack(wire.NODE, header, self._frame(shown))
        if "node_result" not in event:
            return told
        kept = wire.dumps(event["node_result"])
        return wire.pack(wire.KEEP, {"node": event["node"]}, kept) + told

    def _hold(self, make: Callable[[], bytes]) -> None:
        """Send what something else follows at once, or else the ticker sees to it."""
        self._wire.hold(make)
        ticker.hold(self)

    def flush_late(self) -> None:
        """Send what is held."""
        self._wire.flush()

    def _frame(self, event: Dict[str, Any]) -> bytes:
        return protocol.encode({"type": "event", "id": self._id, "event": event})

    def _drain(self) -> None:
        """Send what was written to our file descriptors since the last time."""
        if self._printed is None or not self._printed.poll(0):
            return
        for fd, stream in self._outputs:
            text = read_available(fd, _DRAIN_BYTES)
            if text:
                self.send_output(stream, text)

    def send_output(self, stream: str, text: bytes) -> None:
        """Send text that was written around Python's streams."""
        node = next(iter(self._running)) if len(self._running) == 1 else None
        header = {"event": "log", "node": node, "stream": stream, "direct": True}
        self._wire.send(wire.LOG, header, text)


def prepare(flow: Dict[str, Any], folder: str, environment: Dict[str, str]) -> None:
    """Make this process the place where ``flow`` runs, its code loaded."""
    global _loaded
    _loaded = flow
    os.environ.update(environment)
    if "TZ" in environment and sys.platform != "win32":
        time.tzset()
    os.chdir(folder)
    execution.prepare(flow, folder, environment)


def host_name() -> str:
    """Return the name of the machine or container."""
    import platform

    return platform.node()


def reseed() -> None:
    """Give this process random numbers of its own where forking does not."""
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def leave() -> None:
    """End this process the way an interpreter ends, without waiting for threads."""
    import atexit

    if threading.active_count() <= _OWN_THREADS:
        # The end of a process takes the processor from those who pass the answer on.
        time.sleep(_LINGER_SECONDS)
    try:
        run_exit_functions: Any = atexit._run_exitfuncs
        run_exit_functions()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        # The answer is out; nothing that fails from here on is the run's business.
        pass
    os._exit(0 if _end_children() else CHILDREN_REMAIN)


def _end_children() -> bool:
    """Kill what the run started and left; whether nothing is there any more."""
    if not hasattr(os, "WNOHANG"):
        return True
    deadline = time.monotonic() + _CHILDREN_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return True
        for pid in process_tree.descendants([os.getpid()]):
            process_tree.kill(pid)
        time.sleep(0.002)
    return False
