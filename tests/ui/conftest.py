"""One server and one browser for all of these tests; they end with the package.

(Not with the session: while a browser of the synchronous interface is open, the main
thread has a running event loop, and other rooms' tests start their own.)
"""

from __future__ import annotations

import importlib.util
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .lab import ROOT, Lab, LabServer, browser, browser_path


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    if browser_path() is None:
        reason = "no Chromium: apt-get install chromium, or set PF_CHROMIUM"
        if os.environ.get("PF_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with browser() as opened:
        yield opened


@pytest.fixture(scope="package")
def engine_address(request: pytest.FixtureRequest) -> str | None:
    """The Docker engine of these tests, None without one."""
    try:
        return str(request.getfixturevalue("docker_host"))
    except pytest.skip.Exception:
        return None


@pytest.fixture(scope="package")
def package_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The only package index that the server's runtimes install from."""
    path = ROOT / "tests" / "environments" / "conftest.py"
    spec = importlib.util.spec_from_file_location("pf_environment_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.Index(tmp_path_factory.mktemp("index"))
    yield made
    made.close()


@pytest.fixture(scope="package")
def lab_server(
    tmp_path_factory: pytest.TempPathFactory,
    engine_address: str | None,
    package_index: Any,
) -> Iterator[LabServer]:
    """A JupyterLab under a base URL, with Docker behind it where there is one."""
    made = LabServer(tmp_path_factory.mktemp("lab"), engine_address)
    made.variables.update(
        UV_DEFAULT_INDEX=package_index.url, UV_HTTP_RETRIES="0", NO_PROXY="127.0.0.1"
    )
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="package")
def _lab(chromium: Any, lab_server: LabServer) -> Iterator[Lab]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield Lab(lab_server, context.new_page()).open()
    context.close()


@pytest.fixture
def lab(_lab: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """JupyterLab in a page that all tests share, with nothing open in it."""
    _lab.reset()
    failed = request.session.testsfailed
    yield _lab
    if request.session.testsfailed > failed:
        _lab.shot(f"failed-{request.node.name}")


@pytest.fixture
def fresh_lab(chromium: Any, lab_server: LabServer) -> Iterator[Lab]:
    """JupyterLab as a browser has it that never saw it; takes some seconds."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    # what other pages had open is kept by the server, workspace by workspace
    place = f"lab/workspaces/fresh-{uuid.uuid4().hex[:8]}"
    yield Lab(lab_server, context.new_page()).open(place)
    context.close()


@pytest.fixture(scope="package")
def runtime(lab_server: LabServer) -> str:
    """A ready runtime without a container that tests share: its name."""
    status, begun = lab_server.ask(
        "POST", "pf/api/runtimes", {"name": "small", "compute": "process"}
    )
    assert status == 202, begun
    done = lab_server.done(begun)
    assert done["state"] == "done", done
    return "small"


@pytest.fixture
def root(lab_server: LabServer) -> Path:
    """The folder that the file browser shows."""
    return lab_server.root
