"""Runs that a running event loop waits for."""

from __future__ import annotations

import asyncio

import pytest

from pf_jupyter.errors import UsageError


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_the_loop_goes_on_meanwhile(rt, slow_flow):
    async def both():
        ticks = 0
        task = asyncio.create_task(rt.arun(slow_flow, seconds=1.0))
        while not task.done():
            await asyncio.sleep(0.02)
            ticks += 1
        return await task, ticks

    result, ticks = run(both())
    assert result.outputs == {"done": "waited"}
    assert ticks > 3


def test_many_at_once(rt, slow_flow):
    async def many():
        return await asyncio.gather(
            *(rt.arun(slow_flow, seconds=0.05) for _ in range(3)), rt.arun("hello")
        )

    assert [result.status for result in run(many())] == ["Completed"] * 4


def test_errors_come_through(rt, slow_flow):
    with pytest.raises(UsageError):
        run(rt.arun(slow_flow, seconds="soon"))


def test_a_cancelled_task_cancels_the_run(shared, rt, slow_flow):
    async def begin_and_cancel():
        began = asyncio.Event()
        loop = asyncio.get_running_loop()

        def listen(event):
            if event["event"] == "node_started" and event["node"] == "wait":
                loop.call_soon_threadsafe(began.set)

        task = asyncio.create_task(rt.arun(slow_flow, on_event=listen))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while shared.runs.list(limit=1)[0]["status"] == "Running":
            await asyncio.sleep(0.02)
        return shared.runs.list(limit=1)[0]["status"]

    assert run(begin_and_cancel()) == "Canceled"


def test_events_are_streamed_and_the_last_is_the_result(rt):
    async def collect():
        return [event async for event in rt.stream("hello", name="Ana")]

    events = run(collect())
    assert events[0]["event"] == "run_started"
    assert {event["run_id"] for event in events} == {events[-1]["run_id"]}
    last = events[-1]
    assert (last["event"], last["status"]) == ("result", "Completed")
    assert last["outputs"] == {"greeting": "Hello, Ana!"}
    assert last["result"].outputs == last["outputs"]


def test_leaving_the_stream_cancels_the_run(shared, rt, slow_flow):
    async def leave():
        stream = rt.stream(slow_flow)
        async for event in stream:
            if event["event"] == "node_started" and event["node"] == "wait":
                break
        await stream.aclose()
        while shared.runs.list(limit=1)[0]["status"] == "Running":
            await asyncio.sleep(0.02)
        return shared.runs.list(limit=1)[0]["status"]

    assert run(leave()) == "Canceled"


def test_a_stream_that_cannot_begin_raises(rt, slow_flow):
    async def collect():
        return [event async for event in rt.stream(slow_flow, seconds="soon")]

    with pytest.raises(UsageError):
        run(collect())
