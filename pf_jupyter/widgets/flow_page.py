"""A flow: its living graph, its inputs as a form, what came out, what nodes did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..commands.wording import milliseconds, plural, seconds
from .batch_plan import variant_choices
from .elements import Child, Element, Markup, h
from .flow_run import FlowRun
from .living import graph, still
from .node_details import error_text, node_card
from .parts import badge, button, card, choice, form, page, row, split, submit, text
from .shown import empty, loading, log, notice, problems, tabs
from .values import input_field, short_path, shown_values

if TYPE_CHECKING:
    from ..workspace.api import FlowInfo


class FlowPage(FlowRun):
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

    known: list[FlowInfo] | None = None

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

    def do_history(self) -> None:
        """Show the earlier runs of this flow, in this place."""
        assert self.info is not None
        self.visit("runs", words=self.info.name)

    def do_rows(self) -> None:
        """Put a batch of this flow together, in this place."""
        assert self.info is not None
        self.visit("batch", flow=self.info.path, runtime=self.picker.chosen)

    def do_pick(self, runtime: str) -> None:
        """Choose where it runs."""
        self.picker.pick(runtime)

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
            subtitle=short_path(self.info.path),
            actions=[
                button("All flows", "list", icon="list", kind="quiet", bare=True),
                button("Runs", "history", icon="clock"),
                button("Run over rows", "rows", icon="list"),
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
        variants = variant_choices(self.info)
        if len(variants) > 1:
            chosen = self.variant or ""
            fields.append(choice("variant", "Variant", variants, chosen))
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
    return f"{info.name} · {plural(len(info.nodes), 'node')} · {short_path(info.path)}"


def _again(do: str) -> Element:
    return button("Look again", do, icon="refresh")
