"""Checking, rehearsing, updating and going back, as they are typed."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.nouns import runtime_updates
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.errors import IllegalState, Unreachable
from pf_jupyter.workspace.api import Rehearsal, Update, VersionCheck
from pf_jupyter.workspace.update_page import notice_html

from .double import DoubleRuntime, DoubleWorkspace
from .double_updates import NOTICE, check_document, rehearsal_document, update_document


def do(context: Context, line: str, noun: str = "runtime") -> Outcome:
    request = parse(context, NOUNS[noun], split_line(line))
    assert request.verb is not None
    return request.verb.run(context, request.arguments)


@pytest.fixture
def runtime(
    workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> DoubleRuntime:
    monkeypatch.setattr(runtime_updates, "_looked", {})
    monkeypatch.setattr(runtime_updates, "_told", {})
    made = workspace.runtimes.create("demo")
    workspace.runtimes.use("demo")
    assert isinstance(made, DoubleRuntime)
    return made


def test_check_asks_now_and_says_what_is_new(
    shell: Context, runtime: DoubleRuntime
) -> None:
    outcome = do(shell, "check demo")
    assert runtime.checked is True
    assert outcome.document["version"]["newer"] is True
    line = next(c for c in outcome.document["checks"] if c["name"] == "version")
    assert (line["status"], line["message"]) == ("warn", NOTICE)
    assert "jupyter pf runtime update demo" in line["hint"]
    assert outcome.exit_code == 0


def test_a_registry_that_is_silent_fails_no_check(
    shell: Context, runtime: DoubleRuntime
) -> None:
    runtime.unreachable = Unreachable("the registry does not answer", hint="wait")
    outcome = do(shell, "check demo")
    line = next(c for c in outcome.document["checks"] if c["name"] == "version")
    assert line["message"] == "could not be looked up: the registry does not answer"
    assert outcome.exit_code == 0
    assert do(shell, "show demo").value is runtime


def test_opening_the_details_looks_without_insisting(
    shell: Context, runtime: DoubleRuntime
) -> None:
    do(shell, "show demo")
    assert runtime.checked is False
    do(shell, "list")


def test_a_check_says_that_what_runs_is_withdrawn(
    shell: Context, runtime: DoubleRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"reason": "loses rows", "hint": "%pfruntime rollback demo"}
    nothing = check_document(newer=False, latest=None, notice="", withdrawn=told)
    found = VersionCheck(nothing)
    monkeypatch.setattr(runtime, "check_version", lambda **_: found)
    outcome = do(shell, "check demo")
    line = next(c for c in outcome.document["checks"] if c["name"] == "version")
    assert line["status"] == "warn"
    assert line["message"] == "default:1 is withdrawn: loses rows"
    assert "jupyter pf runtime rollback demo" in line["hint"]
    assert "default:1 is withdrawn: loses rows" in repr(found)
    assert "loses rows" in found._repr_mimebundle_()["text/html"]
    record = {
        "environment": {"name": "default", "version": "1"},
        "update": None,
        "version_check": {"withdrawn": told, "problem": None},
    }
    assert runtime_updates.notice_lines(record) == [
        "! default:1 is withdrawn: loses rows",
        "  %pfruntime rollback demo",
    ]
    assert "loses rows · %pfruntime rollback" in notice_html(record)


def test_withdrawing_is_marked_where_versions_are_shown(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    known = workspace.environments.known
    known[0] = replace(known[0], tags={"withdrawn": "loses rows"}, used_by=("demo",))
    assert "my-env:1 (withdrawn)" in do(shell, "list", "env").value.text()
    assert "do not use it: loses rows" in do(shell, "show my-env:1", "env").value.text()
    done = do(shell, "withdraw my-env:1 --reason 'loses rows'", "env")
    assert done.value.text() == "my-env:1 is withdrawn: loses rows; used by demo"
    assert done.document["tags"] == {"withdrawn": "loses rows"}


def test_a_rehearsal_is_shown_and_tells_by_its_exit_code(
    shell: Context, runtime: DoubleRuntime
) -> None:
    good = do(shell, "check demo --rehearse")
    assert good.exit_code == 0
    assert good.text is not None
    assert "2 of 2 outputs equal" in good.text
    runtime.refuse_update = True
    bad = do(shell, "check demo --rehearse --last 3")
    assert bad.exit_code == 1
    assert bad.text is not None
    assert "✗ run-d0 differs: its outputs differ at node greet" in bad.text
    assert '{"name": "<Ada>"}' in bad.text
    assert bad.document["rehearsal"]["counts"]["differs"] == 1


def test_an_update_that_is_refused_shows_the_run_that_differs(
    shell: Context, runtime: DoubleRuntime, told: io.StringIO
) -> None:
    runtime.refuse_update = True
    with pytest.raises(IllegalState) as caught:
        do(shell, "update demo --rehearse")
    assert caught.value.code == "runs_differ"
    assert "run-d0" in told.getvalue()
    assert "before  1" in told.getvalue()
    outcome = do(shell, "update demo --rehearse --accept default:2")
    assert outcome.document["moved"] is True


def test_updated_and_rolled_back_in_one_line(
    shell: Context, runtime: DoubleRuntime
) -> None:
    done = do(shell, "update demo")
    assert done.text == (
        "default:1 → default:2, ready · back: jupyter pf runtime rollback demo"
    )
    back = do(shell, "rollback demo")
    assert back.text is not None
    assert back.text.startswith("default:2 → default:1, ready")


def test_a_run_says_it_once(
    shell: Context, runtime: DoubleRuntime, told: io.StringIO
) -> None:
    do(shell, "run hello name=Ada --runtime demo", "flow")
    assert "↑" not in told.getvalue()
    runtime_updates._looked.clear()
    do(shell, "show demo")
    do(shell, "run hello name=Ada --runtime demo", "flow")
    runtime_updates._looked.clear()
    do(shell, "run hello name=Ada --runtime demo", "flow")
    lines = [line for line in told.getvalue().splitlines() if "↑" in line]
    assert lines == [f"↑ {NOTICE} · jupyter pf runtime check demo --rehearse"]


def test_pages_are_escaped_and_hold_what_the_text_holds() -> None:
    page = Rehearsal(rehearsal_document(1))._repr_mimebundle_()
    assert "<Ada>" not in page["text/html"]
    assert "&lt;Ada&gt;" in page["text/html"]
    assert "run-d0" in page["text/plain"]
    assert "answered from the records: chat" in page["text/plain"]
    check = VersionCheck(check_document())._repr_mimebundle_()
    assert "openai 3.51 → 3.54" in check["text/html"]
    silent = check_document(
        newer=False, latest=None, notice="", problem={"message": "no answer"}
    )
    assert "could not be looked up: no answer" in repr(VersionCheck(silent))
    moved = Update(update_document(going_on=1, built="mine:4"))
    assert "built and published as mine:4" in repr(moved)
    assert "1 run still in the one before" in moved._repr_mimebundle_()["text/html"]
    stays = repr(Update(update_document(moved=False)))
    assert stays == "<Update demo stays on default:1>"
