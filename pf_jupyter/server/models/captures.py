"""What was installed by hand, and containers that somebody else started."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .base import Answer, Asked, Json, Name, Text
from .runtimes import RuntimeAnswer


class CaptureRuntime(Asked):
    """A runtime whose packages are to be kept, and how."""

    name: Name
    publish: bool = True
    partial: bool = False
    index_url: Text | None = None
    version: Name | None = None
    registry: Text | None = None
    description: str | None = Field(None, max_length=100_000)
    connection: Name | None = None


class CaptureAnswer(Answer):
    """What a capture gave; ``files`` are those of its folder, in base64."""

    runtime: str
    name: str
    version: str | None
    folder: str
    image: str
    digest: str
    base: str
    taken: list[dict[str, Any]]
    counts: dict[str, int]
    differences: list[dict[str, Any]]
    left: list[dict[str, Any]]
    equal: bool
    duration_ms: float
    phases: list[dict[str, Any]]
    files: dict[str, str]


class AdoptContainer(Asked):
    """A container that somebody else started."""

    container: Text
    name: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    compute: Name | None = None


class AdoptedAnswer(Answer):
    """The runtime that was made of it, and what was checked."""

    runtime: RuntimeAnswer
    checks: list[Json]
