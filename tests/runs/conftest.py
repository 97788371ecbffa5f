"""Runs in workers of this machine, behind the fake engine."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.runs.request import Request
from pf_jupyter.runtimes.wish import Wish
from pf_jupyter.workspace.core import Core

TOOL = """
from promptflow.core import tool


@tool
def {name}({parameters}):
{body}
"""


@dataclass
class Environment:
    name: str = "default"
    version: str = "1"
    digest: str = "sha256:" + "cd" * 32
    image: str = sys.executable
    python: str = "{}.{}.{}".format(*sys.version_info[:3])
    source: str = "process"


class Ground:
    """A core with one runtime, and what a test wants from them."""

    def __init__(self, folder: Path) -> None:
        self.engine = FakeEngine([sys.executable], python=[sys.executable])
        self.core = Core(
            folder,
            {"docker": lambda: self.engine},
            lambda engine, progress: Environment(),
        )
        self.store = self.core.store
        self.id = self.core.life.lifecycle.create(Wish("demo")).id

    @property
    def runtime(self) -> Any:
        return self.store.runtime_by_id(self.id)

    def run(self, path: Path, on_event: Any = None, **options: Any) -> Any:
        inputs = options.pop("inputs", {})
        request = Request(path=path, inputs=inputs, **options)
        return self.core.executor.run(self.id, request, on_event)

    def close(self) -> None:
        for record in self.store.runtimes():
            self.core.life.lifecycle.delete(record.id)
        self.core.close()


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """One for all tests of a module that leave it as it was."""
    made = Ground(tmp_path_factory.mktemp("ground") / "store")
    yield made
    made.close()


@pytest.fixture
def own_ground(tmp_path):
    """One for a test that breaks it."""
    made = Ground(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def write_flow(tmp_path):
    """Return a function that writes a flow: its YAML, and a body for each tool."""

    def write(text: str, name: str = "flow", **tools: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "flow.dag.yaml").write_text(textwrap.dedent(text))
        for tool, body in tools.items():
            parameters, _, code = body.partition(":\n")
            code = textwrap.indent(textwrap.dedent(code).strip("\n"), "    ")
            (folder / f"{tool}.py").write_text(
                TOOL.format(name=tool, parameters=parameters, body=code)
            )
        return folder

    return write


SLOW = """
inputs:
  seconds: {type: double, default: 60}
outputs:
  done: {type: string, reference: "${wait.output}"}
nodes:
- {name: first, type: python, source: {type: code, path: first.py}, inputs: {}}
- name: wait
  type: python
  source: {type: code, path: wait.py}
  inputs: {seconds: "${inputs.seconds}", after: "${first.output}"}
- name: last
  type: python
  source: {type: code, path: last.py}
  inputs: {text: "${wait.output}"}
"""


@pytest.fixture
def slow_flow(write_flow):
    """A flow that says something and then takes its time."""
    return write_flow(
        SLOW,
        first=":\nprint('first here')\nreturn 'one'",
        wait="seconds: float, after: str:\nimport time\n"
        "print('waiting', flush=True)\ntime.sleep(seconds)\nreturn 'waited'",
        last="text: str:\nreturn text",
    )
