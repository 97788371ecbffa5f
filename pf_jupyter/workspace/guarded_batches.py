"""A batch run as one person has it, each verb behind its right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..access.roles import Thing
from ..errors import NotFound
from .api import BatchRun, EnteredLine, LineResult, OnBatchEvent, RunComparison
from .batch import LocalBatchRun, LocalEnteredLine
from .kept_api import KeptFlow

if TYPE_CHECKING:
    from .guarded import GuardedWorkspace


class GuardedBatchRun(BatchRun):
    """A batch run that one person may see.

    Parameters
    ----------
    workspace
        The person's.
    inner
        The run itself.
    """

    def __init__(self, workspace: GuardedWorkspace, inner: LocalBatchRun) -> None:
        self._workspace = workspace
        self.inner = inner
        self.run_id = inner.run_id
        # what the interface gives a value itself is not asked of the run otherwise
        self.runtimes = inner.runtimes
        self.cluster = inner.cluster
        self.cost = inner.cost
        self.description = inner.description

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "inner"), name)

    @property
    def outputs(self) -> Any:
        """The outputs of completed lines as a DataFrame, by line number."""
        return self.inner.outputs

    @property
    def details(self) -> Any:
        """A DataFrame of all lines; see `BatchRun.details`."""
        return self.inner.details

    def kept_flow(self) -> KeptFlow:
        """Return the flow's files as they were run; see `KeepsItself`."""
        return self.inner.kept_flow()

    def chosen(self) -> Mapping[str, Any]:
        """Return what it was started with; see `KeepsItself`."""
        return self.inner.chosen()

    def lines(self, *, status: str | None = None) -> Iterator[LineResult]:
        """Yield the results in the order of the lines; see `BatchRun.lines`."""
        for line in self.inner.lines(status=status):
            yield replace(line, _enter=self._enter)

    def line(self, number: int) -> LineResult:
        """Return one line's result (NotFound)."""
        return replace(self.inner.line(number), _enter=self._enter)

    def resume(
        self,
        *,
        failed: bool = False,
        workers: int | None = None,
        on_event: OnBatchEvent | None = None,
    ) -> BatchRun:
        """Run the lines that have no result; see `BatchRun.resume`."""
        workspace = self._workspace
        run = workspace.thing("run", self.run_id)
        names = {self.inner.runtime, *(one["name"] for one in self.inner.runtimes)}
        for name in sorted(names):
            with workspace.may("runtime.use", workspace.thing("runtime", name)):
                pass
        with workspace.may("run.update", run), workspace.may("run.create", _RUN):
            found = self.inner.resume(failed=failed, workers=workers, on_event=on_event)
        assert isinstance(found, LocalBatchRun)
        return GuardedBatchRun(workspace, found)

    def cancel(self) -> None:
        """Stop it; what is done is kept."""
        self._workspace.runs.cancel(self.run_id)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that interface.md fixes for ``run create --json``."""
        return self.inner.to_dict()

    def raise_for_status(self) -> BatchRun:
        """Return self when Completed; see `BatchRun.raise_for_status`."""
        self.inner.raise_for_status()
        return self

    # ---- its quality --------------------------------------------------------

    @property
    def estimates(self) -> Any:
        """Metrics and columns of numbers with their intervals."""
        return self.inner.estimates

    @property
    def evaluations(self) -> Sequence[BatchRun]:
        """The completed evaluations of this run that this person may see."""
        return [
            GuardedBatchRun(self._workspace, found)
            for found in self.inner.evaluations
            if self._sees(found.run_id)
        ]

    @property
    def environments(self) -> Any:
        """Of an evaluation: both environments, and whether they are the same."""
        return self.inner.environments

    @property
    def sources(self) -> Any:
        """What other batches can map of it; see `JudgedRun.sources`."""
        return self.inner.sources

    @property
    def verdict(self) -> Any:
        """What a stop rule has settled."""
        return self.inner.verdict

    @property
    def beaten(self) -> str | None:
        """The run that a stop rule compared this one with."""
        return self.inner.beaten

    def compare(self, *others: str | BatchRun) -> RunComparison:
        """Put other runs beside this one; see `ComparesRuns.compare`."""
        return self._workspace.runs.compare(self, *others)

    def _sees(self, run_id: str) -> bool:
        try:
            self._workspace.thing("run", run_id)
        except NotFound:
            return False
        return True

    def _enter(self, line: LineResult, node: str | None) -> EnteredLine:
        workspace: Any = self._workspace  # its runtimes ask for their rights
        return LocalEnteredLine(workspace, self.inner, line, node)

    def __repr__(self) -> str:
        return repr(self.inner)


_RUN = Thing("run")
