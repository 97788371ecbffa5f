"""Several processes, one workspace: what one does, the others see; none takes another
down with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys
import pf_jupyter

ws = pf_jupyter.connect(sys.argv[1])
rt = ws.runtimes.get("demo")

def tell(event):
    if event["event"] == "node_started":
        print(event["node"], event["run_id"], flush=True)

result = rt.run(sys.argv[2], on_event=tell)
print("ended", result.status, (result.error or {}).get("code"), flush=True)
"""


@pytest.fixture
def start(home):
    """Return a function that runs a flow in another process."""
    running = []

    def begin(flow):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(home), str(flow)],
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def until_waiting(process):
    for line in process.stdout:
        node, run_id = line.split()[:2]
        if node == "wait":
            return run_id
    raise AssertionError("the flow did not get there")


def test_two_processes_use_one_runtime(workspace, start, slow_flow):
    workspace.runtimes.create("demo", compute="process")
    other = start(slow_flow)
    run_id = until_waiting(other)
    rt = workspace.runtimes.get("demo")
    assert rt.state == "busy"
    assert rt.run("hello").outputs == {"greeting": "Hello, World!"}
    assert rt.state == "busy"
    (theirs,) = [run for run in workspace.runs.list() if run["run_id"] == run_id]
    assert theirs["status"] == "Running"


def test_a_process_that_is_killed_leaves_an_interrupted_run(
    workspace, start, slow_flow
):
    workspace.runtimes.create("demo", compute="process")
    other = start(slow_flow)
    run_id = until_waiting(other)
    os.kill(other.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    other.wait()
    (run,) = workspace.runs.list()
    assert (run["run_id"], run["status"]) == (run_id, "Interrupted")
    rt = workspace.runtimes.get("demo")
    assert rt.state == "ready"
    assert rt.run("hello").status == "Completed"
    result = workspace.runs.get(run_id)
    assert result.status == "Interrupted"
    assert result.error is not None
    assert result.error["hint"] == "run it again"
    assert "Interrupted" in result._repr_mimebundle_()["text/html"]


def test_a_runtime_stopped_elsewhere_ends_the_run_with_that_cause(
    workspace, start, slow_flow
):
    rt = workspace.runtimes.create("demo", compute="process")
    other = start(slow_flow)
    until_waiting(other)
    rt.stop()
    out, _ = other.communicate(timeout=60)
    assert out.split()[-3:] == ["ended", "Failed", "runtime_stopped"]


def test_a_runtime_that_dies_is_noticed_by_all(workspace, start, slow_flow):
    rt = workspace.runtimes.create("demo", compute="process")
    other = start(slow_flow)
    until_waiting(other)
    life = workspace.core.life
    record = workspace.core.store.runtime("demo")
    before = time.monotonic()
    life.computes.engine("process").remove(record.instance)
    out, _ = other.communicate(timeout=60)
    assert out.split()[-3:-1] == ["ended", "Failed"]
    while rt.state != "failed" and time.monotonic() < before + 60:
        time.sleep(0.02)
    assert rt.state == "failed"
    assert rt.to_dict()["error"]["hint"] == "%pfruntime start demo brings it back"
    assert rt.start().run("hello").status == "Completed"
