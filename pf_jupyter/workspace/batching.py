"""Batches in a runtime of a local workspace, and the records of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NotFound, UsageError
from .api import BatchRun, KeepsBatches, OnBatchEvent, RunsBatches
from .evaluation import LocalComparing, LocalEvaluating
from .several_api import names_of

if TYPE_CHECKING:
    from ..runs.evaluation.stopping import StopRule
    from .batch import LocalBatchRun
    from .local import LocalWorkspace


class LocalBatching(LocalEvaluating, RunsBatches):
    """A runtime that runs batches; `_workspace` and `id` are the runtime's."""

    _workspace: LocalWorkspace

    @property
    @abstractmethod
    def id(self) -> str:
        """Identity that no other runtime ever had."""

    def batch(
        self,
        flow: str | Path | None = None,
        data: Any = None,
        *,
        mapping: Mapping[str, Any] | Sequence[str] | None = None,
        variant: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        overrides: Mapping[str, Any] | None = None,
        init: Mapping[str, Any] | None = None,
        workers: int | None = None,
        line_timeout: float | None = None,
        batch_timeout: float | None = None,
        source_run: str | BatchRun | None = None,
        resume_from: str | BatchRun | None = None,
        from_node: str | None = None,
        name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        runtimes: Sequence[Any] | None = None,
        on: Any = None,
        on_event: OnBatchEvent | None = None,
        raise_on_failure: bool = False,
        steering: StopRule | None = None,
        on_plan: Callable[[str], None] | None = None,
        on_begin: Callable[[str], None] | None = None,
    ) -> BatchRun:
        """Run a flow over rows and wait for the end; see `RunsBatches.batch`.

        A server hears of its id before (``on_plan``) and after it is recorded.
        """
        from ..runs.batch.mapping import parse_mapping
        from ..runs.batch.request import BatchRequest
        from .batch import LocalBatchRun

        if flow is None and resume_from is None:
            raise UsageError(
                "no flow is named", code="missing_argument", hint="give its path"
            )
        core = self._workspace.core
        path = Path() if flow is None else self._workspace.flows.resolve(flow)
        request = BatchRequest(
            path=path,
            data=data,
            mapping=None if mapping is None else parse_mapping(mapping),
            variant=variant,
            environment_variables=environment_variables,
            connections=connections,
            overrides=overrides,
            init=init,
            workers=workers,
            line_timeout=line_timeout,
            batch_timeout=batch_timeout,
            source_run=_id(source_run),
            resume_from=_id(resume_from),
            from_node=from_node,
            name=name,
            description=description,
            tags=dict(tags or {}),
            runtimes=names_of(runtimes),
            on=on,
        )
        record = core.batches.run(
            self.id,
            request,
            on_event,
            on_plan=on_plan,
            on_begin=on_begin,
            steering=steering,
        )
        run = LocalBatchRun(self._workspace, record)
        if raise_on_failure:
            run.raise_for_status()
        return run


def _id(run: str | BatchRun | None) -> str | None:
    return run if run is None or isinstance(run, str) else run.run_id


class LocalBatchRecords(LocalComparing, KeepsBatches):
    """The records of batches in a local workspace; `_workspace` is theirs."""

    _workspace: LocalWorkspace

    def batch(self, run_id: str) -> LocalBatchRun:
        """Return a batch run (NotFound, UsageError for a single run)."""
        from ..runs.batch.prepare import batch_record
        from ..runs.interrupted import mark_interrupted
        from .batch import LocalBatchRun

        store = self._workspace.core.store
        record = batch_record(store, run_id)
        if record.status == "Running":
            mark_interrupted(store)
            record = batch_record(store, run_id)
        return LocalBatchRun(self._workspace, record)

    def is_batch(self, run_id: str) -> bool:
        """Return whether a run is a batch; False when it is not there."""
        record = self._workspace.core.store.run(run_id)
        return record is not None and record.mode == "batch"

    def archive(self, run_id: str) -> None:
        """Take a run out of the lists (NotFound)."""
        self._archive(run_id, True)

    def restore(self, run_id: str) -> None:
        """Bring an archived run back (NotFound)."""
        self._archive(run_id, False)

    def _archive(self, run_id: str, archived: bool) -> None:
        if not self._workspace.core.store.batches.archive(run_id, archived):
            raise _no_run(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run, its record and its files (NotFound, IllegalState)."""
        from ..runs.batch.remove import remove_run

        remove_run(self._workspace.core.store, run_id)

    def export(self, run_id: str, to: str | Path) -> Path:
        """Write a batch run as the public tool lays it out; see `KeepsBatches`."""
        from ..runs.batch.export import export_run

        record = self.batch(run_id).record
        return export_run(self._workspace.core.store, record, Path(to))


def _no_run(run_id: str) -> NotFound:
    return NotFound(f"there is no run {run_id!r}", hint="%pfrun list shows the newest")
