"""The worker's code on its way: the same bytes, sent once, safe where it lands."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.runtimes import bundle, bytecode


def test_the_archive_is_the_same_every_time() -> None:
    first = bundle.bundle()
    bundle.bundle.cache_clear()
    second = bundle.bundle()
    assert first == second
    assert first is not second


def test_the_archive_holds_what_a_container_needs_and_no_more() -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.bundle().archive)) as archive:
        names = set(archive.namelist())
    assert {
        "pf_jupyter/__init__.py",
        "pf_jupyter/errors.py",
        "pf_jupyter/flow/model.py",
        "pf_jupyter/worker/control.py",
        "pf_jupyter/worker/execution/__init__.py",
        "pf_jupyter/worker/compat/promptflow/core.py",
        "pf_jupyter/worker/rehearsal/step.py",
    } <= names
    rooms = {name.split("/")[1] for name in names if "/" in name}
    assert rooms == {"__init__.py", "errors.py", "flow", "worker"}
    assert not [name for name in names if "__pycache__" in name]


def test_control_needs_the_standard_library_alone(tmp_path: Path) -> None:
    folder = bundle.bundle().unpack(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "import pf_jupyter.worker.control, pf_jupyter.worker.templates\n"
        "names = {name.split('.')[0] for name in sys.modules}\n"
        "own = {'pf_jupyter', '__main__'}\n"
        "print(sorted(names - own - set(sys.stdlib_module_names)))\n"
        "print([n for n in sys.modules if 'execution' in n])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_code_is_sent_once(start_worker: Callable[..., Any], tmp_path: Path) -> None:
    start_worker()
    folder = tmp_path / "worker" / bundle.bundle().digest
    assert (folder / "pf_jupyter" / "worker" / "control.py").is_file()
    before = folder.stat().st_ino
    second = start_worker()
    assert second.hello["protocol"] == 1
    assert folder.stat().st_ino == before
    assert list((tmp_path / "worker").glob("part-*")) == []


def test_code_that_is_baked_into_an_image_is_used(
    start_worker: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "BAKED_FOLDER", str(tmp_path / "baked"))
    bundle.bundle().unpack(tmp_path / "baked")
    start_worker()
    assert not (tmp_path / "worker" / bundle.bundle().digest).exists()


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions")
def test_a_folder_that_others_may_write_is_not_trusted(
    start_worker: Callable[..., Any], tmp_path: Path
) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    trap = shared / f"pf_jupyter-{os.getuid()}"
    trap.mkdir()
    trap.chmod(0o777)
    start_worker(PF_WORKER_DIR="", TMPDIR=str(shared))
    assert list(trap.iterdir()) == []
    trap.rmdir()
    start_worker(PF_WORKER_DIR="", TMPDIR=str(shared))
    assert (trap / bundle.bundle().digest).is_dir()
    assert trap.stat().st_mode & 0o777 == 0o700
    assert Path(tempfile.gettempdir()) != shared


def test_flows_see_what_the_interpreter_has(
    start_worker: Callable[..., Any], make_flow: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "mine.py").write_text("name = 'mine'")
    worker = start_worker(PYTHONPATH=str(tmp_path / "lib"))
    made = make_flow("return mine.name", head="import mine")
    assert worker.run(made)["outputs"] == {"answer": "mine"}


def test_control_does_not_see_it(
    start_worker: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "json.py").write_text("raise SystemExit('not the real one')")
    worker = start_worker(PYTHONPATH=str(tmp_path / "lib"))
    assert worker.processes("control")


def test_a_runtime_of_the_same_version_gets_bytecode(
    start_worker: Callable[..., Any], make_flow: Callable[..., Any], tmp_path: Path
) -> None:
    worker = start_worker()
    folder = tmp_path / "worker" / bundle.bundle().digest / "pf_jupyter" / "worker"
    cached = Path(cache_from_source(str(folder / "control.py")))
    header = cached.read_bytes()[:8]
    assert header == MAGIC_NUMBER + b"\1\0\0\0"
    assert worker.run(make_flow("return 1"))["outputs"] == {"answer": 1}


def test_bytecode_tells_where_the_sources_are(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(bytecode.archive())
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        archive.extractall(tmp_path / "there")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pf_jupyter.worker import wire\n"
        "print(wire.__cached__)\nprint(wire.pack.__code__.co_filename)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "there")],
        capture_output=True,
        text=True,
        check=True,
    )
    cached, source = done.stdout.split()
    assert cached == cache_from_source(source)
    assert Path(source) == tmp_path / "there" / "pf_jupyter" / "worker" / "wire.py"
