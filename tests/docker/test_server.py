"""A Jupyter server that holds the engine: kernels ask it, and see no engine."""

from __future__ import annotations

import importlib.util
import sys
import uuid
from pathlib import Path

import pytest

from pf_jupyter.errors import AlreadyExists, IllegalState
from pf_jupyter.workspace.remote_files import SentFile, SentFolder
from pf_jupyter.workspace.remote_flows import SentFlow

from .conftest import clear, open_workspace
from .environment_places import INSTALL, definition, wheel

pytestmark = pytest.mark.docker

SERVER = Path(__file__).parents[1] / "server"


def load(name):
    key = f"pf_jupyter_docker_{name}"
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, SERVER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module
        spec.loader.exec_module(module)
    return sys.modules[key]


@pytest.fixture(scope="module")
def server(docker_host, tmp_path_factory):
    """A server with the engine, and a kernel's token in ``workspace``."""
    made = load("harness").Server(tmp_path_factory.mktemp("server"))
    made.engine = docker_host
    try:
        yield made.start()
    finally:
        made.stop()
        workspace = open_workspace(made.home, docker_host)
        clear(workspace)
        workspace.close()


@pytest.fixture(scope="module")
def kernel(server):
    made = load("test_kernels").Kernel(server)
    made.run("%load_ext pf_jupyter")
    yield made
    made.end()


@pytest.fixture(scope="module")
def workspace(server):
    from pf_jupyter.server.tokens import Tokens
    from pf_jupyter.workspace.remote import RemoteWorkspace
    from pf_jupyter.workspace.remote_client import Address, Client
    from pf_jupyter.workspace.serving import os_user

    token = Tokens(server.home / "server" / "tokens").make("a-kernel", os_user())
    made = RemoteWorkspace(Client(Address(server.url, token)))
    yield made
    made.close()


NODE = """\
%%pfnode shout
from promptflow.core import tool
import socket

@tool
def shout(text: str) -> str:
    return text.upper() + "!" + socket.gethostname()
"""


def test_a_kernel_makes_a_container_and_runs_cells_in_it(server, kernel, client):
    assert "ready" in kernel.run("%pfruntime create here --compute docker")
    shown = server.ask("GET", "pf/api/runtimes/here")[2]
    found = client.inspect_container(shown["container_id"])
    assert found["State"]["Running"]
    assert (shown["isolated"], shown["engine"]) == (True, "docker")
    kernel.run("%pfruntime use here")
    assert "checked in here" in kernel.run(NODE)
    assert f"HI!{found['Config']['Hostname']}" in kernel.run(
        "%pfflow run shout text=hi"
    )
    used = "import sys; print([m for m in sys.modules if m.split('.')[0] == 'docker'])"
    assert kernel.run(used).strip() == "[]"
    code = (
        "rt = __import__('pf_jupyter').connect().runtimes.get('here')\n"
        "rows, named = [{'name': n} for n in 'abc'], {'name': '${data.name}'}\n"
        "run = rt.batch('hello', rows, mapping=named)\n"
        "print(run.status, list(run.outputs['greeting']))"
    )
    assert "Completed ['Hello, a!'" in kernel.run(code)


def test_environments_are_made_there_from_folders_that_are_here(
    workspace, client, tmp_path, monkeypatch
):
    for kind in (SentFlow, SentFile, SentFolder):
        seen = kind.reference

        def reference(self, seen=seen):
            return {**seen(self), "path": "/nowhere/on"}

        monkeypatch.setattr(kind, "reference", reference)
    name = f"sent-{uuid.uuid4().hex[:8]}"
    folder = workspace.environments.init(name, to=tmp_path / "made")
    assert (folder / "image_build" / "Dockerfile").is_file()
    folder = tmp_path / name
    wheel(folder / "image_build" / "wheels", "special", "1.0")
    lines = ["COPY wheels wheels", f"{INSTALL} -r requirements.txt"]
    definition(folder, name, dockerfile=lines, requirements=["special"])
    phases = []
    built = workspace.environments.build(folder, on_phase=phases.append)
    assert {"special"} <= {package.name for package in built.packages}
    assert "build" in {event.phase for event in phases}
    first = workspace.environments.publish(folder, description="first")
    assert (first.name, first.version, first.description) == (name, "1", "first")
    # known by its name from now on, without the folder
    assert workspace.environments.build(name).cached
    wheel(folder / "image_build" / "wheels", "special", "2.0")
    second = workspace.environments.publish(folder)
    found = workspace.environments.diff(f"{name}:1", f"{name}:{second.version}")
    assert [(c.name, c.before, c.after) for c in found.packages] == [
        ("special", "1.0", "2.0")
    ]
    listed = {f"{one.name}:{one.version}" for one in workspace.environments.list()}
    assert {f"{name}:1", f"{name}:2"} <= listed
    assert workspace.environments.get(name).log
    checks = workspace.environments.check(f"{name}:2")
    assert not [check for check in checks if check.status == "fail"]
    tagged = workspace.environments.describe(f"{name}:1", tags={"team": "a"})
    assert tagged.tags == {"team": "a"}
    gone = workspace.environments.withdraw(f"{name}:2", "loses rows")
    assert gone.withdrawn == "loses rows"
    assert workspace.environments.get(name).version == "1"
    assert workspace.environments.withdraw(f"{name}:2", undo=True).tags == {}
    assert workspace.environments.archive(f"{name}:1") == [f"{name}:1"]
    assert workspace.environments.restore(f"{name}:1") == [f"{name}:1"]
    file = workspace.environments.export(f"{name}:2", tmp_path)
    assert file.name == f"{name}-2.pfenv.tar"
    with pytest.raises(AlreadyExists):
        workspace.environments.export(f"{name}:2", tmp_path)
    copy = workspace.environments.import_(file, name=f"{name}-copy")
    assert copy.digest == second.digest
    rt = workspace.runtimes.create(f"{name}-rt", environment=f"{name}:2")
    assert {"special": "2.0"}.items() <= {
        p.name: p.version for p in rt.packages()
    }.items()
    rt.delete()


TELLING = """\
from promptflow.core import tool
import special

@tool
def tell(text: str) -> str:
    return f"{text} {special.VERSION}" if text == "which" else text
"""


def test_capture_rehearsal_update_and_rollback_over_http(workspace, tmp_path):
    name = f"wire-{uuid.uuid4().hex[:8]}"
    lines = ["COPY wheels wheels", f"{INSTALL} -r requirements.txt"]
    folder = definition(
        tmp_path / name, name, dockerfile=lines, requirements=["special"]
    )
    wheels = folder / "image_build" / "wheels"
    wheel(wheels, "special", "1.0")
    workspace.environments.publish(folder)
    rt = workspace.runtimes.create(f"{name}-rt", environment=f"{name}:1", writable=True)
    assert rt.to_dict()["profile"] == "writable"
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "tell.py").write_text(TELLING)
    (flow / "flow.dag.yaml").write_text(
        "inputs:\n  text: {type: string}\n"
        'outputs:\n  told: {type: string, reference: "${tell.output}"}\n'
        "nodes:\n- name: tell\n  type: python\n"
        "  source: {type: code, path: tell.py}\n"
        '  inputs: {text: "${inputs.text}"}\n'
    )
    for text in ("hello", "which"):
        assert rt.run(flow, text=text).status == "Completed"

    # what was installed from here, over there: kept in a folder that is here
    extra = wheel(tmp_path, "extra", "0.5")
    assert rt.install(str(extra)).installed == {"extra": "0.5"}
    kept = rt.capture(f"{name}-kept", to=tmp_path / "kept")
    assert (kept.equal, kept.version) == (True, "1")
    assert [(one.name, one.after) for one in kept.taken] == [("extra", "0.5")]
    context = tmp_path / "kept" / "image_build"
    assert (context / "wheels" / extra.name).read_bytes() == extra.read_bytes()
    assert "extra" in (context / "requirements.lock").read_text()

    # a newer version: told, repeated beside, refused, taken, given back
    (wheels / "special-1.0-py3-none-any.whl").unlink()
    wheel(wheels, "special", "2.0")
    made = workspace.environments.publish(folder, notes="says two")
    assert (made.version, made.notes) == ("2", "says two")
    check = rt.check_version()
    assert check.newer
    assert check.notice.endswith("special 1.0 → 2.0, same Python. “says two”")
    phases = []
    rehearsal = rt.rehearse(on_phase=phases.append)
    assert dict(rehearsal.counts) | {"equal": 1, "differs": 1} == rehearsal.counts
    assert rehearsal.differing[0]["inputs"] == {"text": "which"}
    assert "rehearse" in {event.phase for event in phases}
    with pytest.raises(IllegalState) as caught:
        rt.update()
    assert caught.value.code == "runs_differ"
    assert rt.run(flow, text="which").outputs == {"told": "which 1.0"}
    moved = rt.update(accept=f"{name}:2")
    assert moved.moved
    assert {one["name"] for one in moved.packages} == {"special"}
    assert rt.run(flow, text="which").outputs == {"told": "which 2.0"}
    found = {one.name: (one.version, one.source) for one in rt.packages()}
    assert found["extra"] == ("0.5", "ad hoc")
    assert found["special"] == ("2.0", "environment")
    assert found["jinja2"][1] == "base"
    assert rt.rollback().moved
    assert rt.to_dict()["environment"]["version"] == "1"
    assert rt.run(flow, text="which").outputs == {"told": "which 1.0"}
    rt.delete()
