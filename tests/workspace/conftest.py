"""Workspaces over the real process engine, and over Docker where it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pf_jupyter.workspace.local import LocalWorkspace, connect


def remove_all(workspace: LocalWorkspace) -> None:
    for runtime in workspace.runtimes.list():
        runtime.delete()
    workspace.close()


@pytest.fixture
def workspace(home):
    """A workspace in a home of its own."""
    made = connect(home)
    yield made
    if made.closed:
        made = connect(home)
    remove_all(made)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A workspace with a ready runtime, for tests that leave it as it was."""
    made = LocalWorkspace(tmp_path_factory.mktemp("shared") / "home")
    made.runtimes.create("demo", compute="process")
    yield made
    remove_all(made)


@pytest.fixture
def rt(shared):
    return shared.runtimes.get("demo")


@pytest.fixture
def slow_flow(tmp_path):
    """A flow that waits for ever between two nodes."""
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(
        """
inputs:
  seconds: {type: double, default: 120}
outputs:
  done: {type: string, reference: "${wait.output}"}
nodes:
- {name: first, type: python, source: {type: code, path: first.py}, inputs: {}}
- name: wait
  type: python
  source: {type: code, path: wait.py}
  inputs: {seconds: "${inputs.seconds}", first: "${first.output}"}
"""
    )
    (folder / "first.py").write_text(
        "from promptflow.core import tool\n\n\n"
        "@tool\ndef first():\n    print('<b>first</b>')\n    return 'one'\n"
    )
    (folder / "wait.py").write_text(
        "import time\nfrom promptflow.core import tool\n\n\n"
        "@tool\ndef wait(seconds: float, first: str):\n"
        "    time.sleep(seconds)\n    return 'waited'\n"
    )
    return Path(folder)
