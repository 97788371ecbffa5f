"""Other values than a flow's file says, for one run (flow-format section 1.7)."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import FlowInvalid, UsageError

FLOW = """
inputs:
  word: {type: string, default: hello}
outputs:
  out: {type: string, reference: "${late.output}"}
nodes:
- name: early
  type: python
  source: {type: code, path: early.py}
  inputs: {times: 2, word: "${inputs.word}"}
- name: late
  type: python
  source: {type: code, path: late.py}
  inputs: {value: "${early.output}"}
"""


@pytest.fixture
def flow(write_flow):
    return write_flow(
        FLOW,
        "other-values",
        early="times: int, word: str, mark='':\nreturn word * times + mark\n",
        late="value=None:\nreturn value\n",
    )


@pytest.mark.parametrize(
    ("overrides", "out"),
    [
        ({"early.times": 3}, "hellohellohello"),
        ({"early.times": "3"}, "hellohellohello"),
        ({"early.mark": "!", "early.times": 1}, "hello!"),
        ({"late.value": "${inputs.word}"}, "hello"),
        ({"nodes.late.inputs.value": {"deep": [1, {"k": None}]}}, None),
        ({"nodes.late.source.path": "late.py", "early.times": 1}, "hello"),
        ({"inputs.word.default": "bye"}, "byebye"),
        ({"outputs.out.reference": "${inputs.word}"}, "hello"),
        ({"nodes.late.activate": {"when": "${inputs.word}", "is": "no"}}, None),
    ],
)
def test_a_run_has_other_values(ground, flow, overrides, out):
    record = ground.run(flow, overrides=overrides)
    assert record.status == "Completed"
    found = record.document["outputs"]["out"]
    if "nodes.late.inputs.value" in overrides:
        assert found == {"deep": [1, {"k": None}]}
    else:
        assert found == out
    # the next run has what the file says
    assert ground.run(flow).document["outputs"] == {"out": "hellohello"}


def test_values_inside_of_values_are_reached(ground, flow):
    deep = {"nodes.late.inputs.value": [{"a": 1}, 2]}
    record = ground.run(
        flow, overrides={**deep, "nodes.late.inputs.value[0].a": 5, "late.more": None}
    )
    assert record.document["outputs"]["out"] == [{"a": 5}, 2]


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        ({"erly.times": 3}, "did you mean 'early'?"),
        ({"nodes.erly.inputs.times": 3}, "did you mean 'early'?"),
        ({"nodes": []}, "it has early, late"),
        ({"times": 3}, "write node.input"),
        ({"early.inputs.times": 3}, "nodes.NODE.inputs.INPUT"),
        ({"": 3}, "write node.input"),
        ({3: 3}, "write node.input"),
        ({"additional_includes.x.y": "a"}, "these begin with nodes"),
        ({"nodes.late.name.x": 3}, "nodes.NODE.inputs.INPUT"),
        ({"nodes.late.name.x.y": 3}, "nodes.NODE.inputs.INPUT"),
    ],
)
def test_names_that_mean_nothing_are_refused(ground, flow, overrides, hint):
    with pytest.raises(UsageError) as caught:
        ground.run(flow, overrides=overrides)
    assert caught.value.code == "InvalidFlowError"
    assert hint in caught.value.hint


def test_a_value_that_cannot_be_sent_is_refused(ground, flow):
    with pytest.raises(UsageError) as caught:
        ground.run(flow, overrides={"late.value": object()})
    assert caught.value.code == "bad_value"
    assert "object" in caught.value.message


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"late.value": "${nobody.output}"}, "NodeReferenceNotFound"),
        ({"early.times": "${late.output}"}, "NodeCircularDependency"),
        ({"nodes.late.source.path": "none.py"}, "InvalidSource"),
        ({"inputs.word.type": "txt"}, "unknown_type"),
        ({"nodes.late.activate.when": "${inputs.word}"}, "FlowDefinitionError"),
    ],
)
def test_a_flow_is_checked_with_its_other_values(ground, flow, overrides, code):
    with pytest.raises(FlowInvalid) as caught:
        ground.run(flow, overrides=overrides)
    assert code in [problem["code"] for problem in caught.value.problems]
    assert "with the values given for this run" in caught.value.message
    assert all(p["file"] == "flow.dag.yaml" for p in caught.value.problems)


def test_a_flow_without_nodes_has_none_with_other_values(ground, tmp_path):
    (tmp_path / "flow.flex.yaml").write_text("entry: a:f\n")
    (tmp_path / "a.py").write_text("def f(x: int = 1):\n    return x\n")
    with pytest.raises(UsageError) as caught:
        ground.run(tmp_path, overrides={"f.x": 3})
    assert caught.value.code == "InvalidFlowError"
    assert "inputs=" in caught.value.hint


def test_a_node_alone_has_other_values(ground, flow):
    record = ground.run(
        flow,
        node="early",
        inputs={"word": "a"},
        overrides={"early.times": 5},
    )
    assert record.document["outputs"] == {"output": "aaaaa"}
