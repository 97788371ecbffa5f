"""One run of a flow, from the user's words to a written result."""

from __future__ import annotations

import contextlib
import copy
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import (
    IllegalState,
    NotFound,
    PfError,
    RunCanceled,
    RunTimedOut,
    RuntimeFailed,
    UsageError,
)
from ..flow.snapshot import LoadedFlow, load
from ..runtimes.failing import failure_of
from ..runtimes.life import Life
from ..runtimes.model import OnPhase
from ..runtimes.states import USABLE
from ..store.codec import Encoded, Packed
from ..store.records import RunRecord, RuntimeRecord, timestamp
from ..worker.protocol import (
    PlainResult,
    ProtocolError,
    pack_value,
    unpack_value,
)
from . import artifacts, hints
from .ended import on_purpose
from .follow import Follow, given_up, no_result
from .new_record import new_record
from .preparing import LOG_LIMIT, Preparation
from .request import CANCEL_SECONDS, ActiveRun, Request, awaited
from .sendable import Sendable
from .sending import Ahead, Begun, Sending
from .trace_export import TraceExporter

if TYPE_CHECKING:
    from ..runtimes.channel import WorkerChannel

__all__ = ["LOG_LIMIT", "Executor", "version_of"]

OnEvent = Callable[[Mapping[str, Any]], None]

_ATTEMPTS = 3
_KEPT_FLOWS = 64


class Executor:
    """Runs flows in the runtimes of ``life``; safe to use from any thread."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._store = life.store
        self._preparation = Preparation(life.store)
        self._active: dict[str, ActiveRun] = {}
        self._known: dict[str, RuntimeRecord] = {}
        self._loaded: dict[tuple[Any, ...], LoadedFlow] = {}
        self.traces = TraceExporter()

    def run(
        self,
        runtime_id: str,
        request: Request,
        on_event: OnEvent | None = None,
        on_phase: OnPhase | None = None,
        on_begin: Callable[[str], None] | None = None,
    ) -> RunRecord:
        """Run a flow once and return its record after it was written.

        Parameters
        ----------
        runtime_id
            Where.
        on_event
            Called from another thread with each event, which carries the run's id.
        on_phase
            Told when the runtime has to be started first.
        on_begin
            Called with the run's id as soon as it is recorded.

        Raises
        ------
        FlowInvalid, UsageError, NotFound
            Nothing was run.
        RuntimeFailed
            The runtime cannot be brought to ready.
        """
        # what is known from the last run will do: beginning one tells when it changed
        start = self._known.get(runtime_id) or self._store.runtime_by_id(runtime_id)
        if start is not None and start.kind == "shared":
            start = self._life.seats.take(start, on_phase)
            runtime_id = start.id
        python = version_of(start) if start is not None else None
        words = (request.path, request.variant, python)
        last = self._loaded.get(words)
        sending = ahead = None
        if last is not None and start is not None:
            with contextlib.suppress(PfError):
                sending = self._preparation.prepare(
                    runtime_id, request, last, python, on_event
                )
                ahead = self._send_ahead(start, sending)
        try:
            loaded = load(request.path, variant=request.variant, python=python)
            if loaded is not last or sending is None:
                _withdraw(ahead)
                ahead = None
                sending = self._preparation.prepare(
                    runtime_id, request, loaded, python, on_event
                )
            begun = self._begin(runtime_id, start, sending, on_phase, ahead)
        except BaseException:
            _withdraw(ahead)
            raise
        if len(self._loaded) >= _KEPT_FLOWS:
            self._loaded.clear()
        self._loaded[words] = loaded
        record = begun.record
        self._active[record.run_id] = sending.active
        try:
            done = self._wait(begun, sending, on_begin)
            self.traces.offer(done)
            return done
        finally:
            del self._active[record.run_id]

    def _send_ahead(self, runtime: RuntimeRecord, sending: Sending) -> Ahead | None:
        """Send a run that may begin once it is recorded, where that can be done."""
        if runtime is not self._known.get(runtime.id) or runtime.state not in USABLE:
            return None
        channel = self._life.channels.fitting(runtime)
        return None if channel is None else sending.send_ahead(channel)

    def cancel(self, run_id: str) -> None:
        """Cancel a run of this process.

        Raises
        ------
        NotFound
            There is no such run.
        IllegalState
            It has ended, or another process waits for it.
        """
        active = self._active.get(run_id)
        if active is not None:
            active.cancel()
            return
        record = self._store.run(run_id)
        if record is None:
            raise NotFound(
                f"there is no run {run_id!r}", hint="%pfrun list shows the newest"
            )
        if record.status == "Running":
            raise IllegalState(
                f"run {run_id} was started by another process",
                hint="cancel it there",
            )
        raise IllegalState(
            f"run {run_id} is {record.status} and cannot be cancelled",
            hint=f"%pfrun show {run_id} shows what came of it",
        )

    def ready(
        self,
        runtime_id: str,
        on_phase: OnPhase | None = None,
        record: RuntimeRecord | None = None,
    ) -> tuple[RuntimeRecord, WorkerChannel]:
        """Return a runtime that takes runs, and the channel to its worker.

        Parameters
        ----------
        runtime_id
            The runtime.
        on_phase
            Told when it has to be started first.
        record
            Its record, when it was just read.

        Raises
        ------
        RuntimeFailed
            It has failed, or fails on its way to ready.
        """
        record = record or self._store.runtime_by_id(runtime_id)
        if record is not None and record.state == "failed":
            raise failure_of(record)
        if record is None or record.state not in USABLE:
            record = self._life.lifecycle.start(runtime_id, on_phase)
        channel = self._life.channels.fitting(record)
        if channel is not None:
            return record, channel
        if record is self._known.pop(runtime_id, None):
            return self.ready(runtime_id, on_phase)
        engine = self._life.computes.engine(record.compute)
        try:
            return record, self._life.channels.get(record, engine)
        except PfError as error:
            cause = self._life.failures.examine(record, engine)
            raise (error if cause.code == "worker_lost" else cause) from error

    def why(self, runtime: RuntimeRecord) -> RuntimeFailed:
        """Find out why a runtime's channel broke."""
        engine = self._life.computes.engine(runtime.compute)
        return self._life.failures.examine(runtime, engine)

    def _begin(
        self,
        runtime_id: str,
        start: RuntimeRecord | None,
        sending: Sending,
        on_phase: OnPhase | None,
        ahead: Ahead | None,
    ) -> Begun:
        secrets = sending.secrets
        for _ in range(_ATTEMPTS):
            runtime, channel = self.ready(runtime_id, on_phase, start)
            start = None
            if ahead is not None and ahead.channel is not channel:
                _withdraw(ahead)
                ahead = None
            record = new_record(
                runtime,
                sending.request,
                sending.flow,
                self._store.processes.mine(),
                None if ahead is None else ahead.run_id,
            )
            if secrets:
                record = replace(record, inputs=secrets.scrub_value(record.inputs))
            if self._store.begin_run(record, revision=runtime.revision):
                self._known[runtime_id] = runtime
                held = None if ahead is None else ahead.pending
                return Begun(runtime, channel, record, held)
            _withdraw(ahead)
            ahead = None
            self._known.pop(runtime_id, None)
        raise RuntimeFailed(
            f"runtime {runtime.name!r} does not stay ready",
            phase="run",
            code="runtime_unstable",
            hint=f"%pfruntime logs {runtime.name} shows what happens to it",
        )

    def _wait(
        self, begun: Begun, sending: Sending, on_begin: Callable[[str], None] | None
    ) -> RunRecord:
        runtime, channel, record = begun.runtime, begun.channel, begun.record
        sendable, follow, active = sending.sendable, sending.follow, sending.active
        if sending.secrets:
            sendable = sendable.without(sending.secrets)
        began = time.monotonic()
        try:
            pending = begun.held
            if pending is not None:
                active.sent(pending)
            if on_begin is not None:
                on_begin(record.run_id)
            if pending is not None:
                pending.go()
            else:
                pending = sending.send(runtime, channel, record)
                active.sent(pending)
            packed = awaited(pending, sending.body["timeout"])
            stopped = on_purpose(self._life, runtime, packed.get("error"))
            if stopped is not None:
                raise stopped
        except BaseException as raised:
            elapsed = (time.monotonic() - began) * 1000
            error: BaseException = raised
            if isinstance(raised, TimeoutError):
                error = self._hung(runtime, active)
            elif isinstance(raised, ProtocolError):
                error = _too_large(raised)
            if isinstance(error, PfError):
                value = self._failed(runtime, channel, follow, error, elapsed)
                return self._finish(record, pack_value(value), sendable)
            # whoever waits gives up (a keyboard interrupt, say), so the code must end
            active.cancel()
            words = active.last_words(CANCEL_SECONDS)
            packed = words or pack_value(given_up(follow, elapsed))
            self._finish(record, packed, sendable)
            raise
        return self._finish(record, packed, sendable)

    def _hung(self, runtime: RuntimeRecord, active: ActiveRun) -> PfError:
        """Give up on a worker that does not even keep the run's time limit."""
        error = RunTimedOut(
            f"runtime {runtime.name!r} did not end the run in time",
            hint=f"%pfruntime restart {runtime.name} brings it back",
        )
        active.cancel()
        self._life.channels.fail(runtime.id, error)
        return error

    def _failed(
        self,
        runtime: RuntimeRecord,
        channel: WorkerChannel,
        follow: Follow,
        error: PfError,
        elapsed: float,
    ) -> dict[str, Any]:
        known = isinstance(error, RunCanceled | RunTimedOut)
        if not channel.alive and not known:
            error = self.why(runtime)
        running = follow.running()
        described = {
            "node": running[0] if len(running) == 1 else None,
            "traceback": "",
            **error.to_dict(),
        }
        status = "Canceled" if isinstance(error, RunCanceled) else "Failed"
        return no_result(status, follow, described, elapsed, runtime.hostname)

    def _finish(
        self, record: RunRecord, packed: dict[str, Any], sendable: Sendable
    ) -> RunRecord:
        packed = hints.explained(
            packed, self._preparation.connections, self._store, record
        )
        packed = artifacts.keep(self._store.folder, record.run_id, packed)
        source = self._active[record.run_id].source
        if source is not None:
            packed = {**packed, "source_run_id": source}
        document: Packed | Encoded
        if isinstance(packed, PlainResult) and packed.text:
            text = packed.text.removesuffix("}")
            value, document = packed, Encoded(f'{text},"flow":{sendable.stored}}}')
        else:
            value = unpack_value(packed)
            document = Packed({**packed, "flow": sendable.packed})
        done = copy.copy(record)
        # a record is frozen; nobody else has this one yet
        vars(done).update(
            status=value["status"],
            ended_at=timestamp(),
            duration_ms=value.get("duration_ms"),
            hostname=value.get("hostname") or "",
            error=value.get("error"),
            document={**value, "flow": sendable.plain},
        )
        self._store.finish_run(
            done.run_id,
            done.runtime_id,
            status=done.status,
            duration_ms=done.duration_ms,
            hostname=done.hostname,
            error=done.error,
            document=document,
            ended_at=done.ended_at,
        )
        return done


def _too_large(error: ProtocolError) -> UsageError:
    return UsageError(
        f"the inputs cannot be sent: {error}",
        code="too_large",
        hint="give a path, and let the flow read the file",
    )


def version_of(record: RuntimeRecord) -> tuple[int, int] | None:
    """Return the version of Python in a runtime, None when it is not known."""
    found = re.match(r"(\d+)\.(\d+)", record.python)
    return (int(found[1]), int(found[2])) if found else None


def _withdraw(ahead: Ahead | None) -> None:
    """Have a run forgotten that was sent and is not to begin."""
    if ahead is not None:
        ahead.pending.cancel()
