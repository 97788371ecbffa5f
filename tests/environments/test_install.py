"""Installing into runtimes that live; what fails changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.environments.layers import digest_of
from pf_jupyter.errors import EnvironmentInvalid, PfError, RuntimeFailed
from pf_jupyter.workspace.local import LocalWorkspace

CODE = """\
import importlib.metadata, os, subprocess, sys, time
from promptflow.core import tool
@tool
def look(name: str, wait: str = "") -> str:
    while wait and not os.path.exists(wait):
        time.sleep(0.01)
    try:
        return __import__(name).value
    except ImportError as error:
        return f"{type(error).__name__}: {error}"
"""
FLOW = """\
inputs:
  name: {type: string}
  wait: {type: string, default: ""}
outputs:
  found: {type: string, reference: "${look.output}"}
nodes:
- name: look
  type: python
  source: {type: code, path: look.py}
  inputs: {name: "${inputs.name}", wait: "${inputs.wait}"}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "look.py").write_text(CODE)
    (folder / "flow.dag.yaml").write_text(FLOW)
    return folder


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    made = LocalWorkspace(tmp_path_factory.mktemp("ground"))
    made.runtimes.create("demo", compute="process")
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


@pytest.fixture
def workspace(ground: LocalWorkspace) -> Iterator[LocalWorkspace]:
    """A workspace whose runtime is its definition, without any layers."""
    yield ground
    ground.runtimes.get("demo").reset()
    shutil.rmtree(ground.home / "layers", ignore_errors=True)


@pytest.fixture
def home(workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PF_JUPYTER_HOME", str(workspace.home))
    return workspace.home


@pytest.fixture
def runtime(workspace: LocalWorkspace) -> Any:
    return workspace.runtimes.get("demo")


def look(runtime: Any, flow: Path, name: str) -> Any:
    result = runtime.run(flow, name=name)
    assert result.status == "Completed", result.error
    return result.outputs["found"]


def layers_of(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "layers").glob("*/*"))


def test_a_package_is_there_for_the_next_run(
    runtime: Any, flow: Path, index: Any, home: Path
) -> None:
    index.add("pf-lib", "2.0")
    index.add(
        "pf-app",
        requires=["pf-lib"],
        files={"pf_app/__init__.py": "value = 'app'\ndef main(): print('ran')\n"},
        scripts={"pf-app": "pf_app:main"},
    )
    before = runtime.to_dict()["environment"]["digest"]
    assert look(runtime, flow, "pf_app").startswith("ModuleNotFoundError")
    phases: list[tuple[str, str]] = []
    done = runtime.install(
        "pf-app", on_phase=lambda event: phases.append((event.phase, event.status))
    )
    assert [phase for phase, status in phases if status == "done"] == [
        "resolve",
        "install",
        "verify",
    ]
    assert done.installed == {"pf-app": "1.0", "pf-lib": "2.0"}
    assert done.modules == {"pf-app": ("pf_app",)}
    assert (done.resolved, done.layers, done.replaced) == (2, 1, {})
    assert look(runtime, flow, "pf_app") == "app"
    assert look(runtime, flow, "pf_lib") == "2.0"
    record = runtime.to_dict()
    assert record["environment"]["digest"] != before
    (layer,) = record["layers"]
    assert (layer["source"], layer["requirements"]) == ("ad hoc", ["pf-app"])
    run = runtime.run(flow, name="pf_app")
    assert run.environment.digest == record["environment"]["digest"]
    # its programs run by themselves, under the layer's own interpreter
    (name,) = layers_of(home)
    program = next((home / "layers").glob(f"*/{name}/bin/pf-app"))
    said = subprocess.run([program], capture_output=True, text=True, check=True)
    assert said.stdout == "ran\n"


def test_packages_tell_where_they_come_from(runtime: Any, index: Any) -> None:
    index.add("pf-lib")
    runtime.install("pf-lib")
    sources = {item.name: (item.version, item.source) for item in runtime.packages()}
    assert sources["pf-lib"] == ("1.0", "ad hoc")
    assert sources["jinja2"][1] == "base"


def test_a_reset_returns_to_the_definition_exactly(
    runtime: Any, flow: Path, index: Any
) -> None:
    index.add("pf-lib")
    index.add("pf-more")
    before = runtime.to_dict()["environment"]
    packages = runtime.packages()
    runtime.install("pf-lib")
    assert runtime.install("pf-more").layers == 2
    assert look(runtime, flow, "pf_lib") == look(runtime, flow, "pf_more") == "1.0"
    runtime.reset()
    assert runtime.to_dict()["environment"] == before
    assert runtime.to_dict()["layers"] == []
    assert runtime.packages() == packages
    assert look(runtime, flow, "pf_lib").startswith("ModuleNotFoundError")
    runtime.reset()


def test_an_upgrade_lies_over_what_is_below(
    runtime: Any, flow: Path, index: Any
) -> None:
    index.add("pf-lib", "1.0")
    index.add("pf-lib", "2.0")
    runtime.install("pf-lib==1.0")
    assert look(runtime, flow, "pf_lib") == "1.0"
    again = runtime.install("pf-lib")
    assert (again.installed, again.present) == ({}, {"pf-lib": "1.0"})
    done = runtime.install("pf-lib", upgrade=True)
    assert (done.replaced, done.installed) == ({"pf-lib": "1.0"}, {"pf-lib": "2.0"})
    assert look(runtime, flow, "pf_lib") == "2.0"
    versions = {item.name: item.version for item in runtime.packages()}
    assert versions["pf-lib"] == "2.0"


def test_a_run_on_its_way_keeps_what_it_began_with(
    runtime: Any, flow: Path, index: Any, tmp_path: Path
) -> None:
    index.add("pf-lib")
    go = tmp_path / "go"
    results: list[Any] = []
    began = threading.Event()

    def run() -> None:
        results.append(
            runtime.run(
                flow, name="pf_lib", wait=str(go), on_event=lambda event: began.set()
            )
        )

    thread = threading.Thread(target=run)
    thread.start()
    assert began.wait(60)
    runtime.install("pf-lib")
    assert look(runtime, flow, "pf_lib") == "1.0"
    go.touch()
    thread.join(60)
    assert results[0].outputs["found"].startswith("ModuleNotFoundError")


BROKEN = {
    "imports": ({"pf_bad.py": "raise RuntimeError('no such luck')"}, "import_failed"),
    "ends": ({"pf_bad.py": "import os; os._exit(1)"}, "verify_failed"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_imported_changes_nothing(
    runtime: Any, flow: Path, index: Any, home: Path, kind: str
) -> None:
    index.add("pf-lib")
    runtime.install("pf-lib")
    before, layers = runtime.to_dict(), layers_of(home)
    files, code = BROKEN[kind]
    index.add("pf-bad", files=files)
    with pytest.raises(RuntimeFailed) as caught:
        runtime.install("pf-bad")
    assert caught.value.code == code
    assert caught.value.phase == "verify"
    assert caught.value.hint
    assert runtime.to_dict() == before
    assert layers_of(home) == layers
    assert look(runtime, flow, "pf_lib") == "1.0"


def test_what_cannot_be_resolved_changes_nothing(
    runtime: Any, index: Any, home: Path
) -> None:
    index.add("pf-one", requires=["pf-lib<2"])
    index.add("pf-two", requires=["pf-lib>=2"])
    for version in ("1.0", "2.0"):
        index.add("pf-lib", version)
    before = runtime.to_dict()
    with pytest.raises(RuntimeFailed) as caught:
        runtime.install("pf-one", "pf-two")
    assert (caught.value.code, caught.value.phase) == (
        "requirements_conflict",
        "resolve",
    )
    assert "pf-lib<2" in caught.value.message
    with pytest.raises(EnvironmentInvalid) as invalid:
        runtime.install("pf-lib=1", "pf-one")
    assert "pf-lib==1" in invalid.value.describe()
    assert runtime.to_dict() == before
    assert layers_of(home) == []
    text = "\n".join(runtime.logs())
    assert "resolve" in text
    assert "pf-lib<2" in text


def test_a_requirements_file_with_a_local_wheel(
    runtime: Any, flow: Path, index: Any, tmp_path: Path, wheel: Callable[..., Path]
) -> None:
    index.add("pf-lib")
    wheel(tmp_path / "wheels", "pf-mine", "3.0", requires=["pf-lib"])
    file = tmp_path / "requirements.txt"
    file.write_text("./wheels/pf_mine-3.0-py3-none-any.whl\n")
    done = runtime.install(requirements=file)
    assert done.installed == {"pf-lib": "1.0", "pf-mine": "3.0"}
    assert done.modules["pf-mine"] == ("pf_mine",)
    assert look(runtime, flow, "pf_mine") == "3.0"
    # another content under the same name is another layer
    wheel(
        tmp_path / "wheels", "pf-mine", "3.0", files={"pf_mine.py": "value = 'other'"}
    )
    runtime.reset()
    runtime.install(requirements=file)
    assert look(runtime, flow, "pf_mine") == "other"


def test_layers_are_shared_and_live_on(
    workspace: LocalWorkspace, runtime: Any, flow: Path, index: Any, home: Path
) -> None:
    index.add("pf-lib")
    runtime.install("pf-lib")
    other = workspace.runtimes.create("other", compute="process")
    other.install("pf-lib")
    (name,) = layers_of(home)
    assert [layer["name"] for layer in other.layers()] == [name]
    # somebody else's process finds them, and so does one after a restart
    again = LocalWorkspace(home)
    try:
        assert look(again.runtimes.get("demo"), flow, "pf_lib") == "1.0"
    finally:
        again.close()
    runtime.restart()
    assert look(runtime, flow, "pf_lib") == "1.0"
    other.delete()
    assert layers_of(home) == [name]


def test_a_layer_that_is_gone_is_made_again(
    workspace: LocalWorkspace, runtime: Any, flow: Path, index: Any, home: Path
) -> None:
    index.add("pf-lib")
    index.add("pf-more")
    runtime.install("pf-lib")
    runtime.install("pf-more")
    runtime.stop()
    shutil.rmtree(home / "layers")
    runtime.start()
    assert look(runtime, flow, "pf_lib") == look(runtime, flow, "pf_more") == "1.0"
    assert len(layers_of(home)) == 2


def test_a_layer_is_never_made_again_of_other_files(
    workspace: LocalWorkspace,
    runtime: Any,
    index: Any,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheel = index.add("pf-sealed")
    runtime.install("pf-sealed")
    (kept,) = workspace.core.store.runtime(runtime.name).layers
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert kept["lock"] == [f"pf-sealed==1.0 --hash=sha256:{digest}"]
    runtime.stop()
    shutil.rmtree(home / "layers")
    # somebody puts another file under the same name and version
    index.add("pf-sealed", files={"pf_sealed.py": "value = 'not what was locked'"})
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another-cache"))
    with pytest.raises(RuntimeFailed) as caught:
        runtime.start()
    assert caught.value.code == "hash_mismatch"
    # without that layer it is a runtime again
    assert runtime.reset().start().state == "ready"


def test_another_process_changes_over_by_itself(
    runtime: Any, flow: Path, index: Any, home: Path
) -> None:
    index.add("pf-lib")
    assert look(runtime, flow, "pf_lib").startswith("ModuleNotFoundError")
    code = (
        "import pf_jupyter, sys; "
        "pf_jupyter.connect(server=False).runtimes.get('demo').install('pf-lib')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert look(runtime, flow, "pf_lib") == "1.0"


def test_installing_at_the_same_time(runtime: Any, flow: Path, index: Any) -> None:
    names = ["pf-a", "pf-b", "pf-c"]
    for name in names:
        index.add(name)
    failed: list[PfError] = []

    def install(name: str) -> None:
        try:
            runtime.install(name)
        except PfError as error:
            failed.append(error)

    threads = [threading.Thread(target=install, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed
    assert len(runtime.layers()) == 3
    found = [look(runtime, flow, name.replace("-", "_")) for name in names]
    assert found == ["1.0"] * 3


def test_the_digest_is_that_of_all_together() -> None:
    one, two = {"name": "one"}, {"name": "two"}
    assert digest_of("sha256:base", []) == "sha256:base"
    both = digest_of("sha256:base", [one, two])
    assert both != digest_of("sha256:base", [two, one])
    assert both.startswith("sha256:")


def test_the_shell_installs_and_prints_one_document(
    runtime: Any, index: Any, home: Path
) -> None:
    index.add("pf-lib")
    command = [sys.executable, "-m", "pf_jupyter.cli", "runtime"]

    def say(*words: str) -> Any:
        done = subprocess.run(
            [*command, *words, "--json"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )
        return done.returncode, json.loads(done.stdout)

    code, document = say("install", "demo", "pf-lib")
    assert [item["name"] for item in document["installed"]] == ["pf-lib"], document
    code, document = say("install", "demo", "pf-nothing")
    assert (code, document["error"]["code"]) == (1, "package_unknown")
    assert document["error"]["phase"] == "resolve"
    code, document = say("reset", "demo")
    assert (code, document["dropped"]) == (0, 1)
