"""Finding flow files and reading them into :mod:`pf_jupyter.flow.model`.

Rules: flow-format section 1.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pf_jupyter.errors import NotFound, UsageError
from pf_jupyter.flow.definition import build_flow
from pf_jupyter.flow.document import Positions, read_document
from pf_jupyter.flow.fields import KeyPath, Report, describe
from pf_jupyter.flow.flex import ENTRY, build_flex
from pf_jupyter.flow.model import Flow
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.prompty import read_prompty

FLOW_FILES = ("flow.dag.yaml", "flow.dag.yml", "flow.flex.yaml", "flow.flex.yml")
"""Names under which a folder's flow is looked for."""

Kind = Literal["dag", "flex", "prompty"]


@dataclass(frozen=True)
class FlowFile:
    """Where a flow is: its folder and the flow file's name in it."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """Full path of the file."""
        return self.folder / self.name


class Collector(Report):
    """Turns what is reported by path into problems with line and column.

    Parameters
    ----------
    file
        Name of the flow file.
    positions
        Where the paths are.
    value
        The whole document, to name the node that a path belongs to.
    """

    def __init__(self, file: str, positions: Positions, value: Any = None) -> None:
        self.file = file
        self.positions = positions
        self.value = value
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._paths: set[KeyPath] = set()

    def problem(
        self,
        code: str,
        path: KeyPath,
        message: str,
        hint: str = "",
        at_key: bool = False,
    ) -> None:
        """Add a problem at a path of the flow file."""
        self._paths.add(path)
        self.problems.append(self._place(code, path, message, hint, at_key))

    def warning(
        self,
        code: str,
        path: KeyPath,
        message: str,
        hint: str = "",
        at_key: bool = False,
    ) -> None:
        """Add a warning at a path of the flow file."""
        self.warnings.append(self._place(code, path, message, hint, at_key))

    def add(self, problem: Problem) -> None:
        """Add a problem that has its place already, in another file for instance."""
        self.problems.append(problem)

    def complained(self, path: KeyPath) -> bool:
        """Tell whether a problem was reported at exactly this path."""
        return path in self._paths

    def _place(
        self, code: str, path: KeyPath, message: str, hint: str, at_key: bool
    ) -> Problem:
        place = self.positions.key(path) if at_key else self.positions.value(path)
        return Problem(
            code, message, self.file, *place, hint, _node_of(path, self.value)
        )


@dataclass
class ReadFlow:
    """A flow file read.

    ``flow`` is None when the file could not be made sense of; ``places`` gives for each
    of its nodes the path at which it is written.
    """

    kind: Kind
    report: Collector
    flow: Flow | None = None
    places: list[KeyPath] = field(default_factory=list)


def find_flow(path: str | Path) -> FlowFile:
    """Find the flow file of a folder, or take the file itself.

    Parameters
    ----------
    path
        Flow folder, a ``.yaml``, ``.yml`` or ``.prompty`` file, or ``module:name``
        for a function or class of a module in the folder before it.

    Raises
    ------
    NotFound
        Nothing is there, or nothing that is a flow.
    UsageError
        The folder holds several flow files.
    """
    path = Path(path).expanduser().absolute()
    if is_entry(path):
        return FlowFile(path.parent, path.name)
    if path.is_dir():
        present = [name for name in FLOW_FILES if (path / name).is_file()]
        if len(present) > 1:
            raise UsageError(
                f"{path} holds {' and '.join(present)}: which one is meant?",
                code="ambiguous_flow",
                hint="name the file itself, or take one of them away",
            )
        if not present:
            raise NotFound(
                f"{path} holds no flow",
                code="flow_not_found",
                hint=f"a flow folder has a file called {FLOW_FILES[0]}",
            )
        return FlowFile(path, present[0])
    if not path.exists():
        raise NotFound(
            f"there is no {path}",
            code="flow_not_found",
            hint="give the path of a flow folder",
        )
    if not path.is_file() or path.suffix not in (".yaml", ".yml", ".prompty"):
        raise NotFound(
            f"{path} is no flow",
            code="flow_not_found",
            hint="give a flow folder, or a file that ends in .yaml, .yml or .prompty",
        )
    return FlowFile(path.parent, path.name)


def is_entry(path: Path) -> bool:
    """Tell whether a path is ``module:name`` of a Python module that is there."""
    if not ENTRY.fullmatch(path.name) or path.exists():
        return False
    stem = path.parent.joinpath(*path.name.partition(":")[0].split("."))
    return stem.with_name(stem.name + ".py").is_file() or stem.is_dir()


def default_name(folder: str) -> str:
    """Return the name of a flow that gives itself none (flow-format section 1.2)."""
    return re.sub(r"\W", "_", folder).lower() or "flow"


def read_flow(data: bytes, file: str, name: str) -> ReadFlow:
    """Read the contents of a flow file; never raises for what they are.

    Parameters
    ----------
    data
        Contents of the file.
    file
        Its name, for problems and to tell a prompty file.
    name
        Name of the flow when the file gives none.
    """
    if file.endswith(".prompty"):
        front = read_prompty(data, file)
        report = Collector(file, front.positions, front.value)
        report.problems.extend(front.problems)
        flow = front.flow(name, report)
        if flow is not None:
            flow.file = file
        return ReadFlow("prompty", report, flow)
    if not file.endswith((".yaml", ".yml")) and ENTRY.fullmatch(file):
        report = Collector(file, Positions())
        return ReadFlow("flex", report, build_flex({"entry": file}, name, report))
    document = read_document(data, file)
    value = document.value
    report = Collector(file, document.positions, value)
    report.problems.extend(document.problems)
    if isinstance(value, dict):
        # The content decides about the kind, not the file's name.
        if "entry" in value:
            return ReadFlow("flex", report, build_flex(value, name, report))
        flow, places = build_flow(value, name, report)
        if flow.language == "csharp":
            _refuse_kind(report, ("language",), "C# flows are")
        return ReadFlow("dag", report, flow, places)
    if not document.problems:
        if value is None:
            report.problem(
                "empty_file", (), "the file is empty", "a flow needs at least 'nodes:'"
            )
        else:
            report.problem(
                "not_a_mapping",
                (),
                f"a flow file must be a mapping, {describe(value)} is not",
                "begin with 'inputs:', 'outputs:' and 'nodes:'",
            )
    return ReadFlow("dag", report)


def _refuse_kind(report: Collector, path: KeyPath, what: str) -> None:
    report.problem(
        "unsupported_flow_kind",
        path,
        f"{what} not supported yet by this version",
        "write the flow as flow.dag.yaml with nodes",
        at_key=True,
    )


def _node_of(path: KeyPath, value: Any) -> str:
    if len(path) < 2 or not isinstance(value, dict):
        return ""
    if path[0] == "node_variants":
        return str(path[1])
    nodes = value.get("nodes")
    if path[0] == "nodes" and isinstance(nodes, list) and isinstance(path[1], int):
        node = nodes[path[1]] if path[1] < len(nodes) else None
        name = node.get("name") if isinstance(node, dict) else None
        return name if isinstance(name, str) else ""
    return ""
