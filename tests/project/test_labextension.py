"""The JupyterLab extension: in step with its sources, with the server, with us."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from .tree import ROOT, files, pyproject

SOURCES = ROOT / "labextension"
BUNDLE = ROOT / "pf_jupyter" / "labextension"


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_bundle_is_made_from_the_sources_as_they_are():
    hook = _module(ROOT / "hatch_build.py")
    assert hook.up_to_date(), "run: python hatch_build.py"


def test_a_change_of_the_sources_is_noticed(tmp_path, monkeypatch):
    hook = _module(ROOT / "hatch_build.py")
    copy = tmp_path / "labextension"
    ignore = shutil.ignore_patterns("node_modules", "lib")
    shutil.copytree(SOURCES, copy, ignore=ignore)
    monkeypatch.setattr(hook, "SOURCES", copy)
    assert hook.up_to_date()
    types = copy / "src" / "api-types.ts"
    types.write_text(types.read_text() + "export type More = string;\n")
    assert hook.up_to_date(), "types are not in the bundle"
    style = copy / "style" / "base.css"
    style.write_text(style.read_text() + ".pf-More {}\n")
    assert not hook.up_to_date()


def test_its_types_are_those_of_the_server():
    types = _module(ROOT / "scripts" / "api_types.py")
    from pf_jupyter.server.document import document
    from pf_jupyter.server.verbs import load_all

    load_all()
    written = types.FILE.read_text(encoding="utf-8")
    wanted = types.typescript(document())
    assert written == wanted, "run: python scripts/api_types.py"


def test_versions_agree():
    version = pyproject()["project"]["version"]
    places = (SOURCES / "package.json", SOURCES / "package-lock.json")
    for place in (*places, BUNDLE / "package.json"):
        assert _json(place)["version"] == version, place


def test_all_of_the_bundle_is_in_the_repository():
    known = {path for path in files() if path.is_relative_to(BUNDLE)}
    there = {path for path in BUNDLE.rglob("*") if path.is_file()}
    assert there == known
    build = _json(BUNDLE / "package.json")["jupyterlab"]["_build"]
    assert (BUNDLE / build["load"]).is_file()


def test_the_schema_is_that_of_a_plugin():
    assert (SOURCES / "schema" / "plugin.json").is_file()
    assert "id: 'pf-jupyter:plugin'" in (SOURCES / "src" / "index.ts").read_text()
    schema = _json(SOURCES / "schema" / "plugin.json")
    text = (SOURCES / "src" / "index.ts").read_text()
    for shortcut in schema["jupyter.lab.shortcuts"]:
        assert f"'{shortcut['command']}'" in text


def _without_node(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose PATH leads to nothing but a venv."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "PYTHON", "PF_"))
    }
    environment["PATH"] = str(tmp_path / "venv" / "bin")
    environment["HOME"] = str(tmp_path)
    assert shutil.which("node", path=environment["PATH"]) is None
    return environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What somebody has who cloned the repository."""
    folder = tmp_path / "checkout"
    for path in files():
        target = folder / path.relative_to(ROOT)
        if not path.is_relative_to(ROOT / "tests"):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="paths of a POSIX venv")
def test_a_checkout_builds_without_node_and_what_is_installed_is_enabled(
    tmp_path, checkout
):
    environment = _without_node(tmp_path)

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)

    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    # the settings that say where packages come from are the user's own
    for name in ("HOME", "PIP_CONFIG_FILE"):
        environment.pop(name, None)
        if name in os.environ:
            environment[name] = os.environ[name]
    run(*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path / "wheel", checkout)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    # JupyterLab itself is taken from where these tests have theirs
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    beside = venv / "lib" / version / "site-packages" / "beside.pth"
    beside.write_text(sysconfig.get_path("purelib") + "\n")
    run(*pip, "--python", python, "install", "--no-deps", "--ignore-installed", wheel)
    environment["HOME"] = str(tmp_path)
    listed = run(python, "-m", "jupyterlab.labextensions", "list")
    assert "pf-jupyter v0.1.0" in listed
    line = next(line for line in listed.splitlines() if "pf-jupyter" in line)
    assert "enabled" in line
    assert "OK" in line
    server = "jupyter_server.extension.serverextension"
    listed = run(python, "-m", server, "list")
    assert re.search(r"pf_jupyter\s+enabled", listed)
    assert re.search(r"pf_jupyter 0\.1\.0\s+OK", listed)
