"""What is known of a flow folder once it was read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pf_jupyter.errors import FlowInvalid
from pf_jupyter.flow.contents import Snapshot
from pf_jupyter.flow.document import Positions
from pf_jupyter.flow.model import Flow
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.reader import Kind


@dataclass
class LoadedFlow:
    """A flow with everything that is known of it on this side.

    Parameters
    ----------
    path
        The flow file.
    folder
        The folder that it and its files are in.
    file
        The flow file's name, as problems give it.
    kind
        ``dag``, ``flex`` or ``prompty``.
    flow
        The flow as it will run, its variants applied; None when the file could not be
        made sense of.
    declared
        The flow as written, before variants.
    snapshot
        The files; None when the folder cannot be taken.
    problems
        Everything that keeps the flow from running, by place.
    warnings
        What looks unintended and does not.
    positions
        Where in the flow file keys and values stand.
    """

    path: Path
    folder: Path
    file: str
    kind: Kind = "dag"
    flow: Flow | None = None
    declared: Flow | None = None
    snapshot: Snapshot | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    positions: Positions = field(default_factory=Positions)

    @property
    def ok(self) -> bool:
        """Whether nothing keeps the flow from running."""
        return not self.problems

    def require(self) -> tuple[Flow, Snapshot]:
        """Return the flow and its files.

        Raises
        ------
        FlowInvalid
            There are problems; all of them are in it.
        """
        if self.problems or self.flow is None or self.snapshot is None:
            count = len(self.problems)
            plural = "" if count == 1 else "s"
            raise FlowInvalid(
                f"flow '{self.folder.name}' has {count} problem{plural}",
                problems=[problem.to_dict() for problem in self.problems],
            )
        return self.flow, self.snapshot
