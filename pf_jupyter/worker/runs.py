"""All runs of a worker: given to executors, watched, ended, answered."""

from __future__ import annotations

import functools
import time
from collections import deque
from typing import Any, Deque, Dict, List, Optional

from . import process_tree, protocol, run_failures, wire
from .active_run import ActiveRun, failure, now
from .backend import Backend
from .loop import Loop, Timer
from .memory_group import MemoryGroup
from .outbox import Outbox
from .snapshots import Snapshot, Snapshots
from .sources import ExecutorHandle

MAX_RUNS = 128
"""Executors at work at once; further runs wait for their turn."""
_REFILL_SECONDS = 0.03
_TIDY_SECONDS = 0.008
_CLOSELY_SECONDS = 0.01
_HELD_SECONDS = 120.0
_LEAVE_SECONDS = 2.0
_GRACE_SECONDS = 0.25
_KILL_SECONDS = 5.0
_INSPECT_SECONDS = 30.0


class _Turn:
    """A run and what belongs to it until it is answered."""

    def __init__(self, run: ActiveRun, snapshot: Snapshot) -> None:
        self.run = run
        self.snapshot = snapshot
        self.executor: Optional[ExecutorHandle] = None
        self.is_admitted = False
        self.deadline: Optional[Timer] = None


class Runs:
    """Conducts runs; hears of everything that executors do.

    Parameters
    ----------
    loop, outbox
        As everywhere.
    snapshots
        Folders to run in.
    host_name
        For results.
    """

    def __init__(
        self, loop: Loop, outbox: Outbox, snapshots: Snapshots, host_name: str
    ) -> None:
        self._loop = loop
        self._outbox = outbox
        self._snapshots = snapshots
        self._host_name = host_name
        self.memory = MemoryGroup()
        self._turns: Dict[Any, _Turn] = {}
        self._queue: Deque[_Turn] = deque()
        self._working = 0
        self._over: List[Snapshot] = []
        self._answered_at = 0.0
        self._closely = False
        self.backend: Backend

    # ---- asked by the host --------------------------------------------------

    def begin(self, run: ActiveRun, snapshot: Snapshot) -> None:
        """Start a run or inspection, or queue it."""
        if run.is_inspection and run.timeout is None:
            run.timeout = _INSPECT_SECONDS
        self._closely = time.monotonic() - self._answered_at < _CLOSELY_SECONDS
        turn = _Turn(run, snapshot)
        self._turns[run.id] = turn
        if run.on_hold and run.timeout is None:
            end = functools.partial(self._end, turn, "cancel")
            turn.deadline = self._loop.call_later(_HELD_SECONDS, end)
        self._snapshots.begin(snapshot)
        # Loading a flow's code runs it, too: that waits for the word as well.
        if not run.on_hold or self.backend.has_loaded(run, snapshot):
            self._admit_or_queue(turn)

    def _admit_or_queue(self, turn: _Turn) -> None:
        if self._working < MAX_RUNS:
            self._admit(turn)
        else:
            self._queue.append(turn)

    def _admit(self, turn: _Turn) -> None:
        self._working += 1
        turn.is_admitted = True
        run = turn.run
        if run.timeout is not None:
            # A run watches its own limit; we end the one that cannot keep it.
            grace = 0.0 if run.is_inspection else _GRACE_SECONDS
            turn.deadline = self._loop.call_later(
                float(run.timeout) + grace, lambda: self._end(turn, "timeout")
            )
        self.backend.ask(run, turn.snapshot)

    def cancel(self, run_id: Any) -> bool:
        """End a run that somebody stopped; False when it is not there (any more)."""
        turn = self._turns.get(run_id)
        if turn is None or turn.run.ending:
            return False
        self._end(turn, "cancel")
        return True

    def answer(self, run_id: Any, value: Any) -> bool:
        """Give a run what it asked the host for; False when it is not there."""
        turn = self._turns.get(run_id)
        if turn is not None and turn.executor is not None:
            turn.executor.answer(wire.dumps(value))
        return turn is not None

    def go(self, run_id: Any) -> None:
        """Let a held run begin; one that is not there (any more) is no error."""
        turn = self._turns.get(run_id)
        if turn is not None:
            turn.run.on_hold = False
            if turn.deadline is not None and turn.run.timeout is None:
                turn.deadline.cancel()
            if turn.executor is not None:
                turn.executor.go()
            elif not turn.is_admitted and turn not in self._queue:
                self._admit_or_queue(turn)

    def ids(self) -> List[Any]:
        """Return the ids of runs that were not answered yet."""
        return list(self._turns)

    def _end(self, turn: _Turn, why: str) -> None:
        run = turn.run
        executor = turn.executor
        if executor is not None:
            # Whatever it managed to do before its end counts.
            executor.drain()
            if run.answered:
                return
            run.ending = why
            process_tree.kill_tree(executor.pid)
            # A process that waits for a broken disk cannot even be killed.
            self._loop.call_later(_KILL_SECONDS, lambda: executor.end(None))
            return
        run.ending = why
        if turn.is_admitted:
            self.backend.withdraw(run, stuck=why == "timeout")
        elif turn in self._queue:
            self._queue.remove(turn)
        self._answer_for(turn, None)

    # ---- told by executors --------------------------------------------------

    def assigned(self, executor: ExecutorHandle, run: ActiveRun) -> None:
        """Let a fresh executor do what was asked."""
        turn = self._turns[run.id]
        turn.executor = executor
        turn.snapshot.dirty = True
        run.pid = executor.pid
        header = {
            "folder": turn.snapshot.folder,
            "prepared": executor.prepared,
            "held": run.on_hold,
            "environment": run.request.get("environment_variables") or {},
        }
        # one that was forked from a template has the flow
        executor.send(header, run.body if executor.prepared else run.whole_body())
        run.forget()
        # A spare is made while a long run goes on, but does not compete with a short
        # one for the processor, unless the next run would have to wait for it.
        seconds = _REFILL_SECONDS if executor.source.has_spare else 0.0
        self._loop.call_later(seconds, executor.source.refill)

    def refused(self, run: ActiveRun, message: str) -> None:
        """Fail a run for which there is no process."""
        turn = self._turns[run.id]
        error = failure(
            "ProcessCrashError",
            f"no process could be started for this run: {message}",
            "raise the runtime's limit on processes or run less at once; "
            "if it persists, restart the runtime",
        )
        self._finish(turn, error)

    def loading(self, run: ActiveRun, stream: str, text: bytes) -> None:
        """Show what code printed while it was loaded."""
        self._log(run, {"node": None, "stream": stream}, text, direct=True)

    def said(self, executor: ExecutorHandle, message: wire.Message) -> None:
        """Pass on what an executor says."""
        run = executor.run
        if run is None or run.answered:
            return
        kind, header, payload = message
        if kind == wire.LOG:
            direct = bool(header.pop("direct", False))
            self._log(run, header, payload, direct=direct)
        elif kind == wire.NODE:
            run.see_node(header["event"], header["node"])
            self._tell(run, header, payload)
        elif kind == wire.ASK:
            self._outbox.put(payload)
        elif kind == wire.KEEP:
            run.keep(header["node"], payload)
        elif kind == wire.EVENT:
            self._tell(run, header, payload)
        elif kind == wire.PREVIEW:
            self._outbox.offer(payload)
        elif kind == wire.RESULT:
            self._answered(executor, run, payload)
        elif kind == wire.FAILURE:
            error = failure(
                "internal",
                f"the worker failed to run the flow: {header['message']}",
                "this is a defect of pf_jupyter; report it with the traceback",
            )
            error["traceback"] = header["traceback"]
            error = run.secrets.scrub_error(error)
            self._finish(self._turns[run.id], error)

    def _tell(self, run: ActiveRun, event: Dict[str, Any], frame: bytes) -> None:
        """Pass on an event, for which there may be no frame yet.

        Where nobody listens it is told only if the result is not at hand: then not
        even the frame is needed.
        """
        if run.listens:
            frame = frame or run.frame("event", event=event)
            self._outbox.put(frame, linger=True)
            return
        if not run.told:
            run.told = True
            self._outbox.put_later(run.untold, run.first_frame)
        make = functools.partial(run.frame, "event", event=event)
        self._outbox.put_later(run.untold, (lambda: frame) if frame else make)

    def printed(self, executor: ExecutorHandle, stream: str, text: bytes) -> None:
        """Pass on what was written to an executor's file descriptors."""
        run = executor.run
        if run is not None and not run.answered:
            header = {"node": run.only_node, "stream": stream}
            self._log(run, header, text, direct=True)

    def _log(
        self,
        run: ActiveRun,
        header: Dict[str, Any],
        text: bytes,
        *,
        direct: bool,
        last: bool = False,
    ) -> None:
        node, stream = header["node"], header["stream"]
        if direct and run.secrets:
            text = run.scrub_output(stream, text, last=last)
            if not text:
                return
        if run.see_log(node, stream, text, direct=direct):
            self._outbox.put_all(run.untold)
            header.setdefault("event", "log")
            header.setdefault("time", now())
            shown = text.decode("utf-8", "replace" if direct else "surrogatepass")
            self._outbox.offer(run.frame("event", event={**header, "text": shown}))

    def _show_rest(self, run: ActiveRun) -> None:
        """Show what was held back because a secret might have begun there."""
        if run.secrets:
            for stream in ("stdout", "stderr"):
                header = {"node": run.only_node, "stream": stream}
                self._log(run, header, b"", direct=True, last=True)

    def _answered(self, executor: ExecutorHandle, run: ActiveRun, frame: bytes) -> None:
        turn = self._turns[run.id]
        # Text that is in the pipes now was written before the answer.
        executor.collect()
        self._show_rest(run)
        if run.has_direct_output and not run.is_inspection:
            decoder = protocol.Decoder()
            decoder.feed(frame)
            message: Any = decoder.next()
            run.add_direct_output(message["value"])
            frame = protocol.encode(message)
        run.untold.clear()
        self._outbox.put(frame)
        self._outbox.flush()
        self._close(turn)
        self._loop.call_later(_LEAVE_SECONDS, lambda: self._insist(executor))

    def _insist(self, executor: ExecutorHandle) -> None:
        if not executor.ended:
            process_tree.kill_tree(executor.pid)

    def gone(self, executor: ExecutorHandle, status: Optional[int]) -> None:
        """Clean up behind an executor; answer for it when it could not."""
        run = executor.run
        process_tree.kill_group(executor.pid)
        if status is None or process_tree.exit_code(status) != 0:
            self.sweep()
        if run is not None and not run.answered:
            self._answer_for(self._turns[run.id], status)

    def sweep(self) -> None:
        """Kill what outlived an executor, and then its children, which come to us."""
        if self.backend.sweep():
            self._loop.call_later(0.01, self.sweep)

    # ---- answers ------------------------------------------------------------

    def _answer_for(self, turn: _Turn, status: Optional[int]) -> None:
        run = turn.run
        if run.ending == "cancel":
            error = failure("canceled", "the run was stopped", "run it again")
            self._finish(turn, error, "Canceled")
        elif run.ending == "timeout":
            self._finish(turn, run_failures.timed_out(run))
        else:
            folder = turn.snapshot.folder
            error = run_failures.crashed(run, status, self.memory, folder)
            self._finish(turn, error)

    def _finish(
        self, turn: _Turn, error: Dict[str, Any], status: str = "Failed"
    ) -> None:
        run = turn.run
        self._show_rest(run)
        self._outbox.put_all(run.untold)
        for event in run.closing_events(error):
            self._outbox.put(run.frame("event", event=event))
        value: Dict[str, Any]
        if run.is_inspection:
            problem = {
                "code": error["code"],
                "message": error["message"],
                "node": None,
                "file": "",
                "line": 0,
                "column": 0,
                "hint": error["hint"],
            }
            value = {"tools": {}, "problems": [problem]}
        else:
            value = run.compose(status, error, self._host_name)
        self._outbox.put(run.frame("result", value=value))
        self._close(turn)

    def _close(self, turn: _Turn) -> None:
        turn.run.answered = True
        if turn.deadline is not None:
            turn.deadline.cancel()
        del self._turns[turn.run.id]
        self._working -= turn.is_admitted
        self._over.append(turn.snapshot)
        # Whoever waits for the answer needs the processor first; where runs follow each
        # other closely, the next one needs an executor more.
        seconds = 0.0 if self._queue or self._closely else _TIDY_SECONDS
        self._answered_at = time.monotonic()
        self._loop.call_later(seconds, lambda: self._afterwards(turn))

    def tidy(self) -> None:
        """Leave the folders of runs that are over as they were sent, without delay."""
        over, self._over = self._over, []
        for snapshot in over:
            self._snapshots.end(snapshot)

    def _afterwards(self, turn: _Turn) -> None:
        self._outbox.flush()
        self.tidy()
        if turn.executor is not None:
            turn.executor.source.refill()
        while self._queue and self._working < MAX_RUNS:
            self._admit(self._queue.popleft())
        for snapshot in self._snapshots.surplus():
            self.backend.drop_snapshot(snapshot)
            self._snapshots.drop(snapshot)
