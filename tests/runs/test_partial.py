"""Part of a flow, with what the nodes before it gave in an earlier run."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import NotFound, UsageError

THREE = """
inputs:
  word: {type: string}
outputs:
  out: {type: string, reference: "${c.output}"}
  first: {type: string, reference: "${a.output}"}
nodes:
- name: a
  type: python
  source: {type: code, path: a.py}
  inputs: {word: "${inputs.word}"}
- name: b
  type: python
  source: {type: code, path: b.py}
  inputs: {text: "${a.output}"}
- name: c
  type: python
  source: {type: code, path: c.py}
  inputs: {text: "${b.output}", word: "${inputs.word}"}
"""
CODE = {
    "a": "word: str:\nprint('a runs')\nreturn word + '-a'",
    "b": "text: str:\nreturn text + '-b'",
    "c": "text: str, word: str:\nreturn text + '-c-' + word",
}


@pytest.fixture
def three(write_flow):
    return write_flow(THREE, **CODE)


def statuses(record):
    nodes = record.document["nodes"]
    return {name: node["status"] for name, node in nodes.items()}


def reused(record):
    nodes = record.document["nodes"]
    return {
        n: node["cached_run_id"] for n, node in nodes.items() if "cached_run_id" in node
    }


def test_from_a_node_on_with_the_newest_completed_run(ground, three):
    ground.run(three, inputs={"word": "old"})
    source = ground.run(three, inputs={"word": "x"})
    events = []
    record = ground.run(three, events.append, from_node="b")
    assert record.document["outputs"] == {"out": "x-a-b-c-x", "first": "x-a"}
    assert record.document["source_run_id"] == source.run_id
    assert reused(record) == {"a": source.run_id}
    assert [e["node"] for e in events if e["event"] == "node_started"] == ["b", "c"]
    (told,) = [e for e in events if e.get("cached_run_id")]
    assert (told["event"], told["node"]) == ("node_completed", "a")


def test_new_inputs_replace_those_of_the_earlier_run(ground, three):
    ground.run(three, inputs={"word": "x"})
    record = ground.run(three, from_node="c", inputs={"word": "y"})
    assert record.document["outputs"]["out"] == "x-a-b-c-y"


def test_a_part_of_a_part_goes_on_from_what_both_gave(ground, three):
    ground.run(three, inputs={"word": "x"})
    second = ground.run(three, from_node="b", inputs={"word": "y"})
    third = ground.run(three, from_node="c")
    assert third.document["outputs"]["out"] == "x-a-b-c-y"
    assert third.document["source_run_id"] == second.run_id


def test_from_the_node_that_failed(ground, write_flow):
    flow = write_flow(THREE, **{**CODE, "c": "text: str, word: str:\nraise ValueError"})
    failed = ground.run(flow, inputs={"word": "x"})
    assert failed.status == "Failed"
    (flow / "c.py").write_text(
        "from promptflow.core import tool\n@tool\ndef c(text: str, word: str): return 1"
    )
    record = ground.run(flow, from_node="c", upstream=failed.run_id)
    assert record.document["outputs"]["out"] == 1
    assert set(reused(record)) == {"a", "b"}


def test_one_node_with_the_values_of_an_earlier_run(ground, three):
    source = ground.run(three, inputs={"word": "x"})
    record = ground.run(three, node="c", upstream=source.run_id)
    assert record.document["outputs"] == {"output": "x-a-b-c-x"}
    assert record.document["source_run_id"] == source.run_id
    own = ground.run(
        three, node="c", upstream=source.run_id, inputs={"b.output": "mine"}
    )
    assert own.document["outputs"] == {"output": "mine-c-x"}


def test_without_an_earlier_run_it_says_what_to_do(ground, three):
    with pytest.raises(UsageError, match="no completed run") as raised:
        ground.run(three, from_node="b", inputs={"word": "x"})
    assert raised.value.code == "no_earlier_run"
    assert "--run" in raised.value.hint


def test_outputs_that_are_missing_are_named(ground, write_flow):
    flow = write_flow(THREE, **{**CODE, "b": "text: str:\nraise ValueError"})
    failed = ground.run(flow, inputs={"word": "x"})
    with pytest.raises(UsageError, match="'b' \\(was Failed there\\)") as raised:
        ground.run(flow, from_node="c", upstream=failed.run_id)
    assert raised.value.code == "missing_upstream"
    assert "--from b" in raised.value.hint


def test_a_value_without_a_json_form_cannot_be_taken(ground, write_flow):
    flow = write_flow(
        THREE,
        **{**CODE, "a": "word: str:\nreturn {1, 2}", "b": "text: set:\nreturn 'b'"},
    )
    (flow / "flow.dag.yaml").write_text(THREE.replace("  first:", "  # first:"))
    source = ground.run(flow, inputs={"word": "x"})
    assert source.status == "Completed", source.error
    with pytest.raises(UsageError, match="no JSON form"):
        ground.run(flow, from_node="b")
    # nothing needs that value any more
    assert ground.run(flow, from_node="c").status == "Completed"


def test_bypassed_nodes_stay_bypassed(ground, write_flow):
    text = THREE.replace(
        "- name: b", '- name: b\n  activate: {when: "${inputs.word}", is: never}'
    )
    flow = write_flow(
        text, **{**CODE, "c": "text: str, word: str:\nreturn [text, word]"}
    )
    ground.run(flow, inputs={"word": "x"})
    record = ground.run(flow, from_node="c")
    assert record.document["outputs"]["out"] == [None, "x"]
    assert statuses(record) == {"a": "Completed", "b": "Bypassed", "c": "Completed"}


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"from_node": "zz"}, UsageError, "no node 'zz'"),
        ({"from_node": "b", "node": "c"}, UsageError, "not both"),
        ({"upstream": "r"}, UsageError, "part of a flow"),
        ({"from_node": "b", "upstream": "nothing"}, NotFound, "no run 'nothing'"),
    ],
)
def test_what_makes_no_sense_is_refused(ground, three, options, kind, words):
    with pytest.raises(kind, match=words):
        ground.run(three, inputs={"word": "x"}, **options)


def test_a_run_of_another_flow_is_refused(ground, three, write_flow):
    source = ground.run(three, inputs={"word": "x"})
    other = write_flow(THREE, "other", **CODE)
    with pytest.raises(UsageError, match="another flow"):
        ground.run(other, from_node="b", upstream=source.run_id)
