"""One server and one browser for all of these tests; they end with the package.

(Not with the session: while a browser of the synchronous interface is open, the main
thread has a running event loop, and other rooms' tests start their own.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .lab import Lab, LabServer, browser, browser_path


@pytest.fixture(scope="package")
def _browser() -> Iterator[Any]:
    if browser_path() is None:
        reason = "no Chromium: apt-get install chromium, or set PF_CHROMIUM"
        if os.environ.get("PF_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with browser() as opened:
        yield opened


@pytest.fixture(scope="package")
def engine_address() -> str | None:
    """The Docker engine that answers here, None without one."""
    from pf_jupyter.engines.docker import DockerEngine
    from pf_jupyter.errors import PfError

    try:
        engine = DockerEngine()
        address = str(engine.ping().address)
        engine.close()
        return address
    except PfError:
        return None


@pytest.fixture(scope="package")
def lab_server(
    tmp_path_factory: pytest.TempPathFactory, engine_address: str | None
) -> Iterator[LabServer]:
    """A JupyterLab under a base URL, with Docker behind it where there is one."""
    made = LabServer(tmp_path_factory.mktemp("lab"), engine_address)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="package")
def _lab(_browser: Any, lab_server: LabServer) -> Iterator[Lab]:
    context = _browser.new_context(viewport={"width": 1280, "height": 800})
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
def fresh_lab(_browser: Any, lab_server: LabServer) -> Iterator[Lab]:
    """JupyterLab as a browser has it that never saw it; takes some seconds."""
    context = _browser.new_context(viewport={"width": 1280, "height": 800})
    yield Lab(lab_server, context.new_page()).open()
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
