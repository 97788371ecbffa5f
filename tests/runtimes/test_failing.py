"""Why a channel broke is found out, whoever was the first to notice."""

from __future__ import annotations

import threading

from pf_jupyter.engines.api import InstanceState


def examine(stage, record):
    return stage.life.failures.examine(record, stage.engine)


def test_the_instance_ended(stage):
    record = stage.create()
    stage.life.watch.close()
    stage.engine.kill(record.instance)
    error = examine(stage, record)
    assert (error.code, error.phase) == ("runtime_died", "run")
    assert "137" in error.message
    assert stage.record().state == "failed"


def test_somebody_stopped_or_deleted_it(stage):
    record = stage.create()
    stage.life.lifecycle.stop(record.id)
    assert examine(stage, record).code == "runtime_stopped"
    stage.life.lifecycle.delete(record.id)
    assert examine(stage, record).code == "runtime_deleted"


def test_the_engine_is_gone(stage):
    record = stage.create()
    stage.engine.reachable = False
    assert examine(stage, record).code == "engine_lost"
    assert stage.record().state == "failed"


def test_only_the_worker_ended(stage, monkeypatch):
    from pf_jupyter.runtimes import failing

    monkeypatch.setattr(failing, "_SETTLE_SECONDS", 0.05)
    record = stage.create()
    error = examine(stage, record)
    assert error.code == "worker_lost"
    assert stage.record().state == "ready"


def test_an_engine_that_is_slow_to_tell_is_given_a_moment(stage):
    record = stage.create()
    stage.life.watch.close()
    timer = threading.Timer(0.2, stage.engine.kill, [record.instance])
    timer.start()
    assert examine(stage, record).code == "runtime_died"
    timer.join()


def test_the_first_cause_is_kept(stage):
    record = stage.create()
    stage.engine.kill(record.instance)
    again = stage.life.failures.lost(
        record, InstanceState(record.instance, "x", "missing", "base", {})
    )
    assert again is None
    assert stage.record().error["code"] == "runtime_died"


def test_what_was_found_out_too_late_does_not_hurt_a_new_start(stage):
    record = stage.create()
    stage.life.watch.close()
    stage.engine.kill(record.instance)
    seen = stage.engine.inspect(record.instance)
    stage.life.channels.drop(record.id)
    stage.life.lifecycle.start(record.id)
    assert stage.life.failures.lost(record, seen) is None
    assert stage.record().state == "ready"
    assert stage.workers[-1].alive
