"""What a batch would be made of, looked at before anything runs.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .flow_api import FlowInfo

Order = Literal["position", "sorted", "unsorted"]


@dataclass(frozen=True)
class RowSource:
    """Rows that a mapping can refer to, without the rows.

    Parameters
    ----------
    columns
        Their names.
    lines
        How many rows there are.
    order
        How they are numbered: by their ``position``, or by a column ``line_number``
        that is ``sorted`` or ``unsorted``.
    """

    columns: Sequence[str]
    lines: int
    order: Order = "position"

    def count(self) -> int:
        """Return how many rows there are."""
        return self.lines


@dataclass(frozen=True)
class DataPreview:
    """The first rows of data, and what is known of all of them.

    Parameters
    ----------
    source
        Where they come from.
    columns
        Name and type of each: ``text``, ``integer``, ``number``, ``yes or no``,
        ``list``, ``object``, ``nothing`` or ``mixed``, as the looked at rows have it.
    rows
        The first ones.
    count
        How many there are.
    """

    source: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Mapping[str, Any]]
    count: int


@dataclass(frozen=True)
class Fit:
    """Whether a mapping fits what there is.

    Parameters
    ----------
    problems
        Everything that keeps it from running: ``{"input", "code", "message",
        "hint"}``; ``input`` is empty for what concerns all of it.
    warnings
        What looks unintended.
    mapping
        With the inputs that come from the column of their name.
    """

    problems: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]
    mapping: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it would run."""
        return not self.problems


class BatchSources(ABC):
    """The rows that a batch can be mapped from.

    Attributes
    ----------
    data
        The data, None where only a run is mapped from.
    columns
        Names by source: ``data``, ``run.outputs``, ``run.inputs``.
    """

    data: DataPreview | None
    columns: Mapping[str, Sequence[str]]

    @abstractmethod
    def suggest(self, flow: FlowInfo) -> dict[str, str]:
        """Return references for the inputs that have a likely column, by names."""

    @abstractmethod
    def fit(self, flow: FlowInfo, mapping: Mapping[str, Any]) -> Fit:
        """Check a mapping, all of it at once, as a batch does before it begins."""

    @abstractmethod
    def judged(self, flow: FlowInfo) -> BatchSources:
        """Return what an evaluation has of a batch of ``flow`` over these rows."""


class PreviewsBatches:
    """What a workspace can tell of batches that are not begun."""

    runs: Any

    def batch_sources(
        self, data: Any = None, *, source_run: str | None = None
    ) -> BatchSources:
        """Return what a batch over these rows can be mapped from; nothing is kept.

        Parameters
        ----------
        data
            As for `RunsBatches.batch`.
        source_run
            A completed batch run whose outputs and data can be mapped.

        Raises
        ------
        UsageError, NotFound, IllegalState
            There are no rows, or they cannot be read.
        """
        from .previewing import sources_of

        run = None if source_run is None else self.runs.batch(source_run)
        return sources_of(data, {} if run is None else run.sources)
