"""Runtimes are made, started, stopped and deleted; what goes wrong is kept and told."""

from __future__ import annotations

import threading

import pytest

from pf_jupyter.errors import (
    AlreadyExists,
    IllegalState,
    InternalError,
    NotFound,
    Refused,
    RuntimeFailed,
    Unreachable,
    UsageError,
)
from pf_jupyter.runtimes import identity
from pf_jupyter.runtimes.model import RuntimeLimits


def phases(stage, status):
    return [event.phase for event in stage.events if event.status == status]


def test_a_runtime_is_made_phase_by_phase(stage):
    record = stage.create()
    order = ["check", "build", "create", "start", "handshake"]
    assert phases(stage, "started") == order
    assert phases(stage, "done") == order
    assert phases(stage, "failed") == []
    assert all(event.elapsed >= 0 for event in stage.events)
    moved = [event for event in stage.events if event.status == "progress"]
    assert [(event.current, event.total) for event in moved] == [(1, 2), (2, 2)]
    assert record == stage.record()
    assert record.state == "ready"
    assert record.phase is None
    assert record.environment_digest == "sha256:" + "ab" * 32
    assert record.python == "3.12.1"
    assert record.hostname.startswith("host-")
    assert record.isolated


def test_its_log_tells_the_same(stage):
    stage.create()
    lines = [line for _, line in stage.store.life(stage.record().id)]
    done = [(line.phase, line.elapsed) for line in lines if line.kind == "done"]
    assert [phase for phase, _ in done] == phases(stage, "done")
    assert all(elapsed is not None and elapsed >= 0 for _, elapsed in done)
    # a text that did not change is written once
    assert [line.text for line in lines].count("gathering") == 1
    assert [line.text for line in lines if line.kind == "state"] == [
        "starting",
        "ready",
    ]


def test_the_instance_carries_labels_limits_and_no_privileges(stage):
    limits = RuntimeLimits(cpus=1.0, memory=2**30, pids=64)
    record = stage.create(limits=limits, network="none")
    (instance,) = stage.engine.instances.values()
    spec = instance.spec
    assert spec.labels == {
        "pf_jupyter.runtime": "demo",
        "pf_jupyter.id": record.id,
        "pf_jupyter.owner": record.owner,
        "pf_jupyter.workspace": stage.store.id,
        "pf_jupyter.digest": record.environment_digest,
        "pf_jupyter.server": spec.labels["pf_jupyter.server"],
    }
    assert spec.limits.cpus == 1.0
    assert spec.limits.memory == 2**30
    assert spec.limits.pids == 64
    assert spec.network == "none"
    assert spec.hardened


def test_two_workspaces_may_use_the_same_name_on_one_engine(stage, tmp_path):
    from pf_jupyter.store.store import Store

    stage.create()
    other = Store(tmp_path / "other")
    life = stage.another(other)
    try:
        from pf_jupyter.runtimes.wish import Wish

        life.lifecycle.create(Wish("demo"))
        assert len(stage.engine.instances) == 2
        life.lifecycle.delete(other.runtime("demo").id)
        assert len(stage.engine.instances) == 1
        assert stage.life.reconciler.one(stage.record()).state == "ready"
    finally:
        life.close()
        other.close()


@pytest.mark.parametrize(
    "name", ["", "Demo", "a b", "-a", "_a", "ä", "a" * 64, "a/b", "a.b", "a\n"]
)
def test_a_bad_name_makes_nothing(stage, name):
    with pytest.raises(UsageError) as caught:
        stage.create(name)
    assert caught.value.code == "bad_name"
    assert "a-z" in caught.value.hint
    assert stage.store.runtimes() == []
    assert stage.engine.calls == []


@pytest.mark.parametrize("name", ["a", "0", "a-b_c", "a" * 63])
def test_a_good_name(stage, name):
    assert stage.create(name).name == name


def test_a_bad_name_comes_with_a_better_one():
    with pytest.raises(UsageError) as caught:
        identity.check_name("My Runtime!")
    assert "my-runtime" in caught.value.hint


def test_what_exists_is_not_made_again(stage):
    stage.create()
    with pytest.raises(AlreadyExists) as caught:
        stage.create()
    assert "%pfruntime use demo" in caught.value.hint
    assert len(stage.engine.instances) == 1


def test_an_engine_that_does_not_answer_makes_no_record(stage):
    stage.engine.lose()
    with pytest.raises(Unreachable) as caught:
        stage.create()
    assert caught.value.exit_code == 4
    assert stage.record() is None
    assert phases(stage, "failed") == ["check"]


def test_unknown_computes_and_environments_are_named(stage):
    with pytest.raises(UsageError) as compute:
        stage.create(compute="dokcer")
    assert compute.value.code == "unknown_compute"
    assert "docker" in compute.value.hint
    with pytest.raises(NotFound):
        stage.create(environment="mine")
    assert stage.store.runtimes() == []


@pytest.mark.parametrize(
    "limits",
    [RuntimeLimits(memory=0), RuntimeLimits(cpus=-1.0), RuntimeLimits(pids=0)],
)
def test_limits_that_cannot_be(stage, limits):
    with pytest.raises(UsageError):
        stage.create(limits=limits)
    assert stage.store.runtimes() == []


def test_more_than_the_machine_has_is_said_and_bounded(stage):
    record = stage.create(limits=RuntimeLimits(cpus=64.0, memory=2**50))
    (check,) = [e for e in stage.events if e.phase == "check" and e.status == "done"]
    assert "warning" in check.detail
    assert "8.0 GB" in check.detail
    assert record.cpus == 2.0
    assert record.memory == 2**50


REASONS = [
    ("resolve", "build", RuntimeFailed("no space", phase="build", code="full")),
    ("resolve", "build", Unreachable("no registry", code="no_registry", hint="h")),
    ("open", "handshake", RuntimeFailed("no hello", phase="handshake", log="Trace")),
    ("open", "handshake", Refused("not allowed", hint="ask")),
    ("open", "handshake", InternalError("a defect")),
]


@pytest.mark.parametrize(("what", "phase", "error"), REASONS)
def test_a_runtime_that_fails_on_its_way_stays_for_its_log(stage, what, phase, error):
    stage.refuse[what] = error
    with pytest.raises(RuntimeFailed) as caught:
        stage.create()
    raised = caught.value
    assert (raised.phase, raised.code) == (phase, error.code)
    assert error.message in raised.message
    assert raised.hint
    assert raised.exit_code == error.exit_code
    record = stage.record()
    assert (record.state, record.phase) == ("failed", phase)
    assert record.error["code"] == error.code
    assert record.error["phase"] == phase
    assert record.error["hint"]
    assert error.message in "\n".join(stage.log())
    if getattr(error, "log", ""):
        assert error.log in raised.log
    # all or nothing: the engine keeps nothing of it
    assert stage.engine.instances == {}
    assert record.instance is None


def test_a_failed_one_is_brought_back_by_start(stage):
    stage.refuse["open"] = RuntimeFailed("no hello", phase="handshake")
    with pytest.raises(RuntimeFailed):
        stage.create()
    stage.life.lifecycle.start(stage.record().id)
    record = stage.record()
    assert (record.state, record.error) == ("ready", None)
    assert list(stage.engine.instances) == [record.instance]


def test_an_interrupted_creation_is_cleaned_up_and_stays_interrupted(stage):
    stage.refuse["open"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        stage.create()
    assert stage.record().state == "failed"
    assert stage.record().error["code"] == "interrupted"
    assert stage.engine.instances == {}


def test_stop_and_start_keep_the_instance(stage):
    created = stage.create()
    stopped = stage.life.lifecycle.stop(created.id)
    assert stopped.state == "stopped"
    assert stage.engine.instances[created.instance].status == "exited"
    assert not stage.workers[0].alive
    stage.events.clear()
    started = stage.life.lifecycle.start(created.id, stage.events.append)
    assert started.state == "ready"
    assert started.instance == created.instance
    assert phases(stage, "done") == ["check", "create", "start", "handshake"]
    assert "build" not in phases(stage, "started")


def test_stop_and_start_do_nothing_twice(stage):
    key = stage.create().id
    stage.engine.calls.clear()
    assert stage.life.lifecycle.start(key).state == "ready"
    assert "start" not in stage.engine.calls
    stage.life.lifecycle.stop(key)
    stage.engine.calls.clear()
    assert stage.life.lifecycle.stop(key).state == "stopped"
    assert stage.engine.calls == []


def test_restart_opens_a_new_channel(stage):
    key = stage.create().id
    assert stage.life.lifecycle.restart(key).state == "ready"
    assert [worker.alive for worker in stage.workers] == [False, True]
    stage.life.lifecycle.stop(key)
    assert stage.life.lifecycle.restart(key).state == "ready"


def test_start_makes_a_new_instance_when_the_old_one_is_gone(stage):
    created = stage.create()
    stage.life.lifecycle.stop(created.id)
    stage.engine.remove(created.instance)
    started = stage.life.lifecycle.start(created.id)
    assert started.state == "ready"
    assert started.instance != created.instance
    assert list(stage.engine.instances) == [started.instance]


def test_start_notices_that_a_ready_one_is_dead(stage, tmp_path):
    created = stage.create()
    stage.life.watch.close()
    stage.engine.kill(created.instance)
    stage.life.channels.drop(created.id)
    assert stage.record().state == "ready"
    assert stage.life.lifecycle.start(created.id).state == "ready"
    assert stage.engine.instances[created.instance].status == "running"


def test_a_failed_runtime_cannot_be_stopped(stage):
    stage.refuse["open"] = RuntimeFailed("no hello", phase="handshake")
    with pytest.raises(RuntimeFailed):
        stage.create()
    with pytest.raises(IllegalState) as caught:
        stage.life.lifecycle.stop(stage.record().id)
    assert "failed" in caught.value.message
    assert "stopping" in caught.value.message


@pytest.mark.parametrize("how", ["ready", "stopped", "failed"])
def test_delete_removes_everything(stage, how):
    record = stage.create()
    if how == "stopped":
        stage.life.lifecycle.stop(record.id)
    elif how == "failed":
        stage.engine.kill(record.instance)
        assert stage.record().state == "failed"
    stage.life.lifecycle.delete(record.id)
    assert stage.record() is None
    assert stage.engine.instances == {}
    assert stage.store.life(record.id) == []
    assert not any(worker.alive for worker in stage.workers)
    with pytest.raises(NotFound):
        stage.life.lifecycle.delete(record.id)


def test_what_cannot_be_removed_is_not_forgotten(stage):
    record = stage.create()
    stage.engine.reachable = False
    with pytest.raises(Unreachable):
        stage.life.lifecycle.delete(record.id)
    assert stage.record().state == "failed"
    stage.engine.reachable = True
    stage.life.lifecycle.delete(record.id)
    assert stage.engine.instances == {}


def test_two_starts_at_once_start_it_once(stage):
    key = stage.create().id
    stage.life.lifecycle.stop(key)
    stage.engine.calls.clear()
    other = stage.another(stage.store)
    results = []
    threads = [
        threading.Thread(target=lambda life=life: results.append(life.start(key).state))
        for life in (stage.life.lifecycle, other.lifecycle)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert results == ["ready", "ready"]
    assert stage.engine.calls.count("start") == 1


def test_what_a_dead_process_left_on_its_way_has_failed_and_starts(stage):
    record = stage.create()
    stage.store.change_runtime(record.id, state="starting", phase="handshake")
    started = stage.life.lifecycle.start(record.id)
    assert started.state == "ready"
    assert any("ended before" in text for text in stage.log())


def test_stop_waits_for_its_turn_and_gives_up_with_the_way_out(stage, monkeypatch):
    from pf_jupyter.runtimes import lifecycle

    record = stage.create()
    monkeypatch.setattr(lifecycle, "_CHANGE_SECONDS", 0.1)
    with (
        stage.life.turns.take(record.id, "demo", 1),
        pytest.raises(IllegalState) as caught,
    ):
        stage.life.lifecycle.stop(record.id)
    assert caught.value.code == "runtime_in_change"
    assert "%pfruntime logs demo" in caught.value.hint
