"""Problems of the file and of the code, together, each with its place."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import UsageError
from pf_jupyter.runs.validate import check_code, check_file

FLOW = """\
inputs:
  text: {type: string}
outputs:
  out: {type: string, reference: "${nowhere.output}"}
nodes:
- name: good
  type: python
  source: {type: code, path: good.py}
  inputs: {text: "${inputs.text}"}
- name: bad
  type: python
  source: {type: code, path: bad.py}
  inputs: {text: "${good.output}"}
"""


@pytest.fixture
def flow(write_flow):
    return write_flow(
        FLOW,
        good="text: str, times: int = 2:\nreturn text * times",
        bad="text: str:\nreturn text\n\n\nimport no_such_module_here",
    )


@pytest.fixture
def check(ground):
    def call(path, node=None):
        return check_code(ground.core.executor, ground.store, ground.id, path, node)

    return call


def test_the_file_alone(flow):
    found = check_file(flow)
    assert [(p["code"], p["line"], p["column"]) for p in found.problems] == [
        ("OutputReferenceNotFound", 4, 34)
    ]
    assert found.tools == {}


def test_the_file_first_then_the_code(check, flow):
    (flow / "bad.py").write_text(
        "import no_such_module_here\n" + (flow / "bad.py").read_text()
    )
    found = check(flow)
    places = [(p["file"], p["line"]) for p in found.problems]
    assert places[0] == ("flow.dag.yaml", 4)
    assert places[1] == ("bad.py", 1)
    assert "no_such_module_here" in found.problems[1]["message"]
    assert set(found.tools) == {"good"}
    assert found.tools["good"]["inputs"]["times"]["default"] == 2


def test_one_node_of_it(check, flow):
    assert set(check(flow, "good").tools) == {"good"}
    with pytest.raises(UsageError) as caught:
        check(flow, "god")
    assert caught.value.hint == "did you mean 'good'?"


def test_a_problem_without_a_place_points_at_its_node(check, write_flow):
    flow = write_flow(
        FLOW.replace("nowhere.output", "good.output"),
        good="text: str:\nreturn text",
        bad="other: str:\nreturn other",
    )
    found = check(flow)
    assert all(problem["line"] for problem in found.problems), found.problems


def test_checking_counts_as_use(ground, check, flow):
    before = ground.runtime.last_used_at
    check(flow)
    assert ground.runtime.last_used_at > before
