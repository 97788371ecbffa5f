"""The default environment: made once, known by its content, found again."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import BuildProgress
from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.engines.process import ProcessEngine
from pf_jupyter.environments import base, default
from pf_jupyter.environments import interpreter as interpreters
from pf_jupyter.environments.default import (
    DEFAULT_PACKAGES,
    DEFAULT_VERSION,
    resolve_default,
)
from pf_jupyter.errors import NotFound, RuntimeFailed

LINUX = pytest.mark.skipif(
    not base.can_build(), reason="a base image of the host's Python needs Linux"
)


def make_root(path: Path) -> Callable[..., None]:
    """Return a stand-in for the slow part: it writes a small file instead."""

    def write(archive: Path, **options: Any) -> None:
        archive.write_bytes(b"root")
        with path.open("a") as file:
            file.write("made\n")
        time.sleep(0.3)

    return write


def test_for_the_process_engine_it_is_the_running_python(home: Path) -> None:
    found = resolve_default(ProcessEngine(home))
    assert found.source == "process"
    assert found.image == sys.executable
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.packages["jinja2"]
    assert (found.name, found.version) == ("default", DEFAULT_VERSION)
    assert found.digest.startswith("sha256:")
    assert resolve_default(ProcessEngine(home)).digest == found.digest


@LINUX
def test_it_is_made_once_and_then_only_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(base, "write_root", make_root(tmp_path / "log"))
    engine = FakeEngine()
    steps: list[BuildProgress] = []
    first = resolve_default(engine, steps.append, home=tmp_path)
    assert first.source == "host"
    assert steps
    steps.clear()
    assert resolve_default(engine, steps.append, home=tmp_path) == first
    assert steps == []
    assert (tmp_path / "log").read_text() == "made\n"
    assert first.image == f"pf_jupyter/default:1-{first.digest[7:19]}"
    assert {*DEFAULT_PACKAGES, "markupsafe", "pydantic"} <= set(first.packages)
    image = engine.image(first.image)
    assert image is not None
    assert image.labels["pf_jupyter.environment"] == "default"
    assert image.labels["pf_jupyter.digest"] == first.digest
    listed = image.labels["pf_jupyter.packages"].split()
    assert listed == [f"{name}=={first.packages[name]}" for name in first.packages]


@LINUX
def test_two_at_once_make_it_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(base, "write_root", make_root(tmp_path / "log"))
    engine = FakeEngine()
    steps: list[str] = []
    found: list[Any] = []

    def resolve() -> None:
        found.append(
            resolve_default(engine, lambda step: steps.append(step.text), home=tmp_path)
        )

    threads = [threading.Thread(target=resolve) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "log").read_text() == "made\n"
    assert found[0] == found[1] == found[2]
    assert any("another process" in text for text in steps)


@LINUX
def test_a_failure_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(archive: Path, **options: Any) -> None:
        archive.write_bytes(b"half")
        raise RuntimeFailed("no", phase="build", hint="none")

    monkeypatch.setattr(base, "write_root", fail)
    engine = FakeEngine()
    with pytest.raises(RuntimeFailed):
        resolve_default(engine, home=tmp_path)
    assert list((tmp_path / "building").iterdir()) == []
    monkeypatch.setattr(base, "write_root", make_root(tmp_path / "log"))
    assert engine.image(resolve_default(engine, home=tmp_path).image) is not None


@LINUX
def test_what_a_killed_process_left_is_cleared_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(base, "write_root", make_root(tmp_path / "log"))
    digest = resolve_default(FakeEngine(), home=tmp_path).digest
    old = tmp_path / "building" / f"{digest[7:19]}-left"
    old.mkdir()
    (old / "root.tar").write_bytes(b"half")
    resolve_default(FakeEngine(), home=tmp_path)
    assert not old.exists()


def test_the_digest_follows_the_content(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest() -> str:
        return default._host_recipe(interpreters.running()).digest

    before = digest()
    assert digest() == before
    monkeypatch.setattr(default, "_RECIPE", 99)
    recipe = digest()
    monkeypatch.setattr(
        interpreters, "distribution_versions", lambda names: dict.fromkeys(names, "9")
    )
    assert len({before, recipe, digest()}) == 3


@LINUX
def test_a_new_certificate_authority_makes_a_new_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = default._host_recipe(interpreters.running()).digest
    bundle = tmp_path / "company.pem"
    bundle.write_text("company")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert default._host_recipe(interpreters.running()).digest != before


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "DEFAULT_PACKAGES", ("pf-no-such-package",))
    with pytest.raises(RuntimeFailed) as caught:
        resolve_default(FakeEngine(), source="host")
    assert caught.value.code == "package_missing"
    assert "pip install pf-no-such-package" in caught.value.hint


def test_another_base_is_fetched_and_built_upon(tmp_path: Path) -> None:
    engine = FakeEngine()
    with pytest.raises(NotFound) as caught:
        resolve_default(engine, base_image="python:3.12-slim", home=tmp_path)
    assert "python:3.12-slim" in caught.value.message
    assert "pull" in engine.calls
    engine = FakeEngine(["python:3.12-slim"])
    found = resolve_default(engine, base_image="python:3.12-slim", home=tmp_path)
    assert found.source == "registry"
    assert "build" in engine.calls
    other = resolve_default(
        FakeEngine(["python:3.11-slim"]), base_image="python:3.11-slim", home=tmp_path
    )
    assert other.digest != found.digest


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(
        '#!/bin/sh\necho \'["/old", "3.8.1", "v", "c", "m", "o", ["", ""]]\'\n'
    )
    old.chmod(0o755)
    if sys.platform == "win32":
        return
    with pytest.raises(RuntimeFailed) as caught:
        interpreters.at(old)
    assert caught.value.code == "python_too_old"


def test_a_python_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailed) as caught:
        interpreters.at(tmp_path / "none")
    assert caught.value.code == "no_python"


def test_the_running_python_is_the_base_of_a_virtual_environment() -> None:
    code = "import sys; print(sys.prefix == sys.base_prefix)"
    done = subprocess.run(
        [str(interpreters.running().path), "-I", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"
    assert interpreters.at(interpreters.running().path).facts == (
        interpreters.running().facts
    )
