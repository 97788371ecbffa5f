"""What a batch keeps beside its results: what was printed, its flow, a copy of all."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..commands.runs import log_lines
from ..commands.wording import plural, size
from ..errors import AlreadyExists, PfError
from .batch_clone import choices_of
from .elements import Child, Element, h
from .flow_page import FlowPage
from .parts import button, card, field, form, row, submit, text
from .shown import LOG_LINES, empty, facts, loading, notice, pre, source, table, trouble

if TYPE_CHECKING:
    from ..workspace.api import BatchRun, KeptFlow, LineResult

READ_AT_ONCE = 2_000
"""Of a batch with more lines, what was printed is read when somebody asks for it."""
_LOGGED_LINES = 200
_FILES_SHOWN = 200
_FLOW_FILES = ("flow.dag.yaml", "flow.flex.yaml")


class BatchFiles(FlowPage):
    """Reads what a batch keeps, writes a copy of it, starts another one like it."""

    batch: BatchRun | None = None
    printed: list[str] | None = None
    printed_trouble: PfError | None = None
    kept: KeptFlow | None = None
    kept_trouble: PfError | None = None
    kept_file = ""
    exported: Path | None = None
    taken: Path | None = None
    _read_once = False

    def read_files(self) -> None:
        """Read what can be read at once; the flow's files never change any more."""
        batch = self.batch
        assert batch is not None
        if self.kept is None and self.kept_trouble is None:
            self.do_read_kept()
        over = batch.status != "Running"
        few = batch.counts.get("total", 0) <= READ_AT_ONCE
        if over and few and not self._read_once:
            self.do_read_logs()
        self._read_once = over

    def do_read_logs(self) -> None:
        """Read what was printed."""
        batch = self.batch
        if batch is not None and not self.working("logs"):
            self.work("logs", lambda: printed(batch), self._know_logs,
                      failed=self._no_logs)  # fmt: skip

    def _know_logs(self, found: list[str]) -> None:
        self.printed, self.printed_trouble = found, None

    def _no_logs(self, error: PfError) -> bool:
        self.printed_trouble = error
        return True

    def do_read_kept(self) -> None:
        """Read the flow as it was run."""
        batch = self.batch
        if batch is not None and not self.working("kept"):
            self.work("kept", batch.kept_flow, self._know_kept, failed=self._no_kept)

    def _know_kept(self, found: KeptFlow) -> None:
        self.kept, self.kept_trouble = found, None
        names = [file.path for file in found.files]
        flows = [name for name in names if name in _FLOW_FILES]
        self.kept_file = next(iter([*flows, *names]), "")

    def _no_kept(self, error: PfError) -> bool:
        self.kept_trouble = error
        return True

    def do_kept_file(self, path: str) -> None:
        """Show one of the flow's files."""
        self.kept_file = path

    def do_export(self, to: str = "") -> None:
        """Write the batch into a folder, as ``%pfrun export`` does."""
        batch = self.batch
        if batch is None or self.working("export"):
            return
        run, target = batch.run_id, Path(to.strip() or f"{batch.run_id}.run")
        self.taken = None
        self.work(
            "export",
            lambda: self.workspace.runs.export(run, target),
            self._know_exported,
            failed=lambda error: self._not_exported(target, error),
        )

    def _know_exported(self, path: Path) -> None:
        self.exported = path

    def _not_exported(self, target: Path, error: PfError) -> bool:
        if not isinstance(error, AlreadyExists):
            return False
        self.exported, self.taken = None, target.absolute()
        return True

    def do_clone(self) -> None:
        """Put a batch like this one together, to change and to start."""
        batch = self.batch
        if batch is not None and not self.working("clone"):
            self.work(
                "clone",
                lambda: choices_of(batch),
                lambda found: self.visit("batch", like=found),
            )


def printed(run: BatchRun) -> list[str]:
    """Return what the newest lines printed, those that failed before the others."""
    lines = heapq.nlargest(
        _LOGGED_LINES,
        ((line, found) for line in run.lines() if (found := list(_line_logs(line)))),
        key=lambda pair: (pair[0].status == "Failed", pair[0].started_at or ""),
    )
    return [text for _, found in lines for text in found]


def _line_logs(line: LineResult) -> Iterator[str]:
    yield from log_lines(str(line.line_number), line.logs)
    for name, node in line.nodes.items():
        yield from log_lines(f"{line.line_number} {name}", node.logs)
    if line.status == "Failed":
        error = line.error or {}
        where = " ".join(filter(None, [str(line.line_number), error.get("node")]))
        yield f"{where} ✗│ {error.get('code')}: {error.get('message')}"


def copies(panel: BatchFiles) -> list[Child]:
    """Return the buttons that copy a batch: into a folder, or to another batch."""
    return [
        button("Export", "export", busy=panel.working("export")),
        button("Clone", "clone", busy=panel.working("clone")),
    ]


def exported(panel: BatchFiles) -> Child:
    """Return where a batch was written, or what stands in its way."""
    if panel.exported is not None:
        return notice("Exported", text("It is in ", h("code", str(panel.exported))),
                      tone="ok")  # fmt: skip
    if panel.taken is None:
        return None
    name = "Another folder"
    return notice(
        "Not exported",
        text(h("code", str(panel.taken)), " is there and not empty"),
        form(
            row(field("to", name, "", required=True), submit("Export there")),
            do="export",
        ),
        tone="warn",
    )


def logs_tab(panel: BatchFiles) -> Child:
    """Return what the lines of a batch have printed."""
    again = button("Read", "read_logs", icon="refresh", busy=panel.working("logs"))
    if panel.printed_trouble is not None:
        return trouble(panel.printed_trouble, again)
    if panel.printed is None:
        if panel.working("logs"):
            return loading("Reading what was printed")
        words = "It is read when you ask for it: the batch goes on, or has many lines."
        return empty("list", "Not read yet", words, again)
    if not panel.printed:
        return empty("list", "Nothing was printed", "No line failed, either.", again)
    words = f"of the newest {_LOGGED_LINES} lines at most, those that failed first"
    whole = h("code", f"%pfrun logs {panel.batch.run_id if panel.batch else ''}")
    return [
        row(again, text(f"{words}; all of it: ", whole, quiet=True)),
        pre("\n".join(panel.printed[:LOG_LINES]), label="what was printed"),
    ]


def snapshot_tab(panel: BatchFiles) -> Child:
    """Return the flow as it was run: its files, and what is in one of them."""
    again = button("Read", "read_kept", icon="refresh", busy=panel.working("kept"))
    if panel.kept_trouble is not None:
        return trouble(panel.kept_trouble, again)
    kept = panel.kept
    if kept is None:
        return loading("Reading the flow's files")
    about = facts([("was in", kept.path), ("digest", h("code", kept.digest))])
    if not kept.files:
        words = "The flow was too large to be copied, or its copy was removed."
        return [empty("list", "No files were kept", words), about]
    rows: list[list[Child]] = [
        [button(file.path, "kept_file", kind="quiet", path=file.path), size(file.size)]
        for file in kept.files[:_FILES_SHOWN]
    ]
    left_out = len(kept.files) - len(rows)
    return [
        about,
        table(["file", "size"], rows, numbers=[1], caption="files of the flow"),
        text(f"and {plural(left_out, 'file')} more", quiet=True) if left_out else None,
        _file(kept, panel.kept_file),
    ]


def _file(kept: KeptFlow, name: str) -> Element | None:
    for file in kept.files:
        if file.path == name:
            shown = source(file.text) if file.text is not None else None
            none = text("It is no text, or too long to be shown.", quiet=True)
            return card(none if shown is None else shown, title=name, key="kept")
    return None
