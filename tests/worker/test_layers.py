"""Layers in a worker: used by what begins, kept by what runs, examined apart."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.worker import layers

MakeFlow = Callable[..., Any]
StartWorker = Callable[..., Any]
BOTH = pytest.mark.parametrize("spawn", [False, True], ids=["fork", "spawn"])


def make_layer(
    folder: Path, *, below: Path | None = None, python: str, **modules: str
) -> str:
    """Make what the environments room would, with these modules in it."""
    base = Path(python)
    site = site_of(folder)
    (folder / "bin").mkdir(parents=True)
    site.mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source)
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        (info / "RECORD").write_text(f"{name}.py,,\n{name}-1.0.dist-info/RECORD,,\n")
    if below is not None:
        call = f"import site; site.addsitedir({str(site_of(below))!r})"
        (site / "below.pth").write_text(call + "\n")
    (folder / layers.MARK).write_text("{}")
    return str(folder)


def site_of(folder: Path) -> Path:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return folder / "lib" / version / "site-packages"


BASE = getattr(sys, "_base_executable", "") or sys.executable


@pytest.fixture
def layer(tmp_path: Path) -> Callable[..., str]:
    def make(name: str, below: str | None = None, **modules: str) -> str:
        lower = Path(below) if below else None
        return make_layer(tmp_path / name, below=lower, python=BASE, **modules)

    return make


def use(worker: Any, *folders: str) -> list[str]:
    request = worker.channel.request("layers.use", layers=list(folders))
    missing: list[str] = request.result(60)["missing"]
    return missing


def examine(worker: Any, folders: list[str], *check: str, timeout: float = 60) -> Any:
    request = worker.channel.request(
        "layers.examine", layers=folders, check=list(check), timeout=timeout
    )
    return request.result(120)


@BOTH
def test_what_begins_has_the_layers_and_what_runs_keeps_its_own(
    spawn: bool,
    start_worker: StartWorker,
    make_flow: MakeFlow,
    layer: Callable[..., str],
    tmp_path: Path,
    until: Callable[..., Any],
) -> None:
    worker = start_worker(spawn=spawn)
    assert worker.hello["layers"] == []
    go = tmp_path / "go"
    long = make_flow(
        f"""
        import os
        while not os.path.exists({str(go)!r}):
            time.sleep(0.01)
        try:
            import pf_thing
        except ImportError as error:
            return str(error)
        """
    )
    pending = worker.begin(long)
    until(lambda: worker.channel.request("stats").result(60)["runs"])
    short = make_flow(
        "import pf_thing; return pf_thing.value + subprocess.run(['python', '-c', "
        "'import pf_thing; print(pf_thing.value)'], capture_output=True, text=True)"
        ".stdout.strip()"
    )
    failed = worker.run(short)
    assert failed["status"] == "Failed"
    one = layer("one", pf_thing="value = 'one'")
    assert use(worker, one) == []
    done = worker.run(short)
    assert done["outputs"] == {"answer": "oneone"}, done["error"]
    two = layer("two", below=one, pf_thing="value = 'two'")
    assert use(worker, two, one) == []
    assert worker.run(short)["outputs"] == {"answer": "twotwo"}
    go.touch()
    assert pending.result(60)["outputs"] == {"answer": "No module named 'pf_thing'"}
    assert use(worker) == []
    assert worker.run(short)["status"] == "Failed"
    if not spawn:
        # the processes of layers that nobody uses any more are gone
        until(lambda: len(worker.processes("zygote")) == 1)


def test_nothing_changes_while_a_layer_is_missing(
    worker: Any, make_flow: MakeFlow, layer: Callable[..., str]
) -> None:
    one = layer("one", pf_thing="value = 'one'")
    assert use(worker, one) == []
    (Path(one) / layers.MARK).unlink()
    other = layer("other", pf_thing="value = 'other'")
    assert use(worker, other, one) == [one]
    made = make_flow("import pf_thing; return pf_thing.value")
    assert worker.run(made)["outputs"] == {"answer": "one"}
    assert examine(worker, [one])["missing"] == [one]


def test_examining_tells_what_is_installed_and_imports_it(
    worker: Any, layer: Callable[..., str]
) -> None:
    good = layer("good", pf_good="value = 1")
    bad = layer("bad", below=good, pf_bad="import pf_absent")
    found = examine(worker, [bad, good], "pf-good", "pf-bad", "pf-nowhere")
    versions = {item["name"]: item["version"] for item in found["installed"]}
    assert versions["pf-good"] == versions["pf-bad"] == "1.0"
    first, second, third = found["checked"]
    assert (first["modules"], first["error"]) == (["pf_good"], None)
    assert second["error"]["module"] == "pf_bad"
    assert "No module named 'pf_absent'" in second["error"]["text"]
    assert third["version"] is None
    version = ".".join(map(str, sys.version_info[:3]))
    assert found["python"]["version"] == version
    assert "pf-good" not in {item["name"] for item in examine(worker, [])["installed"]}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os; os._exit(3)", "ended before it answered"),
        ("import time; time.sleep(600)", "did not end within 2 seconds"),
    ],
    ids=["ends", "hangs"],
)
def test_a_module_that_breaks_its_process_breaks_nothing_else(
    worker: Any,
    make_flow: MakeFlow,
    layer: Callable[..., str],
    source: str,
    words: str,
) -> None:
    bad = layer("bad", pf_bad=source)
    seconds = 2.0 if "sleep" in source else 60.0
    assert words in examine(worker, [bad], "pf-bad", timeout=seconds)["failed"]
    assert worker.run(make_flow("return text"))["outputs"] == {"answer": "hi"}
