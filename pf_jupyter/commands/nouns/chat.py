"""`flow chat`: a conversation with a flow, turn by turn.

What the history holds: flow-format section 2.10.
"""

from __future__ import annotations

import html
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import FlowInvalid, UsageError
from ..context import Context
from ..following import run_followed
from ..results import Message, Shown
from ..runs import closing_line, failure_of, not_run
from ..tree import Argument, Outcome, Verb
from ..values import positive_seconds, read_overrides, read_pairs
from ..wording import listed, plural

if TYPE_CHECKING:
    from ...workspace.api import FlowInfo, RunResult, Runtime

HISTORY = "chat_history"
_LEAVING = {"exit", "quit", "/exit", "/quit", ":q"}


@dataclass(frozen=True)
class Roles:
    """Which input is the question, which the history, which output the answer.

    ``answer`` is None for a flow whose only result is its answer; ``history`` is None
    for one that remembers nothing. ``as_messages`` says that the history is a list of
    ``{"role", "content"}``, as flex flows and prompty files take it.
    """

    question: str
    history: str | None
    answer: str | None
    as_messages: bool

    def turn(self, text: str, outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what one turn adds to the history."""
        if self.as_messages:
            said = self.said(outputs)
            return [
                {"role": "user", "content": text},
                {"role": "assistant", "content": said},
            ]
        return [{"inputs": {self.question: text}, "outputs": dict(outputs)}]

    def said(self, outputs: Mapping[str, Any]) -> Any:
        """Return the answer among a run's outputs."""
        if self.answer is not None:
            return outputs.get(self.answer)
        return next(iter(outputs.values()), None)


def roles_of(info: FlowInfo) -> Roles:
    """Return what a flow's inputs and outputs are for in a conversation.

    Raises
    ------
    UsageError
        The flow does not say what the question is.
    """
    inputs = {str(item["name"]): item for item in info.inputs}
    outputs = {str(item["name"]): item for item in info.outputs}
    history = next((n for n, i in inputs.items() if i.get("is_chat_history")), None)
    plain = inputs.get(HISTORY)
    if history is None and plain and plain.get("is_chat_history") is not False:
        history = HISTORY
    asked = [name for name, item in inputs.items() if item.get("is_chat_input")]
    asked = asked or [name for name in inputs if name != history]
    if len(asked) != 1:
        raise UsageError(
            f"{info.name} cannot be chatted with: it does not say which input is the "
            "question",
            code="no_chat_flow",
            hint="write 'is_chat_input: true' at one of its inputs"
            + (f"; it has {listed(asked)}" if asked else ""),
        )
    answers = [name for name, item in outputs.items() if item.get("is_chat_output")]
    answer = answers[0] if answers else None
    if answer is None and "answer" in outputs:
        answer = "answer"
    return Roles(asked[0], history, answer, as_messages=not info.nodes)


class Chats:
    """The histories of conversations, by what the flow is called."""

    def __init__(self) -> None:
        self._histories: dict[str, list[dict[str, Any]]] = {}

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return the history so far; what is added to it stays."""
        return self._histories.setdefault(name, [])

    def forget(self, name: str) -> None:
        """Begin anew."""
        self._histories.pop(name, None)


class Turn(Shown):
    """The quiet line below an answer that was shown while it came."""

    def __init__(self, result: RunResult, turns: int) -> None:
        self._line = f"{closing_line(result)} · turn {turns}"

    def text(self) -> str:
        """Return the line."""
        return self._line

    def html(self) -> str:
        """Return the line, small."""
        return f'<div style="opacity:.65">{html.escape(self._line)}</div>'


def _chat(context: Context, arguments: Namespace) -> Outcome:
    flow = context.flow(arguments.path)
    found = context.workspace.flows.validate(flow, code=False)
    if not found.ok:
        raise FlowInvalid(
            f"{arguments.path} has {plural(len(found.problems), 'problem')}",
            problems=[problem.to_dict() for problem in found.problems],
        )
    roles = roles_of(context.workspace.flows.show(flow))
    if arguments.reset:
        context.chats.forget(arguments.path)
    history = context.chats.of(arguments.path)
    text = " ".join(arguments.message).strip()
    if not text and arguments.reset:
        return Outcome(Message("the conversation begins anew"), {"turns": 0})
    if text:
        runtime = context.ready_runtime(arguments.runtime, flow)
        result = _turn(context, arguments, runtime, roles, history, text)
        turns = _turns(roles, history)
        document = {**result.to_dict(), "turn": turns}
        failure = failure_of(result)
        brief = Turn(result, turns)
        return Outcome(result, document, brief.text(), brief=brief, failure=failure)
    if context.face == "notebook":
        raise UsageError(
            "nothing was said",
            code="missing_argument",
            hint=f'%pfflow chat {arguments.path} "your question"',
        )
    return _converse(context, arguments, flow, roles, history)


def _converse(
    context: Context,
    arguments: Namespace,
    flow: str | Path,
    roles: Roles,
    history: list[dict[str, Any]],
) -> Outcome:
    """Take turns until the person leaves, or what is piped in ends."""
    runtime = context.ready_runtime(arguments.runtime, flow)
    if context.interactive:
        context.progress.note("an empty line or Ctrl-D ends the conversation")
    while (text := _ask(context)) and text not in _LEAVING:
        result = _turn(context, arguments, runtime, roles, history, text)
        if (failure := failure_of(result)) is not None:
            # A person tries again; a script must learn of it.
            if not context.interactive:
                raise failure
            from ..failures import describe

            context.progress.note(context.respell(describe(failure)))
    turns = _turns(roles, history)
    said = Message(plural(turns, "turn"))
    return Outcome(said, {"turns": turns, "history": history})


def _ask(context: Context) -> str:
    """Return the next thing that is said; empty at the end."""
    if context.interactive:
        try:
            return input("you> ").strip()
        except EOFError:
            return ""
    for line in context.stdin:
        if line.strip():
            return line.strip()
    return ""


def _turn(
    context: Context,
    arguments: Namespace,
    runtime: Runtime,
    roles: Roles,
    history: list[dict[str, Any]],
    text: str,
) -> RunResult:
    inputs = read_pairs(context, arguments.inputs, "input")
    inputs[roles.question] = text
    if roles.history is not None:
        inputs[roles.history] = list(history)
    variables = read_pairs(
        context, arguments.environment_variables, "environment variable"
    )
    progress = context.progress.conversation(text)
    result = run_followed(
        context,
        runtime,
        context.flow(arguments.path, inputs),
        progress=progress,
        inputs=inputs,
        variant=arguments.variant,
        environment_variables={name: str(value) for name, value in variables.items()},
        timeout=arguments.timeout,
        connections=read_overrides(context, arguments.connections),
    )
    if result.status == "Completed":
        outputs = result.outputs or {}
        progress.said(str(roles.said(outputs)))
        history += roles.turn(text, outputs)
    return result


def _turns(roles: Roles, history: Sequence[Any]) -> int:
    return len(history) // (2 if roles.as_messages else 1)


CHAT = Verb(
    "chat",
    "talk with a flow; each turn is a run, and the next one knows of it",
    _chat,
    (
        Argument(
            "path",
            "a chat flow: a folder, a bundled example or a cell's flow",
            metavar="FLOW",
            complete="flow",
            required=True,
        ),
        Argument(
            "message", "one turn; without it, the shell asks", metavar="TEXT", many=True
        ),
        Argument("--reset", "forget what was said before", flag=True),
        Argument(
            "--inputs",
            "inputs beside the question and the history",
            metavar="name=value",
            complete="input",
            many=True,
        ),
        Argument(
            "--runtime", "where; the runtime in use when not given", complete="runtime"
        ),
        Argument(
            "--variant",
            "a variant to use instead of the default: '${node.variant}'",
            complete="variant",
        ),
        Argument(
            "--environment-variables",
            "environment variables for each turn",
            metavar="NAME=VALUE",
            many=True,
        ),
        Argument(
            "--connections",
            "connections to use instead of those that nodes name",
            metavar="NODE.KEY=NAME",
            complete="node-connection",
            many=True,
        ),
        Argument(
            "--timeout",
            "seconds after which a turn is ended",
            type=positive_seconds,
            metavar="SECONDS",
        ),
    ),
    ("chat-with-history '10 km in miles'",),
    failed=not_run,
)
