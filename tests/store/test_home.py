"""Where a workspace lives."""

from __future__ import annotations

from pathlib import Path

from pf_jupyter.home import home_folder


def test_what_is_asked_for_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("PF_JUPYTER_HOME", str(tmp_path / "a"))
    assert home_folder(tmp_path / "b") == tmp_path / "b"
    assert home_folder() == tmp_path / "a"


def test_otherwise_it_is_in_jupyters_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("PF_JUPYTER_HOME")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    assert home_folder() == tmp_path / "jupyter" / "pf_jupyter"


def test_a_relative_home_does_not_move_with_the_process(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert home_folder("here") == tmp_path / "here"
    assert home_folder("~/there") == Path.home() / "there"
