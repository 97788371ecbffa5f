"""Volumes with layers, asked of all engines in the same words."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import LAYER_MARK, VOLUME_LABEL, Engine, InstanceSpec
from pf_jupyter.errors import PfError
from pf_jupyter.worker import layers


@pytest.fixture
def volume(engine: Engine) -> Iterator[str]:
    name = f"pf-test-{uuid.uuid4().hex[:12]}"
    yield name
    assert engine.remove_volume(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "layer"
    (made / "bin").mkdir(parents=True)
    (made / "lib").mkdir()
    (made / "lib" / "thing.py").write_text("value = 7\n")
    script = made / "bin" / "tool"
    script.write_text("#!/bin/sh\necho tool\n")
    script.chmod(0o700)
    (made / "bin" / "python").symlink_to("/usr/bin/python3")
    (made / LAYER_MARK).write_text("{}")
    return made


def output(engine: Engine, instance: str, code: str) -> str:
    stream = engine.open_stream(instance, [*engine.python(instance), "-c", code])
    data = b""
    while piece := stream.read(65536):
        data += piece
    stream.close()
    return data.decode()


def test_the_mark_is_the_one_the_worker_looks_for() -> None:
    assert layers.MARK == LAYER_MARK


def test_a_layer_appears_in_an_instance_that_runs(
    engine: Engine,
    volume: str,
    folder: Path,
    image: str,
    make_spec: Callable[..., InstanceSpec],
) -> None:
    instance = engine.create(make_spec(volume=volume))
    try:
        engine.start(instance)
        assert engine.inspect(instance).labels[VOLUME_LABEL] == volume
        assert engine.layers(volume, image) == []
        engine.add_layer(volume, "abc", folder, image)
        assert engine.layers(volume, image) == ["abc"]
        top = f"{engine.layer_folder(volume)}/abc"
        code = f"""
import os, runpy
print(runpy.run_path({top!r} + "/lib/thing.py")["value"])
print(os.access({top!r} + "/bin/tool", os.X_OK), os.readlink({top!r} + "/bin/python"))
try:
    open({top!r} + "/lib/thing.py", "a").close()
    print("writable")
except OSError:
    print("read-only")
"""
        said = output(engine, instance, code).split()
        assert said[:3] == ["7", "True", "/usr/bin/python3"]
        if engine.isolated and engine.name != "fake":
            assert said[3] == "read-only"
        assert engine.remove_volume(volume) is False
        engine.remove_layer(volume, "abc", image)
        engine.remove_layer(volume, "abc", image)
        assert engine.layers(volume, image) == []
    finally:
        engine.remove(instance)


def test_a_complete_layer_stays_as_it_is(
    engine: Engine, volume: str, folder: Path, image: str
) -> None:
    mark = folder / LAYER_MARK
    mark.unlink()
    engine.add_layer(volume, "half", folder, image)
    assert engine.layers(volume, image) == []
    engine.remove_layer(volume, "half", image)
    mark.write_text("{}")
    engine.add_layer(volume, "abc", folder, image)
    (folder / "lib" / "more.py").write_text("")
    engine.add_layer(volume, "abc", folder, image)
    assert engine.layers(volume, image) == ["abc"]


def test_makers_at_the_same_time_end_with_one(
    engine: Engine, volume: str, folder: Path, image: str
) -> None:
    failed: list[Any] = []

    def make() -> None:
        try:
            engine.add_layer(volume, "same", folder, image)
        except PfError as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed
    assert engine.layers(volume, image) == ["same"]


def test_what_cannot_be_copied_leaves_nothing(
    engine: Engine, volume: str, tmp_path: Path, image: str
) -> None:
    with pytest.raises(PfError) as caught:
        engine.add_layer(volume, "gone", tmp_path / "absent", image)
    assert caught.value.code == "layer_failed"
    assert caught.value.hint
    assert engine.layers(volume, image) == []


def test_a_volume_that_is_not_there_is_removed(engine: Engine) -> None:
    assert engine.remove_volume(f"pf-test-{uuid.uuid4().hex}") is True
