"""Layers that no runtime has any more go; those that somebody may need stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import LAYER_MARK, InstanceSpec
from pf_jupyter.runtimes import identity

from .conftest import Stage


def layer(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "source": "ad hoc",
        "requirements": [],
        "packages": {},
        "items": [],
        "options": [],
    }


@pytest.fixture
def fill(stage: Stage, tmp_path: Path) -> Any:
    """Return a function that makes layers and gives some of them to a runtime."""

    def make(record: Any, *names: str, kept: int = 1) -> str:
        volume = identity.volume(record)
        for name in names:
            folder = tmp_path / name
            folder.mkdir()
            (folder / LAYER_MARK).write_text(json.dumps({}))
            stage.engine.add_layer(volume, name, folder, record.image)
        layers = [layer(name) for name in names[:kept]]
        stage.store.change_runtime(record.id, layers=layers or None)
        return volume

    return make


def test_what_no_runtime_has_goes(stage: Stage, fill: Any) -> None:
    one = stage.create("one")
    volume = fill(one, "used", "left", "older")
    pruner = stage.life.pruner
    assert pruner.unused("docker") == {volume: ["left", "older"]}
    assert sorted(pruner.prune("docker")) == ["left", "older"]
    assert stage.engine.layers(volume, one.image) == ["used"]
    assert pruner.prune("docker") == []


def test_what_can_be_gone_back_to_stays(stage: Stage, fill: Any) -> None:
    one = stage.create("one")
    volume = fill(one, "used", "before", "left")
    stage.store.change_runtime(one.id, previous={"layers": [layer("before")]})
    assert stage.life.pruner.prune("docker") == ["left"]
    assert stage.engine.layers(volume, one.image) == ["before", "used"]


def test_nothing_goes_while_runs_go_on_or_somebody_changes_a_runtime(
    stage: Stage, fill: Any
) -> None:
    one, two = stage.create("one"), stage.create("two")
    volume = fill(one, "used", "left")
    pruner = stage.life.pruner
    stage.store.change_runtime(two.id, state="busy")
    assert pruner.prune("docker") == []
    stage.store.change_runtime(two.id, state="ready")
    stage.store.change_runtime(two.id, previous={"held": [{"instance": "x"}]})
    assert pruner.prune("docker") == []
    stage.store.change_runtime(two.id, previous=None)
    # another process installs into it, say: it has the turn
    with stage.life.turns.take(two.id, "two", 0):
        assert pruner.prune("docker") == []
    assert stage.engine.layers(volume, one.image) == ["left", "used"]
    assert pruner.prune("docker") == ["left"]


def test_a_volume_that_another_workspace_sees_is_left_alone(
    stage: Stage, fill: Any
) -> None:
    one = stage.create("one")
    volume = fill(one, "used", "left")
    labels = {identity.WORKSPACE: "another", identity.ID: "its"}
    spec = InstanceSpec(name="theirs", image="base", labels=labels, volume=volume)
    theirs = stage.engine.create(spec)
    assert stage.life.pruner.unused("docker") == {}
    stage.engine.remove(theirs)
    assert stage.life.pruner.unused("docker") == {volume: ["left"]}


def test_an_engine_that_does_not_answer_keeps_nobody_from_deleting(
    stage: Stage, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pf_jupyter.errors import Unreachable

    one = stage.create("one")
    fill(one, "used", "left")

    def gone(*_: Any) -> Any:
        raise Unreachable("gone")

    monkeypatch.setattr(stage.engine, "layers", gone)
    record = stage.store.runtime_by_id(one.id)
    stage.life.pruner.after(record)
