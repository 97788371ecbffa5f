"""Runs."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic import Json as PydanticJson

from .base import Answer, Asked, Json, Name
from .flows import Flow
from .runtimes import EnvironmentAnswer


class CreateRun(Asked):
    """A flow to run once; ``runtime`` null means the one in use.

    Values that JSON has no words for are marked with ``$pf``.
    """

    flow: Flow
    runtime: Name | None = None
    inputs: Json = Field(default_factory=dict)
    node: Name | None = None
    variant: Name | None = None
    environment_variables: dict[str, str] | None = None
    timeout: float | None = Field(None, gt=0, le=31_536_000)
    connections: dict[str, Json] | None = None
    init: Json | None = None
    from_node: Name | None = None
    upstream: Name | None = None
    cache: bool | None = None
    overrides: Json | None = None


class ListRuns(Asked):
    """Which runs are wanted: ``tags`` as JSON, ``before`` a ``created_at``."""

    model_config = ConfigDict(extra="forbid", strict=False)

    limit: int = Field(100, ge=1, le=1000)
    tags: PydanticJson[dict[str, str]] | None = None
    archived: bool = False
    before: str | None = Field(None, max_length=40)


class RunLine(Answer):
    """A run in a list."""

    run_id: str
    status: str
    flow: str
    runtime: str
    created_at: str


class RunsAnswer(Answer):
    """Runs, newest first."""

    runs: list[RunLine]


class RunAnswer(Answer):
    """A run with its outputs, nodes, metrics and error."""

    status: str
    run_id: str
    outputs: dict[str, Any] | None
    nodes: dict[str, Any]
    metrics: dict[str, Any]
    runtime: str | None
    environment: EnvironmentAnswer | None
    duration_ms: float | None
    error: dict[str, Any] | None


class RecordAnswer(Answer):
    """A run's record with its document; values may be marked with ``$pf``."""

    run_id: str
    status: str


class TraceAnswer(Answer):
    """What happened inside a run, as a tree."""

    run_id: str
    tokens: dict[str, int]
    root: dict[str, Any]


class CanceledAnswer(Answer):
    """A run that is being stopped."""

    run_id: str
    canceled: bool


class ArchivedAnswer(Answer):
    """Whether a run is in the lists."""

    run_id: str
    archived: bool
