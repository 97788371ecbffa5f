"""What was installed by hand in a container, kept: rebuilt clean, and proved equal."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.environments.default import resolve_default
from pf_jupyter.errors import (
    AlreadyExists,
    EnvironmentFailed,
    IllegalState,
    UsageError,
)
from pf_jupyter.workspace.local import LocalWorkspace

from .conftest import clear, open_workspace
from .debian import Source, debian_base, make_deb, needs_debian, running_source
from .environment_places import wheel

pytestmark = pytest.mark.docker

FLOW = """\
inputs:
  text: {type: string}
outputs:
  said: {type: object, reference: "${say.output}"}
nodes:
- name: say
  type: python
  source: {type: code, path: say.py}
  inputs: {text: "${inputs.text}"}
"""
CODE = """\
import importlib, subprocess
from promptflow.core import tool
def said(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()
@tool
def say(text: str) -> dict:
    names = ["pf_index", "pf_wheel", "pf_node"]
    found = {name: importlib.import_module(name).say(text) for name in names}
    return {**found, **{tool: said(tool) for tool in ("pf-tool", "pf-local", "pf-old")}}
"""
INSTALLING = """\
import subprocess, sys
from promptflow.core import tool
@tool
def say(text: str) -> str:
    done = subprocess.run([sys.executable, "-m", "pip", "install",
                           "--disable-pip-version-check", *text.split()],
                          capture_output=True, text=True)
    return done.stderr[-2000:] if done.returncode else "installed"
"""


@dataclass
class Machine:
    """A container that somebody started, and what they can install from."""

    client: Any
    name: str
    source: Source

    def do(self, *command: str) -> str:
        """Run something in it, as one does with ``docker exec``."""
        made = self.client.exec_create(self.name, list(command))
        said = self.client.exec_start(made["Id"]).decode("utf-8", "replace")
        code = self.client.exec_inspect(made["Id"])["ExitCode"]
        assert code == 0, f"{command}: {said}"
        return str(said)

    def write(self, path: str, data: bytes) -> None:
        """Put a file into it by hand."""
        program = (
            "import sys; open(sys.argv[1], 'wb').write(bytes.fromhex(sys.argv[2]))"
        )
        self.do("python3", "-c", program, path, data.hex())

    def pip(self, *words: str) -> None:
        quiet = ("--no-deps", "--disable-pip-version-check")
        self.do("python3", "-m", "pip", "install", *quiet, *words)


def flow(folder: Path, code: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "say.py").write_text(code)
    return folder


def speaking(name: str) -> str:
    return f"def say(text): return {name!r} + ' says ' + text\n"


@pytest.fixture(scope="module")
def home_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("capture")


@pytest.fixture(scope="module")
def source(client: Any, home_of_all: Path) -> Iterator[Source]:
    """An index for pip and a source for apt, which containers reach."""
    needs_debian()
    with running_source(client, home_of_all / "served") as made:
        for name in ("pf_index", "pf_node", "pf_layer"):
            wheel(made.wheels, name, "1.0", source=speaking(name))
        tool = "#!/bin/sh\necho tool: $(pf-part)\n"
        part = "#!/bin/sh\necho part\n"
        make_deb(made.debs, "pf-part", "3.1-2", files={"usr/bin/pf-part": part})
        make_deb(
            made.debs,
            "pf-tool",
            "1.4",
            files={"usr/bin/pf-tool": tool, "etc/pf-tool.conf": "quiet\n"},
            depends=["pf-part"],
            script="echo made > /etc/pf-tool.made",
        )
        old = "#!/bin/sh\necho newer than the image\n"
        make_deb(made.debs, "base-thing", "2.0", files={"usr/bin/pf-old": old})
        made.refresh()
        yield made


@pytest.fixture(scope="module")
def image(client: Any, docker_engine: Any, home_of_all: Path) -> Iterator[str]:
    """An image with Python, dpkg and apt."""
    needs_debian()
    base = resolve_default(docker_engine, home=home_of_all / "base").image
    tag = f"pf_jupyter-test/debian-{uuid.uuid4().hex[:8]}:1"
    yield debian_base(client, base, tag, home_of_all / "debian")
    with contextlib.suppress(Exception):
        client.remove_image(tag, force=True)


@pytest.fixture(scope="module")
def shared(docker_host: str, home_of_all: Path) -> Iterator[LocalWorkspace]:
    made = open_workspace(home_of_all / "home", docker_host)
    yield made
    clear(made)
    made.close()


@pytest.fixture
def machine(client: Any, image: str, source: Source) -> Iterator[Machine]:
    """A container that somebody started by hand, with a source for apt."""
    name = f"hand-{uuid.uuid4().hex[:8]}"
    made = client.create_container(
        image, command=["python3", "-c", "import time; time.sleep(1e6)"], name=name
    )
    client.start(made["Id"])
    found = Machine(client, name, source)
    try:
        line = f"{source.apt_line}\n".encode()
        found.write("/etc/apt/sources.list.d/test.list", line)
        yield found
    finally:
        client.remove_container(made["Id"], force=True)


def test_six_installs_by_hand_become_a_version_that_is_proved_equal(
    shared: LocalWorkspace, machine: Machine, source: Source, tmp_path: Path
) -> None:
    runtime = shared.runtimes.adopt(machine.name, name="by-hand")
    host = source.url.split("/")[2].split(":")[0]
    index = ("--index-url", source.index, "--trusted-host", host)
    # 1: pip in the container
    machine.pip("pf-index", *index)
    # 2: a wheel of one's own
    own = wheel(tmp_path, "pf_wheel", "0.3", source=speaking("pf_wheel"))
    machine.write(f"/opt/{own.name}", own.read_bytes())
    machine.pip(f"/opt/{own.name}")
    # 3: pip in a node
    node = flow(tmp_path / "installing", INSTALLING)
    done = runtime.run(node, text=" ".join(["pf-node", *index]))
    assert done.outputs == {"said": "installed"}
    # 4, 5: apt, a new package with one that it needs, and a newer one of the image's
    machine.do("apt-get", "update")
    machine.do("apt-get", "install", "-y", "pf-tool")
    machine.do("apt-get", "install", "-y", "base-thing")
    # 6: a package file
    local = "#!/bin/sh\necho local\n"
    deb = make_deb(tmp_path, "pf-local", "9", files={"usr/bin/pf-local": local})
    machine.write(f"/opt/{deb.name}", deb.read_bytes())
    machine.do("dpkg", "-i", f"/opt/{deb.name}")
    # and what no package knows of
    machine.write("/etc/motd", b"hello\n")
    machine.write("/etc/pf-tool.conf", b"loud\n")

    cells = flow(tmp_path / "cells", CODE)
    before = runtime.run(cells, text="hi")
    assert before.status == "Completed", before.error

    name = f"kept-{uuid.uuid4().hex[:8]}"
    made = runtime.capture(name, to=tmp_path / "kept", index_url=source.index)

    assert made.equal, made.differences
    assert made.version == "1"
    taken = {(one.kind, one.name): (one.before, one.after) for one in made.taken}
    assert taken == {
        ("pip", "pf-index"): (None, "1.0"),
        ("pip", "pf-wheel"): (None, "0.3"),
        ("pip", "pf-node"): (None, "1.0"),
        ("dpkg", "pf-tool"): (None, "1.4"),
        ("dpkg", "pf-part"): (None, "3.1-2"),
        ("dpkg", "base-thing"): ("1.0", "2.0"),
        ("dpkg", "pf-local"): (None, "9"),
    }
    left = {one.what: one.why for one in made.left}
    assert "no package has it" in left["/etc/motd"]
    assert "pf-tool, edited by hand" in left["/etc/pf-tool.conf"]
    # what a package's own script writes is made anew, and is not by hand
    assert "/etc/pf-tool.made" not in left
    again = shared.runtimes.create("rebuilt", environment=f"{name}:1")
    after = again.run(cells, text="hi")
    assert after.outputs == before.outputs
    packages = {one.name: one.version for one in again.packages()}
    assert packages == {one.name: one.version for one in runtime.packages()}
    again.delete()
    runtime.delete()
    # it is still theirs
    assert machine.do("echo", "there").strip() == "there"


def test_layers_and_what_pip_put_into_the_home_are_captured(
    shared: LocalWorkspace,
    source: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = source.url.split("/")[2].split(":")[0]
    monkeypatch.setenv("UV_DEFAULT_INDEX", source.index)
    monkeypatch.setenv("UV_INSECURE_HOST", host)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    runtime = shared.runtimes.create(f"layered-{uuid.uuid4().hex[:8]}")
    name = f"kept-{uuid.uuid4().hex[:8]}"
    with pytest.raises(UsageError) as caught:
        runtime.capture(name, to=tmp_path / "kept")
    assert caught.value.code == "nothing_to_capture"
    assert not (tmp_path / "kept").exists()

    runtime.install("pf-layer==1.0")
    node = flow(tmp_path / "installing", INSTALLING)
    words = ["--user", "--no-deps", "pf-node", "--index-url", source.index]
    done = runtime.run(node, text=" ".join([*words, "--trusted-host", host]))
    assert done.outputs == {"said": "installed"}
    # the home is a memory: it would be gone with the next start
    made = runtime.capture(name, to=tmp_path / "kept", index_url=source.index)
    assert made.equal, made.differences
    assert [(one.name, one.after) for one in made.taken] == [
        ("pf-layer", "1.0"),
        ("pf-node", "1.0"),
    ]
    lock = (tmp_path / "kept" / "image_build" / "requirements.lock").read_text()
    assert {"pf-layer==1.0", "pf-node==1.0"} <= set(lock.replace("_", "-").split())
    # the same folder again: nothing has changed, so it is the same version
    again = runtime.capture(name, to=tmp_path / "kept", index_url=source.index)
    assert (again.version, again.digest) == ("1", made.digest)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(AlreadyExists):
        runtime.capture(name, to=tmp_path / "other")
    runtime.delete()


@pytest.fixture(scope="module")
def with_apt(shared: LocalWorkspace, image: str, home_of_all: Path) -> str:
    """An environment with apt, published."""
    name = f"with-apt-{uuid.uuid4().hex[:8]}"
    folder = home_of_all / name
    folder.mkdir()
    text = f"name: {name}\nimage: {image}\n"
    (folder / "environment.yaml").write_text(text)
    made = shared.environments.publish(folder)
    return f"{made.name}:{made.version}"


INSTALLING_BY_APT = """\
import subprocess
from promptflow.core import tool
@tool
def say(text: str) -> str:
    line, packages = text.split("|")
    if packages:
        with open("/etc/apt/sources.list.d/test.list", "w") as file:
            file.write(line + "\\n")
        for words in (["update"], ["install", "-y", *packages.split()]):
            done = subprocess.run(["apt-get", *words], capture_output=True, text=True)
            if done.returncode:
                return done.stderr[-2000:]
    return subprocess.run(["pf-tool"], capture_output=True, text=True).stdout.strip()
"""


def test_apt_in_a_writable_runtime_of_ours_is_captured(
    shared: LocalWorkspace, with_apt: str, source: Source, tmp_path: Path
) -> None:
    runtime = shared.runtimes.create(
        f"lab-{uuid.uuid4().hex[:8]}", environment=with_apt, writable=True
    )
    assert runtime.to_dict()["profile"] == "writable"
    node = flow(tmp_path / "installing", INSTALLING_BY_APT)
    done = runtime.run(node, text=f"{source.apt_line}|pf-tool base-thing")
    assert done.outputs == {"said": "tool: part"}, done.error
    # it is in this container and nowhere else: nothing moves it away unasked
    with pytest.raises(IllegalState) as caught:
        runtime.update(to="default")
    assert caught.value.code == "changed_by_hand"
    assert runtime.stop().start().run(node, text="|").outputs["said"] == "tool: part"

    name = f"kept-{uuid.uuid4().hex[:8]}"
    made = runtime.capture(name, to=tmp_path / "kept")
    assert made.equal, made.differences
    assert {(one.name, one.after) for one in made.taken} == {
        ("pf-tool", "1.4"),
        ("pf-part", "3.1-2"),
        ("base-thing", "2.0"),
    }
    # reset forgets it, and then there is nothing to keep from moving on
    runtime.reset()
    again = runtime.run(node, text="|")
    assert again.status == "Failed"
    assert "pf-tool" in again.error["message"]
    runtime.update(to=f"{name}:{made.version}")
    assert runtime.run(node, text="|").outputs["said"] == "tool: part"
    runtime.delete()


def test_what_cannot_be_had_again_is_told_and_not_published(
    shared: LocalWorkspace, machine: Machine, source: Source, tmp_path: Path
) -> None:
    runtime = shared.runtimes.adopt(machine.name, name=f"lost-{uuid.uuid4().hex[:8]}")
    own = wheel(tmp_path, "pf_lost", "0.1", source=speaking("pf_lost"))
    machine.write(f"/opt/{own.name}", own.read_bytes())
    machine.pip(f"/opt/{own.name}")
    machine.do("rm", f"/opt/{own.name}")
    site = machine.do("python3", "-c", "import pf_lost; print(pf_lost.__file__)")
    jinja = str(Path(site.strip()).parent / "jinja2" / "filters.py")
    machine.do("python3", "-c", f"open({jinja!r}, 'a').write('# mine')")

    name = f"kept-{uuid.uuid4().hex[:8]}"
    with pytest.raises(EnvironmentFailed) as caught:
        runtime.capture(name, to=tmp_path / "kept", index_url=source.index)
    assert caught.value.code == "capture_differs"
    assert "pf-lost" in caught.value.message
    assert "which cannot be read" in caught.value.message
    found = caught.value.details["capture"]
    assert {"name": "pf-lost", "rebuilt": None}.items() <= found["differences"][
        0
    ].items()
    left = {one["what"]: one["why"] for one in found["left"]}
    assert "a file of Jinja2, edited by hand" in left[jinja]
    names = [one.name for one in shared.environments.list()]
    assert name not in names

    made = runtime.capture(
        name, to=tmp_path / "kept", index_url=source.index, partial=True
    )
    assert (made.version, made.equal) == ("1", False)
    runtime.delete()
