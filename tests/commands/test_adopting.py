"""`runtime adopt`: the checks are shown one by one, whether it worked or not."""

from __future__ import annotations

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.parsing import parse, split_line
from pf_jupyter.commands.tree import Outcome

from .double import DoubleWorkspace


def do(context: Context, line: str) -> Outcome:
    request = parse(context, NOUNS["runtime"], split_line(line))
    assert request.verb is not None
    return request.verb.run(context, request.arguments)


def test_an_adopted_container_is_used_in_a_notebook(
    notebook: Context, workspace: DoubleWorkspace
) -> None:
    done = do(notebook, "adopt theirs --name mine")
    assert done.document["name"] == "mine"
    assert [check["name"] for check in done.document["checks"]] == [
        "container",
        "python",
    ]
    current = workspace.runtimes.current()
    assert current is not None
    assert current.name == "mine"


def test_what_cannot_be_adopted_shows_every_check(shell: Context) -> None:
    done = do(shell, "adopt bad")
    assert done.failure is not None
    assert done.failure.code == "not_adoptable"
    assert done.document["ok"] is False
    assert done.document["error"]["code"] == "not_adoptable"
    statuses = {check["name"]: check["status"] for check in done.document["checks"]}
    assert statuses == {"container": "pass", "python": "fail"}
