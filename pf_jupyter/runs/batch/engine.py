"""Runs batches: from rows to results in a journal, to outputs, metrics and a record."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...connections.stored import StoredConnections
from ...errors import (
    IllegalState,
    PfError,
    RunCanceled,
    RuntimeFailed,
    UsageError,
)
from ...runtimes.model import OnPhase
from ...store.records import RunRecord, RuntimeRecord, timestamp
from ...store.store import Store
from .. import artifacts, connections
from ..execute import LOG_LIMIT, Executor, version_of
from ..new_record import new_record
from ..request import Request
from .feed import ROW_BYTES, Feed
from .finish import Outcome, finish
from .folder import RunFolder, write_json
from .journal import Journal, Reader, decode, encode
from .prepare import MODE, Prepared, batch_record, continued, prepare
from .request import BatchRequest
from .tally import Tally

if TYPE_CHECKING:
    from ..evaluation.stopping import StopRule

OnProgress = Callable[[Mapping[str, Any]], None]
"""Receives ``{"event", "run_id", …}``: ``batch_started``, ``batch_progress``,
``batch_note`` (text), ``log`` and the events of aggregation nodes."""

_REPORT_SECONDS = 0.1
_SYNC_SECONDS = 0.25
_RECORD_SECONDS = 2.0
_ATTEMPTS = 3
_log = logging.getLogger(__name__)


class BatchRunner:
    """Runs batches; safe to use from any thread.

    Parameters
    ----------
    executor
        Knows how to reach runtimes.
    store
        The records.
    """

    def __init__(self, executor: Executor, store: Store) -> None:
        self._executor = executor
        self._store = store
        self._connections = StoredConnections(store)
        self._active: dict[str, _Batch] = {}
        self._guard = threading.Lock()

    def run(
        self,
        runtime_id: str,
        request: BatchRequest,
        on_progress: OnProgress | None = None,
        on_phase: OnPhase | None = None,
        on_begin: Callable[[str], None] | None = None,
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
        before, reused = None, None
        if request.resume_from is not None:
            earlier = batch_record(self._store, request.resume_from)
            self._refuse_running(earlier)
            reused = RunFolder(self._store.folder, earlier.run_id)
            before = _defined(reused, earlier.run_id)
            request = continued(request, before)
        record = self._new_record(start, request)
        folder = RunFolder(self._store.folder, record.run_id)
        folder.make()
        try:
            made = self._prepare(request, start, folder, before)
            record = replace(record, flow=made.flow.name, inputs=_inputs(made))
            runtime, record = self._begin(runtime_id, start, record, on_phase)
        except BaseException:
            folder.remove()
            raise
        folder.define(made.definition(folder))
        folder.keep_flow(made.snapshot)
        if on_begin is not None:
            on_begin(record.run_id)
        batch = _Batch(self, made, record, runtime, folder, on_progress)
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
        request = continued(request or BatchRequest(path=folder.path), before)
        made = self._prepare(request, start, folder, before)
        if record.status == "Completed" and not (failed_too and record.lines):
            raise IllegalState(
                f"run {run_id} is complete",
                hint="--failed runs its failed lines again; --resume-from makes a new "
                "run of it",
            )
        runtime, _channel = self._executor.ready(runtime_id, on_phase, start)
        taken = self._store.batches.take_up(
            run_id,
            runtime_id,
            self._store.processes.mine(),
            runtime=runtime.name,
        )
        if not taken:
            raise IllegalState(
                f"run {run_id} cannot be taken up now",
                hint="somebody else may be at it, or its runtime is not ready: "
                f"%pfrun show {run_id}",
            )
        record = self._store.run(run_id) or record
        batch = _Batch(self, made, record, runtime, folder, on_progress)
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
        labels = {"name": request.name, "tags": dict(request.tags)}
        return replace(
            record,
            mode=MODE,
            source_run=request.source_run,
            labels=labels if request.name or request.tags else None,
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

    def _conduct(self, batch: _Batch, reused: RunFolder | None) -> RunRecord:
        run_id = batch.record.run_id
        with self._guard:
            self._active[run_id] = batch
        try:
            return batch.run(reused)
        finally:
            with self._guard:
                self._active.pop(run_id, None)


class _Batch:
    """One batch under way in this process."""

    def __init__(
        self,
        runner: BatchRunner,
        made: Prepared,
        record: RunRecord,
        runtime: RuntimeRecord,
        folder: RunFolder,
        on_progress: OnProgress | None,
    ) -> None:
        self._runner = runner
        self._made = made
        self.record = record
        self._runtime = runtime
        self._folder = folder
        self._on_progress = on_progress
        self.failed_too = False
        self.steering: StopRule | None = None
        self._canceled = False
        self._feed: Feed | None = None
        self._reported_at = self._synced_at = self._recorded_at = 0.0
        self._began = time.monotonic()
        self._logged = 0
        self._journal: Journal
        self._tally: Tally

    def cancel(self) -> None:
        """Stop it; may be called from any thread."""
        self._canceled = True
        feed = self._feed
        if feed is not None:
            feed.stop()

    def run(self, reused: RunFolder | None) -> RunRecord:
        """Run all lines that have no result, then what comes after them."""
        outcome = Outcome("Failed")
        raised: BaseException | None = None
        try:
            self._journal = Journal(self._folder.journal)
            try:
                self._count_known(reused)
                outcome = self._run_all()
            finally:
                self._journal.close()
                self._tally.completed = self._journal.index.completed
                self._tally.failed = self._journal.index.failed
        except PfError as error:
            outcome = Outcome("Failed", error.to_dict())
            if isinstance(error, RunCanceled):
                outcome = Outcome("Canceled", error.to_dict())
        except KeyboardInterrupt as error:
            outcome = Outcome("Canceled", _INTERRUPTED)
            raised = error
        except OSError as error:
            outcome = Outcome("Failed", _disk_error(error, self._folder))
        record = finish(
            self._runner._store,
            self.record,
            self._folder,
            self._tally,
            outcome,
            (time.monotonic() - self._began) * 1000,
            self._made,
        )
        self._report(force=True)
        if raised is not None:
            raise raised
        return record

    def _count_known(self, reused: RunFolder | None) -> None:
        """Take over what has a result, here or in the run that is resumed."""
        count = 0
        if reused is not None:
            entries: list[tuple[int, bool, bytes]] = []
            source = self._made.request.resume_from
            for record in Reader(reused.journal).records(failed=False):
                record.setdefault("reused", source)
                entries.append((record["line_number"], True, encode(record)))
                if len(entries) >= 500:
                    self._journal.append(entries)
                    entries = []
            self._journal.append(entries)
            count = self._journal.index.completed
        self._tally = Tally(self._made.plan.count(), count)
        if self._journal.index.completed > count or self._journal.index.failed:
            reader = Reader(self._folder.journal, self._journal.index)
            for record in reader.records(failed=not self.failed_too):
                self._tally.see(record["line_number"], record)
        self._tell("batch_started", **self._tally.lines)
        for text in (*self._made.changed, *self._made.plan.warnings):
            self._tell("batch_note", text=text)

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]] | None]:
        index = self._journal.index
        wants_failed = self.failed_too
        lines: Iterator[tuple[int, dict[str, Any]] | None] = self._made.lines()
        if self.steering is not None:
            lines = self.steering.order(self._made.lines())
        for item in lines:
            if item is None:
                yield None
                continue
            number, inputs = item
            if index.is_completed(number) or (index.has(number) and not wants_failed):
                continue
            yield number, inputs

    def _run_all(self) -> Outcome:
        deadline = None
        if self._made.limits.batch is not None:
            deadline = self._began + self._made.limits.batch
        attempts = 0
        while True:
            before = self._tally.completed + self._tally.failed
            try:
                return self._run_once(deadline)
            except TimeoutError:
                seconds = self._made.limits.batch
                return Outcome(
                    "Failed",
                    {
                        "code": "BatchRunTimeoutError",
                        "message": f"the batch did not end within {seconds:g} seconds",
                        "hint": f"%pfrun resume {self.record.run_id} goes on with the "
                        "lines that have no result",
                    },
                )
            except RuntimeFailed as error:
                done = self._tally.completed + self._tally.failed
                attempts = 0 if done > before else attempts + 1
                if self._canceled or attempts >= _ATTEMPTS:
                    raise
                # The worker is gone, what it had done is not: go on in another one.
                self._tell("batch_note", text=f"{error.message}; going on")

    def _run_once(self, deadline: float | None) -> Outcome:
        if self._canceled:
            raise RunCanceled("the batch was stopped")
        runner, made = self._runner, self._made
        runtime, channel = runner._executor.ready(self._runtime.id)
        self._runtime = runtime
        body = made.body(self.record.run_id, LOG_LIMIT)
        feed = self._feed = Feed(channel, made.snapshot, body, self._lines())
        if self._canceled:
            feed.stop()
        try:
            value = feed.run(
                self._take,
                rows=self._rows,
                on_event=self._hear,
                tick=self._tick,
                deadline=deadline,
            )
        except RuntimeFailed:
            if not channel.alive and not self._canceled:
                raise runner._executor.why(runtime) from None
            raise
        finally:
            self._feed = None
        error = value.get("error")
        if value["status"] == "Canceled" or self._canceled:
            raise RunCanceled(
                "the batch was stopped",
                hint=f"%pfrun resume {self.record.run_id} goes on with the lines that "
                "have no result",
            )
        if value["status"] == "Failed":
            explained = connections.explained(
                {"error": error, "nodes": {}}, runner._connections
            )
            return Outcome("Failed", explained["error"])
        return Outcome("Completed", None, value.get("aggregation"))

    # ---- results ------------------------------------------------------------

    def _take(self, lines: list[dict[str, Any]]) -> None:
        """Write results down; only then are they counted."""
        entries = []
        records = []
        tally = self._tally
        for line in lines:
            number = line.pop("line")
            status = line.pop("status")
            if "artifacts" in line:
                line = artifacts.keep(
                    self._runner._store.folder, self.record.run_id, line
                )
            record = {"line_number": number, "status": status, **line}
            entries.append((number, status == "Completed", encode(record)))
            records.append(record)
            tally.add(number, record)
        self._journal.append(entries)
        if self.steering is not None:
            self.steering.see(records)

    def _rows(self) -> Iterator[list[Any]]:
        """Give what is aggregated: of all completed lines, in their order."""
        rows: list[Any] = []
        size = 0
        reader = Reader(self._folder.journal, self._journal.index)
        by_outputs = self._made.flow.kind != "dag"
        for _number, text in reader.raw(failed=False):
            record = decode(text)
            if by_outputs:
                rows.append([None, record["outputs"]])
            else:
                rows.append([record["inputs"], record.get("aggregation_inputs")])
            size += len(text)
            if size >= ROW_BYTES:
                yield rows
                rows, size = [], 0
        if rows:
            yield rows

    def _hear(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "log" and self._logged < LOG_LIMIT:
            text = event.get("text") or ""
            self._logged += len(text)
            with self._folder.log.open("a", encoding="utf-8", errors="replace") as log:
                log.write(text)
        self._tell(event["event"], **{k: v for k, v in event.items() if k != "event"})

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._synced_at >= _SYNC_SECONDS:
            self._synced_at = now
            self._journal.sync()
        self._report()

    def _report(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = now
        progress = self._tally.progress()
        self._tell("batch_progress", **progress)
        if force or now - self._recorded_at >= _RECORD_SECONDS:
            self._recorded_at = now
            try:
                write_json(self._folder.progress, progress)
            except OSError:
                _log.warning("cannot write %s", self._folder.progress)

    def _tell(self, event: str, **facts: Any) -> None:
        if self._on_progress is None:
            return
        facts.setdefault("time", timestamp())
        try:
            self._on_progress({"event": event, "run_id": self.record.run_id, **facts})
        except KeyboardInterrupt:
            raise
        except Exception:
            _log.exception("a listener failed on %s", event)


_INTERRUPTED = {
    "code": "canceled",
    "message": "the batch was interrupted",
    "hint": "resume it: what was done is kept",
}


def _defined(folder: RunFolder, run_id: str) -> dict[str, Any]:
    found = folder.defined()
    if found is None:
        raise UsageError(
            f"the folder of run {run_id} is gone: {folder.path}",
            code="run_folder_missing",
            hint="start it anew with run create",
        )
    return found


def _disk_error(error: OSError, folder: RunFolder) -> dict[str, Any]:
    return {
        "code": "journal_not_written",
        "message": f"results cannot be written to {folder.path}: "
        f"{error.strerror or error}",
        "hint": "make room, then resume the run: what was written is kept",
    }


def _inputs(made: Prepared) -> dict[str, Any]:
    source = made.rows.source if made.rows is not None else None
    shown = {"data": source, "mapping": dict(made.plan.mapping)}
    return made.secrets.scrub_value(shown)  # type: ignore[no-any-return]
