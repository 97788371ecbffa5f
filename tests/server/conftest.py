"""Real Jupyter servers, over the process engine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def load(name: str, path: Path):
    """Return a module of the tests; these folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


harness = load("pf_jupyter_tests_harness", Path(__file__).with_name("harness.py"))


def remove_runtimes(server):
    from pf_jupyter.workspace.local import LocalWorkspace

    workspace = LocalWorkspace(server.home)
    for runtime in workspace.runtimes.list():
        runtime.delete()
    workspace.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that tests leave as it was; it has a ready runtime ``demo``."""
    made = harness.Server(tmp_path_factory.mktemp("server"))
    try:
        made.start()
        status, _, begun = made.ask(
            "POST", "pf/api/runtimes", {"name": "demo", "compute": "process"}
        )
        assert status == 202, begun
        assert made.done(begun)["state"] == "done"
        yield made
    finally:
        made.stop()
        remove_runtimes(made)


@pytest.fixture
def own_server(tmp_path):
    """Return a function that makes a server of this test's own."""
    made = []

    def make(*settings):
        server = harness.Server(tmp_path / f"server-{len(made)}", *settings)
        made.append(server)
        return server.start()

    yield make
    for server in made:
        server.stop()
        remove_runtimes(server)


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """A flow that is not among the examples; ``seconds`` it waits."""
    folder = tmp_path_factory.mktemp("flows") / "waiting"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(
        """
inputs:
  seconds: {type: double, default: 0}
outputs:
  done: {type: string, reference: "${wait.output}"}
nodes:
- name: wait
  type: python
  source: {type: code, path: wait.py}
  inputs: {seconds: "${inputs.seconds}"}
"""
    )
    (folder / "wait.py").write_text(
        "import time\nfrom promptflow.core import tool\n\n\n"
        "@tool\ndef wait(seconds: float):\n"
        "    print('it waits')\n    time.sleep(seconds)\n    return 'waited'\n"
    )
    return folder


def connected(server, **options):
    """Return a workspace that asks a server as a kernel of it does."""
    from pf_jupyter.server.tokens import Tokens
    from pf_jupyter.workspace.remote import RemoteWorkspace
    from pf_jupyter.workspace.remote_client import Address, Client
    from pf_jupyter.workspace.serving import os_user

    folder = server.home / "server"
    token = Tokens(folder / "tokens").make("a-kernel", os_user())
    file = folder / "address-user-ann.json"
    return RemoteWorkspace(Client(Address(server.url, token, file), **options))


@pytest.fixture
def connect_to():
    """Return a function that makes a workspace of a server."""
    made = []

    def connect(server, **options):
        made.append(connected(server, **options))
        return made[-1]

    yield connect
    for workspace in made:
        workspace.close()


@pytest.fixture
def in_thread():
    """Return a function that begins a call in a thread and gives what waits for it."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(8)
    yield pool.submit
    pool.shutdown(wait=False, cancel_futures=True)
