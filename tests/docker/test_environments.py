"""Environments on the real engine: built, published, carried, used by runtimes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.environments import interpreter as interpreters
from pf_jupyter.errors import AlreadyExists, EnvironmentFailed, NotFound
from pf_jupyter.workspace.local import LocalWorkspace

from .conftest import clear, open_workspace
from .environment_places import BUILD_MARK, INSTALL, definition, wheel
from .registry import PASSWORD, Registry, running_registry

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
FLOW = """\
outputs:
  answer: {type: string, reference: "${step.output}"}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {}
"""
STEP = """\
import os
from promptflow.core import tool
import special

@tool
def step() -> str:
    return f"{special.VERSION} {os.environ.get('COLOUR')}"
"""


@pytest.fixture(scope="module")
def name() -> str:
    return f"whole-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def shared(
    docker_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalWorkspace]:
    """A workspace in which the versions below are published, once for all."""
    workspace = open_workspace(tmp_path_factory.mktemp("home"), docker_host)
    yield workspace
    clear(workspace)
    workspace.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that wants a login."""
    folder = tmp_path_factory.mktemp("registry")
    with running_registry(folder, login=True) as found:
        yield found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder as Azure has it: its base is that of the public prompt flow."""
    folder = tmp_path_factory.mktemp("definition") / "env"
    wheel(folder / "image_build" / "wheels", "special", "1.0")
    return definition(
        folder,
        name,
        base="mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest",
        dockerfile=["COPY wheels wheels", f"{INSTALL} -r requirements.txt"],
        requirements=["special>=1.0,<3"],
        extra='environment_variables: {COLOUR: red $and "blue"}\n'
        "inference_config:\n  liveness_route: {port: 8080, path: /health}\n",
    )


@pytest.fixture(scope="module")
def first(shared: LocalWorkspace, source: Path, registry: Registry) -> Any:
    """Version 1, in the registry."""
    shared.connections.create(
        {"type": "custom", "name": "login", "configs": {"username": "ana"}},
        settings={"secrets.password": PASSWORD},
    )
    return shared.environments.publish(
        source, registry=f"{registry.place}/team", connection="login", tags={"of": "me"}
    )


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "step.py").write_text(STEP)
    return folder


def test_what_a_version_is(first: Any, name: str, registry: Registry) -> None:
    assert (first.name, first.version, first.archived) == (name, "1", False)
    assert first.tags == {"of": "me"}
    assert first.inference_config["liveness_route"]["path"] == "/health"
    assert list(first.registries) == [f"{registry.place}/team/{name}:1"]
    own = {one.name: one.version for one in first.packages if one.source != "base"}
    assert own == {"special": "1.0"}
    assert {"jinja2", "openai"} <= {one.name for one in first.packages}
    assert [check["status"] for check in first.checks] == ["pass"] * len(first.checks)
    assert "special" in " ".join(first.log)
    assert json.dumps(first.to_dict())


def test_a_flow_runs_in_it(
    shared: LocalWorkspace, first: Any, name: str, flow: Path
) -> None:
    runtime = shared.runtimes.create(f"r-{name}", environment=f"{name}@latest")
    try:
        shown = runtime.to_dict()["environment"]
        assert shown == {"name": name, "version": "1", "digest": first.digest}
        result = runtime.run(flow)
        assert result.outputs == {"answer": '1.0 red $and "blue"'}, result.error
        assert str(result.environment).startswith(f"{name}:1 @ ")
        assert shared.environments.get(name).used_by == (f"r-{name}",)
    finally:
        runtime.delete()


def test_nothing_is_done_while_nothing_changed(
    shared: LocalWorkspace, first: Any, source: Path
) -> None:
    events: list[Any] = []
    built = shared.environments.build(source, on_phase=events.append)
    assert built.cached
    assert built.digest == first.digest
    assert not any("Step" in event.detail for event in events)
    again = shared.environments.publish(source)
    assert (again.version, again.digest) == ("1", first.digest)


def test_the_next_version_and_what_differs(
    shared: LocalWorkspace, first: Any, source: Path, name: str
) -> None:
    wheel(source / "image_build" / "wheels", "special", "2.0")
    made = shared.environments.publish(source)
    assert made.version == "2"
    assert made.digest != first.digest
    found = shared.environments.diff(f"{name}:1", name)
    changed = [(one.name, one.before, one.after) for one in found.packages]
    assert changed == [("special", "1.0", "2.0")]
    assert "digest" in {one.name for one in found.facts}
    with pytest.raises(AlreadyExists) as caught:
        shared.environments.publish(source, version="1")
    assert caught.value.code == "version_taken"


def test_a_version_that_another_registry_has_otherwise_never_changes(
    shared: LocalWorkspace,
    first: Any,
    docker_engine: Any,
    registry: Registry,
    name: str,
    open_home: Callable[..., LocalWorkspace],
    tmp_path: Path,
) -> None:
    # somebody else, who does not know of it, publishes under the same name
    other = open_home("other")
    other.connections.create(
        {"type": "custom", "name": "login", "configs": {"username": "ana"}},
        settings={"secrets.password": PASSWORD},
    )
    source = definition(tmp_path, name, dockerfile=["RUN touch /different"])
    with pytest.raises(AlreadyExists) as caught:
        other.environments.publish(
            source,
            version="1",
            registry=f"{registry.place}/team",
            connection="login",
        )
    assert caught.value.code == "version_taken"
    assert [one.name for one in other.environments.list()] == ["default"]


def test_carried_in_a_file_to_where_no_registry_is(
    shared: LocalWorkspace,
    first: Any,
    name: str,
    open_home: Callable[..., LocalWorkspace],
    tmp_path: Path,
) -> None:
    file = shared.environments.export(f"{name}:1", tmp_path)
    assert file.name == f"{name}-1.pfenv.tar"
    there = open_home("there")
    events: list[Any] = []
    made = there.environments.import_(file, name=f"{name}-c", on_phase=events.append)
    assert (made.version, made.digest) == ("1", first.digest)
    assert made.packages == first.packages
    assert made.tags == {"of": "me"}
    done = [event.phase for event in events if event.status == "done"]
    assert done == ["import", "contract"]
    # the name that is here already still means what it meant
    assert all(c.status != "fail" for c in shared.environments.check(f"{name}:1"))
    with file.open("r+b") as whole:
        whole.seek(file.stat().st_size // 2)
        whole.write(b"somebody was here")
    with pytest.raises(EnvironmentFailed) as caught:
        there.environments.import_(file, name="spoilt")
    assert caught.value.code == "bad_archive"
    with pytest.raises(NotFound):
        there.environments.get("spoilt")


def test_checked_again(
    shared: LocalWorkspace, first: Any, name: str, tmp_path: Path
) -> None:
    record = {
        "id": "TEST-1",
        "summary": "it is only a test",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Special"},
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [{"introduced": "0"}, {"fixed": "2.0"}],
                    }
                ],
            }
        ],
    }
    (tmp_path / "osv.json").write_text(json.dumps(record))
    found = shared.environments.check(
        f"{name}:1", advisories=tmp_path / "osv.json", connection="login"
    )
    by_name = {check.name: check for check in found}
    assert by_name["registry"].status == "pass"
    assert by_name["handshake"].status == "pass"
    assert by_name["vulnerabilities"].status == "fail"
    assert "TEST-1" in by_name["vulnerabilities"].message
    assert by_name["vulnerabilities"].hint == "ask for special>=2.0"


def test_requirements_alone_and_another_python(
    shared: LocalWorkspace, name: str, tmp_path: Path, client: Any
) -> None:
    running = ".".join(map(str, sys.version_info[:2]))
    there = [python for python in _pythons() if python != running]
    python = there[0] if there else running
    wheel(tmp_path / "wheels", "special", "3.1")
    (tmp_path / "environment.yaml").write_text(f"name: {name}-req\n")
    (tmp_path / "requirements.txt").write_text(
        "--no-index\n--find-links wheels\nspecial~=3.0\n"
    )
    built = shared.environments.build(tmp_path, python=python)
    assert built.python.startswith(f"{python}.")
    made = {one.name: one.source for one in built.packages}
    assert made["special"] == "environment"
    # the stage in which they were installed may have seen a login: it is gone
    filters = {"label": f"{BUILD_MARK}={name}-req", "dangling": True}
    assert client.images(filters=filters) == []


def _pythons() -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [interpreters.at(path).minor for path in root.glob("3.1[0-3]*/bin/python3")]
    return sorted(set(found))


def test_from_the_shell(
    docker_host: str, name: str, tmp_path: Path, home: Path
) -> None:
    def pf(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "pf_jupyter.cli", *words, "--json"],
            env={**os.environ, "DOCKER_HOST": docker_host, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    try:
        mine = f"{name}-sh"
        folder = Path(pf("env", "init", mine)["folder"])
        assert (tmp_path / folder / "image_build" / "Dockerfile").is_file()
        assert pf("env", "publish", mine)["version"] == "1"
        listed = pf("env", "list")["environments"]
        assert [one["name"] for one in listed] == ["default", mine]
        made = pf("runtime", "create", mine, "--env", f"{mine}:1")
        assert made["environment"]["digest"] == listed[1]["digest"]
        hello = str(ROOT / "examples" / "hello")
        run = pf("flow", "run", hello, "--runtime", mine, "--inputs", "name=Ada")
        assert run["outputs"] == {"greeting": "Hello, Ada!"}
    finally:
        workspace = open_workspace(home, docker_host)
        clear(workspace)
        workspace.close()
