"""What an editor asks for while a flow's file is being written."""

from __future__ import annotations

import shutil

import pytest

from .conftest import harness


@pytest.fixture(scope="module")
def contents(server):
    shutil.copytree(harness.ROOT / "examples" / "hello", server.root / "edited")
    return "edited/flow.dag.yaml"


def look(server, contents, text=None):
    status, _, found = server.ask(
        "POST", "pf/api/flows/look", {"contents": contents, "text": text}
    )
    assert status == 200, found
    return found


def test_a_flow_is_checked_as_it_is_written(server, contents):
    file = server.root / contents
    saved = look(server, contents)
    assert saved["ok"]
    assert saved["svg"].startswith("<svg")
    written = file.read_text()
    node = next(name for name in saved["lines"] if not name.startswith(":"))
    line = written.splitlines()[saved["lines"][node] - 1]
    assert node in line
    assert saved["sources"][node].endswith(".py")
    broken = written.replace("${inputs.", "${inptus.")
    found = look(server, contents, broken)
    assert not found["ok"]
    problem = found["problems"][0]
    assert "inptus" in broken.splitlines()[problem["line"] - 1]
    # nothing was written, and nothing of it is remembered
    assert file.read_text() == written
    assert look(server, contents)["ok"]


def test_a_file_that_is_no_yaml_has_a_problem_and_no_picture(server, contents):
    found = look(server, contents, "nodes: [")
    assert not found["ok"]
    assert found["svg"] == ""
    assert found["problems"][0]["line"] == 1


@pytest.mark.parametrize("kind", ["standard", "chat", "evaluation"])
def test_starters_work_as_they_are(server, kind):
    status, _, found = server.ask("GET", f"pf/api/flow-starters/{kind}")
    assert status == 200
    folder = server.root / f"started-{kind}"
    folder.mkdir()
    for name, text in found["files"].items():
        (folder / name).write_text(text)
    assert look(server, f"started-{kind}")["ok"]


def test_examples_are_given_with_their_files(server):
    _, _, found = server.ask("GET", "pf/api/flow-examples")
    assert "hello" in found["names"]
    _, _, hello = server.ask("GET", "pf/api/flow-examples/hello")
    assert {"flow.dag.yaml", "data.jsonl"} <= set(hello["files"])
    assert not [name for name in hello["files"] if "__pycache__" in name]
    status, _, error = server.ask("GET", "pf/api/flow-examples/opera")
    assert (status, error["code"]) == (404, "flow_not_found")


def test_an_unknown_starter_is_refused_with_those_that_there_are(server):
    status, _, found = server.ask("GET", "pf/api/flow-starters/opera")
    assert status == 422
    assert "standard" in found["hint"]
