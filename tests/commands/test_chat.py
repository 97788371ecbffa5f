"""Conversations: what a turn is given, what it leaves, and how it reads."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.nouns.chat import roles_of
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.commands.terminal import TerminalProgress
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.errors import UsageError
from pf_jupyter.workspace.api import FlowInfo

from .double import DoubleWorkspace

QUESTION = {"name": "text", "type": "string", "is_chat_input": True}
HISTORY = {"name": "past", "type": "list", "is_chat_history": True}
ANSWER = {"name": "greeting", "type": "string", "is_chat_output": True}


def run(context: Context, line: str) -> Outcome:
    noun, *words = split_line(line)
    request = parse(context, NOUNS[noun], words)
    assert request.verb is not None
    return request.verb.run(context, request.arguments)


def become_chat(workspace: DoubleWorkspace, **changes: Any) -> FlowInfo:
    """Let the flow hello be one that is made for conversations."""
    known = workspace.flows.known
    fields = {"inputs": [QUESTION, HISTORY], "outputs": [ANSWER], **changes}
    known["hello"] = replace(known["hello"], **fields)
    return known["hello"]


def test_the_next_turn_knows_of_the_last(
    notebook: Context, workspace: DoubleWorkspace, told: io.StringIO
) -> None:
    become_chat(workspace)
    first = run(notebook, "flow chat hello 'how are you'")
    run(notebook, "flow chat hello and now")
    (_, one, _), (_, two, _) = workspace.ran
    assert one == {"text": "how are you", "past": []}
    said = {"inputs": {"text": "how are you"}, "outputs": first.value.outputs}
    assert two == {"text": "and now", "past": [said]}
    assert "HELLO!\n" in told.getvalue()


def test_reset_begins_anew(notebook: Context, workspace: DoubleWorkspace) -> None:
    become_chat(workspace)
    run(notebook, "flow chat hello one")
    run(notebook, "flow chat hello two --reset")
    assert [inputs["past"] for _, inputs, _ in workspace.ran] == [[], []]
    assert run(notebook, "flow chat hello --reset").document == {"turns": 0}


def test_flows_without_nodes_remember_messages(
    notebook: Context, workspace: DoubleWorkspace
) -> None:
    become_chat(workspace, nodes=[])
    run(notebook, "flow chat hello one")
    run(notebook, "flow chat hello two")
    assert workspace.ran[1][1]["past"] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "HELLO!"},
    ]


def test_a_conversation_in_the_shell(workspace: DoubleWorkspace) -> None:
    become_chat(workspace)
    told = io.StringIO()
    shell = Context(
        face="shell",
        progress=TerminalProgress(told),
        connect=lambda: workspace,
        stdin=io.StringIO("one\n\ntwo\nexit\nthree\n"),
    )
    outcome = run(shell, "flow chat hello --connections greet.service=mine")
    assert [inputs["text"] for _, inputs, _ in workspace.ran] == ["one", "two"]
    assert workspace.ran[0][2]["connections"] == {"greet": {"service": "mine"}}
    assert outcome.document["turns"] == 2
    assert told.getvalue().count("HELLO!\n") == 2


def test_a_turn_that_fails_is_not_remembered(
    notebook: Context, workspace: DoubleWorkspace
) -> None:
    known = workspace.flows.known
    known["broken"] = replace(known["broken"], inputs=[QUESTION, HISTORY])
    for _ in range(2):
        assert run(notebook, "flow chat broken hi").failure is not None
    assert workspace.ran[1][1]["past"] == []


def test_roles_by_mark_or_by_name(workspace: DoubleWorkspace) -> None:
    marked = roles_of(become_chat(workspace))
    assert (marked.question, marked.history, marked.answer) == (
        "text",
        "past",
        "greeting",
    )
    plain = [{"name": "chat_history", "type": "list"}, {"name": "ask", "type": "x"}]
    named = roles_of(become_chat(workspace, inputs=plain, outputs=[]))
    assert (named.question, named.history, named.answer) == (
        "ask",
        "chat_history",
        None,
    )


def test_a_flow_that_is_not_for_conversations(
    notebook: Context, workspace: DoubleWorkspace
) -> None:
    plain = [{"name": "a", "type": "string"}, {"name": "b", "type": "string"}]
    become_chat(workspace, inputs=plain)
    with pytest.raises(UsageError) as caught:
        run(notebook, "flow chat hello hi")
    assert caught.value.code == "no_chat_flow"
    assert "is_chat_input: true" in caught.value.hint


def test_a_notebook_is_told_how_to_say_something(
    notebook: Context, workspace: DoubleWorkspace
) -> None:
    become_chat(workspace)
    with pytest.raises(UsageError, match="nothing was said"):
        run(notebook, "flow chat hello")
