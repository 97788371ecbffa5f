"""A flow: its living graph, its inputs as a form, what came out, what nodes did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.wording import milliseconds, plural, seconds
from ..errors import PfError, UsageError
from .elements import Child, Element, Markup, h
from .living import LivingGraph, graph, still
from .node_details import error_text, node_card, read_source
from .panel import Panel
from .parts import badge, button, card, choice, form, page, row, split, submit, text
from .picking import RuntimePicker
from .shown import empty, loading, log, notice, problems, tabs
from .values import input_field, read_inputs, shown_values

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


class FlowPage(Panel):
    """The page of a flow, or of none yet: then it offers those there are.

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
        self.known: list[FlowInfo] | None = None
        self._forget()
        super().__init__(workspace)

    def _forget(self) -> None:
        """Take away what belongs to the flow that was shown before."""
        self.info: FlowInfo | None = None
        self.picture = ""
        self.still_picture = ""
        self.values: dict[str, Any] = {}
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

    def begin(self) -> None:
        """Ask for the runtimes, and for the flow or the flows."""
        self.work("runtimes", self.picker.ask, self.picker.know)
        if self.flow is None:
            self.work("flows", lambda: self.workspace.flows.list(), self._know_flows)
        else:
            flow = self.flow
            self.work("flow", lambda: self._read(flow), self._know)

    def _know_flows(self, found: list[FlowInfo]) -> None:
        self.known = found

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

    def do_open(self, flow: str) -> None:
        """Show another flow."""
        self._forget()
        self.flow = flow
        self.begin()

    def do_list(self) -> None:
        """Show the flows to choose from."""
        self._forget()
        self.flow, self.known = None, None
        self.begin()

    def do_pick(self, runtime: str) -> None:
        """Choose where it runs."""
        self.picker.pick(runtime)

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
        inputs = self._inputs(values)
        if inputs is not None:
            self._run(inputs)

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
                self._stale = True
            elif kind == "log":
                node = str(event.get("node") or "")
                lines = str(event.get("text") or "").splitlines()
                self.lines += [(node, line) for line in lines]
                del self.lines[:-LOG_LINES]
            elif kind == "chunk":
                name = str(event.get("output") or event.get("node"))
                self.answer[name] = self.answer.get(name, "") + str(event["text"])
                self._stale = True
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

    # ---- how it looks

    def view(self) -> Element:
        """Return the page as it is now."""
        return self._page(live=True)

    def static(self) -> Element:
        """Return the page with its picture still."""
        return self._page(live=False)

    def _page(self, *, live: bool) -> Element:
        busy = self.working("run")
        if self.flow is None:
            return self._chooser()
        if self.info is None:
            waiting = loading("Reading the flow") if self.working("flow") else None
            back = button("Choose another flow", "list", icon="back")
            return page(str(self.flow), waiting or row(back))
        return page(
            self.info.name,
            self._phases(),
            split(
                [self._picture(live), self._results()],
                [self._node(busy), self._form(busy)],
            ),
            lead=self.picker.shown(reason="a run goes on" if busy else None),
            subtitle=str(self.info.path),
            actions=[
                button("All flows", "list", icon="list", kind="quiet", bare=True),
                button(
                    "Validate", "validate", icon="check", busy=self.working("validate")
                ),
            ],
        )

    def _chooser(self) -> Element:
        if self.known is None:
            waiting = self.working("flows")
            body = loading("Looking for flows") if waiting else row(_again("list"))
        elif not self.known:
            body = empty(
                "flow",
                "No flows here",
                ["Write one: ", h("code", "%pfflow init my-flow")],
                _again("list"),
            )
        else:
            body = form(
                choice(
                    "flow", "Flow", [(str(i.path), _flow_words(i)) for i in self.known]
                ),
                row(submit("Open", icon="arrow")),
                do="open",
            )
        return page("Flows", body, lead=self.picker.shown())

    def _picture(self, live: bool) -> Element:
        if not live:
            return card(still(self.still_picture))
        return card(graph(self.living, self.picture, self.node), key="graph")

    def _phases(self) -> Child:
        if self.phase is None:
            return None
        words = f"{self.phase.phase} · {seconds(self.phase.elapsed)}"
        if self.phase.detail:
            words += f" · {self.phase.detail}"
        return loading(f"Bringing the runtime up: {words}")

    def _form(self, busy: bool) -> Element:
        assert self.info is not None
        fields = [
            input_field(
                item,
                self.values.get(str(item["name"]), item.get("default")),
                self.wrong.get(str(item["name"])),
            )
            for item in self.info.inputs
        ]
        run = submit("Running" if busy else "Run", icon="play", busy=busy)
        stop = None
        if busy:
            reason = None if self.run_id else "it has not begun yet"
            stop = button("Cancel", "cancel", icon="stop", kind="danger", reason=reason)
        return card(
            form(*fields, row(run, stop), do="run"), title="Inputs", key="inputs"
        )

    def _node(self, busy: bool) -> Child:
        if self.node is None or self.info is None:
            return None
        result = self.result.nodes.get(self.node) if self.result else None
        return node_card(
            self.info,
            self.node,
            result=result,
            state=self.living.nodes.get(self.node, {}),
            source_text=self.node_source,
            lines=[line for node, line in self.lines if node == self.node],
            problems=self.found.problems if self.found else (),
            busy="a run goes on" if busy else None,
            can_rerun=self.result is not None,
        )

    def _results(self) -> Element:
        pages: list[tuple[str, Child, Child]] = [
            ("outputs", "Outputs", self._outputs())
        ]
        if self.lines:
            lines = [f"{node} │ {line}" if node else line for node, line in self.lines]
            pages.append(("log", f"Log {len(lines)}", log(lines, key="log")))
        if self.result is not None:
            pages.append(("trace", "Trace", Markup(self.result.trace.html())))
        if self.found is not None or self.working("validate"):
            pages.append(("problems", self._problem_words(), self._problems()))
        return card(tabs("results", pages, opened=self.opened), key="results")

    def _outputs(self) -> Child:
        result = self.result
        if result is None:
            if self.answer:
                return shown_values(self.answer)
            if self.working("run"):
                return loading("It runs")
            return text("Run the flow to see what comes out.", quiet=True)
        quiet = (milliseconds(result.duration_ms), result.runtime, result.run_id)
        words = (h("span", word, class_="pf-mu") for word in quiet)
        head = row(badge(result.status), *words)
        if result.error:
            return [head, notice("The run failed", error_text(result.error), tone="no")]
        return [head, shown_values(result.outputs or {})]

    def _problem_words(self) -> str:
        if self.found is None:
            return "Checking"
        return (
            plural(len(self.found.problems), "problem")
            if not self.found.ok
            else "Valid"
        )

    def _problems(self) -> Child:
        if self.found is None:
            return loading("Checking the file, and the code in the runtime")
        warnings: Sequence[Any] = self.found.warnings
        shown: list[Child] = []
        if self.found.ok:
            where = f" in {self.found.runtime}" if self.found.runtime else ""
            shown.append(text(f"Nothing is wrong{where}.", tone="ok"))
        else:
            shown.append(problems(p.to_dict() for p in self.found.problems))
        if warnings:
            shown += [h("h3", "Warnings"), problems(w.to_dict() for w in warnings)]
        return shown


def _flow_words(info: FlowInfo) -> str:
    return f"{info.name} · {plural(len(info.nodes), 'node')} · {info.path}"


def _again(do: str) -> Element:
    return button("Look again", do, icon="refresh")
