"""What every engine must do with images; one without containers must say so."""

from __future__ import annotations

import base64
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import BuildOptions, BuildProgress, Engine, Login
from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.engines.process import ProcessEngine
from pf_jupyter.errors import IllegalState, NotFound, PfError, Refused, RuntimeFailed

from ..docker.registry import PASSWORD, USER, Registry, running_registry

LOGIN = Login(USER, PASSWORD)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry"), login=True) as found:
        yield found


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> str:
    """Where images are pushed by `engine`."""
    if request.param == "fake":
        return "localhost:5000"
    return str(request.getfixturevalue("registry").place)


@pytest.fixture
def engine(place: str, request: pytest.FixtureRequest) -> Engine:
    """An engine that has images, with the base ``base``."""
    if place == "localhost:5000":
        return FakeEngine()
    found: Engine = request.getfixturevalue("docker_engine")
    return found


@pytest.fixture
def built(engine: Engine, place: str, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that builds a small image of its own; all are removed."""
    names: list[str] = []
    (tmp_path / "file").write_text(uuid.uuid4().hex)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY file /file\n")

    def build(**labels: str) -> str:
        names.append(f"{place}/team/test-{uuid.uuid4().hex[:12]}:1")
        made = engine.build(tmp_path, names[-1], labels=labels)
        assert made.id.startswith("sha256:")
        return names[-1]

    yield build
    for name in names:
        engine.remove_image(name)


def test_pushed_gone_and_fetched_again(
    engine: Engine, built: Callable[..., str]
) -> None:
    name = built()
    before = engine.image(name)
    assert before is not None
    steps: list[BuildProgress] = []
    digest = engine.push(name, steps.append, login=LOGIN)
    assert engine.registry_digest(name, login=LOGIN) == digest
    repository = name.rpartition(":")[0]
    pushed = engine.image(name)
    assert pushed is not None
    assert f"{repository}@{digest}" in pushed.registry_digests
    engine.remove_image(name)
    assert engine.image(name) is None
    assert engine.pull(name, login=LOGIN).id == before.id


def test_what_a_registry_does_not_have(
    engine: Engine, built: Callable[..., str]
) -> None:
    name = built()
    engine.push(name, login=LOGIN)
    absent = name.rpartition(":")[0] + ":2"
    with pytest.raises(NotFound):
        engine.registry_digest(absent, login=LOGIN)
    with pytest.raises(NotFound):
        engine.pull(absent, login=LOGIN)
    with pytest.raises(PfError):
        engine.push(absent, login=LOGIN)


def test_further_names(engine: Engine, built: Callable[..., str]) -> None:
    name = built()
    other = name.rpartition(":")[0] + ":other"
    engine.tag(name, other)
    first, second = engine.image(name), engine.image(other)
    assert first is not None
    assert second is not None
    assert first.id == second.id
    engine.remove_image(other)
    assert engine.image(name) is not None
    with pytest.raises(NotFound):
        engine.tag(other, f"{other}-more")


def test_found_by_their_labels(engine: Engine, built: Callable[..., str]) -> None:
    mark = uuid.uuid4().hex
    one, two = built(mark=mark, kind='a "b" $c'), built(mark=mark)
    found = engine.images({"mark": mark})
    assert {tag for image in found for tag in image.tags} == {one, two}
    only = engine.images({"mark": mark, "kind": 'a "b" $c'})
    assert [image.tags[0] for image in only] == [one]


def test_carried_in_a_file(
    engine: Engine, built: Callable[..., str], tmp_path: Path
) -> None:
    names = [built(number="1"), built(number="2")]
    before = [engine.image(name) for name in names]
    archive = tmp_path / "images.tar"
    engine.save(names, archive)
    for name in names:
        engine.remove_image(name)
    loaded = {image.id for image in engine.load(archive)}
    assert loaded == {image.id for image in before if image is not None}
    assert all(engine.image(name) is not None for name in names)
    archive.write_bytes(b"no archive")
    with pytest.raises(RuntimeFailed) as caught:
        engine.load(archive)
    assert caught.value.code == "bad_archive"
    with pytest.raises(NotFound):
        engine.save([f"{names[0]}-absent"], archive)


@pytest.mark.docker
def test_with_the_login_that_docker_keeps(
    registry: Registry,
    docker_engine: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"{registry.place}/team/test-{uuid.uuid4().hex[:12]}:1"
    (tmp_path / "file").write_text("so that there is a layer")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY file /file\n")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    docker_engine.build(tmp_path, name, labels={})
    try:
        with pytest.raises(Refused) as caught:
            docker_engine.push(name)
        assert caught.value.code == "registry_refused"
        assert "docker login" in caught.value.hint
        # what `docker login` writes
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        kept = {"auths": {registry.place: {"auth": secret}}}
        (tmp_path / "config.json").write_text(json.dumps(kept))
        digest = docker_engine.push(name)
        assert docker_engine.registry_digest(name) == digest
    finally:
        docker_engine.remove_image(name)


@pytest.mark.docker
def test_only_what_is_named_is_sent_with_the_text_that_is_given(
    docker_engine: Any, tmp_path: Path, default_image: str
) -> None:
    name = f"pf_jupyter-test/sent:{uuid.uuid4().hex[:12]}"
    (tmp_path / "Dockerfile").write_text("FROM nothing-like-this\n")
    (tmp_path / "large").write_bytes(b"x" * 100)
    (tmp_path / "kept").write_text("kept")
    options = BuildOptions(
        text=f"FROM {default_image}\nARG WORD\nCOPY . /context\n"
        "RUN test \"$(ls /context | tr '\\n' ' ')\" = \"Dockerfile there \" && "
        'test "$WORD" = said\n',
        files=[("there", tmp_path / "kept")],
        arguments={"WORD": "said"},
    )
    try:
        docker_engine.build(tmp_path, name, labels={}, options=options)
    finally:
        docker_engine.remove_image(name)


@pytest.mark.parametrize(
    "verb",
    [
        lambda engine, path: engine.build(path, "x:1", labels={}),
        lambda engine, path: engine.pull("x:1"),
        lambda engine, path: engine.push("x:1"),
        lambda engine, path: engine.registry_digest("x:1"),
        lambda engine, path: engine.tag("x:1", "x:2"),
        lambda engine, path: engine.save(["x:1"], path / "file"),
        lambda engine, path: engine.load(path / "file"),
        lambda engine, path: engine.import_image(
            path / "file", "x:1", environment={}, labels={}
        ),
    ],
)
def test_without_containers_there_are_no_images(
    verb: Callable[[Engine, Path], object], home: Path, tmp_path: Path
) -> None:
    engine = ProcessEngine(home)
    with pytest.raises(IllegalState) as caught:
        verb(engine, tmp_path)
    assert caught.value.code == "no_images"
    assert caught.value.hint
    assert engine.images({}) == []
    engine.remove_image(sys.executable)
    assert engine.image(sys.executable) is not None
