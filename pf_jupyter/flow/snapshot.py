"""A flow folder as it is at one moment, and the flow in it, read and checked.

Both are needed before every run, so both are kept: as long as nothing in the folder
changed, `load` costs a look at what is known to be in it, and nothing more.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pf_jupyter.flow.check import check_graph
from pf_jupyter.flow.contents import Digests, Snapshot, SnapshotFile, settled
from pf_jupyter.flow.document import Positions
from pf_jupyter.flow.documents import with_documents
from pf_jupyter.flow.fields import KeyPath
from pf_jupyter.flow.flex import describe_entry
from pf_jupyter.flow.folder import Issue, Listing, list_folder
from pf_jupyter.flow.loaded import LoadedFlow
from pf_jupyter.flow.model import Flow, Node
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.reader import (
    Collector,
    FlowFile,
    ReadFlow,
    default_name,
    find_flow,
    is_entry,
    read_flow,
)
from pf_jupyter.flow.sources import check_sources
from pf_jupyter.flow.variants import (
    InvalidFlowError,
    default_variant,
    replacement,
    selection,
    variant_ids,
)

__all__ = ["LoadedFlow", "Loader", "Snapshot", "SnapshotFile", "load"]

_MAX_KEPT = 64
_MAX_VARIANTS_CHECKED = 40
_ATTEMPTS = 3


@dataclass
class _Kept:
    includes: tuple[str, ...]
    listing: Listing
    loaded: LoadedFlow
    checked_at: int

    def is_current(self, listing: Listing) -> bool:
        return listing == self.listing and all(
            settled(entry, self.checked_at) for entry in listing.files
        )

    @functools.cached_property
    def is_settled(self) -> bool:
        entries = (*self.listing.folders, *self.listing.files)
        return all(settled(entry, self.checked_at) for entry in entries)


class Loader:
    """Loads flows and keeps the last ones. May be used from several threads."""

    def __init__(self) -> None:
        self._digests = Digests()
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()
        self._named: dict[tuple[Any, ...], _Kept] = {}
        self._lock = threading.Lock()

    def load(
        self,
        path: str | Path,
        *,
        variant: str | None = None,
        python: tuple[int, int] | None = None,
    ) -> LoadedFlow:
        """Find, read and check a flow. The result is shared: do not change it.

        Parameters
        ----------
        path
            Flow folder or flow file.
        variant
            ``${node.variant_id}`` to use instead of that node's default.
        python
            Version of Python that will run it. Where it is newer than this one's, a
            syntax error found here is a warning.

        Raises
        ------
        NotFound
            There is no flow at ``path``.
        UsageError
            The folder holds several flow files, or ``variant`` names none.
        """
        named = (str(path), variant, python)
        known = self._named.get(named)
        if known is not None and known.is_settled and known.listing.is_unchanged():
            return known.loaded
        kept = self._find(path, variant, python)
        if isinstance(kept, LoadedFlow):
            return kept
        if os.path.isabs(named[0]):
            with self._lock:
                if len(self._named) >= _MAX_KEPT:
                    self._named.clear()
                self._named[named] = kept
        return kept.loaded

    def _find(
        self, path: str | Path, variant: str | None, python: tuple[int, int] | None
    ) -> _Kept | LoadedFlow:
        located = find_flow(path)
        key = (located.path, variant, python)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            checked_at = time.time_ns()
            listing = list_folder(str(located.folder), kept.includes)
            if kept.is_current(listing) or self._same_contents(kept, listing):
                kept = replace(kept, listing=listing, checked_at=checked_at)
                with self._lock:
                    self._kept[key] = kept
                return kept
        fresh = self._load(located, variant, python)
        if fresh is None:
            return _folder_changes(located)
        with self._lock:
            self._kept[key] = fresh
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return fresh

    def _same_contents(self, kept: _Kept, listing: Listing) -> bool:
        """Tell whether files were only written anew, with what they held before."""
        if kept.loaded.snapshot is None or (listing.issues, listing.warnings) != (
            kept.listing.issues,
            kept.listing.warnings,
        ):
            return False
        try:
            return self._digests.snapshot(listing) == kept.loaded.snapshot
        except OSError:
            return False

    def _load(
        self, located: FlowFile, variant: str | None, python: tuple[int, int] | None
    ) -> _Kept | None:
        folder = str(located.folder)
        for _ in range(_ATTEMPTS):
            checked_at = time.time_ns()
            listing = list_folder(folder)
            data = b""
            if is_entry(located.path):
                read = read_flow(b"", located.name, located.name.split(":")[-1])
            elif any(entry.path == located.name for entry in listing.files):
                try:
                    data = located.path.read_bytes()
                except OSError:
                    return None
                read = read_flow(data, located.name, default_name(located.folder.name))
            else:
                # A link that leads outside: reported, and not followed.
                read = ReadFlow("dag", Collector(located.name, Positions()))
            includes = tuple(read.flow.additional_includes) if read.flow else ()
            if includes:
                listing = list_folder(folder, includes)
            loaded = LoadedFlow(located.path, located.folder, located.name, read.kind)
            try:
                self.take(loaded, listing, read)
            except FileNotFoundError:
                continue  # it went away between listing and reading
            if _holds(loaded.snapshot, located.name, data):
                check(loaded, read, variant, python)
                return _Kept(includes, listing, loaded, checked_at)
        return None

    def take(self, loaded: LoadedFlow, listing: Listing, read: ReadFlow) -> None:
        """Add what is in a folder, and what is wrong with it (FileNotFoundError)."""
        report = read.report
        for issue in listing.issues:
            _report_issue(report, issue, warning=False)
        for issue in listing.warnings:
            _report_issue(report, issue, warning=True)
        if any(issue.code == "folder_too_large" for issue in listing.issues):
            return
        try:
            loaded.snapshot = self._digests.snapshot(listing)
        except FileNotFoundError:
            raise
        except OSError as error:
            name = Path(str(error.filename)).name
            report.add(
                Problem(
                    "unreadable_file",
                    f"{name} cannot be read ({error.strerror})",
                    name,
                    hint="look at the file's permissions",
                )
            )


LOADER = Loader()
"""What this process loads its flows with."""


def load(
    path: str | Path,
    *,
    variant: str | None = None,
    python: tuple[int, int] | None = None,
) -> LoadedFlow:
    """Find, read and check a flow, as `Loader.load` does, with one loader for all."""
    return LOADER.load(path, variant=variant, python=python)


def check(
    loaded: LoadedFlow,
    read: ReadFlow,
    variant: str | None,
    python: tuple[int, int] | None,
) -> None:
    """Add what a flow says of itself, and every problem of it, to ``loaded``."""
    report = read.report
    loaded.positions, loaded.declared = report.positions, read.flow
    if read.flow is not None:
        flow, places, chosen = _with_variants(read, variant)
        loaded.flow = flow
        files = (
            {file.path: file for file in loaded.snapshot.files}
            if loaded.snapshot
            else None
        )
        if loaded.snapshot:
            flow = loaded.flow = with_documents(flow, loaded.snapshot.files, report)
        if read.kind == "dag":
            check_graph(flow, places, report)
        elif read.kind == "flex":
            flow = loaded.flow = describe_entry(flow, files or {})
        if files is not None and read.kind == "dag":
            check_sources(flow, places, report, files, python)
            _check_other_variants(flow, read, places, chosen, files, python)
    loaded.problems = _by_place(report.problems, loaded.file)
    loaded.warnings = _by_place(report.warnings, loaded.file)


def _with_variants(
    read: ReadFlow, variant: str | None
) -> tuple[Flow, list[KeyPath], dict[str, str]]:
    """Apply variants; where one is missing, report it and keep the node."""
    assert read.flow is not None
    declared, report = read.flow, read.report
    wanted = selection(declared, variant, defaults=False)
    nodes: list[Node] = []
    places: list[KeyPath] = []
    chosen: dict[str, str] = {}
    for node, place in zip(declared.nodes, read.places, strict=True):
        if node.use_variants:
            try:
                name = wanted.get(node.name) or default_variant(declared, node.name)
                node = replacement(declared, node.name, name, report)
                place = ("node_variants", node.name, "variants", name, "node")
                chosen[node.name] = name
            except InvalidFlowError as error:
                path = error.path or (*place, "use_variants")
                at_key = path[-1] == node.name
                report.problem(
                    error.code, path, error.message, error.hint, at_key=at_key
                )
                continue
        nodes.append(node)
        places.append(place)
    return replace(declared, nodes=nodes), places, chosen


def _check_other_variants(
    flow: Flow,
    read: ReadFlow,
    places: list[KeyPath],
    chosen: dict[str, str],
    files: dict[str, SnapshotFile],
    python: tuple[int, int] | None,
) -> None:
    """Warn about what is wrong with variants that this run does not use."""
    report = read.report
    others = [
        (node, name)
        for node, names in variant_ids(flow).items()
        for name in names
        if node in chosen and name != chosen[node]
    ]
    for name, variant in others[:_MAX_VARIANTS_CHECKED]:
        trial = Collector(report.file, report.positions, report.value)
        try:
            other = replacement(flow, name, variant, trial)
        except InvalidFlowError as error:
            report.warning(error.code, error.path, error.message, error.hint)
            continue
        index = next(i for i, node in enumerate(flow.nodes) if node.name == name)
        nodes = [*flow.nodes[:index], other, *flow.nodes[index + 1 :]]
        place: KeyPath = ("node_variants", name, "variants", variant, "node")
        trial_places = [*places[:index], place, *places[index + 1 :]]
        altered = replace(flow, nodes=nodes)
        check_graph(altered, trial_places, trial)
        check_sources(altered, trial_places, trial, files, python)
        report.warnings.extend(
            replace(problem, message=f"variant '{variant}': {problem.message}")
            for problem in trial.problems
            if problem not in report.problems
        )


def _report_issue(report: Collector, issue: Issue, *, warning: bool) -> None:
    if issue.include is not None:
        path: KeyPath = ("additional_includes", issue.include)
        tell = report.warning if warning else report.problem
        tell(issue.code, path, issue.message, issue.hint)
        return
    report.add(
        Problem(issue.code, issue.message, issue.file or report.file, hint=issue.hint)
    )


def _holds(snapshot: Snapshot | None, name: str, data: bytes) -> bool:
    """Tell whether a snapshot was taken of the very flow file that was read."""
    if snapshot is None:
        return True
    own = next((file for file in snapshot.files if file.path == name), None)
    return own is None or own.digest == hashlib.sha256(data).hexdigest()


def _by_place(problems: list[Problem], file: str) -> list[Problem]:
    def order(problem: Problem) -> tuple[bool, str, int, int]:
        return problem.file != file, problem.file, problem.line, problem.column

    return sorted(dict.fromkeys(problems), key=order)


def _folder_changes(located: FlowFile) -> LoadedFlow:
    loaded = LoadedFlow(located.path, located.folder, located.name)
    loaded.problems.append(
        Problem(
            "unreadable_file",
            f"{located.name} cannot be read, or changes all the time",
            located.name,
            hint="look at the file's permissions, and try again",
        )
    )
    return loaded
