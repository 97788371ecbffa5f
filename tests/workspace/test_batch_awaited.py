"""Batches beside a running event loop."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

FLOW = """\
inputs:
  x: {type: string}
outputs:
  out: {type: string, reference: "${step.output}"}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {x: "${inputs.x}"}
"""
CODE = """\
import os, time
from promptflow.core import tool


@tool
def step(x):
    while x.endswith("wait"):
        time.sleep(0.01)
    return x.upper()
"""
PATIENCE = 60.0


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "step.py").write_text(CODE)
    return folder


def test_a_batch_can_be_awaited_or_not(rt, flow):
    async def both():
        plain = rt.batch(flow, [{"x": "a"}])
        return plain, await rt.batch(flow, [{"x": "b"}])

    plain, awaited = asyncio.run(both())
    assert plain.line(0).outputs == {"out": "A"}
    assert awaited.line(0).outputs == {"out": "B"}


def test_a_loop_goes_on_while_a_batch_runs(rt, flow):
    async def work():
        turns, threads = 0, set()

        def hear(event):
            threads.add(threading.current_thread())

        task = asyncio.ensure_future(
            rt.abatch(flow, [{"x": "a"}, {"x": "b"}], on_event=hear, name="mine")
        )
        while not task.done():
            turns += 1
            await asyncio.sleep(0.001)
        assert threads == {threading.main_thread()}
        return turns, await task

    turns, run = asyncio.run(work())
    assert turns > 1
    assert run.counts["completed"] == 2
    assert run.name == "mine"


def test_who_stops_awaiting_ends_the_batch(rt, shared, flow):
    async def work():
        began = asyncio.Event()
        ids = []

        def hear(event):
            ids.append(event["run_id"])
            if event.get("completed"):
                began.set()

        rows = [{"x": "a"}, {"x": "wait"}, {"x": "and wait"}]
        task = asyncio.ensure_future(rt.abatch(flow, rows, on_event=hear))
        await asyncio.wait_for(began.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ids[0]

    run = shared.runs.batch(asyncio.run(work()))
    assert run.status == "Canceled"
    assert run.counts["completed"] == 1
    assert run.line(0).outputs == {"out": "A"}


def test_what_is_wrong_is_told_as_by_batch(rt, tmp_path):
    with pytest.raises(Exception, match="nothing"):
        asyncio.run(rt.abatch(tmp_path / "nothing", [{"x": "a"}]))
