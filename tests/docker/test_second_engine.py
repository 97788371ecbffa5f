"""An environment that another machine gets from a registry, and a disk that is full.

The other machine is a second engine in a network namespace of its own.
"""

from __future__ import annotations

import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from pf_jupyter.environments.default import resolve_default
from pf_jupyter.errors import EnvironmentFailed
from pf_jupyter.workspace.local import LocalWorkspace

from ..engines.daemon import OwnDaemon, running_daemon
from .environment_places import INSTALL, definition, remains, wheel
from .registry import FORWARD, Registry, running_registry

pytestmark = pytest.mark.docker

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
import special
from promptflow.core import tool

@tool
def step() -> str:
    return special.VERSION
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[OwnDaemon]:
    """A second engine, its images on a small disk."""
    with running_daemon(disk_megabytes=700) as daemon:
        yield daemon


@pytest.fixture
def registry(elsewhere: OwnDaemon, tmp_path: Path) -> Iterator[Registry]:
    """A registry that both engines reach under the same name: their own loopback."""
    with (
        running_registry(tmp_path / "registry", host=elsewhere.outer) as found,
        socket.create_server(("127.0.0.1", found.port)) as here,
    ):
        threading.Thread(target=_serve, args=(here, found), daemon=True).start()
        there = elsewhere.run(
            *(sys.executable, "-c", FORWARD, str(found.port), elsewhere.outer),
            read=True,
        )
        assert there.stdout is not None
        try:
            assert there.stdout.readline() == b"ready\n"
            yield found
        finally:
            there.kill()
            there.wait(30)
            there.stdout.close()


def _serve(listening: socket.socket, registry: Registry) -> None:
    while True:
        try:
            one, _ = listening.accept()
        except OSError:
            return
        other = socket.create_connection((registry.host, registry.port))
        for pair in ((one, other), (other, one)):
            threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass  # one of both went away: so does the other
    finally:
        for end in (one, other):
            end.close()


def test_an_azure_folder_published_here_runs_there(
    elsewhere: OwnDaemon,
    registry: Registry,
    open_home: Callable[..., LocalWorkspace],
    tmp_path: Path,
) -> None:
    name = f"far-{uuid.uuid4().hex[:8]}"
    source = tmp_path / "env"
    wheel(source / "image_build" / "wheels", "special", "1.0")
    definition(
        source,
        name,
        base="mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:latest",
        dockerfile=["COPY wheels wheels", f"{INSTALL} -r requirements.txt"],
        requirements=["special"],
    )
    before = {p: p.read_bytes() for p in source.rglob("*") if p.is_file()}
    here = open_home("here")
    made = here.environments.publish(source, registry=f"{registry.place}/team")
    assert {p: p.read_bytes() for p in source.rglob("*") if p.is_file()} == before

    there = open_home("there", elsewhere.address)
    reference = f"{registry.place}/team/{name}:1"
    found = there.environments.import_(reference)
    assert (found.name, found.version) == (name, "1")
    assert found.digest == made.digest
    assert found.registries == made.registries
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "step.py").write_text(STEP)
    runtime = there.runtimes.create("r", environment=f"{name}:1", network="none")
    assert runtime.to_dict()["environment"]["digest"] == made.digest
    result = runtime.run(flow)
    assert result.outputs == {"answer": "1.0"}, result.error

    # its image is lost there: the next runtime fetches it by itself
    runtime.delete()
    engine = there.core.life.computes.engine("docker")
    for image in (found.image, reference):
        engine.remove_image(image)
    again = there.runtimes.create("again", environment=name)
    assert again.to_dict()["environment"]["digest"] == made.digest


def test_a_full_disk(
    elsewhere: OwnDaemon,
    open_home: Callable[..., LocalWorkspace],
    home: Path,
    tmp_path: Path,
) -> None:
    name = f"full-{uuid.uuid4().hex[:8]}"
    there = open_home("full", elsewhere.address)
    engine = there.core.life.computes.engine("docker")
    resolve_default(engine, home=home)
    fill = "RUN head -c 2000000000 /dev/zero > /large"
    source = definition(tmp_path, name, dockerfile=["RUN touch /one", fill])
    with pytest.raises(EnvironmentFailed) as caught:
        there.environments.build(source)
    error = caught.value
    assert (error.code, error.phase) == ("disk_full", "build"), error.describe()
    assert "No space left" in error.message
    assert error.hint
    client: Any = docker.APIClient(base_url=elsewhere.address, version="1.40")
    with client:
        nothing = {"containers": [], "images": [], "files": []}
        assert remains(client, name, home / "full") == nothing
    # what was taken is free again: a small one can be built
    definition(tmp_path, name, dockerfile=["RUN touch /one"])
    assert there.environments.build(source).digest
