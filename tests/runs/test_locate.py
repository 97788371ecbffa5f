"""From what a user calls a flow to its folder."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import NotFound, UsageError
from pf_jupyter.runs import locate


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    folder = tmp_path / "bundled"
    for name in ("hello", "chat"):
        (folder / name).mkdir(parents=True)
        (folder / name / "flow.dag.yaml").write_text("nodes: []")
    (folder / "notes").mkdir()
    monkeypatch.setattr(locate, "examples_folder", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize("name", ["hello", "examples/hello", "examples/hello/"])
def test_an_example_by_its_name(bundled, name):
    assert locate.resolve(name) == bundled / "hello"


def test_what_is_there_comes_first(bundled, tmp_path):
    own = tmp_path / "hello"
    own.mkdir()
    # an empty folder of that name is no flow
    assert locate.resolve("hello") == bundled / "hello"
    (own / "flow.dag.yaml").write_text("nodes: []")
    assert locate.resolve("hello") == own
    assert locate.resolve(own / "flow.dag.yaml") == own / "flow.dag.yaml"
    assert locate.resolve(str(own)) == own


def test_a_folder_without_a_flow_is_left_to_the_reader(bundled, tmp_path):
    (tmp_path / "empty").mkdir()
    assert locate.resolve("empty") == tmp_path / "empty"


def test_nothing_of_that_name(bundled):
    with pytest.raises(NotFound) as caught:
        locate.resolve("helo")
    assert caught.value.code == "flow_not_found"
    assert caught.value.hint == "did you mean 'hello'?"
    with pytest.raises(NotFound) as caught:
        locate.resolve("../somewhere/else")
    assert "chat, hello" in caught.value.hint


@pytest.mark.parametrize("name", ["", "  ", "a\0b"])
def test_no_name_at_all(name):
    with pytest.raises(UsageError):
        locate.resolve(name)


def test_examples_are_the_folders_with_a_flow(bundled):
    assert list(locate.examples()) == ["chat", "hello"]


def test_our_own_examples_are_found():
    assert "hello" in locate.examples()


def test_flows_below_a_folder(bundled, tmp_path):
    for name in ("a/b", ".hidden/c", "node_modules/d", "a/b/inner"):
        (tmp_path / "root" / name).mkdir(parents=True)
        (tmp_path / "root" / name / "flow.dag.yaml").write_text("nodes: []")
    found = locate.below(tmp_path / "root")
    assert found == [tmp_path / "root" / "a" / "b"]
    assert locate.below(tmp_path / "nowhere") == []
