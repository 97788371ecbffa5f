"""A container that is killed, removed or restarted under a run, and what people see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from pf_jupyter.errors import PfError
from pf_jupyter.workspace.api import Runtime, Workspace

pytestmark = pytest.mark.docker

FLOW = """\
inputs: {}
outputs:
  answer: {type: string, reference: "${wait.output}"}
nodes:
- name: wait
  type: python
  source: {type: code, path: wait.py}
  inputs: {}
"""
WAIT = """\
import time
from promptflow.core import tool
@tool
def wait():
    time.sleep(120)
    return "never"
"""


@pytest.fixture
def runtime(workspace: Workspace, docker_engine: object) -> Iterator[Runtime]:
    made = workspace.runtimes.create("mortal", compute="docker")
    yield made
    made.delete()


@pytest.fixture
def waiting_flow(tmp_path: Path) -> Path:
    folder = tmp_path / "waiting"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "wait.py").write_text(WAIT)
    return folder


def kill(container: Any) -> None:
    container.kill()


def remove(container: Any) -> None:
    container.remove(force=True)


@pytest.mark.parametrize("end", [kill, remove])
def test_the_run_fails_with_the_cause_and_start_brings_it_back(
    runtime: Runtime, waiting_flow: Path, end: Callable[[Any], None]
) -> None:
    client = docker.from_env()
    container = client.containers.get(runtime.to_dict()["container_id"])
    started = threading.Event()
    outcome: list[Any] = []

    def watch(event: Any) -> None:
        if event["event"] == "node_started":
            started.set()

    def run() -> None:
        try:
            outcome.append(runtime.run(waiting_flow, on_event=watch))
        except PfError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(60)
    end(container)
    thread.join(60)
    assert not thread.is_alive()
    failure = outcome[0]
    error = failure.to_dict() if isinstance(failure, PfError) else failure.error
    # a removal by force is a kill first: which of the two is seen first is a race
    causes = ["killed"] if end is kill else ["killed", "removed"]
    assert any(cause in error["message"] for cause in causes)

    until = time.monotonic() + 60
    while runtime.state != "failed" and time.monotonic() < until:
        time.sleep(0.05)
    shown = runtime.to_dict()
    assert shown["state"] == "failed"
    assert shown["error"]["phase"] == "run"
    assert any(cause in shown["error"]["message"] for cause in causes)
    assert "start" in shown["error"]["hint"]

    runtime.start()
    assert runtime.state == "ready"
    result = runtime.run("hello", name="again")
    assert result.status == "Completed"
    client.close()
