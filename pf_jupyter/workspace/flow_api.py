"""The part of the workspace interface that is about flow folders.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FlowInvalid
from .panel_api import FlowPanel


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a flow; line and column from 1, 0 = unknown."""

    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of interface.md."""
        return {
            "code": self.code,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "hint": self.hint,
        }


@dataclass
class Validation:
    """Everything that is wrong with a flow, and what its tools look like.

    ``tools`` maps node names to TOOL of :mod:`pf_jupyter.worker.protocol`; empty when
    no runtime was asked. ``warnings`` stop no run: keys that mean nothing, connections
    that are not there.
    """

    problems: list[Problem]
    tools: dict[str, dict[str, Any]]
    duration_ms: float
    runtime: str | None = None
    warnings: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class FlowInfo(FlowPanel):
    """A flow as faces need it, read from its folder.

    ``inputs`` and ``outputs`` hold ``{"name", "type", "default", …}``, ``nodes``
    ``{"name", "type", "source", "depends_on", "aggregation", "activate"}``; ``init`` is
    what the class of a flex flow is made with, ``kind`` is dag, flex or prompty,
    and ``entry`` what the picture of one without nodes calls its box.
    """

    name: str
    path: Path
    inputs: Sequence[Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]
    nodes: Sequence[Mapping[str, Any]]
    variants: Mapping[str, Sequence[str]]
    kind: str = "dag"
    entry: str = ""
    init: Sequence[Mapping[str, Any]] = ()


class Flows(ABC):
    """Flow folders on this machine."""

    @abstractmethod
    def show(self, flow: str | Path) -> FlowInfo:
        """Read a flow (NotFound, FlowInvalid)."""

    @abstractmethod
    def validate(
        self, flow: str | Path, *, runtime: str | None = None, code: bool = True
    ) -> Validation:
        """Check a flow's file, and its code in a runtime unless ``code`` is false."""

    def check_run(self, flow: str | Path, **options: Any) -> None:
        """Refuse a run that cannot begin, before a runtime is started for it.

        Parameters
        ----------
        flow
            Flow folder or file.
        options
            Those of `Runtime.run` that decide: ``inputs``, ``node``, ``variant``,
            ``connections``, ``overrides``, ``from_node``, ``upstream``.

        Raises
        ------
        FlowInvalid
            The flow's file has problems.
        UsageError
            Inputs are missing or do not fit, as far as this side can tell.
        """
        found = self.validate(flow, code=False)
        if not found.ok:
            raise invalid(flow, [problem.to_dict() for problem in found.problems])

    @abstractmethod
    def list(self, root: str | Path = ".") -> list[FlowInfo]:
        """Return the flows below a folder, and our bundled examples by name."""

    @abstractmethod
    def picture(
        self,
        flow: str | Path,
        states: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        folded: Collection[str] = (),
    ) -> Picture:
        """Return the graph's picture, its nodes coloured by ``states``.

        ``states`` maps node names to ``{"status", "duration_ms", "note"}``; each of
        ``folded`` stands for what comes after it and after nothing else.
        """

    @abstractmethod
    def resolve(self, flow: str | Path) -> Path:
        """Return the folder of a path or of a bundled example's name (``hello``)."""


def invalid(flow: str | Path, problems: list[dict[str, Any]]) -> FlowInvalid:
    """Return the error for a flow that has problems."""
    count = len(problems)
    plural = "" if count == 1 else "s"
    return FlowInvalid(
        f"{Path(flow).name} has {count} problem{plural}", problems=problems
    )


@dataclass(frozen=True)
class Picture:
    """A graph in both forms: an SVG document and text for terminals."""

    svg: str
    text: str
