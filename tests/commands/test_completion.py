from __future__ import annotations

from pathlib import Path

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.completion import complete
from pf_jupyter.commands.context import Context

from .double import DoubleWorkspace


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("runtime show de", ["demo"]),
        ("runtime create new --kind s", ["shared", "session"]),
        ("runtime create new --env ", ["default"]),
        ("flow run h", ["hello"]),
        ("flow run hello ", ["text=", "times="]),
        ("flow run hello text=x ", ["times="]),
        ("flow run hello --inputs te", ["text="]),
        ("flow run hello --node ", ["greet", "shout"]),
        ("flow run hello --variant ", ["'${greet.plain}'", "'${greet.loud}'"]),
        ("flow run hello --runtime ", ["demo"]),
        ("flow node hello sh", ["shout"]),
        ("run logs run-1 --node gr", ["greet"]),
        ("run show r", ["run-1"]),
        ("demo --runtime ", ["demo"]),
        ("connection show m", ["mine"]),
        ("connection create --type serp --set ", ["api_key="]),
        ("connection create --type open", ["open_ai"]),
        ("connection update mine --set ap", ["api_key="]),
        ("flow run hello --connections gr", ["greet.service=mine"]),
        ("flow run hello --overrides gr", ["greet.service="]),
    ],
)
def test_names_are_offered(
    notebook: Context, workspace: DoubleWorkspace, line: str, first: list[str]
) -> None:
    workspace.runtimes.create("demo").run("hello")
    noun, *words = line.split(" ")
    found = complete(notebook, NOUNS[noun], words)
    assert found[: len(first)] == first


def test_options_are_offered_once(notebook: Context) -> None:
    words = ["create", "x", "--kind", "shared", "--k"]
    assert complete(notebook, NOUNS["runtime"], words) == []


@pytest.mark.parametrize(
    "line", ["flow run nowhere ", "flow run wrong --node ", "run logs no --node "]
)
def test_what_cannot_be_known_offers_nothing_and_never_raises(
    notebook: Context, line: str
) -> None:
    noun, *words = line.split(" ")
    found = complete(notebook, NOUNS[noun], words)
    assert all(word.startswith("--") for word in found)


def test_a_broken_workspace_does_not_break_a_key_press(notebook: Context) -> None:
    notebook._connect = lambda: 1 / 0  # type: ignore[assignment, return-value]
    assert complete(notebook, NOUNS["runtime"], ["show", "d"]) == []


def test_flows_in_the_working_folder_are_offered_by_their_path(
    notebook: Context,
    workspace: DoubleWorkspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    info = workspace.flows.known["hello"]
    object.__setattr__(info, "path", Path.cwd() / "sub" / "hello")
    assert complete(notebook, NOUNS["flow"], ["run", "s"])[:2] == ["sub/hello", "slow"]
