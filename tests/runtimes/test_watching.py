"""A lost runtime shows, and what waits for it fails with the cause."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pf_jupyter.engines.api import InstanceEvent


def test_a_killed_instance_fails_its_runtime_and_who_waits(stage):
    record = stage.create()
    stage.engine.kill(record.instance)
    failed = stage.record()
    assert (failed.state, failed.phase) == ("failed", "run")
    assert failed.error == {
        "code": "runtime_died",
        "message": "runtime 'demo' is gone: killed from outside (exit code 137)",
        "hint": "%pfruntime start demo brings it back",
        "phase": "run",
    }
    (cause,) = stage.workers[0].causes
    assert (cause.code, cause.phase) == ("runtime_died", "run")
    stage.life.lifecycle.start(record.id)
    assert stage.record().state == "ready"
    # and it is watched again
    stage.engine.kill(record.instance)
    assert stage.record().state == "failed"


def test_a_removed_instance(stage):
    record = stage.create()
    stage.engine.remove(record.instance)
    assert stage.record().state == "failed"
    assert len(stage.workers[0].causes) == 1


def test_memory_that_ends_the_instance(stage):
    record = stage.create()
    stage.engine.exhaust(record.instance)
    failed = stage.record()
    assert (failed.state, failed.error["code"]) == ("failed", "out_of_memory")
    assert "4.0 GB" in failed.error["message"]


def test_memory_that_ends_only_a_part_of_it_goes_into_the_log(stage):
    record = stage.create()
    stage.engine.exhaust(record.instance, fatal=False)
    assert stage.record().state == "ready"
    assert stage.workers[0].alive
    assert any("memory" in text for text in stage.log())


def test_a_lost_engine_fails_its_runtimes(stage):
    record = stage.create()
    stage.engine.lose()
    failed = stage.record()
    assert (failed.state, failed.error["code"]) == ("failed", "engine_lost")
    assert "start demo" in failed.error["hint"]
    assert stage.workers[0].causes
    stage.engine.recover()
    assert stage.life.lifecycle.start(record.id).state == "ready"


def test_what_is_stopped_or_deleted_on_purpose_does_not_fail(stage):
    record = stage.create()
    stage.life.lifecycle.stop(record.id)
    assert stage.record().state == "stopped"
    assert stage.record().error is None
    stage.life.lifecycle.delete(record.id)
    assert stage.record() is None


@pytest.mark.parametrize("label", ["pf_jupyter.workspace", "pf_jupyter.id"])
def test_events_of_others_are_nothing_to_us(stage, label):
    record = stage.create()
    labels = dict(stage.engine.instances[record.instance].spec.labels)
    stage.life.watch.notice(
        "docker",
        stage.engine,
        InstanceEvent(
            "removed",
            record.instance,
            datetime.now(UTC),
            labels={**labels, label: "somebody else's"},
        ),
    )
    assert stage.record().state == "ready"


def test_the_end_of_a_replaced_instance_says_nothing_of_the_new_one(stage):
    record = stage.create()
    labels = dict(stage.engine.instances[record.instance].spec.labels)
    event = InstanceEvent("died", "an older one", datetime.now(UTC), labels=labels)
    stage.life.watch.notice("docker", stage.engine, event)
    assert stage.record().state == "ready"
