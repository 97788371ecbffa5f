"""One channel to each runtime, opened when it is needed and again when it broke."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from pf_jupyter.errors import RuntimeFailed
from pf_jupyter.runtimes.channels import Channels


def test_it_is_opened_once_and_again_when_it_broke(stage):
    record = stage.create()
    channels = stage.life.channels
    first = channels.get(record, stage.engine)
    assert channels.get(record, stage.engine) is first
    assert channels.peek(record.id) is first
    first.alive = False
    assert channels.peek(record.id) is None
    second = channels.get(record, stage.engine)
    assert second is not first
    assert second.alive


def test_another_instance_means_another_channel(stage):
    record = stage.create()
    first = stage.life.channels.get(record, stage.engine)
    second = stage.life.channels.get(replace(record, instance="new"), stage.engine)
    assert second.instance == "new"
    assert not first.alive


def test_threads_that_ask_at_once_get_the_same(stage):
    record = stage.create()
    opened = []

    def slow(engine, instance):
        time.sleep(0.05)
        opened.append(stage.open(engine, instance))
        return opened[-1]

    channels = Channels(slow)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(channels.get(record, None)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert all(channel is opened[0] for channel in found)
    channels.close()
    assert not opened[0].alive


def test_who_waits_is_told_the_cause(stage):
    record = stage.create()
    error = RuntimeFailed("gone", phase="run")
    stage.life.channels.fail(record.id, error)
    assert stage.workers[0].causes == [error]
    stage.life.channels.fail(record.id, error)
    assert stage.workers[0].causes == [error]
