"""A container with Python and nothing else: the worker is sent in, a flow runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import InstanceSpec
from pf_jupyter.environments import base
from pf_jupyter.environments import interpreter as interpreters
from pf_jupyter.flow.snapshot import load
from pf_jupyter.runtimes import bundle
from pf_jupyter.runtimes.channel import WorkerChannel

from ..worker.conftest import INTERPRETERS

pytestmark = pytest.mark.docker

FLOW = """\
inputs:
  text: {type: string}
outputs:
  answer: {type: string, reference: "${step.output}"}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {text: "${inputs.text}"}
"""
STEP = """\
import platform, socket
from promptflow.core import tool

@tool
def step(text: str) -> str:
    try:
        import jinja2
    except ImportError:
        return f"{text} {platform.python_version()} {socket.gethostname()}"
    return "not bare: jinja2 is here"
"""


@pytest.fixture(params=sorted(INTERPRETERS))
def bare_image(
    request: pytest.FixtureRequest, docker_engine: Any, tmp_path: Path
) -> Iterator[str]:
    reference = f"pf_jupyter-test/bare:{request.param}"
    folder = tmp_path / "image"
    folder.mkdir()
    base.build_base(
        docker_engine,
        reference,
        interpreter=interpreters.at(Path(INTERPRETERS[request.param])),
        packages=(),
        labels={},
        folder=folder,
    )
    shutil.rmtree(folder)
    yield reference
    docker_engine.remove_image(reference)


@pytest.fixture
def channel(
    bare_image: str, docker_engine: Any, test_label: str
) -> Iterator[WorkerChannel]:
    instance = docker_engine.create(
        InstanceSpec(
            name=f"bare-{test_label[:12]}",
            image=bare_image,
            labels={"pf_jupyter.test": test_label},
            network="none",
        )
    )
    docker_engine.start(instance)
    python = docker_engine.python(instance)
    stream = docker_engine.open_stream(instance, bundle.command(python))
    opened = WorkerChannel(stream)
    yield opened
    opened.close()
    docker_engine.remove(instance)


def test_a_python_flow_runs_in_it(
    channel: WorkerChannel, tmp_path: Path, make_body: Callable[..., dict[str, Any]]
) -> None:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "step.py").write_text(STEP)
    hello = channel.handshake(timeout=30)
    assert hello["uid"] == 1000
    flow, snapshot = load(folder).require()
    pending = channel.run(snapshot, make_body(flow, {"text": "hi"}))
    result = pending.result(timeout=60)
    assert result["status"] == "Completed", result["error"]
    text, version, hostname = result["outputs"]["answer"].split(" ")
    assert text == "hi"
    assert version == hello["python"]
    assert hostname == hello["hostname"]


@pytest.fixture
def make_body() -> Callable[..., dict[str, Any]]:
    def make(flow: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        return {
            "run_id": "bare",
            "flow": flow.to_dict(),
            "inputs": inputs,
            "mode": "flow",
            "node": None,
            "dependency_outputs": {},
            "connections": {},
            "environment_variables": {},
            "line_number": None,
            "timeout": 30,
            "concurrency": 16,
            "aggregation": True,
            "log_limit": 65536,
        }

    return make


def test_this_pythons_own_version_is_among_them() -> None:
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in INTERPRETERS
