"""The verbs of batches, in the notebook and in the shell."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from pf_jupyter.commands.batches import BatchStates
from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.parsing import parse
from pf_jupyter.commands.terminal import TerminalProgress
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.errors import NotFound, RunCanceled, UsageError

from .double import DoubleWorkspace


def do(context: Context, *words: str) -> Outcome:
    request = parse(context, NOUNS["run"], list(words))
    return request.verb.run(context, request.arguments)


@pytest.fixture
def runtime(workspace: DoubleWorkspace) -> Any:
    return workspace.runtimes.create("demo")


def test_create_passes_on_what_was_asked(notebook: Context, runtime: Any) -> None:
    do(
        notebook,
        *("create", "--flow", "hello", "--data", "rows.jsonl", "--runtime", "demo"),
        *("--map", "name=${data.name}", "times=2", "--workers", "3"),
        *("--timeout", "5", "--tags", "team=a", "--name", "first"),
    )
    given = runtime.given
    assert given["mapping"] == {"name": "${data.name}", "times": "2"}
    assert (given["workers"], given["line_timeout"]) == (3, 5.0)
    assert (given["data"], given["name"]) == ("rows.jsonl", "first")
    assert given["tags"] == {"team": "a"}


def test_several_runtimes_are_named_with_commas(
    notebook: Context, runtime: Any
) -> None:
    words = ["create", "--flow", "hello", "--data", "x", "--runtime"]
    do(notebook, *words, "demo, b,c")
    assert runtime.given["runtimes"] == ["b", "c"]
    do(notebook, *words, "demo")
    assert "runtimes" not in runtime.given


def test_progress_tells_the_speed_of_each_runtime() -> None:
    states = BatchStates()
    places = [
        {"name": "a", "state": "working", "lines": 40, "rate": 12.5},
        {"name": "b", "state": "lost", "lines": 2, "rate": 0.0},
    ]
    event = {"event": "batch_progress", "total": 100, "completed": 42, "failed": 0}
    states.apply({**event, "runtimes": places})
    lines = [" ".join(line.split()) for line in states.text().splitlines()]
    assert "a 40 lines 12.5/s" in lines
    assert "b 2 lines lost" in lines


def test_maps_can_be_given_one_by_one(notebook: Context, runtime: Any) -> None:
    words = ["create", "--flow", "hello", "--data", "x", "--runtime", "demo"]
    do(notebook, *words, "--map", "a=${data.a}", "--map", "b=${data.b}")
    assert runtime.given["mapping"] == {"a": "${data.a}", "b": "${data.b}"}


def test_the_json_of_a_batch_is_that_of_the_interface(
    shell: Context, runtime: Any
) -> None:
    words = ["create", "--flow", "hello", "--data", "x", "--runtime", "demo"]
    outcome = do(shell, *words)
    assert outcome.failure is None
    assert list(json.loads(json.dumps(outcome.document))) == [
        *("status", "run_id", "lines", "outputs_path", "metrics"),
        *("duration_ms", "error"),
    ]
    assert "1 × ValueError, first in line 3" in str(outcome.text)
    assert "jupyter pf run details batch-1 --failed" in str(outcome.text)


def test_data_may_be_a_variable_of_the_notebook(
    workspace: DoubleWorkspace, runtime: Any
) -> None:
    rows = [{"name": "a"}]
    context = Context(
        face="notebook",
        progress=TerminalProgress(io.StringIO()),
        connect=lambda: workspace,
        variables={"rows": rows},
    )
    words = ["create", "--flow", "hello", "--runtime", "demo", "--data"]
    do(context, *words, "$rows")
    assert runtime.given["data"] is rows
    with pytest.raises(UsageError, match="no variable 'others'"):
        do(context, *words, "$others")


def test_without_a_runtime_a_batch_gets_the_session_of_its_flow(
    notebook: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    own = workspace.runtimes.create("session-of-hello")

    def ensure_for(flow: Any, *, on_phase: Any = None) -> Any:
        asked.append(flow)
        return own

    monkeypatch.setattr(workspace.runtimes, "ensure_for", ensure_for)
    do(notebook, "create", "--flow", "hello", "--data", "x.jsonl")
    assert asked == ["hello"]
    assert own.given["data"] == "x.jsonl"


def test_resume_from_takes_everything_from_that_run(
    notebook: Context, runtime: Any
) -> None:
    do(notebook, "create", "--resume-from", "batch-1")
    assert runtime.given["flow"] is None
    assert runtime.given["resume_from"] == "batch-1"
    with pytest.raises(UsageError, match="takes flow, data and mapping"):
        do(notebook, "create", "--resume-from", "batch-1", "--flow", "hello")
    with pytest.raises(UsageError, match="no flow is named"):
        do(notebook, "create", "--data", "x")


def test_a_batch_that_is_interrupted_tells_how_to_go_on(
    notebook: Context, runtime: Any
) -> None:
    runtime.trouble = KeyboardInterrupt()
    with pytest.raises(RunCanceled) as caught:
        do(notebook, "create", "--flow", "hello", "--data", "x", "--runtime", "demo")
    assert "what was done is kept" in caught.value.message
    assert caught.value.hint == "%pfrun resume batch-1 goes on"


def test_outputs_details_and_metrics_are_shown(shell: Context, runtime: Any) -> None:
    outputs = do(shell, "outputs", "batch-1", "--limit", "2")
    assert len(outputs.document["outputs"]) == 2
    assert outputs.document["outputs"][1] == {
        "line_number": 1,
        "greeting": "Hello, n1!",
    }
    details = do(shell, "details", "batch-1", "--failed")
    assert [line["line_number"] for line in details.document["lines"]] == [3]
    assert "ToolExecutionError" in str(details.text)
    metrics = do(shell, "metrics", "batch-1")
    assert metrics.document["metrics"] == {"accuracy": 0.8}
    logs = do(shell, "logs", "batch-1")
    assert "3 greet │ greeting 3" in repr(logs.value)
    assert do(shell, "show", "batch-1").document["lines"]["failed"] == 1


def test_verbs_of_a_single_run_say_that_it_is_no_batch(shell: Context) -> None:
    with pytest.raises(UsageError) as caught:
        do(shell, "outputs", "run-1")
    assert caught.value.code == "not_a_batch"
    with pytest.raises(NotFound):
        do(shell, "archive", "nothing")


def test_progress_reads_as_one_line() -> None:
    states = BatchStates()
    assert states.headline == "starting"
    states.apply(
        {
            "event": "batch_progress",
            "run_id": "r",
            "total": 1000,
            "completed": 409,
            "failed": 3,
            "reused": 0,
            "rate": 61.0,
            "seconds_left": 9.6,
            "failures": [
                {"kind": "RateLimit", "count": 2, "line_number": 7, "message": "m"},
                {"kind": "ValueError", "count": 1, "line_number": 9, "message": "n"},
            ],
            "nodes": {"ask": {"statuses": {"Completed": 412}, "mean_ms": 160.0}},
            "tokens": {"total_tokens": 128_000},
        }
    )
    assert states.headline == (
        "412 / 1000 · 61/s · about 9.6 s left · 3 failed (2 RateLimit, 1 ValueError)"
        " · 128k tokens"
    )
    assert "first RateLimit: line 7, m" in states.text()
    assert "width:40.90%" in states.html()


def test_the_shell_draws_a_batch_while_it_goes_on(
    workspace: DoubleWorkspace, runtime: Any
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = TerminalProgress(stream)
    states = BatchStates()
    states.apply({"event": "batch_started", "total": 5, "completed": 0, "failed": 0})
    progress.live(states)
    assert "0 / 5" in stream.getvalue()
    progress.live(None)
    assert stream.getvalue().endswith("\x1b[J")
