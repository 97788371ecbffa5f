"""Pages of runs that are over, of batches and of comparisons, with a real workspace."""

from __future__ import annotations

import json
import re

import pytest

from pf_jupyter.errors import Refused
from pf_jupyter.widgets import open_panel
from pf_jupyter.workspace.api import KeptFlow
from pf_jupyter.workspace.local import connect

from .driver import Driver

FLOW = """
inputs: {n: {type: int}}
outputs: {v: {type: string, reference: "${last.output}"}}
nodes:
- name: first
  type: python
  source: {type: code, path: tools.py}
  inputs: {n: "${inputs.n}"}
- name: last
  type: python
  source: {type: code, path: last.py}
  inputs: {n: "${first.output}"}
"""
TOOLS = """from promptflow.core import tool
@tool
def first(n: int) -> int:
    print("got", n)
    return n
"""
LAST = """from promptflow.core import tool
@tool
def last(n: int) -> str:
    if n == 3:
        raise ValueError("not three")
    return f"v{n}"
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    flow = folder / "numbers"
    flow.mkdir()
    for name, text in {
        "flow.dag.yaml": FLOW,
        "tools.py": TOOLS,
        "last.py": LAST,
    }.items():
        (flow / name).write_text(text)
    workspace = connect(folder / "home")
    runtime = workspace.runtimes.create("small", compute="process")
    yield workspace, runtime, flow
    runtime.delete()
    workspace.close()


def part(driver):
    parts = [n for n in driver.page.walk() if n.attributes.get("data-part") == "graph"]
    return json.loads(parts[0].attributes["data-state"])


def test_a_run_is_played_again_and_runs_again_from_a_node(real):
    workspace, runtime, flow = real
    run = runtime.run(flow, n=1)
    driver = Driver(open_panel(workspace, "run", run=run.run_id)).settle()
    assert "v1" in driver.text
    state = part(driver)
    assert [name for _, name, _ in state["timeline"]].count("last") == 2
    assert state["length"] == run.duration_ms
    driver.panel.act("node", node="first")
    driver.settle()
    assert "got 1" in driver.text
    assert "def first(n: int)" in driver.text
    driver.click("Run from here").settle()
    assert driver.panel.result.source_run_id == run.run_id


def test_a_run_that_failed_opens_at_the_node_with_the_way_out(real):
    workspace, runtime, flow = real
    run = runtime.run(flow, n=3)
    driver = Driver(open_panel(workspace, "run", run=run.run_id)).settle()
    assert driver.find("h3", "last")
    assert "not three" in driver.text
    assert "look at last.py, line 5" in driver.text


def test_a_run_outlives_its_folder(real, tmp_path):
    import shutil

    workspace, runtime, flow = real
    copy = tmp_path / "gone"
    shutil.copytree(flow, copy)
    run = runtime.run(copy, n=1)
    shutil.rmtree(copy)
    driver = Driver(open_panel(workspace, "run", run=run.run_id)).settle()
    assert "v1" in driver.text
    assert set(part(driver)["nodes"]) == {"first", "last"}
    assert driver.panel.trouble is None


def test_a_batch_counts_in_its_boxes_and_leads_to_the_line_that_failed(real):
    workspace, runtime, flow = real
    batch = runtime.batch(flow, [{"n": n} for n in range(30)])
    driver = Driver(open_panel(workspace, "run", run=batch.run_id)).settle()
    assert "30 of 30 lines · 1 failed" in driver.text
    last = part(driver)["nodes"]["last"]
    assert last["counts"] == {"Completed": 29, "Failed": 1}
    assert sum(last["bins"]) == 30
    driver.click("Line 3").settle()
    assert driver.find("h3", "Line 3")
    assert "look at last.py, line 5" in driver.text
    driver.click("Failed").settle()
    assert [line.line_number for line in driver.panel.facts.lines] == [3]
    driver.click("All").settle().click("After").settle()
    assert [line.line_number for line in driver.panel.facts.lines] == [*range(25, 30)]
    driver.panel.act("node", node="first")
    assert "how long lines took in first" in str(driver.panel.view())


def test_a_batch_is_compared_with_another_of_its_flow(real):
    workspace, runtime, flow = real
    first = runtime.batch(flow, [{"n": n} for n in range(5)])
    second = runtime.batch(flow, [{"n": n + 1} for n in range(5)])
    driver = Driver(open_panel(workspace, "run", run=second.run_id)).settle()
    driver.fill("The one to beat", first.run_id).click("Compare").settle()
    assert "fail here, not there" in driver.text
    page = Driver(open_panel(workspace, "compare", runs=[first, second])).settle()
    found = [cell.text for cell in page.page.walk() if cell.tag == "td"]
    assert found[:4] == [second.run_id, "5", "1", "1"]
    assert '{"v": "v1"}' in found


def test_a_run_that_is_not_there_says_so(real):
    driver = Driver(open_panel(real[0], "run", run="nothing")).settle()
    assert "not_found" in driver.text


@pytest.fixture(scope="module")
def four(real):
    """A batch of four lines, of which the last but one fails."""
    runtime, flow = real[1:]
    rows = [{"number": n + 1} for n in range(4)]
    options = {"name": "the four", "tags": {"team": "search"}, "workers": 2}
    options["description"] = "one of them fails"
    variables = {"GREETING": "not for everybody"}
    mapping = {"n": "${data.number}"}
    return runtime.batch(
        flow, rows, mapping=mapping, environment_variables=variables, **options
    )


@pytest.fixture
def page_of_four(real, four):
    return Driver(open_panel(real[0], "run", run=four.run_id)).settle()


def test_of_a_batch_is_shown_what_was_printed_the_failed_lines_first(page_of_four):
    lines = page_of_four.panel.printed
    # a time stands before each line that was printed
    printed = [re.sub(r"\[[^]]*\] ", "", line) for line in lines]
    assert printed[0] == "2 first │ got 3"
    assert printed[1].startswith("2 last ✗│ ")
    assert printed[1].endswith("(ValueError) not three")
    assert sorted(printed[2:]) == [f"{n} first │ got {n + 1}" for n in (0, 1, 3)]
    assert lines[0] in page_of_four.text


def test_a_batch_shows_its_flow_as_it_was_run(real, four):
    flow = real[2]
    (flow / "tools.py").write_text(TOOLS + "# written since\n")
    try:
        driver = Driver(open_panel(real[0], "run", run=four.run_id)).settle()
    finally:
        (flow / "tools.py").write_text(TOOLS)
    files = {file.path: file.text for file in driver.panel.kept.files}
    assert files == {"flow.dag.yaml": FLOW, "tools.py": TOOLS, "last.py": LAST}
    assert driver.find("h3", "flow.dag.yaml")
    driver.click("last.py")
    assert driver.find("h3", "last.py")
    assert "not three" in driver.text


def test_what_a_batch_did_not_keep_is_said(page_of_four, four, monkeypatch):
    page_of_four.panel._know_kept(KeptFlow("/flows/numbers", "sha256:1f", []))
    page_of_four.panel.changed()
    assert "No files were kept" in page_of_four.text
    assert "sha256:1f" in page_of_four.text
    page_of_four.panel._know_logs([])
    page_of_four.panel.changed()
    assert "Nothing was printed" in page_of_four.text

    def refused(*_: object, **__: object) -> None:
        raise Refused("you may not read this run", hint="ask its owner")

    panel = page_of_four.panel
    monkeypatch.setattr(panel.batch, "kept_flow", refused)
    monkeypatch.setattr(panel.batch, "lines", refused)
    for verb in ("read_kept", "read_logs"):
        panel.act(verb)
        page_of_four.settle()
    assert page_of_four.text.count("you may not read this run") == 2
    assert panel.trouble is None


def test_a_batch_with_many_lines_is_read_when_somebody_asks(real, four, monkeypatch):
    monkeypatch.setattr("pf_jupyter.widgets.batch_files.READ_AT_ONCE", 3)
    driver = Driver(open_panel(real[0], "run", run=four.run_id)).settle()
    assert "Not read yet" in driver.text
    driver.click("Read").settle()
    assert "got 3" in driver.text


def test_a_batch_is_exported_and_says_where(page_of_four, four, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    driver = page_of_four.click("Export").settle()
    place = tmp_path / f"{four.run_id}.run"
    assert f"It is in {place}" in driver.text
    assert (place / "snapshot" / "tools.py").read_text() == TOOLS
    driver.click("Export").settle()
    assert f"{place} is there and not empty" in driver.text
    driver.fill("Another folder", "again").click("Export there").settle()
    assert f"It is in {tmp_path / 'again'}" in driver.text
    assert (tmp_path / "again" / "run_metadata.json").is_file()


def test_a_batch_is_cloned_with_the_same_choices(real, page_of_four, four):
    workspace = real[0]
    driver = page_of_four.click("Clone").settle()
    assert "Not taken over environment variables" in driver.text
    assert "not for everybody" not in driver.text
    driver.click("Next").settle()
    assert driver.field("n").attributes["value"] == "${data.number}"
    driver.click("Next").settle()
    assert driver.field("Lines at once").attributes["value"] == "2"
    assert driver.field("Name").attributes["value"] == "the four"
    assert driver.field("Tags").attributes["value"] == "team=search"
    assert driver.field("Description").attributes["value"] == "one of them fails"
    driver.click("Next").settle().click("Next").settle().click("Start").settle()
    other, *_ = workspace.runs.list()
    assert other["run_id"] != four.run_id
    assert other["runtime"] == "small"
    made = workspace.runs.batch(other["run_id"])
    assert [line.outputs for line in made.lines()] == [
        line.outputs for line in four.lines()
    ]
    assert made.description == "one of them fails"
    assert made.chosen()["mapping"] == {"n": "${data.number}"}
