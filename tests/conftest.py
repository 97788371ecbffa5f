"""Fixtures that several rooms share: a home of its own, engines, the default image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import Engine, InstanceSpec
from pf_jupyter.errors import PfError

ROOT = Path(__file__).parents[1]
TEST_LABEL = "pf_jupyter.test"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for records that no other test and no user has."""
    path = tmp_path / "pf-home"
    monkeypatch.setenv("PF_JUPYTER_HOME", str(path))
    return path


@pytest.fixture(scope="session")
def test_label() -> str:
    """The value of label ``pf_jupyter.test`` on all that this session makes."""
    return uuid.uuid4().hex


@pytest.fixture(scope="session")
def docker_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Docker engine; one is started where none answers.

    Without one the test is skipped with the reason, or fails under
    PF_REQUIRE_DOCKER=1.
    """
    from pf_jupyter.engines.docker import DockerEngine

    reason = ""
    try:
        engine = DockerEngine()
        address = engine.ping().address
        engine.close()
        yield address
        return
    except PfError as error:
        reason = f"{error.message} ({error.hint})"
    script = ROOT / "scripts" / "docker-engine"
    can_start = sys.platform == "linux" and os.geteuid() == 0
    if not (can_start and shutil.which("dockerd") and shutil.which("docker")):
        _without_docker(reason)
    folder = tmp_path_factory.mktemp("docker-engine")
    environment = {**os.environ, "PF_ENGINE_DIR": str(folder)}
    before = environment.pop("DOCKER_HOST", None)
    started = subprocess.run(
        [str(script), "start"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    try:
        if started.returncode != 0:
            _without_docker(f"{reason}; {started.stderr.strip()[-500:]}")
        # what looks for Docker by itself, a command in a subprocess say, finds it too
        os.environ["DOCKER_HOST"] = started.stdout.strip()
        yield started.stdout.strip()
    finally:
        os.environ.pop("DOCKER_HOST", None)
        if before is not None:
            os.environ["DOCKER_HOST"] = before
        # by its pid, and only what `start` began: the folder is ours alone
        subprocess.run([str(script), "stop"], env=environment, timeout=60, check=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A PostgreSQL server of this session's own (tests/postgresql.py).

    Where PostgreSQL is not installed the test is skipped with the reason, or fails
    under PF_REQUIRE_POSTGRESQL=1.
    """
    from .postgresql import a_server

    with a_server() as server:
        yield server


def _without_docker(reason: str) -> None:
    if os.environ.get("PF_REQUIRE_DOCKER") == "1":
        pytest.fail(f"PF_REQUIRE_DOCKER=1, but {reason}", pytrace=False)
    pytest.skip(f"no Docker engine: {reason}")


@pytest.fixture(scope="session")
def docker_engine(docker_host: str, test_label: str) -> Iterator[Any]:
    """A Docker engine; what carries this session's label is removed at the end."""
    from pf_jupyter.engines.docker import DockerEngine

    engine = DockerEngine(docker_host)
    engine.ping()
    yield engine
    for state in engine.find({TEST_LABEL: test_label}):
        engine.remove(state.id)
    engine.close()


@pytest.fixture(scope="session")
def default_image(docker_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The reference of the default environment's image."""
    from pf_jupyter.environments.default import resolve_default

    folder = tmp_path_factory.mktemp("default-image")
    return resolve_default(docker_engine, home=folder).image


@pytest.fixture(
    params=[
        "fake",
        "process",
        pytest.param("docker", marks=pytest.mark.docker),
    ]
)
def engine(request: pytest.FixtureRequest, home: Path) -> Iterator[Engine]:
    """Each engine in turn, for what must be true of all of them."""
    from pf_jupyter.engines.fake import FakeEngine
    from pf_jupyter.engines.process import ProcessEngine

    if request.param == "docker":
        yield request.getfixturevalue("docker_engine")
        return
    made: Any
    if request.param == "fake":
        made = FakeEngine([sys.executable], python=[sys.executable])
    else:
        made = ProcessEngine(home)
    yield made
    for state in made.find({}):
        made.remove(state.id)


@pytest.fixture
def image(engine: Engine, request: pytest.FixtureRequest) -> str:
    """An image with Python for `engine`."""
    if engine.name == "docker":
        return str(request.getfixturevalue("default_image"))
    return sys.executable


@pytest.fixture
def make_spec(image: str, test_label: str) -> Callable[..., InstanceSpec]:
    """Return a function that gives specs with a unique name and this test's label."""

    def make(**changes: Any) -> InstanceSpec:
        labels = {TEST_LABEL: test_label, **changes.pop("labels", {})}
        values = {"image": image, "network": "none", "labels": labels, **changes}
        return InstanceSpec(**{"name": f"test-{uuid.uuid4().hex[:12]}", **values})

    return make


@pytest.fixture
def instance(engine: Engine, make_spec: Callable[..., InstanceSpec]) -> Iterator[str]:
    """A running instance of `engine`."""
    made = engine.create(make_spec())
    try:
        engine.start(made)
        yield made
    finally:
        engine.remove(made)
