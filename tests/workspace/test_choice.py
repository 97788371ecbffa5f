"""Which runtime counts: the notebook's, or what a cell chose; the later of them."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import NotFound
from pf_jupyter.workspace import choice
from pf_jupyter.workspace.choice import RUNTIME_VARIABLE, Choice
from pf_jupyter.workspace.local import LocalWorkspace


@pytest.fixture
def told(monkeypatch):
    heard = []
    monkeypatch.setattr(choice, "runtime_listeners", [heard.append])
    return heard


def test_nothing_is_chosen_at_first(monkeypatch):
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    assert not Choice().made


def test_what_the_notebook_picks_later_wins(monkeypatch, told):
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    mine = Choice()
    mine.make("a")
    assert (mine.made, mine.name) == (True, "a")
    monkeypatch.setenv(RUNTIME_VARIABLE, "b")
    assert mine.name == "b"
    assert told == []


def test_what_a_cell_chooses_later_wins_and_the_notebook_is_told(monkeypatch, told):
    monkeypatch.setenv(RUNTIME_VARIABLE, "b")
    mine = Choice()
    assert (mine.made, mine.name) == (True, "b")
    mine.make("c")
    assert mine.name == "c"
    assert told == ["c"]
    # child processes follow
    assert choice.bound_runtime() == "c"
    mine.make(None)
    assert (mine.made, mine.name) == (True, None)
    assert choice.bound_runtime() is None
    monkeypatch.setenv(RUNTIME_VARIABLE, "d")
    assert mine.name == "d"


def test_a_bound_runtime_that_is_gone_is_told_instead_of_replaced(monkeypatch, home):
    monkeypatch.setenv(RUNTIME_VARIABLE, "gone")
    workspace = LocalWorkspace(home)
    assert workspace.runtimes.current() is None
    with pytest.raises(NotFound, match="gone"):
        workspace.runtimes.ensure()
    assert workspace.runtimes.names() == []
    workspace.close()
