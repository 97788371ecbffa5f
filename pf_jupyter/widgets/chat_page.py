"""A conversation with a flow: questions at the right, answers as they stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.nouns.chat import Roles, roles_of
from ..commands.wording import milliseconds
from ..errors import PfError
from .elements import Child, Element, h
from .node_details import error_text
from .panel import Panel
from .parts import button, card, form, page, row, submit
from .picking import RuntimePicker
from .shown import empty, loading, notice
from .values import input_field, read_inputs, short_path, written

if TYPE_CHECKING:
    from ..workspace.api import FlowInfo, PhaseEvent, RunEvent, RunResult, Workspace


@dataclass
class Said:
    """A turn: what was asked, what is answered so far, what came of it."""

    question: str
    answer: str = ""
    result: RunResult | None = None
    error: PfError | None = None
    chunks: dict[str, str] = field(default_factory=dict)


class ChatPage(Panel):
    """The page of a chat flow.

    Parameters
    ----------
    workspace
        Where it runs.
    flow
        Flow folder, file or name of an example.
    runtime
        The runtime to begin with; None means the one in use.
    """

    def __init__(
        self, workspace: Workspace, flow: str | Path, runtime: str | None = None
    ) -> None:
        self.flow = flow
        self.picker = RuntimePicker(workspace, runtime)
        self.info: FlowInfo | None = None
        self.roles: Roles | None = None
        self.turns: list[Said] = []
        self.history: list[dict[str, Any]] = []
        self.values: dict[str, Any] = {}
        self.phase: PhaseEvent | None = None
        self.run_id: str | None = None
        super().__init__(workspace)

    def begin(self) -> None:
        """Ask for the runtimes and the flow."""
        self.work("runtimes", self.picker.ask, self.picker.know)
        self.work("flow", lambda: self.workspace.flows.show(self.flow), self._know)

    def _know(self, info: FlowInfo) -> None:
        self.info = info
        self.roles = roles_of(info)

    # ---- what is clicked

    def do_pick(self, runtime: str) -> None:
        """Choose where it runs."""
        self.picker.pick(runtime)

    def do_forget(self) -> None:
        """Begin anew."""
        self.turns, self.history, self.trouble = [], [], None

    def do_cancel(self) -> None:
        """Stop the answer."""
        run_id = self.run_id
        if run_id is not None:
            self.work("cancel", lambda: self.workspace.runs.cancel(run_id))

    def do_say(self, question: str, **values: Any) -> None:
        """Ask something; the next turn knows of it."""
        question = question.strip()
        if not question or self.working("turn"):
            return
        assert self.info is not None
        assert self.roles is not None
        self.trouble = None
        self.values = {k[3:]: v for k, v in values.items() if k.startswith("in:")}
        inputs = read_inputs(self._others(), values)
        inputs[self.roles.question] = question
        if self.roles.history is not None:
            inputs[self.roles.history] = list(self.history)
        turn = Said(question)
        self.turns.append(turn)
        self.work(
            "turn",
            lambda: self._answer(inputs),
            lambda result: self._ended(turn, result),
            failed=lambda error: self._failed(turn, error),
        )

    def do_retry(self) -> None:
        """Ask the last question once more."""
        if self.turns and not self.working("turn"):
            turn = self.turns.pop()
            values = {f"in:{name}": value for name, value in self.values.items()}
            self.do_say(turn.question, **values)

    # ---- running

    def _others(self) -> list[Any]:
        """Return the inputs beside the question and the history."""
        if self.info is None or self.roles is None:
            return []
        taken = {self.roles.question, self.roles.history}
        return [item for item in self.info.inputs if item["name"] not in taken]

    def _answer(self, inputs: dict[str, Any]) -> RunResult:
        runtimes = self.workspace.runtimes
        if self.picker.chosen is None:
            runtime = runtimes.ensure_for(self.flow, on_phase=self._phase)
        else:
            runtime = runtimes.get(self.picker.chosen)
            if runtime.state == "stopped":
                runtime.start(on_phase=self._phase)
        return runtime.run(self.flow, inputs=inputs, on_event=self._take)

    def _phase(self, event: PhaseEvent) -> None:
        with self.lock:
            self.phase = event
        self.changed()

    def _take(self, event: RunEvent) -> None:
        with self.lock:
            kind = event.get("event")
            if kind == "run_started":
                self.run_id, self.phase = str(event.get("run_id") or ""), None
            elif kind == "chunk" and self.turns:
                chunks = self.turns[-1].chunks
                name = str(event.get("output") or event.get("node"))
                chunks[name] = chunks.get(name, "") + str(event.get("text") or "")
            else:
                return
        self.changed()

    def _ended(self, turn: Said, result: RunResult) -> None:
        assert self.roles is not None
        turn.result, self.run_id, self.phase = result, None, None
        if result.status == "Completed":
            outputs = result.outputs or {}
            said = self.roles.said(outputs)
            turn.answer = said if isinstance(said, str) else written(said)
            self.history += self.roles.turn(turn.question, outputs)

    def _failed(self, turn: Said, error: PfError) -> bool:
        turn.error, self.run_id, self.phase = error, None, None
        return True

    # ---- how it looks

    def view(self) -> Element:
        """Return the page as it is now."""
        if self.info is None:
            waiting = loading("Reading the flow") if self.working("flow") else None
            return page(str(self.flow), waiting)
        busy = self.working("turn")
        return page(
            self.info.name,
            h(
                "div",
                *(self._turn(turn, busy) for turn in self.turns),
                None if self.turns else self._nothing(),
                class_="pf-chat",
                role="log",
                aria_label="conversation",
                data_follow=True,
                data_key="chat",
                tabindex="0",
            ),
            self._say(busy),
            lead=self.picker.shown(reason="an answer is on its way" if busy else None),
            subtitle=short_path(self.info.path),
            actions=[
                button("Begin anew", "forget", icon="undo", kind="quiet",
                       reason="an answer is on its way" if busy else None),
            ],
        )  # fmt: skip

    def _nothing(self) -> Element:
        return empty(
            "chat", "Say something", "Each turn is a run; the next knows of it."
        )

    def _turn(self, turn: Said, busy: bool) -> Child:
        last = turn is self.turns[-1]
        asked = h(
            "div", h("span", "You", class_="pf-sr"), turn.question, class_="pf-asked"
        )
        return h(
            "div", asked, self._answered(turn, busy and last, last), class_="pf-turn"
        )

    def _answered(self, turn: Said, busy: bool, last: bool) -> Element:
        who = h("span", "Flow", class_="pf-sr")
        retry = (
            button("Ask again", "retry", icon="refresh") if last and not busy else None
        )
        if turn.error is not None:
            error = turn.error
            return notice(
                [error.message, " ", h("code", error.code, class_="pf-mu")],
                hint=error.hint, tone="no", actions=[retry] if retry else [],
            )  # fmt: skip
        result = turn.result
        if result is not None and result.status != "Completed":
            return notice(
                "The turn was canceled"
                if result.status == "Canceled"
                else "The turn failed",
                error_text(result.error) if result.error else None,
                tone="warn" if result.status == "Canceled" else "no",
                actions=[retry] if retry else [],
            )
        text = turn.answer or "".join(turn.chunks.values())
        if not text and busy:
            words = "Thinking"
            if self.phase is not None:
                words = f"Bringing the runtime up: {self.phase.phase}"
            return h("div", who, loading(words), class_="pf-answer")
        foot = None
        if result is not None:
            tokens = result.tokens.get("total_tokens")
            facts = [
                milliseconds(result.duration_ms),
                f"{tokens} tokens" if tokens else "",
            ]
            foot = h("div", " · ".join(filter(None, facts)), class_="pf-mu pf-foot")
        return h("div", who, h("div", text), foot, class_="pf-answer")

    def _say(self, busy: bool) -> Element:
        others = self._others()
        fields = [
            input_field(
                item, self.values.get(str(item["name"]), item.get("default")), None
            )
            for item in others
        ]
        stop = None
        if busy:
            reason = None if self.run_id else "it has not begun yet"
            stop = button("Stop", "cancel", icon="stop", kind="danger", reason=reason)
        question = h(
            "textarea",
            name="question",
            rows=2,
            placeholder="Your question",
            aria_label="Your question",
            data_enter=True,
            data_key="question",
        )
        return card(
            form(
                *fields,
                question,
                row(
                    submit("Send", icon="send", busy=busy),
                    stop,
                    h("span", "Enter sends, Shift+Enter is a new line", class_="pf-mu"),
                ),
                do="say",
                clear=True,
            ),
            key="say",
        )
