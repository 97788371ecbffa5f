"""Begins batches, takes them up again, and stops them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...connections.stored import StoredConnections
from ...errors import (
    IllegalState,
    RuntimeFailed,
    UsageError,
)
from ...runtimes.life import Life
from ...runtimes.model import OnPhase
from ...store.records import RunRecord, RuntimeRecord
from ..execute import Executor, version_of
from ..new_record import new_record
from ..request import Request
from .folder import RunFolder
from .prepare import MODE, Prepared, batch_record, continued, prepare
from .request import BatchRequest
from .revival import bring_back

if TYPE_CHECKING:
    from ..evaluation.stopping import StopRule

from .several import find_cluster, let_go, under_way
from .under_way import BatchUnderWay, OnProgress, Tools

_ATTEMPTS = 3


class BatchRunner:
    """Runs batches; safe to use from any thread.

    Parameters
    ----------
    executor
        Knows how to reach runtimes.
    life
        The runtimes.
    """

    def __init__(self, executor: Executor, life: Life) -> None:
        self._executor = executor
        self._life = life
        self._store = life.store
        self._connections = StoredConnections(life.store)
        self._tools = Tools(executor, life, life.store, self._connections)
        self._active: dict[str, BatchUnderWay] = {}
        self._guard = threading.Lock()

    def run(
        self,
        runtime_id: str,
        request: BatchRequest,
        on_progress: OnProgress | None = None,
        on_phase: OnPhase | None = None,
        on_begin: Callable[[str], None] | None = None,
        on_plan: Callable[[str], None] | None = None,
        steering: StopRule | None = None,
    ) -> RunRecord:
        """Run a batch and return its record after it was written.

        Parameters
        ----------
        runtime_id
            Where.
        on_progress
            Told how it goes, from this thread.
        on_phase
            Told when the runtime has to be started first.
        on_begin
            Called with the run's id as soon as it is recorded.
        on_plan
            Called with the run's id before anything is written down of it.
        steering
            Decides on the order of the lines, and when it is enough.

        Raises
        ------
        FlowInvalid, UsageError, NotFound
            Nothing was run.
        RuntimeFailed
            The runtime cannot be brought to ready.
        """
        start = self._store.runtime_by_id(runtime_id)
        if start is not None and start.kind == "shared":
            start = self._life.seats.take(start, on_phase)
            runtime_id = start.id
        before, reused = None, None
        if request.resume_from is not None:
            earlier = batch_record(self._store, request.resume_from)
            self._refuse_running(earlier)
            reused = RunFolder(self._store.folder, earlier.run_id)
            before = _defined(reused, earlier.run_id)
            node = request.from_node
            request = replace(
                continued(request, before),
                from_node=node,
                upstream=earlier.run_id if node else None,
            )
            # each line runs again: there is none that can be taken over as it is
            reused = None if node else reused
        record = self._new_record(start, request)
        if on_plan is not None:
            on_plan(record.run_id)
        folder = RunFolder(self._store.folder, record.run_id)
        folder.make()
        made = None
        try:
            made = self._prepare(request, start, folder, before)
            find_cluster(self._tools, made, runtime_id, on_phase)
            record = replace(record, flow=made.flow.name, inputs=_inputs(made))
            folder.define(made.definition(folder))
            folder.keep_flow(made.snapshot)
            runtime, record = self._begin(runtime_id, start, record, on_phase)
        except BaseException:
            folder.remove()
            let_go(made)
            raise
        if on_begin is not None:
            on_begin(record.run_id)
        batch = under_way(self._tools, made, record, runtime, folder, on_progress)
        batch.steering = steering
        return self._conduct(batch, reused)

    def resume(
        self,
        run_id: str,
        *,
        runtime_id: str | None = None,
        failed_too: bool = False,
        request: BatchRequest | None = None,
        on_progress: OnProgress | None = None,
        on_phase: OnPhase | None = None,
    ) -> RunRecord:
        """Run the lines of a run that have no result, and bring it to its end.

        Parameters
        ----------
        run_id
            A run that was interrupted, cancelled or failed.
        runtime_id
            Where; None means where it was.
        failed_too
            Run the failed lines again as well.
        request
            Other limits than before, if any.

        Raises
        ------
        NotFound, UsageError
            There is no such batch run.
        IllegalState
            It goes on, or there is nothing to do.
        """
        record = batch_record(self._store, run_id)
        self._refuse_running(record)
        folder = RunFolder(self._store.folder, run_id)
        before = _defined(folder, run_id)
        runtime_id = runtime_id or record.runtime_id
        start = self._store.runtime_by_id(runtime_id)
        start = start or self._store.runtime(record.runtime)
        if start is not None and start.kind == "shared":
            # a seat goes when nobody uses it; who takes it up again gets another one
            start = self._life.seats.take(start, on_phase)
        runtime_id = runtime_id if start is None else start.id
        request = continued(request or BatchRequest(path=folder.path), before)
        made = self._prepare(request, start, folder, before)
        if record.status == "Completed" and not (failed_too and record.lines):
            raise IllegalState(
                f"run {run_id} is complete",
                hint="--failed runs its failed lines again; --resume-from makes a new "
                "run of it",
            )
        try:
            runtime, _channel = self._executor.ready(runtime_id, on_phase, start)
        except RuntimeFailed as error:
            # whoever takes a batch up again wants the runtime back that it lost
            bring_back(self._life, runtime_id, error)
            runtime, _channel = self._executor.ready(runtime_id, on_phase)
        find_cluster(self._tools, made, runtime_id, on_phase)
        taken = self._store.batches.take_up(
            run_id,
            runtime_id,
            self._store.processes.mine(),
            runtime=runtime.shown_name,
        )
        if not taken:
            let_go(made)
            raise IllegalState(
                f"run {run_id} cannot be taken up now",
                hint="somebody else may be at it, or its runtime is not ready: "
                f"%pfrun show {run_id}",
            )
        record = self._store.run(run_id) or record
        batch = under_way(self._tools, made, record, runtime, folder, on_progress)
        batch.failed_too = failed_too
        return self._conduct(batch, None)

    def cancel(self, run_id: str) -> bool:
        """Stop a batch of this process; False when there is none of that id."""
        batch = self._active.get(run_id)
        if batch is not None:
            batch.cancel()
        return batch is not None

    # ---- beginning ----------------------------------------------------------

    def _prepare(
        self,
        request: BatchRequest,
        start: RuntimeRecord | None,
        folder: RunFolder,
        before: Mapping[str, Any] | None,
    ) -> Prepared:
        python = version_of(start) if start is not None else None
        return prepare(self._store, self._connections, request, python, folder, before)

    def _new_record(
        self, start: RuntimeRecord | None, request: BatchRequest
    ) -> RunRecord:
        from ...flow.snapshot import load

        found = load(request.path, variant=request.variant).flow
        if found is None or start is None:
            load(request.path, variant=request.variant).require()
            raise RuntimeFailed("the runtime is gone", phase="run", code="not_found")
        single = Request(path=request.path, inputs={}, variant=request.variant)
        record = new_record(start, single, found, self._store.processes.mine())
        labels: dict[str, Any] = {"name": request.name, "tags": dict(request.tags)}
        if request.description:
            labels["description"] = request.description
        return replace(
            record,
            mode=MODE,
            source_run=request.source_run,
            labels=labels if any(labels.values()) else None,
        )

    def _begin(
        self,
        runtime_id: str,
        start: RuntimeRecord | None,
        record: RunRecord,
        on_phase: OnPhase | None,
    ) -> tuple[RuntimeRecord, RunRecord]:
        for _ in range(_ATTEMPTS):
            runtime, _channel = self._executor.ready(runtime_id, on_phase, start)
            start = None
            record = replace(
                record,
                environment_name=runtime.environment_name,
                environment_version=runtime.environment_version,
                environment_digest=runtime.environment_digest,
            )
            if self._store.begin_run(record, revision=runtime.revision):
                return runtime, record
        raise RuntimeFailed(
            f"runtime {runtime.name!r} does not stay ready",
            phase="run",
            code="runtime_unstable",
            hint=f"%pfruntime logs {runtime.name} shows what happens to it",
        )

    def _refuse_running(self, record: RunRecord) -> None:
        from ..interrupted import mark_interrupted

        if record.status == "Running":
            mark_interrupted(self._store)
            again = self._store.run(record.run_id)
            if again is not None and again.status == "Running":
                raise IllegalState(
                    f"run {record.run_id} is still going on",
                    hint=f"%pfrun stream {record.run_id} follows it, "
                    f"%pfrun cancel {record.run_id} ends it",
                )

    # ---- running ------------------------------------------------------------

    def _conduct(self, batch: BatchUnderWay, reused: RunFolder | None) -> RunRecord:
        run_id = batch.record.run_id
        with self._guard:
            self._active[run_id] = batch
        try:
            return batch.run(reused)
        finally:
            with self._guard:
                self._active.pop(run_id, None)


def _defined(folder: RunFolder, run_id: str) -> dict[str, Any]:
    found = folder.defined()
    if found is None:
        raise UsageError(
            f"the folder of run {run_id} is gone: {folder.path}",
            code="run_folder_missing",
            hint="start it anew with run create",
        )
    return found


def _inputs(made: Prepared) -> dict[str, Any]:
    source = made.rows.source if made.rows is not None else None
    shown = {"data": source, "mapping": dict(made.plan.mapping)}
    return made.secrets.scrub_value(shown)  # type: ignore[no-any-return]
