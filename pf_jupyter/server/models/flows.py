"""Flows: how they are named, shown and sent."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from .base import Answer, Asked, Digest, Json, Key, Name, Text


class FlowHere(Asked):
    """A flow below the server's root folder, as its contents are named."""

    contents: Text


class FlowExample(Asked):
    """A flow that comes with us."""

    example: Name


class FlowPath(Asked):
    """A flow whose files both sides see; the digest of its files proves it."""

    path: Text
    digest: Digest


class FlowUpload(Asked):
    """A flow whose files were given to the server."""

    upload: Key
    name: Name
    file: Name | None = None
    digest: Digest


Flow = FlowHere | FlowExample | FlowPath | FlowUpload


class OneFlow(Asked):
    """The flow that is meant."""

    flow: Flow


class DrawFlow(Asked):
    """A flow to draw, and the states of its nodes."""

    flow: Flow
    states: dict[str, Json] = Field(default_factory=dict)


class CheckFlow(Asked):
    """A flow to check, or one node of it."""

    flow: Flow
    node: Name | None = None


class LookAtFlow(Asked):
    """A flow below the server's root folder, and what an editor holds of its file."""

    contents: Text
    text: str | None = Field(default=None, max_length=4_000_000)


class Below(Asked):
    """A folder of the server's root folder."""

    model_config = ConfigDict(extra="forbid", strict=False)

    folder: Text = ""


class UploadedFile(Asked):
    """One file of a flow's folder; its content is base64."""

    path: Text
    mode: int = Field(0o644, ge=0, le=0o777)
    content: str = Field(json_schema_extra={"contentEncoding": "base64"})


class UploadFlow(Asked):
    """The files of a flow; ``key`` is what its folder is known by from now on."""

    key: Key
    name: Name
    file: Name | None = None
    digest: Digest
    files: list[UploadedFile] = Field(max_length=20_000)


class UploadAnswer(Answer):
    """What the flow is known by."""

    upload: str
    name: str
    digest: str


class FlowAnswer(Answer):
    """A flow as it is written."""

    name: str
    path: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    variants: dict[str, list[str]]
    kind: str
    entry: str
    init: list[dict[str, Any]]


class FlowsAnswer(Answer):
    """Flows that were found."""

    flows: list[FlowAnswer]


class PictureAnswer(Answer):
    """A flow's graph, for browsers and for terminals."""

    svg: str
    text: str


class ProblemAnswer(Answer):
    """One thing that is wrong with a flow."""

    code: str
    message: str
    file: str
    line: int
    column: int
    hint: str


class LookAnswer(Answer):
    """What an editor shows of a flow.

    ``lines`` is where each node begins in the file, ``:inputs`` and ``:outputs`` too.
    """

    ok: bool
    problems: list[ProblemAnswer]
    warnings: list[ProblemAnswer]
    svg: str
    lines: dict[str, int]
    sources: dict[str, str]
    inputs: list[dict[str, Any]]


class StarterFilesAnswer(Answer):
    """The files of a flow, by their names."""

    type: str
    files: dict[str, str]


class ValidationAnswer(Answer):
    """Everything that is wrong with a flow."""

    ok: bool
    problems: list[ProblemAnswer]
    warnings: list[ProblemAnswer]
    tools: dict[str, Any]
    duration_ms: float
    runtime: str | None
