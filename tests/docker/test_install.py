"""Installing into a container: layers that only we fill, and what becomes of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pf_jupyter.environments.base import build_base
from pf_jupyter.environments.interpreter import at
from pf_jupyter.errors import PfError
from pf_jupyter.runtimes import identity
from pf_jupyter.workspace.core import Core
from pf_jupyter.workspace.local import LocalWorkspace

from ..environments.conftest import make_wheel
from ..worker.conftest import INTERPRETERS

pytestmark = pytest.mark.docker

FLOW = """\
inputs:
  name: {type: string}
outputs:
  found: {type: string, reference: "${look.output}"}
nodes:
- name: look
  type: python
  source: {type: code, path: look.py}
  inputs: {name: "${inputs.name}"}
"""
CODE = """\
import os, subprocess
from promptflow.core import tool
@tool
def look(name: str) -> str:
    try:
        module = __import__(name)
    except ImportError as error:
        return type(error).__name__
    try:
        open(module.__file__, "a").close()
        return "writable"
    except OSError:
        pass
    said = subprocess.run([name.replace("_", "-")], capture_output=True, text=True)
    there = os.path.exists(module.__cached__ or "")
    return f"{module.value} {said.stdout.strip()} {there}"
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Wheels in a folder, and nothing else that uv may ask."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(
        folder,
        "pf-thing",
        files={"pf_thing.py": "value = 'thing'\ndef main(): print('ran')\n"},
        scripts={"pf-thing": "pf_thing:main"},
    )
    make_wheel(folder, "pf-bad", files={"pf_bad.py": "import pf_absent\n"})
    patch = pytest.MonkeyPatch()
    for name in os.environ:
        if name.startswith(("UV_", "PIP_")):
            patch.delenv(name)
    patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("uv-cache")))
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("UV_NO_INDEX", "1")
    patch.setenv("UV_FIND_LINKS", str(folder))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    (folder / "look.py").write_text(CODE)
    (folder / "flow.dag.yaml").write_text(FLOW)
    return folder


@pytest.fixture(scope="module")
def workspace(
    docker_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalWorkspace]:
    del docker_host
    made = LocalWorkspace(tmp_path_factory.mktemp("home"))
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


def found(runtime: Any, flow: Path, name: str = "pf_thing") -> str:
    result = runtime.run(flow, name=name)
    assert result.status == "Completed", result.error
    return str(result.outputs["found"])


def test_a_container_gets_packages_while_it_runs(
    workspace: LocalWorkspace, flow: Path, offline: Path
) -> None:
    runtime = workspace.runtimes.create("demo", compute="docker", network="none")
    container = runtime.to_dict()["container_id"]
    digest = runtime.to_dict()["environment"]["digest"]
    assert found(runtime, flow) == "ModuleNotFoundError"
    assert runtime.install("pf-thing").modules == {"pf-thing": ("pf_thing",)}
    # its program runs, its byte code is there, and nobody in there can write to it
    assert found(runtime, flow) == "thing ran True"
    assert runtime.to_dict()["container_id"] == container
    with pytest.raises(PfError) as caught:
        runtime.install("pf-bad")
    assert caught.value.code == "import_failed"
    engine = workspace.core.life.computes.engine("docker")
    record = workspace.core.store.runtime("demo")
    assert record is not None
    layers = engine.layers(identity.volume(record), record.image)
    assert record.layer_names[0] in layers
    assert len(runtime.layers()) == 1
    assert engine.find({"pf_jupyter.filler": "tidy"}) == []
    runtime.restart()
    assert found(runtime, flow) == "thing ran True"
    other = workspace.runtimes.create("other", compute="docker", network="none")
    other.install("pf-thing")
    assert other.layers() == runtime.layers()
    # a new container finds them, made again if somebody removed them
    engine.remove(container)
    engine.remove_layer(identity.volume(record), record.layer_names[0], record.image)
    runtime.start()
    assert runtime.to_dict()["container_id"] != container
    assert found(runtime, flow) == "thing ran True"
    runtime.reset()
    assert runtime.to_dict()["environment"]["digest"] == digest
    assert found(runtime, flow) == "ModuleNotFoundError"
    assert found(other, flow) == "thing ran True"


def test_a_container_with_another_python_gets_byte_code_of_its_own(
    docker_engine: Any,
    test_label: str,
    workspace: LocalWorkspace,
    flow: Path,
    offline: Path,
    tmp_path: Path,
) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    others = {name: path for name, path in INTERPRETERS.items() if name != here}
    if not others:
        pytest.skip("this machine has one Python")
    version, path = sorted(others.items())[0]
    reference = f"pf_jupyter-test/install-{test_label[:12]}:{version}"
    image = build_base(
        docker_engine,
        reference,
        interpreter=at(path),
        packages=(),
        labels={"pf_jupyter.python": "/usr/local/bin/python3"},
        folder=tmp_path,
    )

    other = SimpleNamespace(
        name="other",
        version="1",
        digest=image.id,
        image=reference,
        python=version,
        source="host",
    )

    def build(home: Path) -> Core:
        return Core(home, resolve=lambda engine, progress: other)  # type: ignore

    ground = LocalWorkspace(workspace.home, build)
    try:
        runtime = ground.runtimes.create("older", compute="docker", network="none")
        assert runtime.to_dict()["python"].startswith(version)
        runtime.install("pf-thing")
        assert found(runtime, flow) == "thing ran True"
        runtime.delete()
    finally:
        ground.close()
        docker_engine.remove_image(reference)
