"""The verbs of `compute`: what they show, ask and take along."""

from __future__ import annotations

import builtins

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.errors import IllegalState, UsageError
from pf_jupyter.workspace.api import RuntimeLimits
from pf_jupyter.workspace.compute_api import Victims

from .double import DoubleWorkspace


def do(context: Context, line: str, noun: str = "compute") -> Outcome:
    request = parse(context, NOUNS[noun], split_line(line))
    assert request.verb is not None
    return request.verb.run(context, request.arguments)


@pytest.fixture
def far(shell: Context, workspace: DoubleWorkspace) -> str:
    do(shell, "add far tcp://far:2376 --certificates certs --scope workspace --days 7")
    return "far"


def test_a_compute_is_added_with_what_was_given(
    far: str, workspace: DoubleWorkspace
) -> None:
    given = {"certificates": "certs", "scope": "workspace", "days": 7}
    assert workspace.computes.options == given
    assert workspace.computes.added[far]["address"] == "tcp://far:2376"


def test_what_lives_there_is_listed_and_the_rest_counted(shell: Context) -> None:
    found = do(shell, "ps local")
    assert "demo" in repr(found.value)
    assert "2 × somebody else's container" in repr(found.value)
    assert found.document["hidden"] == {"foreign": 2}
    assert found.document["occupants"][0]["runs"] == 1


def test_victims_are_told_before_somebody_is_asked(
    shell: Context,
    workspace: DoubleWorkspace,
    far: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace.computes.on_it = Victims(["demo"], ["run-1"])
    said: list[str] = []
    monkeypatch.setattr(shell.progress, "note", said.append)
    monkeypatch.setattr(shell, "interactive", True)

    def answer(question: str) -> str:
        assert "demo" in said[0]
        assert "run-1" in said[0]
        return "n"

    monkeypatch.setattr(builtins, "input", answer)
    assert do(shell, "remove far").document["removed"] is False
    assert far in workspace.computes.added
    monkeypatch.setattr(builtins, "input", lambda question: "y")
    assert do(shell, "remove far").document == {
        "name": "far",
        "runtimes": ["demo"],
        "runs": ["run-1"],
        "removed": True,
    }
    assert far not in workspace.computes.added


def test_a_script_takes_runtimes_along_only_when_it_says_so(
    shell: Context, workspace: DoubleWorkspace, far: str
) -> None:
    workspace.computes.on_it = Victims(["demo"], [])
    with pytest.raises(IllegalState):
        do(shell, "remove far")
    assert far in workspace.computes.added
    assert do(shell, "remove far --yes").document["removed"] is True


def test_sizes_are_shown_with_what_the_machine_has(shell: Context) -> None:
    found = do(shell, "sizes local").document
    assert found["machine"] == "2 CPUs, 4 GB"
    fits = {item["name"]: item["fits"] for item in found["sizes"]}
    assert fits == {"small": True, "medium": True, "large": False, "xlarge": False}
    assert do(shell, "sizes").document["sizes"][0]["fits"] is None


def test_a_size_gives_the_limits_that_are_not_given(
    shell: Context, workspace: DoubleWorkspace
) -> None:
    assert RuntimeLimits(cpus=1.0).sized("large") == RuntimeLimits(
        1.0, 8 * 1024**3, 1024
    )
    with pytest.raises(UsageError) as caught:
        RuntimeLimits().sized("larg")
    assert "'large'" in caught.value.hint
    do(shell, "create big --size large --cpus 3", noun="runtime")
    assert workspace.runtimes.known["big"].record["limits"] == RuntimeLimits(
        3.0, 8 * 1024**3, 1024
    )


def test_every_size_can_be_asked_for() -> None:
    size = next(
        argument
        for argument in NOUNS["runtime"].verbs["create"].arguments
        if argument.name == "--size"
    )
    assert size.choices == tuple(RuntimeLimits.sizes())
