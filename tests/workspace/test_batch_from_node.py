"""Lines of a batch from a node on, with what the nodes before it gave before."""

from __future__ import annotations

from pathlib import Path

import pytest

from pf_jupyter.errors import UsageError

FLOW = """\
inputs:
  x: {type: string}
outputs:
  out: {type: string, reference: "${last.output}"}
nodes:
- name: first
  type: python
  source: {type: code, path: first.py}
  inputs: {x: "${inputs.x}"}
- name: last
  type: python
  source: {type: code, path: last.py}
  inputs: {before: "${first.output}", x: "${inputs.x}"}
- name: total
  type: python
  source: {type: code, path: total.py}
  inputs: {firsts: "${first.output}", lasts: "${last.output}"}
  aggregation: true
"""
HEAD = "import os\nfrom promptflow.core import log_metric, tool\n\n\n@tool\n"
FIRST = """\
def first(x):
    with open(os.environ["SEEN"], "a") as file:
        file.write(x + "\\n")
    if x == "bad":
        raise ValueError("first fails")
    return "first " + x
"""
LAST = """\
def last(before, x):
    if x == "late":
        raise ValueError("last fails")
    return before + "!"
"""
BETTER = "def last(before, x):\n    return before + '?'\n"
TOTAL = """\
def total(firsts, lasts):
    log_metric("firsts", len(firsts))
    log_metric("better", sum(one.endswith("?") for one in lasts))
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    for name, text in (("first", FIRST), ("last", LAST), ("total", TOTAL)):
        (folder / f"{name}.py").write_text(HEAD + text)
    return folder


def test_lines_run_from_a_node_on(rt, shared, flow, tmp_path):
    seen = tmp_path / "seen"
    rows = [{"x": "a"}, {"x": "bad"}, {"x": "late"}, {"x": "b"}]
    before = rt.batch(flow, rows, environment_variables={"SEEN": str(seen)})
    assert before.counts["failed"] == 2
    assert sorted(seen.read_text().split()) == ["a", "b", "bad", "late"]
    (flow / "last.py").write_text(HEAD + BETTER)
    seen.write_text("")
    run = rt.batch(resume_from=before, from_node="last")
    # only the line in which nothing came before the node ran as a whole
    assert seen.read_text().split() == ["bad"]
    assert run.counts == {"total": 4, "completed": 3, "failed": 1, "reused": 0}
    outputs = {line.line_number: line.outputs for line in run.lines()}
    assert outputs == {
        0: {"out": "first a?"},
        1: None,
        2: {"out": "first late?"},
        3: {"out": "first b?"},
    }
    assert run.metrics == {"firsts": 3, "better": 3}
    assert "the flow's files have changed since" in run.changed
    line = run.line(0)
    assert line.inputs == {"x": "a"}
    assert line.nodes["first"].output == "first a"
    # and those that failed alone, as of any run
    again = shared.runs.batch(run.run_id).resume(failed=True)
    assert again.counts["failed"] == 1
    assert seen.read_text().split() == ["bad", "bad"]


def test_what_cannot_be_started_from(rt, flow, tmp_path):
    run = rt.batch(
        flow, [{"x": "a"}], environment_variables={"SEEN": str(tmp_path / "seen")}
    )
    for node, code in (("nothing", None), ("total", "bad_value")):
        with pytest.raises(UsageError) as caught:
            rt.batch(resume_from=run, from_node=node)
        assert code in (None, caught.value.code)
    with pytest.raises(UsageError) as caught:
        rt.batch(flow, [{"x": "a"}], from_node="last")
    assert "--resume-from RUN --from NODE" in caught.value.hint
