"""Batches: a flow over rows, and what came of each."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, RootModel

from .base import Answer, Asked, Json, Name, Text
from .files import AnyFile
from .flows import Flow
from .runs import RunAnswer

MOST_ROWS = 10_000
Seconds = Field(None, gt=0, le=31_536_000)


class RowsAsked(Asked):
    """What batches and evaluations share; ``rows`` are a few rows instead of a file.

    ``runtimes`` are further ones that take lines, too. Values that JSON has no words
    for are marked with ``$pf``. ``on`` is the address of a Dask cluster.
    """

    runtime: Name | None = None
    runtimes: list[Name] | None = Field(None, max_length=100)
    on: Text | None = None
    data: AnyFile | None = None
    rows: list[Json] | None = Field(None, max_length=MOST_ROWS)
    mapping: Json | None = None
    variant: Name | None = None
    environment_variables: dict[str, str] | None = None
    connections: dict[str, Json] | None = None
    overrides: Json | None = None
    init: Json | None = None
    workers: int | None = Field(None, ge=1, le=1024)
    line_timeout: float | None = Seconds
    batch_timeout: float | None = Seconds
    name: Text | None = None
    description: Text | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class CreateBatch(RowsAsked):
    """A flow to run over rows; with ``resume_from`` all else may be left out."""

    flow: Flow | None = None
    source_run: Name | None = None
    resume_from: Name | None = None
    from_node: Name | None = None


class CreateEvaluation(RowsAsked):
    """A flow to run over what ``run`` has given."""

    run: Name
    flow: Flow
    against: Name | None = None
    stop_when_settled: bool = False
    error: float = Field(0.05, gt=0, lt=1)
    smallest: float | None = Field(None, gt=0)
    scale: tuple[float, float] | None = None
    resume_from: Name | None = None


class ResumeBatch(Asked):
    """How a batch goes on."""

    failed: bool = False
    workers: int | None = Field(None, ge=1, le=1024)


class CompareRuns(Asked):
    """Two or more batches; the others are compared with the first."""

    runs: list[Name] = Field(min_length=2, max_length=50)


class RunLineAlone(Asked):
    """What to run of a line: one node, or with ``whole`` all of the flow.

    ``inputs`` stand in for those of the line, ``changes`` win over them.
    """

    node: Name | None = None
    whole: bool = False
    inputs: Json | None = None
    changes: Json = Field(default_factory=dict)


class Page(Asked):
    """Which results are wanted: those after a line, and how many."""

    model_config = ConfigDict(extra="forbid", strict=False)

    after: int | None = Field(None, ge=-1, le=2**53)
    limit: int = Field(100, ge=1, le=1000)
    status: Literal["Completed", "Failed"] | None = None


class Which(Asked):
    """Which results are wanted, from which line on."""

    model_config = ConfigDict(extra="forbid", strict=False)

    after: int | None = Field(None, ge=-1, le=2**53)
    status: Literal["Completed", "Failed"] | None = None


class Counts(Answer):
    """Lines of a batch."""

    total: int
    completed: int
    failed: int
    reused: int


class OutputsFile(Answer):
    """The outputs; a process that sees this very file need not fetch it."""

    path: str | None
    size: int
    modified: int


class BatchAnswer(Answer):
    """A batch as it is now."""

    mode: Literal["batch"] = "batch"
    run_id: str
    status: str
    lines: Counts
    metrics: dict[str, Any]
    duration_ms: float | None
    error: dict[str, Any] | None
    flow: str
    flow_path: str
    runtime: str
    source_run: str | None
    name: str | None
    description: str = ""
    tags: dict[str, str]
    created_at: str
    failures: list[dict[str, Any]]
    nodes: dict[str, Any]
    runtimes: list[dict[str, Any]] = Field(default_factory=list)
    cluster: dict[str, Any] = Field(default_factory=dict)
    tokens: dict[str, Any]
    cost: dict[str, Any] = Field(default_factory=dict)
    aggregation: dict[str, Any]
    aggregation_error: dict[str, Any] | None
    system_metrics: dict[str, Any]
    changed: list[str]
    outputs: OutputsFile | None


class SomeRunAnswer(RootModel[BatchAnswer | RunAnswer]):
    """A batch, with ``mode`` ``batch``, or a single run."""


class LineResultAnswer(Answer):
    """What came of one line."""

    line_number: int
    status: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    error: dict[str, Any] | None
    duration_ms: float | None
    nodes: dict[str, Any]
    reused: str | None


class LinesPage(Answer):
    """Results in the order of the lines; ``next`` is the ``after`` of the next page."""

    run_id: str
    status: str
    lines: list[LineResultAnswer]
    next: int | None


class EstimatesAnswer(Answer):
    """Metrics and columns of numbers: value, count, kind and interval."""

    run_id: str
    estimates: dict[str, Any]


class RowSourceAnswer(Answer):
    """Rows that a mapping can refer to: their columns, how many, how numbered."""

    columns: list[str]
    lines: int
    order: str


class SourcesAnswer(Answer):
    """What others can map of a batch: ``run.outputs`` and ``run.inputs``."""

    run_id: str
    sources: dict[str, RowSourceAnswer]


class JudgementAnswer(Answer):
    """Of a batch: by which runs it was judged. Of an evaluation: how, and of what."""

    run_id: str
    evaluations: list[str]
    previous: str | None
    environments: dict[str, Any]
    verdict: dict[str, Any] | None
    beaten: str | None


class ComparisonAnswer(Answer):
    """Runs side by side, the first being what the others are compared with.

    ``text`` and ``html`` are the same for people.
    """

    labels: list[str]
    run_ids: list[str]
    common: int
    changed: list[int]
    fixed: list[int]
    broken: list[int]
    scores: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    text: str
    html: str
