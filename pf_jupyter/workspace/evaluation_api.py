"""Judging runs as everybody sees it: evaluations, intervals, runs side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..runs.evaluation.compare import Change, Score, Times
    from ..runs.evaluation.sequential import Verdict
    from ..runs.evaluation.statistics import Estimate
    from .batch_api import BatchRun
    from .preview_api import RowSource


class RunComparison(ABC):
    """Two or more runs line by line; the others are compared with the first.

    Attributes
    ----------
    labels, run_ids
        Of the runs.
    common
        How many lines all of them have.
    changed, fixed, broken
        Of each other run: lines that give something else than in the first, that
        failed there and do not here, and the other way round.
    scores
        Metrics and columns of numbers: ``.name``, ``.estimates`` (one a run, with
        ``.value`` and ``.interval``), ``.differences`` (to the first, with ``.change``,
        ``.interval``, ``.p``, ``.higher``, ``.lower``).
    changes
        The first of the changed lines.
    times, tokens
        Of each run.
    """

    labels: Sequence[str]
    run_ids: Sequence[str]
    common: int
    changed: Sequence[int]
    fixed: Sequence[int]
    broken: Sequence[int]
    scores: Sequence[Score]
    changes: Sequence[Change]
    times: Sequence[Times | None]
    tokens: Sequence[Mapping[str, int]]

    @property
    @abstractmethod
    def frame(self) -> Any:
        """The changed lines as a DataFrame."""

    @abstractmethod
    def text(self) -> str:
        """Return it as a terminal shows it."""

    @abstractmethod
    def html(self) -> str:
        """Return it as a notebook shows it, with a plot."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""


class JudgedRun:
    """What a batch run knows of its own quality."""

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        """Metrics and columns of numbers with their intervals.

        Each prints as ``0.87 (0.85–0.89)`` and has ``.value``, ``.count`` and
        ``.interval``, None where there is nothing to compute one from.
        """
        raise _elsewhere()

    @property
    def evaluations(self) -> Sequence[BatchRun]:
        """The completed evaluations of this run, the newest first."""
        raise _elsewhere()

    @property
    def environments(self) -> Mapping[str, Any]:
        """Of an evaluation: its environment and that of the run, and whether equal.

        ``{"same", "environment", "source_environment"}``, digests included.
        """
        raise _elsewhere()

    @property
    def sources(self) -> Mapping[str, RowSource]:
        """What other batches can map of it: ``run.outputs``, and ``run.inputs``.

        The latter, its data, only while that is there (IllegalState when the run is
        not completed, NotFound when its outputs are gone).
        """
        raise _elsewhere()

    @property
    def verdict(self) -> Verdict | None:
        """What a stop rule has settled; None for a run without one."""
        return None

    @property
    def beaten(self) -> str | None:
        """Id of the run that a stop rule compared this one with; None without one."""
        return None

    def compare(self, *others: str | BatchRun) -> RunComparison:
        """Put other runs beside this one, line by line; see `ComparesRuns.compare`."""
        raise _elsewhere()


class ComparesRuns:
    """What the records of runs can do with several of them."""

    def compare(self, first: str | BatchRun, *others: str | BatchRun) -> RunComparison:
        """Put runs side by side, line by line; the first is the one to beat.

        The newest evaluations of them by the same flow are compared with them.

        Raises
        ------
        UsageError
            Fewer than two runs are named.
        NotFound
            There is no such batch run.
        """
        raise _elsewhere()

    def previous_evaluation(self, run: str | BatchRun) -> BatchRun | None:
        """Return the newest earlier evaluation of the same kind, or None.

        By the same evaluation flow, of an earlier run of the same flow.
        """
        raise _elsewhere()


class EvaluatesRuns:
    """What a runtime can do with runs that are over."""

    def evaluate(
        self,
        run: str | BatchRun,
        flow: str | Path,
        data: Any = None,
        *,
        mapping: Mapping[str, Any] | Sequence[str] | None = None,
        against: str | BatchRun | None = None,
        stop_when_settled: bool = False,
        error: float = 0.05,
        smallest: float | None = None,
        scale: tuple[float, float] | None = None,
        on_event: Callable[[Mapping[str, Any]], None] | None = None,
        **options: Any,
    ) -> BatchRun:
        """Run a flow over the outputs of a run; no node of that run's flow runs again.

        Parameters
        ----------
        run
            A completed batch run.
        flow
            A flow that judges: its folder, or the name of a bundled one
            (``accuracy``, ``f1-score``, …).
        data
            Further rows, with the right answers for instance.
        mapping
            As for a batch. An input that is neither mapped nor in the data is taken
            from the run's output or data of its name, and it is said.
        against
            An earlier evaluation by the same flow, or the run that it is of.
        stop_when_settled
            Judge lines in random order and stop as soon as it is settled which of the
            two is better; see docs/evaluation.md. Needs ``against``.
        error
            Bound of the chance that what is settled is wrong.
        smallest
            The smallest difference that matters: less than that settles as equal.
        scale
            The ends of the score, where they are not known by themselves.
        on_event
            Told how it goes.
        options
            Those of `RunsBatches.batch`.

        Raises
        ------
        UsageError, NotFound, IllegalState
            The run is not completed, or something cannot be mapped; nothing was run.
        """
        raise _elsewhere()


def _elsewhere() -> UsageError:
    return UsageError(
        "this workspace cannot judge runs",
        code="no_batches",
        hint="use the workspace of this process: pf_jupyter.connect(home=…)",
    )
