"""Batch runs of a local workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NotFound, UsageError
from ..flow.reference import is_reference
from ..runs.batch.folder import RunFolder, read_json
from ..runs.batch.journal import Reader
from ..runs.batch.request import BatchRequest
from ..store.records import RunRecord
from .api import BatchRun, EnteredLine, LineResult, OnBatchEvent, RunResult
from .evaluation import LocalJudged
from .kept_api import KeptFile, KeptFlow
from .result import node_result
from .shown_batch import ShownBatch

if TYPE_CHECKING:
    from .local import LocalWorkspace

_SHOWN_BYTES = 10_000_000
_SHOWN_BYTES_OF_ONE = 200_000
_CHOSEN = (
    *("data", "variant", "connections", "workers", "line_timeout"),
    *("batch_timeout", "source_run", "name", "tags"),
)
_OTHERS = (
    *("environment_variables", "overrides", "init", "runtimes", "on"),
    *("from_node", "resume_from"),
)
_NO_COUNTS = {"total": 0, "completed": 0, "failed": 0, "reused": 0}


class LocalBatchRun(LocalJudged, ShownBatch):
    """A batch run as it was recorded, its results read when they are asked for.

    Parameters
    ----------
    workspace
        The one it belongs to.
    record
        The run, with its document once it has ended.
    """

    def __init__(self, workspace: LocalWorkspace, record: RunRecord) -> None:
        self._workspace = workspace
        self.record = record
        folder = self._folder = RunFolder(workspace.home, record.run_id)
        document = record.document or {}
        shown = document
        if record.status in ("Running", "Interrupted"):
            shown = read_json(folder.progress) or {}
        counts = shown.get("lines") or {
            key: shown[key] for key in _NO_COUNTS if key in shown
        }
        labels = record.labels or {}
        aggregation = document.get("aggregation") or {}
        self.run_id = record.run_id
        self.status = record.status
        self.flow = record.flow
        self.flow_path = record.flow_path
        self.runtime = record.runtime
        self.counts = {**_NO_COUNTS, **counts}
        self.metrics = dict(document.get("metrics") or {})
        self.error = record.error
        self.duration_ms = record.duration_ms or 0.0
        self.failures = shown.get("failures") or []
        self.nodes = shown.get("nodes") or {}
        self.aggregation = {
            name: node_result(name, node)
            for name, node in (aggregation.get("nodes") or {}).items()
        }
        self.aggregation_error = aggregation.get("error")
        self.tokens = shown.get("tokens") or {}
        self.cost = shown.get("cost") or {}
        self.runtimes = shown.get("runtimes") or []
        self.cluster = document.get("cluster") or {}
        self.system_metrics = document.get("system_metrics") or {}
        self.outputs_path = folder.outputs
        self.changed = document.get("changed") or []
        self.source_run = record.source_run
        self.created_at = record.created_at
        self.name = labels.get("name")
        self.description = labels.get("description") or ""
        self.tags = labels.get("tags") or {}

    @property
    def folder(self) -> Path:
        """Where everything of it is."""
        return self._folder.path

    @property
    def definition(self) -> Mapping[str, Any]:
        """What was asked for: ``request``, ``mapping``, ``data`` and digests."""
        return self._folder.defined() or {}

    def kept_flow(self) -> KeptFlow:
        """Return the flow's files as they were run; see `KeepsItself`."""
        digest = str(self.definition.get("flow_digest") or "")
        return KeptFlow(self.flow_path, digest, _kept_files(self._folder.snapshot))

    def chosen(self) -> Mapping[str, Any]:
        """Return what it was started with; see `KeepsItself`."""
        definition = self.definition
        given = {k: v for k, v in (definition.get("request") or {}).items() if v}
        found = {name: given[name] for name in _CHOSEN if name in given}
        others = [name for name in _OTHERS if name in given]
        found |= {"flow": given.get("path"), "mapping": definition.get("mapping") or {}}
        return {**found, "others": others}

    def lines(self, *, status: str | None = None) -> Iterator[LineResult]:
        """Yield the results in the order of the lines; see `BatchRun.lines`."""
        if status not in (None, "Completed", "Failed"):
            raise UsageError(
                f"{status!r} is no status of a line",
                code="bad_value",
                hint="Completed and Failed are",
            )
        records = self._reader().records(
            completed=status != "Failed", failed=status != "Completed"
        )
        for record in records:
            yield self._line(record)

    def raw_lines(
        self, *, status: str | None = None, after: int | None = None
    ) -> Iterator[bytes]:
        """Yield the results after a line as they were written down."""
        found = self._reader().raw(
            completed=status != "Failed", failed=status != "Completed"
        )
        for number, text in found:
            if after is None or number > after:
                yield text

    def line(self, number: int) -> LineResult:
        """Return one line's result (NotFound)."""
        found = self._reader().get(number)
        if found is None:
            raise NotFound(
                f"run {self.run_id} has no result of line {number}",
                code="line_not_found",
                hint=f"it has {self.counts['completed'] + self.counts['failed']} of "
                f"{self.counts['total']} lines",
            )
        return self._line(found)

    def resume(
        self,
        *,
        failed: bool = False,
        workers: int | None = None,
        on_event: OnBatchEvent | None = None,
    ) -> BatchRun:
        """Run the lines that have no result; see `BatchRun.resume`."""
        request = BatchRequest(path=self._folder.path, workers=workers)
        record = self._workspace.core.batches.resume(
            self.run_id, failed_too=failed, request=request, on_progress=on_event
        )
        return LocalBatchRun(self._workspace, record)

    def cancel(self) -> None:
        """Stop it; what is done is kept."""
        self._workspace.runs.cancel(self.run_id)

    def _reader(self) -> Reader:
        return Reader(self._folder.journal)

    def _line(self, record: Mapping[str, Any]) -> LineResult:
        return line_result(record, self._enter)

    def _enter(self, line: LineResult, node: str | None) -> EnteredLine:
        return LocalEnteredLine(self._workspace, self, line, node)


def _kept_files(folder: Path) -> list[KeptFile]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    kept, left = [], _SHOWN_BYTES
    for path in found:
        size, text = path.stat().st_size, None
        if size <= min(left, _SHOWN_BYTES_OF_ONE):
            left -= size
            with suppress(UnicodeDecodeError):
                text = path.read_text("utf-8")
        kept.append(KeptFile(path.relative_to(folder).as_posix(), size, text))
    return kept


def line_result(record: Mapping[str, Any], enter: Any) -> LineResult:
    """Return a result out of a journal, with what steps into it."""
    return LineResult(
        line_number=record["line_number"],
        status=record["status"],
        inputs=record.get("inputs") or {},
        outputs=record.get("outputs"),
        error=record.get("error"),
        duration_ms=record.get("duration_ms"),
        started_at=record.get("started_at"),
        nodes={
            name: node_result(name, node)
            for name, node in (record.get("nodes") or {}).items()
        },
        logs=record.get("logs") or {},
        reused=record.get("reused"),
        _enter=enter,
    )


class LocalEnteredLine(EnteredLine):
    """A node of a line, to be run alone where the batch ran.

    Parameters
    ----------
    run, line
        What it is from.
    node
        Its name; None means the one that failed.
    """

    def __init__(
        self,
        workspace: LocalWorkspace,
        run: LocalBatchRun,
        line: LineResult,
        node: str | None,
    ) -> None:
        self._workspace = workspace
        self._run = run
        self.line = line
        if node is None and line.error:
            node = line.error.get("node")
        if node is None:
            failed = [
                n for n, result in line.nodes.items() if result.status != "Completed"
            ]
            node = failed[0] if failed else None
        if node is not None and node not in line.nodes:
            raise UsageError(
                f"line {line.line_number} has no node {node!r}",
                code="unknown_node",
                hint=f"it has {', '.join(line.nodes) or 'none'}",
            )
        self.node = node
        result = line.nodes.get(node or "")
        self._given = dict((result.inputs if result else line.inputs) or {})
        self.inputs = dict(self._given)
        self.upstream = {
            name: other.output
            for name, other in line.nodes.items()
            if other.status == "Completed"
        }
        self.logs = dict(result.logs if result else line.logs)
        self.error = (result.error if result else None) or line.error

    def run(self, **changes: Any) -> RunResult:
        """Run the node alone; see `EnteredLine.run`."""
        if self.node is None:
            return self.run_line(**{**self.inputs, **changes})
        written = self._written()
        inputs, others = {}, {}
        for name, value in {**self.inputs, **changes}.items():
            if is_reference(written.get(name)):
                inputs[name] = value
            elif name not in self._given or value != self._given[name]:
                others[f"{self.node}.{name}"] = value
        return self._ask(inputs=inputs, node=self.node, overrides=others)

    def run_line(self, **changes: Any) -> RunResult:
        """Run the whole flow with the line's inputs."""
        return self._ask(inputs={**self.line.inputs, **changes})

    def _written(self) -> dict[str, Any]:
        """Return the node's inputs as the flow file has them."""
        flow = self._run.definition.get("flow") or {}
        for node in flow.get("nodes") or ():
            if node["name"] == self.node:
                return dict(node.get("inputs") or {})
        return {}

    def _ask(self, **options: Any) -> RunResult:
        request = self._run.definition.get("request") or {}
        runtime = self._workspace.runtimes.get(self._run.runtime)
        same = ("variant", "environment_variables", "connections", "overrides", "init")
        for name in same:
            if request.get(name):
                mine = options.get(name) or {}
                theirs = request[name]
                options[name] = {**theirs, **mine} if mine else theirs
        return runtime.run(request.get("path") or self._run.flow_path, **options)

    def __repr__(self) -> str:
        where = f"node '{self.node}'" if self.node else "the flow"
        what = ""
        if self.error:
            what = f": {self.error.get('code')}: {self.error.get('message')}"
        inputs = ", ".join(
            f"{name}={value!r:.60}" for name, value in self.inputs.items()
        )
        return f"<{where} of line {self.line.line_number}({inputs}){what}>"
