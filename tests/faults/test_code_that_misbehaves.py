"""Code that crashes, hangs, floods or eats memory: one run fails, the runtime lives.

Every case ends with the same proof: an ordinary flow runs in the same runtime.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.workspace.api import Runtime, RuntimeLimits, Workspace

FLOW = """\
inputs:
  text: {type: string, default: hi}
outputs:
  answer: {type: string, reference: "${step.output}"}
nodes:
- name: first
  type: python
  source: {type: code, path: first.py}
  inputs: {text: "${inputs.text}"}
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {text: "${first.output}"}
"""
FIRST = """\
from promptflow.core import tool
@tool
def first(text: str):
    return text + "!"
"""
MakeFlow = Callable[[str], Path]


@pytest.fixture
def make_flow(tmp_path: Path) -> MakeFlow:
    def make(body: str) -> Path:
        folder = tmp_path / f"flow{len(list(tmp_path.glob('flow*')))}"
        folder.mkdir()
        (folder / "flow.dag.yaml").write_text(FLOW)
        (folder / "first.py").write_text(FIRST)
        code = "from promptflow.core import tool\n@tool\ndef step(text: str):\n"
        (folder / "step.py").write_text(code + textwrap.indent(body, "    "))
        return folder

    return make


@pytest.fixture
def runtime(workspace: Workspace, compute: str) -> Iterator[Runtime]:
    made = workspace.runtimes.create(
        "faulty",
        compute=compute,
        limits=RuntimeLimits(cpus=2, memory=256 * 1024**2, pids=128),
    )
    yield made
    made.delete()


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def compute(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    return str(request.param)


def assert_still_works(runtime: Runtime, make_flow: MakeFlow) -> None:
    result = runtime.run(make_flow("return text.upper()"), text="fine")
    assert result.outputs == {"answer": "FINE!"}
    assert runtime.state == "ready"


CRASHES: dict[str, tuple[str, str]] = {
    "os._exit": ("import os\nos._exit(3)\n", "exit code 3"),
    "segfault": ("import ctypes\nctypes.string_at(0)\n", "SIGSEGV"),
    "kill itself": ("import os\nos.kill(os.getpid(), 9)\n", "SIGKILL"),
    "abort": ("import os\nos.abort()\n", "SIGABRT"),
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_names_its_cause_and_node(
    runtime: Runtime, make_flow: MakeFlow, name: str
) -> None:
    body, cause = CRASHES[name]
    result = runtime.run(make_flow(body))
    assert result.status == "Failed"
    assert result.error is not None
    assert result.error["code"] == "ProcessCrashError"
    assert cause in result.error["message"]
    assert result.error["node"] == "step"
    assert result.nodes["first"].status == "Completed"
    assert result.nodes["first"].output == "hi!"
    assert_still_works(runtime, make_flow)


def test_running_out_of_memory_names_the_limit(
    runtime: Runtime, make_flow: MakeFlow
) -> None:
    body = "held = []\nwhile True:\n    held.append(bytearray(16 * 1024 * 1024))\n"
    result = runtime.run(make_flow(body), timeout=60)
    assert result.status == "Failed"
    assert result.error is not None
    assert "memory" in (result.error["message"] + result.error["hint"]).lower()
    assert result.error["node"] == "step"
    assert_still_works(runtime, make_flow)


@pytest.mark.parametrize(
    "body",
    ["while True: pass\n", "import time\ntime.sleep(3600)\n"],
    ids=["busy", "asleep"],
)
def test_a_time_limit_ends_the_code(
    runtime: Runtime, make_flow: MakeFlow, body: str
) -> None:
    result = runtime.run(make_flow(body), timeout=5)
    assert result.status == "Failed"
    assert result.error is not None
    assert result.error["code"] == "LineExecutionTimeoutError"
    assert result.nodes["first"].status == "Completed"
    assert result.nodes["step"].status == "Canceled"
    assert runtime.stats()["runs"] == []
    assert_still_works(runtime, make_flow)


def test_children_end_with_the_run(runtime: Runtime, make_flow: MakeFlow) -> None:
    leave = """\
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(3600)"]
left = [subprocess.Popen(sleep, start_new_session=new).pid for new in (False, True)]
child = os.fork()
if child == 0:
    time.sleep(3600)
return " ".join(map(str, [*left, child]))
"""
    result = runtime.run(make_flow(leave), timeout=120)
    assert result.outputs is not None
    pids = result.outputs["answer"]
    assert len(pids.split()) == 3
    look = f"""\
import os
return " ".join(pid for pid in "{pids}".split() if os.path.exists("/proc/" + pid))
"""
    assert runtime.run(make_flow(look)).outputs == {"answer": ""}
    assert_still_works(runtime, make_flow)


def test_a_flood_of_output_is_bounded(runtime: Runtime, make_flow: MakeFlow) -> None:
    body = """\
line = "x" * 999
print("the beginning")
for _ in range(100_000):
    print(line)
print("the end")
return "done"
"""
    seen: list[Any] = []
    result = runtime.run(make_flow(body), timeout=120, on_event=seen.append)
    assert result.outputs == {"answer": "done"}
    logs = result.nodes["step"].logs
    assert len(logs["stdout"]) < 2 * 1024**2
    assert "the beginning" in logs["stdout"]
    assert "the end" in logs["stdout"]
    assert logs["dropped_bytes"] > 90_000_000
    assert sum(len(str(event)) for event in seen) < 10 * 1024**2
    assert_still_works(runtime, make_flow)
