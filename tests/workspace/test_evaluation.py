"""Judging runs through a real worker: mapped by name, compared, ended when settled."""

from __future__ import annotations

import json
import zlib

import pytest

import pf_jupyter
from pf_jupyter.errors import IllegalState, NotFound, UsageError

FLOW = """\
inputs: {text: {type: string}}
outputs:
  label: {type: string, reference: '${n.output}'}
nodes:
- name: n
  type: python
  source: {type: code, path: a.py}
  inputs: {text: '${inputs.text}'}
"""
CODE = """\
import zlib
from promptflow.core import tool


@tool
def n(text: str) -> str:
    if text == "row 7":
        raise ValueError("no")
    return "good" if zlib.crc32(text.encode()) % 100 < %d else "bad"
"""
ROWS = [{"text": f"row {n}", "groundtruth": "good"} for n in range(300)]


def right(skill, number):
    return number != 7 and zlib.crc32(f"row {number}".encode()) % 100 < skill


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PF_JUPYTER_HOME", str(tmp_path_factory.mktemp("home")))
        workspace = pf_jupyter.connect()
        yield workspace
        workspace.close()


@pytest.fixture(scope="module")
def runtime(workspace):
    made = workspace.runtimes.create("judged", compute="process")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def runs(runtime, tmp_path_factory):
    """Two runs of one flow, the second after it was made better."""
    folder = tmp_path_factory.mktemp("flows") / "labels"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    made = []
    for name, skill in (("plain", 55), ("better", 80)):
        (folder / "a.py").write_text(_code(skill))
        made.append(runtime.batch(folder, ROWS, name=name))
    return made


def _code(skill):
    return CODE.replace("% 100 < %d", f"% 100 < {skill}")


@pytest.fixture(scope="module")
def judged(runtime, runs):
    return [runtime.evaluate(run, "accuracy") for run in runs]


def test_what_can_be_mapped_is_known_before_anything_runs(workspace, runs):
    accuracy = workspace.flows.show("accuracy")
    found = workspace.batch_sources(source_run=runs[0].run_id)
    assert found.data is None
    assert found.columns == {
        "run.outputs": ["label"],
        "run.inputs": ["text", "groundtruth"],
    }
    mapping = found.suggest(accuracy)
    assert mapping == {
        "groundtruth": "${run.inputs.groundtruth}",
        "prediction": "${run.outputs.label}",
    }
    assert found.fit(accuracy, mapping).ok
    wrong = {"groundtruth": "${run.inputs.truth}", "prediction": "${data.label}"}
    problems = found.fit(accuracy, wrong).problems
    assert [problem["input"] for problem in problems] == ["groundtruth", "prediction"]
    # what such a run will give is known from the flow and its rows
    flow = workspace.flows.show(runs[0].flow_path)
    before = workspace.batch_sources(ROWS)
    assert (before.data.count, before.data.rows[0]) == (300, ROWS[0])
    assert before.data.columns == [("text", "text"), ("groundtruth", "text")]
    assert before.judged(flow).suggest(accuracy) == mapping


def test_an_evaluation_is_mapped_by_name_and_says_so(runtime, runs):
    notes = []

    def listen(event):
        if event["event"] == "batch_note":
            notes.append(event["text"])

    found = runtime.evaluate(runs[0], "accuracy", on_event=listen)
    wanted = sum(right(55, n) for n in range(300))
    assert found.status == "Completed"
    assert found.source_run == runs[0].run_id
    assert found.counts["completed"] == 299
    assert found.metrics == {"accuracy": pytest.approx(wanted / 299)}
    assert notes == [
        "groundtruth is taken from ${run.inputs.groundtruth}",
        "prediction is taken from ${run.outputs.label}",
    ]
    assert runs[0].evaluations[0].run_id == found.run_id
    assert found.environments["same"] is True


def test_no_node_of_the_judged_flow_runs_again(runs, judged):
    for run, evaluation in zip(runs, judged, strict=True):
        assert set(evaluation.nodes) == {"grade"}
        assert evaluation.line(0).inputs == {
            "groundtruth": "good",
            "prediction": run.line(0).outputs["label"],
        }


def test_estimates_have_intervals(judged):
    estimate = judged[0].estimates["accuracy"]
    assert estimate.count == 299
    assert estimate.value == pytest.approx(judged[0].metrics["accuracy"])
    assert estimate.interval.low < estimate.value < estimate.interval.high
    assert estimate.interval.method == "wilson"


def test_runs_side_by_side(runs, judged):
    found = runs[0].compare(runs[1])
    better = sum(right(80, n) and not right(55, n) for n in range(300))
    assert list(found.labels) == ["plain", "better"]
    assert found.common == 300
    assert list(found.changed) == [better]
    (score,) = found.scores
    (change,) = score.differences
    assert score.name == "accuracy"
    assert (change.higher, change.lower) == (better, 0)
    assert change.p < 0.001
    assert f"{better} of 300 lines of better give something else" in found.text()
    assert len(found.frame) == min(better, 200)
    page = found.html()
    assert "<svg" in page
    assert "better" in page
    assert set(found._repr_mimebundle_()) == {"text/plain", "text/html"}
    json.dumps(found.to_dict())
    assert judged[0].compare(judged[1]).scores[0].differences[0].higher == better


def test_an_evaluation_finds_the_one_before_it(workspace, runs, judged):
    before = workspace.runs.previous_evaluation(judged[1])
    assert before is not None
    assert before.source_run == runs[0].run_id
    assert workspace.runs.previous_evaluation(judged[0]) is None
    assert workspace.runs.previous_evaluation(runs[0]) is None


def test_an_evaluation_ends_when_it_is_settled(workspace, runtime, runs, judged):
    found = runtime.evaluate(
        runs[1], "accuracy", against=runs[0], stop_when_settled=True
    )
    verdict = found.verdict
    assert verdict.result == "higher"
    assert verdict.total == 299
    assert verdict.seen <= found.counts["completed"] < 299
    assert found.metrics["accuracy"] > 0.6
    assert found.beaten == runs[0].run_id
    again = workspace.runs.batch(found.run_id)
    assert again.verdict == verdict
    # what has seen only some of the lines is not compared with what has seen all
    assert runs[0].compare(runs[1]).scores[0].estimates[1].count == 299


def test_equal_runs_are_judged_to_the_end(runtime, runs, judged):
    found = runtime.evaluate(
        runs[0], "accuracy", against=judged[0], stop_when_settled=True
    )
    assert (found.verdict.result, found.verdict.seen) == ("equal", 299)
    early = runtime.evaluate(
        runs[0],
        "accuracy",
        against=judged[0],
        stop_when_settled=True,
        smallest=0.2,
    )
    assert early.verdict.result == "equal"
    assert early.counts["completed"] < 299


def test_what_cannot_be_settled(runtime, runs):
    with pytest.raises(UsageError) as caught:
        runtime.evaluate(runs[1], "accuracy", stop_when_settled=True)
    assert "--against" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        runtime.evaluate(
            runs[1],
            "f1-score",
            mapping={
                "answer": "${run.outputs.label}",
                "ground_truth": "${run.inputs.groundtruth}",
            },
            against=runs[0],
            stop_when_settled=True,
        )
    assert caught.value.code == "no_evaluation"


def test_further_data_is_joined_by_line(runtime, runs):
    truth = [{"groundtruth": "bad"} for _ in ROWS]
    found = runtime.evaluate(runs[0], "accuracy", truth)
    wrong = sum(not right(55, n) for n in range(300)) - 1
    assert found.metrics["accuracy"] == pytest.approx(wrong / 299)


def test_what_cannot_be_mapped_is_told_with_what_is_there(runtime, runs):
    with pytest.raises(UsageError) as caught:
        runtime.evaluate(runs[0], "groundedness")
    assert caught.value.code == "ApplyInputMappingError"
    assert "data.context" in caught.value.message
    assert "run.outputs has line_number, label" in caught.value.hint
    with pytest.raises(NotFound):
        runtime.evaluate("nothing", "accuracy")
    with pytest.raises(UsageError):
        runs[0].compare()


def test_only_a_completed_run_is_judged(workspace, runtime, runs, tmp_path):
    store = workspace.core.store
    with pytest.MonkeyPatch.context() as patch:
        record = store.run(runs[0].run_id)
        patch.setattr(
            store, "run", lambda run_id: record and type(record)(**_failed(record))
        )
        with pytest.raises(IllegalState):
            runtime.evaluate(runs[0].run_id, "accuracy")


def _failed(record):
    import dataclasses

    fields = {
        item.name: getattr(record, item.name) for item in dataclasses.fields(record)
    }
    return {**fields, "status": "Failed"}


def test_many_evaluations_one_after_the_other(runtime, runs):
    """Each is a batch of its own; none may wait for ever for the one before."""
    seen = {runtime.evaluate(runs[0], "accuracy").metrics["accuracy"] for _ in range(8)}
    assert len(seen) == 1
