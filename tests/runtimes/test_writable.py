"""Runtimes whose file system can be written: how they are made, and what is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pf_jupyter.engines.containers import FileChange
from pf_jupyter.errors import IllegalState, UsageError
from pf_jupyter.runtimes.wish import Wish
from pf_jupyter.runtimes.writable import (
    changed_by_hand,
    check_writable,
    refuse_to_lose,
    renew,
)


class Changed:
    """The fake engine, which tells of files that somebody changed."""

    def __init__(self, engine, *paths):
        self._engine, self.paths = engine, paths

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def changes(self, instance):
        return [FileChange("added", path) for path in self.paths]

    def container(self, reference): ...

    def image_user(self, image): ...


PASSING = (
    "/etc",
    "/etc/hosts",
    "/opt",
    "/opt/pf_layers",
    "/tmp/x",
    "/usr/sbin/docker-init",
    "/usr/lib/python3/__pycache__/os.pyc",
    "/var/cache/apt/pkgcache.bin",
    "/root/.cache/pip/x",
)
TOOL = ("/usr", "/usr/bin", "/usr/bin/tool", *PASSING)


def test_the_wish_reaches_the_engine_and_stays(stage):
    record = stage.create(writable=True)
    (instance,) = stage.engine.instances.values()
    assert instance.spec.writable
    assert instance.spec.hardened
    assert record.profile == "writable"
    # another container for it, whoever makes it, is the same
    stage.engine.remove(record.instance)
    again = stage.life.lifecycle.start(record.id)
    (instance,) = stage.engine.instances.values()
    assert instance.spec.writable
    assert again.instance != record.instance


def test_a_runtime_is_read_only_unless_asked(stage):
    record = stage.create()
    (instance,) = stage.engine.instances.values()
    assert not instance.spec.writable
    assert record.profile == "hardened"
    assert changed_by_hand(record, Changed(stage.engine, *TOOL)) == []


def test_without_containers_it_is_refused(stage):
    info = replace(stage.engine.ping(), isolated=False)
    with pytest.raises(UsageError) as caught:
        check_writable(info, "process")
    assert caught.value.code == "no_containers"
    assert "--compute docker" in caught.value.hint
    assert Wish("demo").writable is False


def test_what_nobody_did_by_hand_is_no_change(stage):
    record = stage.create(writable=True)
    engine = Changed(stage.engine, *PASSING)
    assert changed_by_hand(record, engine) == []
    refuse_to_lose(record, engine, "update")
    assert not renew(record, engine, stage.life.lifecycle)
    assert stage.record().instance == record.instance


def test_an_update_does_not_lose_what_was_done_by_hand(stage):
    record = stage.create(writable=True)
    engine = Changed(stage.engine, *TOOL)
    assert changed_by_hand(record, engine) == ["/usr/bin/tool"]
    with pytest.raises(IllegalState) as caught:
        refuse_to_lose(record, engine, "update")
    assert caught.value.code == "changed_by_hand"
    assert "/usr/bin/tool" in caught.value.message
    assert "%pfruntime capture demo --as NAME" in caught.value.hint


def test_renewing_makes_the_container_anew_and_ends_no_run(stage):
    record = stage.create(writable=True)
    engine = Changed(stage.engine, *TOOL)
    busy = replace(record, state="busy")
    with pytest.raises(IllegalState) as caught:
        renew(busy, engine, stage.life.lifecycle)
    assert caught.value.code == "runtime_busy"
    assert stage.record().instance == record.instance
    assert renew(record, engine, stage.life.lifecycle)
    after = stage.record()
    assert (after.state, len(stage.engine.instances)) == ("ready", 1)
    assert after.instance != record.instance
    # one that is stopped stays so, and gets its container when it is started
    stopped = stage.life.lifecycle.stop(record.id)
    assert renew(stopped, engine, stage.life.lifecycle)
    assert (stage.record().state, len(stage.engine.instances)) == ("stopped", 0)
    assert stage.life.lifecycle.start(record.id).state == "ready"
