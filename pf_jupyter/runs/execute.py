"""One run of a flow, from the user's words to a written result."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..connections.stored import StoredConnections
from ..errors import (
    IllegalState,
    NotFound,
    PfError,
    RunCanceled,
    RunTimedOut,
    RuntimeFailed,
    UsageError,
)
from ..flow.model import Flow
from ..flow.snapshot import load
from ..runtimes.failing import failure_of
from ..runtimes.life import Life
from ..runtimes.model import OnPhase
from ..runtimes.states import USABLE
from ..store.codec import Packed
from ..store.records import RunRecord, RuntimeRecord, timestamp
from ..worker.protocol import ProtocolError, pack_value, unpack_value
from ..worker.scrubbing import Secrets, secrets_of
from . import artifacts, cache, connections, hints, overrides
from . import inputs as given_inputs
from .ended import on_purpose
from .follow import Follow, given_up, no_result
from .new_record import new_record
from .partial import upstream_of, with_inputs
from .request import CANCEL_SECONDS, ActiveRun, Request, awaited
from .sendable import PackedFlows, Sendable
from .trace_export import TraceExporter

if TYPE_CHECKING:
    from ..runtimes.channel import WorkerChannel

OnEvent = Callable[[Mapping[str, Any]], None]

CONCURRENCY = 16
"""Nodes that run at once in a single run (flow-format section 2.2)."""

LOG_LIMIT = 1_000_000
"""Bytes of output that are kept of one node."""

_ATTEMPTS = 3
_log = logging.getLogger(__name__)


class Executor:
    """Runs flows; safe to use from any thread.

    Parameters
    ----------
    life
        The runtimes.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._store = life.store
        self._connections = StoredConnections(life.store)
        self._active: dict[str, ActiveRun] = {}
        self._flows = PackedFlows()
        self._known: dict[str, RuntimeRecord] = {}
        self.traces = TraceExporter()
        self._kept = cache.KeptResults(self._store.folder / cache.FOLDER)

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
        self._expect(runtime_id, request)
        # what is known from the last run will do: beginning one tells when it changed
        start = self._known.get(runtime_id) or self._store.runtime_by_id(runtime_id)
        python = version_of(start) if start is not None else None
        loaded = load(request.path, variant=request.variant, python=python)
        flow, snapshot = loaded.require()
        flow = connections.overridden(flow, request.connections)
        flow = overrides.applied(flow, request.overrides, loaded, python)
        init = given_inputs.for_init(flow, request.init)
        upstream = upstream_of(self._store, flow, request, runtime_id)
        if upstream is not None:
            request = with_inputs(flow, request, upstream)
        if request.node is None:
            given = given_inputs.for_flow(flow, request.inputs)
            given = artifacts.with_bytes(flow, given)
        else:
            given = given_inputs.for_node(flow, request.node, request.inputs)
        variables = given_inputs.environment(flow, request.environment_variables)
        sendable = self._flows.pack(request, flow, snapshot)
        stored = self._connections
        sent = connections.for_run(stored, flow, variables, request.node, init)
        secrets = secrets_of(sent)
        runtime, channel, record = self._begin(
            runtime_id, start, request, flow, on_phase, secrets
        )
        follow = Follow(flow, request.node)
        active = self._active[record.run_id] = ActiveRun()
        try:
            if on_begin is not None:
                on_begin(record.run_id)
            body = {
                "run_id": record.run_id,
                "flow": sendable.packed,
                "inputs": pack_value(given),
                "mode": request.mode,
                "node": request.node or request.from_node,
                "dependency_outputs": {},
                "init": pack_value(init),
                "connections": sent,
                "connection_inputs": connections.inputs_of(flow, request.connections),
                "environment_variables": variables,
                "line_number": None,
                "timeout": request.timeout,
                "concurrency": CONCURRENCY,
                "aggregation": True,
                "stream": on_event is not None,
                "log_limit": LOG_LIMIT,
            }
            if upstream is not None:
                active.source = upstream.run_id
                body |= upstream.to_body(request)
            names = cache.cacheable(flow, request)
            if names:
                body["cache"] = names
                active.answer = cache.answering(
                    self._kept, flow, snapshot, record, runtime, variables, sent
                )
            tell = _teller(record.run_id, follow, on_event)
            if secrets:
                sendable = sendable.without(secrets)
            done = self._wait(
                runtime, channel, record, sendable, body, follow, active, tell
            )
            self.traces.offer(done)
            return done
        finally:
            del self._active[record.run_id]

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

    def _expect(self, runtime_id: str, request: Request) -> None:
        """Let the worker prepare for a run of the flow as it was the last time."""
        digest = self._flows.last(request.path)
        channel = self._life.channels.peek(runtime_id)
        if digest is not None and channel is not None:
            channel.expect(digest)

    def _begin(
        self,
        runtime_id: str,
        start: RuntimeRecord | None,
        request: Request,
        flow: Flow,
        on_phase: OnPhase | None,
        secrets: Secrets,
    ) -> tuple[RuntimeRecord, WorkerChannel, RunRecord]:
        for _ in range(_ATTEMPTS):
            runtime, channel = self.ready(runtime_id, on_phase, start)
            start = None
            record = new_record(runtime, request, flow, self._store.processes.mine())
            if secrets:
                record = replace(record, inputs=secrets.scrub_value(record.inputs))
            if self._store.begin_run(record, revision=runtime.revision):
                self._known[runtime_id] = runtime
                return runtime, channel, record
            self._known.pop(runtime_id, None)
        raise RuntimeFailed(
            f"runtime {runtime.name!r} does not stay ready",
            phase="run",
            code="runtime_unstable",
            hint=f"%pfruntime logs {runtime.name} shows what happens to it",
        )

    def _wait(
        self,
        runtime: RuntimeRecord,
        channel: WorkerChannel,
        record: RunRecord,
        sendable: Sendable,
        body: dict[str, Any],
        follow: Follow,
        active: ActiveRun,
        tell: OnEvent,
    ) -> RunRecord:
        began = time.monotonic()
        try:
            pending = channel.run(sendable.snapshot, body, tell, active.answer)
            active.sent(pending)
            packed = awaited(pending, body["timeout"])
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
        packed = hints.explained(packed, self._connections, self._store, record)
        packed = artifacts.keep(self._store.folder, record.run_id, packed)
        source = self._active[record.run_id].source
        if source is not None:
            packed = {**packed, "source_run_id": source}
        value = unpack_value(packed)
        done = replace(
            record,
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
            document=Packed({**packed, "flow": sendable.packed}),
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


def _teller(run_id: str, follow: Follow, on_event: OnEvent | None) -> OnEvent:
    def tell(event: Mapping[str, Any]) -> None:
        follow.notice(event)
        if on_event is not None:
            try:
                on_event({**event, "run_id": run_id})
            except Exception:
                # the thread that reads the channel must not end with a listener
                _log.exception("a listener failed on %s", event.get("event"))

    return tell
