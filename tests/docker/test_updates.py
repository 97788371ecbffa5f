"""Newer versions in a real registry: found, rehearsed, refused, taken, given back.

One environment, one runtime and one registry for all of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.errors import (
    IllegalState,
    NotFound,
    PfError,
    RuntimeFailed,
    Unreachable,
)
from pf_jupyter.runtimes import identity
from pf_jupyter.runtimes.leftover import CANDIDATE
from pf_jupyter.workspace.local import LocalWorkspace

from .conftest import clear, open_workspace
from .environment_places import INSTALL, definition, wheel
from .registry import Registry, running_registry

pytestmark = pytest.mark.docker

FLOW = """\
inputs:
  text: {type: string}
outputs:
  answer: {type: string, reference: "${shout.output}"}
nodes:
- name: take
  type: python
  source: {type: code, path: take.py}
  inputs: {text: "${inputs.text}"}
- name: shout
  type: python
  source: {type: code, path: shout.py}
  inputs: {text: "${take.output}"}
"""
TAKE = """\
from promptflow.core import tool

@tool
def take(text: str) -> str:
    return text.strip()
"""
SHOUT = """\
import os, time
from promptflow.core import tool
import special

@tool
def shout(text: str) -> str:
    while text == "wait" and not os.path.exists("/tmp/go"):
        time.sleep(0.05)
    return special.shout(text)
"""
GOOD = "def shout(text):\n    return text.upper()\n"
BROKEN = "def shout(text):\n    return text if '7' in text else text.upper()\n"
WAIT_SECONDS = 120.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for something and return it."""
    end = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.1)
    return found


@dataclass
class Stage:
    """A team's registry, who publishes there, and who has a runtime."""

    folder: Path
    registry: Registry
    publisher: LocalWorkspace
    workspace: LocalWorkspace
    name: str
    runtime: Any = None
    published: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{self.registry.place}/team"

    @property
    def flow(self) -> Path:
        return self.folder / "flow"

    @property
    def engine(self) -> Any:
        return self.workspace.core.life.computes.engine("docker")

    def publish(self, version: str, source: str, requires: tuple[str, ...] = ()) -> Any:
        """Publish a version of the environment, from elsewhere."""
        folder = self.folder / f"v{version}"
        wheels = folder / "image_build" / "wheels"
        wheel(wheels, "special", f"{version}.0", source=source, requires=requires)
        install = f"{INSTALL} -r requirements.txt"
        definition(
            folder,
            self.name,
            dockerfile=["COPY wheels wheels", install],
            requirements=["special"],
        )
        made = self.publisher.environments.publish(
            folder, version=version, registry=self.place, notes=f"special {version}"
        )
        # who has the runtime has to fetch it
        for reference in made.registries:
            self.engine.remove_image(reference)
        return made

    def instances(self) -> list[str]:
        """Return every container that is there for the runtime."""
        key = self.runtime.id
        found = self.engine.find({identity.ID: key})
        found += self.engine.find({CANDIDATE: key})
        return sorted(state.id for state in found)

    def marks(self) -> list[Path]:
        return list((self.workspace.home / "changing").glob("*"))

    def packages(self) -> dict[str, str]:
        return {one.name: one.version for one in self.runtime.packages()}


@pytest.fixture(scope="module")
def stage(
    docker_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Version 1 in a registry, a runtime on it, and twenty runs."""
    folder = tmp_path_factory.mktemp("updates")
    with running_registry(folder / "registry") as registry:
        publisher = open_workspace(folder / "publisher", docker_host)
        workspace = open_workspace(folder / "home", docker_host)
        name = f"team-env-{uuid.uuid4().hex[:8]}"
        made = Stage(folder, registry, publisher, workspace, name)
        try:
            made.publish("1", GOOD)
            workspace.environments.import_(f"{made.place}/{name}:1")
            made.runtime = workspace.runtimes.create("demo", environment=f"{name}:1")
            made.flow.mkdir()
            for file, text in (
                ("flow.dag.yaml", FLOW),
                ("take.py", TAKE),
                ("shout.py", SHOUT),
            ):
                (made.flow / file).write_text(text)
            for number in range(20):
                result = made.runtime.run(made.flow, text=f"hello {number}")
                assert result.outputs == {"answer": f"HELLO {number}"}, result.error
            yield made
        finally:
            clear(workspace)
            clear(publisher)
            workspace.close()
            publisher.close()


class LongRun:
    """A run that goes on until it is told to end."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.result: Any = None
        self.container = stage.runtime.to_dict()["container_id"]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        until(lambda: stage.runtime.state == "busy", "the long run")

    @property
    def goes_on(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> Any:
        command = ["python3", "-c", "open('/tmp/go', 'w')"]
        stream = self._stage.engine.open_stream(self.container, command)
        while stream.read(100):
            pass
        stream.close()
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()
        return self.result

    def _run(self) -> None:
        self.result = self._stage.runtime.run(self._stage.flow, text="wait")


def test_found_rehearsed_refused_taken_and_given_back(stage: Stage) -> None:
    """Must-show 3, all of it, while one run goes on from beginning to end."""
    runtime = stage.runtime
    assert runtime.check_version().newer is False
    assert runtime.to_dict()["update"] is None
    first = runtime.to_dict()["environment"]
    packages = stage.packages()
    long = LongRun(stage)

    # a base version with a break is pushed: details show it, check finds it
    stage.publish("2", BROKEN)
    check = runtime.check_version()
    assert (check.newer, check.latest["version"]) == (True, "2")
    assert check.source == f"registry {stage.place}/{stage.name}"
    assert check.to_dict()["latest"]["size"] > 1000
    shown = runtime.to_dict()
    assert shown["update"]["version"] == "2"
    assert f"{stage.name}:2 is out" in shown["update"]["notice"]
    # what differs is told, and nothing was fetched for it
    assert "special 1.0 → 2.0, same Python" in shown["update"]["notice"]
    assert shown["update"]["notice"].endswith("MB to fetch. “special 2”")
    assert stage.engine.image(f"{stage.place}/{stage.name}:2") is None
    assert f"{stage.name}:2 is out" in runtime._repr_mimebundle_()["text/html"]

    # twenty runs are repeated; three of them hold a 7
    events: list[Any] = []
    rehearsal = runtime.rehearse(on_phase=events.append)
    assert len(rehearsal.runs) == 20
    assert dict(rehearsal.counts) == {
        "equal": 18,
        "differs": 2,
        "varies": 0,
        "not_compared": 0,
    }
    run = rehearsal.differing[-1]
    assert run["inputs"] == {"text": "hello 7"}
    assert run["parts_at"]["node"] == "shout"
    assert run["parts_at"]["before"]["output"] == "HELLO 7"
    assert run["parts_at"]["after"]["output"] == "hello 7"
    assert rehearsal.packages == [{"name": "special", "before": "1.0", "after": "2.0"}]
    done = [event.phase for event in events if event.status == "done"]
    expected = ["pull", "contract", "pull", "create", "start", "handshake", "rehearse"]
    assert done == expected
    assert run["run_id"] in rehearsal.text()

    # to promote it is refused, with the run; the runtime was never stopped
    with pytest.raises(IllegalState) as refused:
        runtime.update()
    assert refused.value.code == "runs_differ"
    assert refused.value.details["rehearsal"]["counts"]["differs"] == 2
    assert runtime.to_dict()["environment"] == first
    assert stage.instances() == [long.container]
    assert stage.marks() == []
    assert long.goes_on

    # without the break it moves; what ran goes on where it was
    stage.publish("3", GOOD)
    update = runtime.update(rehearse=True)
    assert update.moved
    assert update.rehearsal is not None
    assert dict(update.rehearsal.counts)["equal"] == 20
    assert update.to_dict()["going_on"] == 1
    now = runtime.to_dict()
    assert now["environment"]["version"] == "3"
    assert now["previous"]["version"] == "1"
    assert now["container_id"] != long.container
    assert runtime.run(stage.flow, text="new").outputs == {"answer": "NEW"}
    assert stage.packages()["special"] == "3.0"
    assert long.goes_on

    # and back again, to exactly what it was
    back = runtime.rollback()
    assert back.moved
    assert runtime.to_dict()["environment"] == first
    assert stage.packages() == packages
    assert runtime.run(stage.flow, text="old").outputs == {"answer": "OLD"}
    assert long.goes_on

    # the long run ends as it began, and its container goes
    result = long.end()
    assert (result.status, result.outputs) == ("Completed", {"answer": "WAIT"})
    assert result.environment.version == "1"
    here = [runtime.to_dict()["container_id"]]
    until(lambda: stage.instances() == here, "the removal of what was before")
    assert stage.marks() == []


def test_layers_are_resolved_anew_or_nothing_happens(stage: Stage) -> None:
    runtime = stage.runtime
    wheels = stage.folder / "more"
    one = wheel(wheels, "extra", "1.0", requires=["special<4"])
    done = runtime.install(str(one))
    assert done.installed == {"extra": "1.0"}
    before = runtime.to_dict()
    version = before["environment"]["version"]
    stage.publish("4", GOOD)
    with pytest.raises(RuntimeFailed) as caught:
        runtime.update(f"{stage.name}:4")
    assert caught.value.code == "layer_conflict", caught.value.describe()
    assert "special" in caught.value.message
    after = runtime.to_dict()
    assert after["environment"] == before["environment"]
    assert after["container_id"] == before["container_id"]
    assert len(stage.instances()) == 1

    # over a version that it fits it is resolved, imported and kept
    update = runtime.update(f"{stage.name}:3")
    assert update.moved
    (layer,) = update.to_dict()["layers"]
    assert layer["packages"] == {"extra": "1.0"}
    assert layer["requirements"] == before["layers"][0]["requirements"]
    assert stage.packages()["extra"] == "1.0"
    runtime.rollback()
    now = runtime.to_dict()
    assert now["environment"] == before["environment"]
    assert now["environment"]["version"] == version
    runtime.reset()


def test_a_registry_that_is_gone_is_said_and_disturbs_nothing(stage: Stage) -> None:
    runtime = stage.runtime
    runtime.check_version()
    stage.registry.kill()
    try:
        check = runtime.check_version()
        assert check.problem is not None
        assert check.problem["code"] == "registry_unreachable"
        # that there is a newer one was seen before, and stays true
        assert check.newer
        assert runtime.run(stage.flow, text="on").outputs == {"answer": "ON"}
        runtime.check_version(fresh=False)
        with pytest.raises((Unreachable, NotFound)):
            runtime.update(f"{stage.name}:9")
    finally:
        stage.registry.start()
    assert runtime.check_version().problem is None


KILLED = """
import sys, pathlib
from pf_jupyter.workspace.core import Core
from pf_jupyter.workspace.local import LocalWorkspace
from pf_jupyter.engines.docker import DockerEngine
home, address, to = sys.argv[1:]
engines = {"docker": lambda: DockerEngine(address)}
workspace = LocalWorkspace(pathlib.Path(home), lambda folder: Core(folder, engines))
runtime = workspace.runtimes.get("demo")
def tell(event):
    print(event.phase, event.status, flush=True)
print("begun", flush=True)
runtime.update(to, on_phase=tell)
print("done", flush=True)
"""


@pytest.mark.parametrize(
    "moment",
    ["create started", "handshake started", "switch started"],
)
def test_a_process_killed_in_the_middle_leaves_old_or_new(
    stage: Stage, docker_host: str, moment: str
) -> None:
    runtime = stage.runtime
    there = runtime.to_dict()["environment"]["version"]
    to = "3" if there == "1" else "1"
    command = [
        *(sys.executable, "-c", KILLED, str(stage.workspace.home)),
        *(docker_host, f"{stage.name}:{to}"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.strip() == moment:
                break
        else:
            pytest.fail(f"it ended before {moment}")
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()
    # another process comes, and finds the old one or the new one, and nothing else
    other = open_workspace(stage.workspace.home, docker_host)
    try:
        found = other.runtimes.get("demo")
        record = found.to_dict()
        assert record["state"] == "ready"
        assert record["environment"]["version"] in (there, to)
        result = found.run(stage.flow, text="alive")
        assert result.outputs == {"answer": "ALIVE"}
        assert result.environment.version == record["environment"]["version"]
        here = [record["container_id"]]
        until(lambda: stage.instances() == here, "the removal of what was left")
        assert stage.marks() == []
    finally:
        other.close()


def test_a_new_base_is_built_on_first_then_moved_to(
    stage: Stage, docker_host: str
) -> None:
    """One action: the environment's next version on the newest base, then the move."""
    base = f"{stage.place}/{stage.name}"
    own = open_workspace(stage.folder / "own", docker_host)
    name = f"mine-{uuid.uuid4().hex[:8]}"
    try:
        source = definition(
            stage.folder / "mine", name, base=f"{base}:1", dockerfile=["ENV A=1"]
        )
        made = own.environments.publish(source)
        assert made.version == "1"
        runtime = own.runtimes.create("custom", environment=f"{name}:1")
        check = runtime.check_version()
        assert check.to_dict()["kind"] == "base", check.to_dict()
        newest = check.to_dict()["base"]["newest"]
        assert newest == f"{base}:4"
        assert f"the base {base}:1 is out as {newest}" in check.notice
        assert runtime.run(stage.flow, text="x").status == "Completed"
        phases: list[str] = []
        update = runtime.update(
            rehearse=True,
            on_phase=lambda e: phases.append(e.phase) if e.status == "done" else None,
        )
        assert update.to_dict()["built"] == f"{name}:2"
        assert runtime.to_dict()["environment"]["version"] == "2"
        assert {"base", "build", "contract", "rehearse", "switch"} <= set(phases)
        assert phases.index("build") < phases.index("rehearse")
        installed = {one.name: one.version for one in runtime.packages()}
        assert installed["special"] == "4.0"
        assert not runtime.check_version().newer
        with pytest.raises(PfError) as nothing:
            runtime.update()
        assert nothing.value.code == "no_newer_version"
    finally:
        clear(own)
        own.close()
