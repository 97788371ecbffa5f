"""Into a line of a batch, from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pf_jupyter.cli import main
from pf_jupyter.workspace.local import LocalWorkspace

FLOW = """\
inputs:
  x: {type: int}
outputs:
  out: {type: double, reference: "${divide.output}"}
nodes:
- name: whole
  type: python
  source: {type: code, path: whole.py}
  inputs: {x: "${inputs.x}"}
- name: divide
  type: python
  source: {type: code, path: divide.py}
  inputs: {by: "${whole.output}", what: 6}
"""
HEAD = "from promptflow.core import tool\n\n\n@tool\n"
WHOLE = "def whole(x: int) -> int:\n    return x\n"
DIVIDE = """\
def divide(by: int, what: int) -> float:
    print("dividing by", by)
    return what / by
"""


@pytest.fixture
def batch(home: Path, tmp_path: Path) -> str:
    """The id of a batch whose second line failed in its second node."""
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "whole.py").write_text(HEAD + WHOLE)
    (flow / "divide.py").write_text(HEAD + DIVIDE)
    workspace = LocalWorkspace(home)
    runtime = workspace.runtimes.create("demo", compute="process")
    run = runtime.batch(flow, [{"x": 1}, {"x": 0}, {"x": 2}])
    yield run.run_id
    runtime.delete()
    workspace.close()


def test_a_line_is_looked_at_and_run_again(
    batch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str, code: int = 0) -> str:
        assert main(["run", "enter", batch, *words]) == code
        shown = capsys.readouterr()
        return shown.err if code == 2 else shown.out

    seen = said()
    assert "line 1, node divide" in seen
    assert "dividing by 0" in seen
    assert "division by zero" in seen
    found = json.loads(said("--json"))
    assert (found["line_number"], found["node"]) == (1, "divide")
    assert found["inputs"] == {"by": 0, "what": 6}
    assert found["upstream"] == {"whole": 0}
    # the node alone, with another input, is given a number for a number
    assert json.loads(said("by=3", "--json"))["outputs"] == {"output": 2.0}
    assert json.loads(said("what=8", "by=2", "--json"))["outputs"] == {"output": 4.0}
    assert json.loads(said("--whole", "x=3", "--json"))["outputs"] == {"out": 2.0}
    assert json.loads(said("--row", "2", "--again", "--json"))["status"] == "Completed"
    assert json.loads(said("--again", "--json", code=1))["status"] == "Failed"
    assert json.loads(said("--node", "whole", "--json"))["inputs"] == {"x": 0}
    assert "there are by, what" in said("nothing=1", code=2)
