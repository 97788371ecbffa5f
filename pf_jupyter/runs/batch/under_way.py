"""One batch under way in this process: its lines sent, its results written."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...connections.stored import StoredConnections
from ...errors import (
    InternalError,
    PfError,
    RunCanceled,
    RuntimeFailed,
)
from ...runtimes.life import Life
from ...store.records import RunRecord, RuntimeRecord, timestamp
from ...store.store import Store
from ...worker.protocol import UPSTREAM
from .. import artifacts, connections
from ..ended import on_purpose
from ..execute import LOG_LIMIT, Executor
from .feed import ROW_BYTES, Feed
from .finish import Outcome, finish
from .folder import RunFolder, write_json
from .journal import Index, Journal, Reader, decode, encode
from .prepare import Prepared
from .revival import bring_back
from .tally import Tally

if TYPE_CHECKING:
    from ..evaluation.stopping import StopRule
    from .shared import SharedFeed

OnProgress = Callable[[Mapping[str, Any]], None]
"""Receives ``{"event", "run_id", …}``: ``batch_started``, ``batch_progress``,
``batch_note`` (text), ``log`` and the events of aggregation nodes."""

_REPORT_SECONDS = 0.1
_SYNC_SECONDS = 0.25
_RECORD_SECONDS = 2.0
_ATTEMPTS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tools:
    """What a batch needs of the workspace."""

    executor: Executor
    life: Life
    store: Store
    connections: StoredConnections


class BatchUnderWay:
    """One batch under way in this process."""

    def __init__(
        self,
        tools: Tools,
        made: Prepared,
        record: RunRecord,
        runtime: RuntimeRecord,
        folder: RunFolder,
        on_progress: OnProgress | None,
    ) -> None:
        self._tools = tools
        self._made = made
        self.record = record
        self._runtime = runtime
        self._folder = folder
        self._on_progress = on_progress
        self.failed_too = False
        self.steering: StopRule | None = None
        self._canceled = False
        self._feed: Feed | SharedFeed | None = None
        self._reported_at = self._synced_at = self._recorded_at = 0.0
        self._began = time.monotonic()
        self._logged = 0
        self._journal: Journal
        self._tally = Tally(0)

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
        index: Index | None = None
        try:
            self._journal = Journal(self._folder.journal)
            index = self._journal.index
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
        except Exception as error:
            outcome = Outcome("Failed", InternalError(str(error)).to_dict())
            raised = error
        record = finish(
            self._tools.store,
            self.record,
            self._folder,
            self._tally,
            outcome,
            (time.monotonic() - self._began) * 1000,
            self._made,
            index,
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
        made = self._made
        self._tally = Tally(made.plan.count(), count, made.prices)
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
                self._revive(error)

    def _revive(self, error: RuntimeFailed) -> None:
        """Start a runtime that has died; one that somebody stopped stays so."""
        bring_back(
            self._tools.life,
            self._runtime.id,
            error,
            tell=lambda text: self._tell("batch_note", text=text),
            stopped=lambda: self._canceled,
        )

    def _run_once(self, deadline: float | None) -> Outcome:
        if self._canceled:
            raise RunCanceled("the batch was stopped")
        tools, made = self._tools, self._made
        runtime, channel = tools.executor.ready(self._runtime.id)
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
                raise tools.executor.why(runtime) from None
            raise
        finally:
            self._feed = None
        return self._outcome(value)

    def _outcome(self, value: Mapping[str, Any]) -> Outcome:
        """Return how it ended, from the answer of the worker."""
        error = value.get("error")
        if value["status"] == "Canceled" or self._canceled:
            raise RunCanceled(
                "the batch was stopped",
                hint=f"%pfrun resume {self.record.run_id} goes on with the lines that "
                "have no result",
            )
        if value["status"] == "Failed":
            explained = connections.explained(
                {"error": error, "nodes": {}}, self._tools.connections
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
            if self._stopped(line):
                continue
            number = line.pop("line")
            status = line.pop("status")
            if "artifacts" in line:
                line = artifacts.keep(
                    self._tools.store.folder, self.record.run_id, line
                )
            if self._made.partly is not None:
                line["inputs"].pop(UPSTREAM, None)
            record = {"line_number": number, "status": status, **line}
            entries.append((number, status == "Completed", encode(record)))
            records.append(record)
            tally.add(number, record)
        self._journal.append(entries)
        if self.steering is not None:
            self.steering.see(records)

    def _stopped(self, line: Mapping[str, Any]) -> bool:
        """Whether a line has no result but that its runtime was stopped."""
        error = line.get("error")
        return on_purpose(self._tools.life, self._runtime, error) is not None

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
        progress = self._progress()
        self._tell("batch_progress", **progress)
        if force or now - self._recorded_at >= _RECORD_SECONDS:
            self._recorded_at = now
            try:
                write_json(self._folder.progress, progress)
            except OSError:
                _log.warning("cannot write %s", self._folder.progress)

    def _progress(self) -> Mapping[str, Any]:
        return self._tally.progress()

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


def _disk_error(error: OSError, folder: RunFolder) -> dict[str, Any]:
    return {
        "code": "journal_not_written",
        "message": f"results cannot be written to {folder.path}: "
        f"{error.strerror or error}",
        "hint": "make room, then resume the run: what was written is kept",
    }
