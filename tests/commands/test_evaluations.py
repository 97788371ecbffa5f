"""`eval`, `run create --eval` and `run compare` as words, and what they say."""

from __future__ import annotations

import json

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.parsing import parse
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.errors import UsageError

from .double import DoubleWorkspace
from .double_batch import DoubleBatch
from .double_evaluation import SETTLED


def asked(context: Context, noun: str, line: str) -> Outcome:
    request = parse(context, NOUNS[noun], line.split())
    return request.verb.run(context, request.arguments)


@pytest.fixture
def demo(workspace: DoubleWorkspace):
    return workspace.runtimes.create("demo")


def test_an_evaluation_says_how_sure_it_is(notebook, demo):
    found = asked(notebook, "eval", "--run batch-1 --flow accuracy --map a=b")
    ((run, flow, data, options),) = demo.evaluated
    assert (run.run_id, flow, data) == ("batch-1", "accuracy", None)
    assert options["mapping"] == {"a": "b"}
    lines = found.text.splitlines()
    assert lines[0] == "accuracy 0.80 (0.71–0.87)"
    assert "the same environment as the run: default:1 @ 3f9c00000000" in lines
    assert "metric accuracy" not in found.text
    document = json.loads(json.dumps(found.document))
    assert document["estimates"]["accuracy"]["interval"]["method"] == "wilson"
    assert document["environments"]["same"] is True
    assert "<b>accuracy 0.80" in found.brief.html()


def test_another_environment_is_said(notebook, demo):
    demo.judgement = DoubleBatch()
    demo.judgement.other_environment = True
    text = asked(notebook, "eval", "--run batch-1 --flow accuracy").text
    wanted = "another environment: big:2 @ 3f9c00000000, the run had default:1 @ 3f9c0"
    assert wanted in text


def test_the_evaluation_before_is_compared(notebook, demo, workspace):
    workspace.runs.earlier = DoubleBatch("batch-0")
    found = asked(notebook, "eval", "--run batch-1 --flow accuracy")
    assert found.document["previous"]["run_id"] == "batch-0"


def test_a_settled_evaluation_says_so_first(notebook, demo):
    demo.judgement = DoubleBatch()
    demo.judgement.settled = SETTLED
    line = "--run batch-1 --flow accuracy --against batch-1 --stop-when-settled"
    found = asked(notebook, "eval", line + " --error 0.01 --smallest 0.1 --scale 1,5")
    options = demo.evaluated[0][3]
    assert options["against"] == "batch-1"
    assert options["stop_when_settled"] is True
    assert (options["error"], options["smallest"], options["scale"]) == (
        0.01,
        0.1,
        (1.0, 5.0),
    )
    first = found.text.splitlines()[0]
    assert "settled after 143 of 2,000 rows (93% saved" in first
    assert found.document["verdict"]["seen"] == 143


def test_several_evaluations_at_once(notebook, demo, workspace):
    workspace.flows.known["mine"] = workspace.flows.known["hello"]
    name = workspace.flows.known["hello"].inputs[0]["name"]
    line = f"--run batch-1 --flow hello mine --map {name}=b other=c"
    found = asked(notebook, "eval", line)
    assert {str(flow) for _, flow, _, _ in demo.evaluated} == {"hello", "mine"}
    assert all(options["mapping"] == {name: "b"} for *_, options in demo.evaluated)
    assert len(found.document["evaluations"]) == 2
    assert len(found.value) == 2
    assert found.value[0].run_id == "batch-1"


def test_a_batch_is_judged_as_soon_as_it_is_over(notebook, demo):
    line = "create --flow hello --data rows.jsonl --runtime demo --eval accuracy"
    found = asked(notebook, "run", line)
    assert [flow for _, flow, _, _ in demo.evaluated] == ["accuracy"]
    assert found.document["run_id"] == "batch-1"
    assert found.document["evaluations"][0]["estimates"]["accuracy"]["value"] == 0.8
    assert "accuracy 0.80" in found.text


def test_runs_are_compared(notebook, demo):
    found = asked(notebook, "run", "compare batch-1 batch-1")
    assert found.document["common"] == 5
    assert found.document["changed"] == [0]
    assert "0 of 5 lines" in found.text
    assert "<table" in found.value.html()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--flow accuracy", "missing_argument"),
        ("--run batch-1", "missing_argument"),
        ("--run batch-1 --flow accuracy --error 2", "bad_value"),
        ("--run batch-1 --flow accuracy --smallest x", "bad_value"),
        ("--run batch-1 --flow accuracy --scale 5,1", "bad_value"),
        ("--run batch-1 --flow accuracy --scale 5", "bad_value"),
    ],
)
def test_what_does_not_fit(notebook, demo, line, code):
    with pytest.raises(UsageError) as caught:
        asked(notebook, "eval", line)
    assert caught.value.code == code
    assert caught.value.hint
