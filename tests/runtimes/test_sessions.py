"""Idle sessions go; what a person made stays."""

from __future__ import annotations

import threading

import pytest

from pf_jupyter.runtimes.sessions import Sessions
from pf_jupyter.store.records import timestamp


def sweep(stage):
    return stage.life.sessions.sweep()


def test_a_session_is_removed_an_hour_after_its_last_use(stage):
    stage.create("session", kind="session")
    stage.clock.forward(minutes=59)
    assert sweep(stage) == []
    stage.clock.forward(minutes=2)
    assert sweep(stage) == ["session"]
    assert stage.record("session") is None
    assert stage.engine.instances == {}


def test_use_begins_the_hour_anew(stage):
    record = stage.create("session", kind="session")
    stage.clock.forward(minutes=59)
    stage.store.change_runtime(record.id, last_used_at=timestamp(stage.clock()))
    stage.clock.forward(minutes=59)
    assert sweep(stage) == []
    stage.clock.forward(minutes=2)
    assert sweep(stage) == ["session"]


@pytest.mark.parametrize("kind", ["personal", "shared"])
def test_what_a_person_made_is_never_removed(stage, kind):
    stage.create(kind=kind, idle_minutes=1)
    stage.clock.forward(days=400)
    assert sweep(stage) == []


def test_zero_means_never(stage):
    stage.create("session", kind="session", idle_minutes=0)
    stage.clock.forward(days=400)
    assert sweep(stage) == []


def test_its_own_time(stage):
    stage.create("session", kind="session", idle_minutes=5)
    stage.clock.forward(minutes=6)
    assert sweep(stage) == ["session"]


def test_a_busy_session_is_not_idle(stage):
    record = stage.create("session", kind="session")
    stage.store.change_runtime(record.id, state="busy")
    stage.clock.forward(hours=5)
    assert sweep(stage) == []


@pytest.mark.parametrize("how", ["stopped", "failed"])
def test_a_session_that_does_not_run_goes_as_well(stage, how):
    record = stage.create("session", kind="session")
    if how == "stopped":
        stage.life.lifecycle.stop(record.id)
    else:
        stage.engine.kill(record.instance)
    stage.clock.forward(hours=2)
    assert sweep(stage) == ["session"]


def test_one_that_is_used_in_the_last_moment_stays(stage):
    record = stage.create("session", kind="session")
    stage.store.change_runtime(record.id, last_used_at=timestamp())
    assert not stage.life.lifecycle.delete_unused(record)
    assert stage.record("session").state == "ready"


def test_one_that_a_run_takes_in_the_last_moment_stays(stage):
    record = stage.create("session", kind="session")
    stage.store.change_runtime(record.id, state="busy")
    assert not stage.life.lifecycle.delete_unused(record)
    assert stage.record("session").state == "busy"


def test_a_failing_engine_does_not_end_the_sweep(stage, caplog):
    stage.create("first", kind="session")
    stage.create("second", kind="session")
    stage.clock.forward(hours=2)
    stage.engine.reachable = False
    assert sweep(stage) == []
    assert "first" in caplog.text
    assert "second" in caplog.text


def test_a_process_that_lives_long_sweeps_by_itself(stage):
    record = stage.create("session", kind="session")
    stage.clock.forward(hours=2)
    gone = threading.Event()
    lifecycle = stage.life.lifecycle
    delete = lifecycle.delete_unused

    def noticed(found):
        done = delete(found)
        gone.set()
        return done

    lifecycle.delete_unused = noticed
    sessions = Sessions(stage.store, lifecycle, stage.clock, seconds=0.01)
    sessions.watch()
    try:
        assert gone.wait(60)
    finally:
        sessions.close()
    assert stage.store.runtime_by_id(record.id) is None
