"""Runs of processes that were killed are found and said to be interrupted."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from pf_jupyter.runs.interrupted import mark_interrupted
from pf_jupyter.store.records import RunRecord, RuntimeRecord, timestamp
from pf_jupyter.store.store import Store

PROGRAM = """
import sys, time, pathlib
from dataclasses import replace
from pf_jupyter.store.store import Store
from pf_jupyter.store.records import RunRecord, timestamp
store = Store(pathlib.Path(sys.argv[1]))
runtime = store.runtime("demo")
store.begin_run(RunRecord(
    run_id="theirs", status="Running", flow="f", flow_path="f", runtime="demo",
    runtime_id=runtime.id, environment_name="", environment_version="",
    environment_digest="", owner="ana", process=store.processes.mine(),
    created_at=timestamp()))
print("begun", flush=True)
time.sleep(120)
"""


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    made.add_runtime(
        RuntimeRecord(
            id="a" * 32,
            name="demo",
            kind="personal",
            owner="ana",
            compute="docker",
            engine="docker",
            isolated=True,
            state="ready",
            created_at=timestamp(),
            changed_at=timestamp(),
        )
    )
    yield made
    made.close()


def begin(store, run_id, process):
    store.begin_run(
        RunRecord(
            run_id=run_id,
            status="Running",
            flow="f",
            flow_path="f",
            runtime="demo",
            runtime_id="a" * 32,
            environment_name="",
            environment_version="",
            environment_digest="",
            owner="ana",
            process=process,
            created_at=timestamp(),
        )
    )


def test_runs_of_the_dead_are_marked_and_those_of_the_living_are_not(store):
    begin(store, "mine", store.processes.mine())
    begin(store, "lost", "a process nobody knows")
    assert mark_interrupted(store) == ["lost"]
    assert store.run("mine").status == "Running"
    lost = store.run("lost")
    assert (lost.status, lost.error["code"]) == ("Interrupted", "interrupted")
    assert lost.ended_at is not None
    assert store.runtime("demo").state == "busy"
    assert mark_interrupted(store) == []


def test_a_process_that_is_killed_in_the_middle_of_a_run(store, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "begun\n"
        assert mark_interrupted(store) == []
        assert store.runtime("demo").state == "busy"
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while not mark_interrupted(store) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
    assert store.run("theirs").status == "Interrupted"
    assert store.runtime("demo").state == "ready"
    assert store.processes.dead() == []
