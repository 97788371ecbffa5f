"""A run that was recorded: its graph to play again, outputs, traces, lines."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError
from ..flow.layout import lay_out, svg
from .batch_files import BatchFiles
from .batch_lines import LineFilter
from .batch_view import BatchFacts, batch_page
from .elements import Child, Element, h
from .living import LivingGraph, graph, still
from .parts import badge, button, card, page, row, split
from .shown import loading

if TYPE_CHECKING:
    from ..workspace.api import FlowInfo, RunResult, Workspace

POLL_SECONDS = 1.0


class RunPage(BatchFiles):
    """The page of a run; of a batch that goes on, too.

    Parameters
    ----------
    workspace
        Where it is recorded.
    run
        Its identity.
    """

    def __init__(self, workspace: Workspace, run: str) -> None:
        self.id = str(getattr(run, "run_id", run))
        self.facts: BatchFacts | None = None
        self.filter = LineFilter()
        self.others: list[dict[str, Any]] = []
        self.comparison: Any = None
        super().__init__(workspace)

    def begin(self) -> None:
        """Ask for the run."""
        self.work("run", self._load, self._know_run)

    def do_reload(self) -> None:
        """Read it again."""
        if not self.working("run"):
            self.begin()

    # ---- reading

    def _load(self) -> Any:
        runs = self.workspace.runs
        if runs.is_batch(self.id):
            return self._load_batch()
        result = runs.get(self.id)
        flow = getattr(result, "flow", None)
        record = getattr(result, "record", None)
        path = Path(getattr(record, "flow_path", "") or ".")
        blank = svg(lay_out(flow)) if flow is not None else ""
        return result, path, self._info(path), flow, blank

    def _info(self, path: Path) -> FlowInfo | None:
        try:
            return self.workspace.flows.show(path)
        except (PfError, OSError):
            return None  # the folder has gone since, or is another one

    def _load_batch(self) -> BatchFacts:
        run = self.workspace.runs.batch(self.id)
        info = self._info(Path(run.flow_path))
        picture = ""
        if info is not None and not self.picture:
            picture = self.workspace.flows.picture(run.flow_path).svg
        others = [
            record
            for record in self.workspace.runs.list(limit=200)
            if record.get("flow") == run.flow and record["run_id"] != self.id
            and record.get("lines")
        ]  # fmt: skip
        return BatchFacts.read(run, info, picture, others, self.filter)

    def _know_run(self, found: Any) -> None:
        if isinstance(found, BatchFacts):
            self._know_batch(found)
            return
        result, path, info, flow, blank = found
        self.flow, self.picture, self.still_picture = path, blank, blank
        self.info = info or _info_of(result, flow, path)
        self.picker.chosen = result.runtime
        self._begin_graph()
        self.result = result
        self.living.finish(result)
        self.still_picture = svg(lay_out(flow), self.living.states) if flow else ""
        for node in result.nodes.values():
            for stream in ("stdout", "stderr"):
                lines = str(node.logs.get(stream) or "").splitlines()
                self.lines += [(node.name, line) for line in lines]
        failed = next(
            (n for n, r in result.nodes.items() if r.status == "Failed"), None
        )
        if failed is not None:
            self.do_node(failed)

    def _know_batch(self, facts: BatchFacts) -> None:
        self.facts, self.batch = facts, facts.run
        self.flow, self.info = Path(facts.run.flow_path), facts.info
        if facts.picture:
            self.picture = facts.picture
        if not self.graphs and self.info is not None:
            names = [str(node["name"]) for node in self.info.nodes]
            self.living = LivingGraph("flow", names, self.info.entry)
            self.graphs = [self.living]
        self.living.progress({"nodes": facts.run.nodes})
        self.read_files()
        if facts.run.status == "Running" and not self._closed:
            timer = threading.Timer(POLL_SECONDS, self.do_reload)
            timer.daemon = True
            timer.start()

    # ---- what is clicked

    def do_node(self, node: str) -> None:
        """Open the details of a node; of a batch, its histogram."""
        if self.batch is not None:
            self.node = node
            return
        super().do_node(node)

    def do_lines(self, status: str = "", start: int = 0) -> None:
        """Show other lines of a batch."""
        self.filter = LineFilter(status, max(int(start), 0))
        self.do_reload()

    def do_line(self, number: int) -> None:
        """Show one line, or close it."""
        batch = self.batch
        assert batch is not None
        if self.filter.opened == number:
            self.filter.opened = None
            self.filter.line = None
            return
        self.filter.opened = number
        self.work("line", lambda: batch.line(number), self._know_line)

    def _know_line(self, line: Any) -> None:
        self.filter.line = line

    def do_stop(self) -> None:
        """Cancel a batch that goes on."""
        batch = self.batch
        if batch is not None:
            self.work("cancel", batch.cancel, lambda _: self.do_reload())

    def do_resume(self) -> None:
        """Run the lines of a batch that have no result."""
        batch = self.batch
        if batch is not None and not self.working("resume"):
            self.work(
                "resume",
                lambda: batch.resume(on_event=self.take_progress),
                lambda _: self.do_reload(),
            )

    def take_progress(self, event: Any) -> None:
        """Show an event of the batch while it goes on; from any thread."""
        with self.lock:
            self.living.progress(event)
            if self.facts is not None and event.get("event") == "batch_progress":
                self.facts.progress = dict(event)
                self.changed()
        self.stirred()

    def do_judge(self) -> None:
        """Put an evaluation of this batch together, in this place."""
        self.visit("evaluation", run=self.id)

    def do_open_run(self, run: str) -> None:
        """Open another run in this place: an evaluation, or what was evaluated."""
        self.visit("run", run=run)

    def returned(self) -> None:
        """Show what was made in the meantime."""
        self.do_reload()

    def do_compare(self, other: str = "") -> None:
        """Put another run of the same flow beside it."""
        if not other:
            return
        self.work(
            "compare",
            lambda: self.workspace.runs.compare(other, self.id),
            self._know_comparison,
        )

    def _know_comparison(self, found: Any) -> None:
        self.comparison = found

    # ---- how it looks

    def _page(self, *, live: bool) -> Element:
        if self.facts is not None:
            return batch_page(self, live=live)
        if self.result is None and self.info is None:
            waiting = loading("Reading the run") if self.working("run") else None
            return page(
                self.id, waiting or row(button("Again", "reload", icon="refresh"))
            )
        assert self.info is not None
        busy = self.working("run")
        return page(
            self.info.name,
            self._phases(),
            split([self._graph_card(live), self._results()], self._side(busy)),
            lead=badge(self.result.status if self.result else "Running"),
            subtitle=_place(self.id, self.result),
            actions=[
                button("Read again", "reload", icon="refresh", kind="quiet", bare=True)
            ],
        )

    def _graph_card(self, live: bool) -> Child:
        if not self.picture:
            return None
        if not live:
            return card(still(self.still_picture))
        return card(graph(self.living, self.picture, self.node), key="graph")

    def _side(self, busy: bool) -> Child:
        if self.node is not None:
            return self._node(busy)
        return card(
            h(
                "p",
                "Choose a node to see what it was given and what it gave.",
                class_="pf-mu",
            )
        )


def _place(run_id: str, result: RunResult | None) -> str:
    if result is None:
        return run_id
    return f"{run_id} · {result.runtime} · {result.environment}"


def _info_of(result: RunResult, flow: Any, path: Path) -> FlowInfo:
    """Return what is known of a flow whose folder has gone: what the run recorded."""
    from ..workspace.api import FlowInfo

    nodes: list[dict[str, Any]] = [
        {"name": name, "type": "", "source": None, "inputs": {}}
        for name in result.nodes
    ]
    name = getattr(flow, "name", "") or path.name
    return FlowInfo(name, path, [], [], nodes, {})
