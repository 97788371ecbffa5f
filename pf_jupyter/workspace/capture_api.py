"""Keeping what somebody installed by hand: part of the workspace interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class CapturedPackage:
    """A package that the runtime has and its image has not, or in another version.

    None where it is missing.
    """

    kind: Literal["pip", "dpkg"]
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class CaptureDifference:
    """What is in the runtime and not in the environment that was made of it.

    Parameters
    ----------
    kind
        ``pip``, ``dpkg``, ``python``.
    runtime, rebuilt
        The version in each; None where it is missing.
    why
        The reason, where it is known.
    """

    kind: str
    name: str
    runtime: str | None
    rebuilt: str | None
    why: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A file or package that was not taken, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Capture:
    """What a capture gave.

    Parameters
    ----------
    runtime, name
        What was captured, and the environment made of it.
    version
        Its number; None when it was not published.
    folder
        The definition that was written.
    image, digest
        Of what was built from it.
    taken
        The packages that were installed by hand.
    counts
        How many packages were held against each other: ``{"pip": 41, "dpkg": 98}``.
    differences
        Empty when the sets of packages are equal: names and versions.
    left
        What was not taken: files that were edited by hand, say.
    phases
        Phase and its seconds, in their order.
    """

    runtime: str
    name: str
    version: str | None
    folder: Path
    image: str
    digest: str
    base: str
    taken: Sequence[CapturedPackage]
    counts: dict[str, int]
    differences: Sequence[CaptureDifference] = ()
    left: Sequence[LeftOut] = ()
    duration_ms: float = 0.0
    phases: Sequence[tuple[str, float]] = ()

    @property
    def equal(self) -> bool:
        """Whether runtime and environment have the same packages."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {
            **vars(self),
            "folder": str(self.folder),
            "equal": self.equal,
            "taken": [vars(one) for one in self.taken],
            "differences": [vars(one) for one in self.differences],
            "left": [vars(one) for one in self.left],
            "phases": [{"phase": name, "seconds": s} for name, s in self.phases],
        }

    def __repr__(self) -> str:
        version = f":{self.version}" if self.version else ""
        state = "equal" if self.equal else f"{len(self.differences)} differences"
        return f"<Capture {self.runtime} → {self.name}{version}, {state}>"
