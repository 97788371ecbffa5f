"""Records are held against what is really there."""

from __future__ import annotations

import pytest

from pf_jupyter.engines.api import InstanceSpec
from pf_jupyter.runtimes.identity import WORKSPACE


@pytest.fixture
def blind(stage):
    """The stage without its watch: nobody tells what happens."""
    for name in ("one", "two"):
        stage.create(name)
    stage.life.watch.close()
    return stage


def test_each_engine_is_asked_once_for_all(blind):
    blind.engine.calls.clear()
    records = blind.life.reconciler.all()
    assert [record.state for record in records] == ["ready", "ready"]
    assert blind.engine.calls == ["find"]


def test_a_dead_one_is_found(blind):
    blind.engine.kill(blind.record("one").instance)
    one, two = blind.life.reconciler.all()
    assert (one.state, two.state) == ("failed", "ready")
    assert blind.record("one").error["code"] == "runtime_died"


def test_a_removed_one_is_found(blind):
    blind.engine.remove(blind.record("two").instance)
    assert blind.life.reconciler.one(blind.record("two")).state == "failed"
    assert blind.record("two").error["code"] == "runtime_removed"


def test_an_engine_out_of_reach_is_said_and_not_recorded(blind):
    blind.engine.reachable = False
    seen = blind.life.reconciler.all()
    assert [record.state for record in seen] == ["failed", "failed"]
    assert seen[0].error["code"] == "engine_unreachable"
    assert blind.record("one").state == "ready"
    blind.engine.reachable = True
    assert blind.life.reconciler.one(blind.record("one")).state == "ready"


def test_another_engine_under_the_same_name_is_not_a_loss(blind):
    record = blind.record("one")
    blind.store.change_runtime(record.id, engine_address="tcp://elsewhere")
    blind.engine.remove(record.instance)
    seen = blind.life.reconciler.one(blind.record("one"))
    assert seen.state == "failed"
    assert "tcp://elsewhere" in seen.error["message"]
    assert blind.record("one").state == "ready"


def test_what_somebody_works_on_is_left_alone(blind):
    record = blind.record("one")
    blind.store.change_runtime(record.id, state="starting", phase="start")
    with blind.life.turns.take(record.id, "one", 1):
        assert blind.life.reconciler.one(blind.record("one")).state == "starting"
    failed = blind.life.reconciler.one(blind.record("one"))
    assert (failed.state, failed.phase) == ("failed", "start")
    assert failed.error["code"] == "interrupted"


def test_instances_without_a_runtime_are_orphans(blind):
    lost = blind.engine.create(
        InstanceSpec("lost", "base", labels={WORKSPACE: blind.store.id})
    )
    blind.engine.create(InstanceSpec("other", "base", labels={WORKSPACE: "another"}))
    assert [s.id for s in blind.life.reconciler.orphans("docker")] == [lost]
