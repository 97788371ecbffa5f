"""A flow that is run from a page: what is known of it, and what is told of its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError, UsageError
from .living import LivingGraph
from .node_details import read_source
from .panel import Panel
from .picking import RuntimePicker
from .values import read_inputs

if TYPE_CHECKING:
    from ..workspace.api import (
        FlowInfo,
        PhaseEvent,
        RunEvent,
        RunResult,
        Runtime,
        Validation,
        Workspace,
    )

LOG_LINES = 500


class FlowRun(Panel):
    """Everything about a flow and its run but how it looks.

    Parameters
    ----------
    workspace
        Where the flow runs.
    flow
        Flow folder, file, or the name of an example.
    runtime
        The runtime to begin with; None means the one in use.
    """

    def __init__(
        self,
        workspace: Workspace,
        flow: str | Path | None = None,
        runtime: str | None = None,
    ) -> None:
        self.flow = flow
        self.picker = RuntimePicker(workspace, runtime)
        self._forget()
        super().__init__(workspace)

    def _forget(self) -> None:
        """Take away what belongs to the flow that was shown before."""
        self.info: FlowInfo | None = None
        self.picture = ""
        self.still_picture = ""
        self.values: dict[str, Any] = {}
        self.variant: str | None = None
        self.wrong: dict[str, str] = {}
        self.result: RunResult | None = None
        self.found: Validation | None = None
        self.node: str | None = None
        self.node_source: str | None = None
        self.folded: set[str] = set()
        self.lines: list[tuple[str, str]] = []
        self.answer: dict[str, str] = {}
        self.phase: PhaseEvent | None = None
        self.run_id: str | None = None
        self.living = LivingGraph("flow")
        self.opened = ""

    def _read(self, flow: str | Path) -> tuple[FlowInfo, str]:
        flows = self.workspace.flows
        return flows.show(flow), flows.picture(flow).svg

    def _know(self, found: tuple[FlowInfo, str]) -> None:
        self.info, self.picture = found
        self.still_picture = self.picture
        self._begin_graph()

    def _begin_graph(self) -> None:
        assert self.info is not None
        names = [str(node["name"]) for node in self.info.nodes]
        self.living = LivingGraph("flow", names, self.info.entry)
        self.graphs = [self.living]

    # ---- what is clicked

    def do_node(self, node: str) -> None:
        """Open the details of a node."""
        if self.info is None or node not in self.living.nodes:
            return
        self.node, self.node_source = node, None
        info = self.info
        self.work("source", lambda: read_source(info, node), self._know_source)

    def _know_source(self, found: str) -> None:
        self.node_source = found

    def do_close_node(self) -> None:
        """Close the details of a node."""
        self.node = None

    def do_fold(self, node: str) -> None:
        """Fold what comes after a node away, or unfold it."""
        self.folded ^= {node}
        flow, folded = self.flow, sorted(self.folded)
        assert flow is not None
        self.work(
            "fold",
            lambda: self.workspace.flows.picture(flow, folded=folded).svg,
            self._know_picture,
        )

    def _know_picture(self, picture: str) -> None:
        self.picture = picture

    def do_validate(self) -> None:
        """Check the file, and the code in the runtime."""
        self.found = None
        self.work("validate", self._validate, self._know_problems)

    def _validate(self) -> Validation:
        assert self.flow is not None
        flows = self.workspace.flows
        found = flows.validate(self.flow, code=False)
        if not found.ok:
            return found
        runtime = self._ready()
        return flows.validate(self.flow, runtime=runtime.name)

    def _know_problems(self, found: Validation) -> None:
        self.found = found
        self.opened = "problems"
        self.phase = None

    def do_run(self, **values: Any) -> None:
        """Run the flow with what is typed."""
        self.variant = str(values.get("variant") or "") or None
        inputs = self._inputs(values)
        if inputs is not None:
            part = {"variant": self.variant} if self.variant else {}
            self._run(inputs, **part)

    def do_rerun(self, node: str, alone: bool) -> None:
        """Run a node alone, or it and what comes after, with the values of before."""
        part = {"node": node} if alone else {"from_node": node}
        upstream = self.result.run_id if self.result else None
        self._run({}, **part, upstream=upstream)

    def do_cancel(self) -> None:
        """Stop the run."""
        run_id = self.run_id
        if run_id is not None:
            self.work("cancel", lambda: self.workspace.runs.cancel(run_id))

    # ---- running

    def _inputs(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        assert self.info is not None
        typed = {k[3:]: v for k, v in values.items() if k.startswith("in:")}
        self.values, self.wrong, self.trouble = typed, {}, None
        try:
            return read_inputs(self.info.inputs, values)
        except UsageError as error:
            name = str(error.details.get("input"))
            self.wrong = {name: f"{error.message}; {error.hint}"}
            return None

    def _run(self, inputs: dict[str, Any], **part: Any) -> None:
        if self.working("run"):
            return
        flow = self.flow
        assert flow is not None
        self.trouble, self.run_id, self.phase = None, None, None
        self.lines, self.answer, self.result = [], {}, None
        self._begin_graph()

        def call() -> RunResult:
            self.workspace.flows.check_run(flow, inputs=inputs, **part)
            runtime = self._ready()
            return runtime.run(flow, inputs=inputs, on_event=self._take, **part)

        self.work("run", call, self._ended, failed=self._failed)

    def _ready(self) -> Runtime:
        """Return the runtime that is picked, started if it has to be."""
        runtimes = self.workspace.runtimes
        if self.picker.chosen is None:
            assert self.flow is not None
            return runtimes.ensure_for(self.flow, on_phase=self._phase)
        runtime = runtimes.get(self.picker.chosen)
        if runtime.state == "stopped":
            runtime.start(on_phase=self._phase)
        return runtime

    def _phase(self, event: PhaseEvent) -> None:
        with self.lock:
            self.phase = event
        self.changed()

    def _take(self, event: RunEvent) -> None:
        """Take an event of the run; called by the thread that reads the stream."""
        with self.lock:
            self.living.apply(event)
            kind = event.get("event")
            if kind == "run_started":
                self.run_id, self.phase = str(event.get("run_id") or ""), None
                self.changed()
            elif kind == "log":
                node = str(event.get("node") or "")
                lines = str(event.get("text") or "").splitlines()
                self.lines += [(node, line) for line in lines]
                del self.lines[:-LOG_LINES]
            elif kind == "chunk":
                name = str(event.get("output") or event.get("node"))
                self.answer[name] = self.answer.get(name, "") + str(event["text"])
                self.changed()
        self.stirred()

    def _ended(self, result: RunResult) -> None:
        self.result, self.run_id, self.phase = result, None, None
        self.living.finish(result)
        failed = next(
            (n for n, r in result.nodes.items() if r.status == "Failed"), None
        )
        self.opened = "outputs"
        if failed is not None:
            self.do_node(failed)
        self.work("still", self._draw_still, self._know_still)
        self.work("runtimes", self.picker.ask, self.picker.know)

    def _failed(self, error: PfError) -> None:
        del error
        self.living.abandon("Failed")
        self.run_id, self.phase = None, None

    def _draw_still(self) -> str:
        assert self.flow is not None
        return self.workspace.flows.picture(self.flow, self.living.states).svg

    def _know_still(self, picture: str) -> None:
        self.still_picture = picture
