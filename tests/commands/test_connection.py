"""The verbs of `connection`: what they ask, show and warn of."""

from __future__ import annotations

import getpass
import io

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.commands.tree import Outcome
from pf_jupyter.commands.values import read_overrides
from pf_jupyter.errors import UsageError

from .double import DoubleWorkspace


def do(context: Context, line: str) -> Outcome:
    request = parse(context, NOUNS["connection"], split_line(line))
    assert request.verb is not None
    return request.verb.run(context, request.arguments)


def test_a_secret_is_typed_where_somebody_can(
    notebook: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return "s3cret"

    monkeypatch.setattr(getpass, "getpass", typed)
    made = do(notebook, "create --type serp --name new --set api_key='<user-input>'")
    assert asked == ["api_key of new: "]
    assert workspace.connections.typed == {"api_key": "s3cret"}
    assert "s3cret" not in f"{made.value!r} {made.document}"


@pytest.mark.parametrize("failure", [EOFError, NotImplementedError, ""])
def test_nobody_answers(
    notebook: Context, monkeypatch: pytest.MonkeyPatch, failure: object
) -> None:
    def typed(prompt: str) -> str:
        if isinstance(failure, str):
            return failure
        raise failure  # type: ignore[misc]

    monkeypatch.setattr(getpass, "getpass", typed)
    with pytest.raises(UsageError) as caught:
        do(notebook, "create --type serp --name new --set api_key='<user-input>'")
    assert caught.value.code == "secret_needed"
    assert "${env:NAME}" in caught.value.hint


def test_a_script_is_never_asked(shell: Context, workspace: DoubleWorkspace) -> None:
    assert not shell.can_ask
    do(shell, "create --type serp --name new --set api_key='<user-input>'")
    assert workspace.connections.typed == {}


@pytest.mark.parametrize(
    ("value", "warned"),
    [
        ("s3cret", True),
        ("@@s3cret", False),
        ("'${env:KEY}'", False),
        ("'<no-change>'", False),
        ("$key", False),
    ],
)
def test_a_secret_that_stays_in_the_line_is_warned_of(
    notebook: Context, told: io.StringIO, value: str, warned: bool
) -> None:
    notebook.variables = {"key": "k"}
    do(notebook, f"create --type serp --name new --set api_key={value}")
    assert ("stands in clear in this cell" in told.getvalue()) == warned
    assert "s3cret" not in told.getvalue()


def test_a_file_s_last_line_end_is_no_part_of_a_key(
    notebook: Context, workspace: DoubleWorkspace, tmp_path, monkeypatch
) -> None:
    given = {}

    def create(source, **options):
        given.update(options["settings"])
        return workspace.connections.show("mine")

    monkeypatch.setattr(workspace.connections, "create", create)
    (tmp_path / "key").write_text("s3cret\n")
    do(notebook, f"create --type serp --name new --set api_key=@{tmp_path / 'key'}")
    assert given == {"api_key": "s3cret", "type": "serp"}


def test_what_is_listed_and_shown_has_stars(notebook: Context) -> None:
    for line in ("list", "show mine"):
        outcome = do(notebook, line)
        assert "mine" in repr(outcome.value)
        assert "'k'" not in f"{outcome.value!r} {outcome.document}"
    assert do(notebook, "show mine").document["secrets"] == {"api_key": "*****"}


def test_deleting_asks_first(
    shell: Context, workspace: DoubleWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.interactive = True
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    assert not do(shell, "delete mine").document["deleted"]
    assert workspace.connections.names() == ["mine"]
    assert do(shell, "delete mine --yes").document["deleted"]
    assert workspace.connections.names() == []


def test_connections_of_a_run_are_read(notebook: Context) -> None:
    pairs = ["ask.connection=other", "ask.model=m", "a.b.key=$name"]
    notebook.variables = {"name": "from a variable"}
    assert read_overrides(notebook, pairs) == {
        "ask": {"connection": "other", "model": "m"},
        "a.b": {"key": "from a variable"},
    }
    assert read_overrides(notebook, []) is None
    with pytest.raises(UsageError) as caught:
        read_overrides(notebook, ["ask=other"])
    assert "node.connection=name" in caught.value.hint
