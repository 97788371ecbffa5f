"""Running flows through the verbs: progress, failure, and the stop button."""

from __future__ import annotations

import _thread
import io
import threading
from typing import Any

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.failures import describe
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.commands.states import RunStates
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.errors import (
    FlowInvalid,
    NotFound,
    PfError,
    RunCanceled,
    Unreachable,
    UsageError,
)
from pf_jupyter.workspace.api import Problem, Validation

from .double import DoubleWorkspace, wait_until


def run(context: Context, line: str) -> Outcome:
    noun, *words = split_line(line)
    request = parse(context, NOUNS[noun], words)
    assert request.verb is not None
    return request.verb.run(context, request.arguments)


def test_a_run_gets_inputs_and_options(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    workspace.runtimes.create("demo")
    outcome = run(
        shell,
        "flow run hello text=a --inputs times=2 --runtime demo"
        " --variant '${greet.loud}' --environment-variables KEY=v --timeout 5",
    )
    [(flow, inputs, options)] = workspace.ran
    assert (flow, inputs) == ("hello", {"text": "a", "times": "2"})
    assert options["variant"] == "${greet.loud}"
    assert options["environment_variables"] == {"KEY": "v"}
    assert options["timeout"] == 5
    assert outcome.value.outputs == {"greeting": "HELLO!"}
    assert outcome.document["status"] == "Completed"


def test_progress_tells_each_node_with_its_time(
    shell: Context, told: io.StringIO
) -> None:
    run(shell, "flow run hello")
    lines = told.getvalue().splitlines()
    assert "  check      ✓ 0.1 s" in lines
    assert "  create     ✓ 0.1 s   already here" in lines
    assert "  ✓ greet   2 ms" in lines
    assert "  ✓ shout   2 ms" in lines
    assert "  greet │ printed by it" in lines


def test_a_stopped_runtime_is_started_for_a_run(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    workspace.runtimes.create("demo").stop()
    run(shell, "flow run hello --runtime demo")
    assert workspace.runtimes.get("demo").state == "ready"


def test_a_wrong_flow_makes_no_runtime(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    with pytest.raises(FlowInvalid) as caught:
        run(shell, "flow run wrong")
    assert workspace.runtimes.names() == []
    assert "wrong has 1 problem" in describe(caught.value)
    assert "flow.dag.yaml:14:13" in describe(caught.value)
    assert caught.value.exit_code == 2


def test_a_failed_node_shows_the_users_own_line(shell: Context) -> None:
    outcome = run(shell, "flow run broken")
    assert outcome.failure is not None
    assert (
        describe(outcome.failure) == "✗ fetch   ValueError: no such page   (fetch.py:3)"
    )
    assert outcome.failure.exit_code == 1
    assert outcome.document["status"] == "Failed"


def interrupt_when(condition: Any) -> threading.Thread:
    def work() -> None:
        wait_until(condition)
        _thread.interrupt_main()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_the_stop_button_cancels_the_run(
    shell: Context, workspace: DoubleWorkspace, told: io.StringIO
) -> None:
    thread = interrupt_when(lambda: "run-1" in workspace.canceled)
    outcome = run(shell, "flow run slow")
    thread.join()
    assert workspace.canceled["run-1"].is_set()
    assert isinstance(outcome.failure, RunCanceled)
    assert outcome.document["status"] == "Canceled"
    assert "  ■ wait   Canceled" in told.getvalue().splitlines()
    again = run(shell, "flow run hello")
    assert again.value.status == "Completed"


def test_a_run_that_cannot_be_canceled_is_left_by_a_second_stop(
    shell: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def refuse(run_id: str) -> None:
        asked.set()
        raise NotFound("it cannot be")

    monkeypatch.setattr(workspace.runs, "cancel", refuse)
    first = interrupt_when(lambda: "run-1" in workspace.canceled)
    second = interrupt_when(asked.is_set)
    with pytest.raises(RunCanceled):
        run(shell, "flow run slow")
    first.join()
    second.join()
    workspace.canceled["run-1"].set()


def test_a_runtime_that_fails_on_its_way_shows_its_record(shell: Context) -> None:
    outcome = run(shell, "runtime create doomed")
    assert outcome.failure is not None
    assert outcome.failure.exit_code == 1
    assert outcome.document["name"] == "doomed"
    assert outcome.document["state"] == "failed"


def test_node_shows_its_interface_or_runs(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    shown = run(shell, "flow node hello greet")
    assert "greet(text: string, times: int = 1) → string" in repr(shown.value)
    assert workspace.ran == []
    run(shell, "flow node hello greet text=a")
    assert workspace.ran[0][2]["node"] == "greet"
    with pytest.raises(NotFound) as caught:
        run(shell, "flow node hello gret")
    assert "did you mean 'greet'?" in caught.value.hint


def test_deleting_what_runs_asks_only_a_person(
    shell: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.runtimes.create("demo")
    shell.interactive = True
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "n")
    assert run(shell, "runtime delete demo").document["deleted"] is False
    assert "demo is ready" in asked[0]
    assert run(shell, "runtime delete demo --yes").document["deleted"] is True
    workspace.runtimes.create("demo")
    shell.interactive = False
    run(shell, "runtime delete demo")
    assert workspace.runtimes.names() == []
    assert len(asked) == 1


def test_the_demo_says_where_it_runs_and_what_comes_next(
    shell: Context, workspace: DoubleWorkspace, told: io.StringIO
) -> None:
    outcome = run(shell, "demo")
    text = told.getvalue() + (outcome.text or "")
    for part in (
        "engine       double",
        "container    c0ffee",
        "sha256:3f9c0d1e2b4a",
        "does not isolate",
        "handshake  ✓ 0.1 s",
        "✓ fetch",
        "HELLO!",
        "jupyter pf flow run hello name=Ada --runtime demo",
        "jupyter pf flow init my-flow",
    ):
        assert part in text
    assert outcome.document["phases"][0]["phase"] == "check"
    assert workspace.runtimes.names() == ["demo"]
    run(shell, "demo")
    assert workspace.runtimes.names() == ["demo"]


def test_the_demo_goes_on_elsewhere_when_its_engine_is_away(
    shell: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> Any:
        raise Unreachable("no Docker engine", code="no_engine", hint="start Docker")

    runtime = workspace.runtimes.create("demo")
    monkeypatch.setattr(runtime, "start", away)
    with pytest.raises(Unreachable):
        run(shell, "demo")
    monkeypatch.setattr(runtime, "check", away)
    outcome = run(shell, "demo")
    assert outcome.document["runtime"]["name"] == "demo-here"
    assert outcome.document["status"] == "Completed"


@pytest.mark.parametrize("kind", ["standard", "chat", "evaluation"])
def test_init_writes_a_flow_of_each_type(
    shell: Context, tmp_path: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(shell, f"flow init mine --type {kind}")
    assert (tmp_path / "mine" / "flow.dag.yaml").is_file()
    assert outcome.document["path"] == str(tmp_path / "mine")
    with pytest.raises(PfError) as caught:
        run(shell, f"flow init mine --type {kind}")
    assert caught.value.code == "already_exists"


def test_states_know_what_events_say() -> None:
    states = RunStates(["a", "b"])
    states.apply({"event": "run_started", "run_id": "r"})
    states.apply({"event": "node_started", "node": "a"})
    assert states.tick()
    assert states.running == ["a"]
    states.apply({"event": "log", "node": "a", "stream": "stdout", "text": "x\ny\n"})
    states.apply({"event": "chunk", "node": "a", "output": "o", "text": "he"})
    states.apply({"event": "chunk", "node": "a", "output": "o", "text": "llo"})
    states.apply({"event": "node_completed", "node": "a", "duration_ms": 3.0})
    states.apply({"event": "node_bypassed", "node": "b"})
    assert not states.tick()
    assert states.run_id == "r"
    assert states.chunks == {"o": "hello"}
    assert [text for _, _, text in states.log] == ["x", "y"]
    assert states.finished == ["a", "b"]
    assert states.nodes["a"]["duration_ms"] == 3.0
    assert states.nodes["b"]["status"] == "Bypassed"


def test_a_flood_of_log_lines_is_bounded() -> None:
    states = RunStates(["a"])
    for number in range(1000):
        states.apply(
            {"event": "log", "node": "a", "stream": "stdout", "text": str(number)}
        )
    assert len(states.log) == 200
    assert states.dropped_lines == 800
    assert states.log[-1][2] == "999"


def test_part_of_a_flow_and_earlier_results_are_asked_for(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    workspace.runtimes.create("demo")
    run(shell, "flow run hello --from greet --run r-1 --cache")
    run(shell, "flow run hello --node greet --run r-2 --no-cache")
    run(shell, "flow run hello")
    options = [options for _, _, options in workspace.ran]
    keys = ("from_node", "upstream", "cache")
    assert [[o.get(key) for key in keys] for o in options] == [
        ["greet", "r-1", True],
        [None, "r-2", False],
        [None, None, None],
    ]
    with pytest.raises(PfError, match="exclude"):
        run(shell, "flow run hello --cache --no-cache")


def test_the_trace_of_a_run_is_shown(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    workspace.runtimes.create("demo")
    result = run(shell, "flow run hello").value
    outcome = run(shell, f"run show {result.run_id} --trace")
    assert "double" in str(outcome.text)
    assert outcome.document["root"]["children"][0]["type"] == "Node"


def test_nodes_that_took_a_result_say_from_where() -> None:
    states = RunStates(["a"])
    states.apply(
        {"event": "node_completed", "node": "a", "time": "", "cached_run_id": "r-9"}
    )
    assert states.nodes["a"]["note"] == "from run r-9"


def test_other_values_of_a_run_are_read_as_a_flow_file_would(
    notebook: Context, workspace: DoubleWorkspace
) -> None:
    notebook.variables = {"table": [1, 2]}
    pairs = "a.x=3 a.y=plain a.z=true a.q='\"3\"' a.w=$table nodes.a.activate.is=no"
    run(notebook, f"flow run hello --overrides {pairs}")
    assert workspace.ran[0][2]["overrides"] == {
        "a.x": 3,
        "a.y": "plain",
        "a.z": True,
        "a.q": "3",
        "a.w": [1, 2],
        "nodes.a.activate.is": "no",
    }
    run(notebook, "flow run hello")
    assert workspace.ran[1][2]["overrides"] is None


def test_what_a_run_lacks_is_told_before_a_runtime_is_made(
    shell: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def check_run(flow: Any, **options: Any) -> None:
        asked.append(options)
        raise UsageError("input 'text' is missing", code="missing_input")

    monkeypatch.setattr(workspace.flows, "check_run", check_run)
    with pytest.raises(UsageError):
        run(shell, "flow run hello times=2 --overrides greet.x=1")
    assert list(workspace.runtimes.names()) == []
    assert asked[0]["inputs"] == {"times": "2"}
    assert asked[0]["overrides"] == {"greet.x": 1}


def test_warnings_of_a_flow_are_shown(
    shell: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = Problem(
        "ConnectionNotFoundError",
        "node 'ask' needs the connection 'mine', which is not there",
        "flow.dag.yaml",
        3,
        5,
        "%pfconnection create --name mine makes one",
    )
    found = Validation([], {}, 1.0, warnings=[warning])
    monkeypatch.setattr(workspace.flows, "validate", lambda *a, **b: found)
    outcome = run(shell, "flow validate hello --file-only")
    assert outcome.exit_code == 0
    assert outcome.document["ok"]
    assert outcome.document["warnings"][0]["line"] == 3
    text = outcome.value.text()
    assert "1 warning\n  flow.dag.yaml:3:5   ConnectionNotFoundError" in text
    assert "hint: jupyter pf connection create --name mine makes one" in text
    monkeypatch.setattr(workspace, "doctor", lambda fix: [])
    outcome = run(shell, "doctor hello")
    assert outcome.exit_code == 0
    check = outcome.document["checks"][-1]
    assert (check["name"], check["status"]) == ("flow", "warn")
    assert check["message"].startswith("flow.dag.yaml:3:5  node 'ask' needs")
    found.problems.append(warning)
    assert run(shell, "doctor hello").exit_code == 1
    found.problems.clear()
    found.warnings.clear()
    assert run(shell, "doctor hello").document["checks"][-1]["status"] == "pass"
