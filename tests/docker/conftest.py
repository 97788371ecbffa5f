"""A workspace on the real engine, and what it made removed again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from pf_jupyter.engines.docker import DockerEngine
from pf_jupyter.errors import PfError
from pf_jupyter.workspace.core import Core
from pf_jupyter.workspace.local import LocalWorkspace


@pytest.fixture(scope="session")
def client(docker_host: str) -> Iterator[Any]:
    """docker-py's own client, to count with."""
    found = docker.APIClient(base_url=docker_host, version="1.40")
    yield found
    found.close()


def open_workspace(home: Path, address: str) -> LocalWorkspace:
    """Return a workspace whose only compute is the engine at an address."""
    engines = {"docker": lambda: DockerEngine(address)}
    return LocalWorkspace(home, lambda folder: Core(folder, engines))


def clear(workspace: LocalWorkspace) -> None:
    """Remove the runtimes and images of a workspace."""
    for runtime in workspace.runtimes.list():
        runtime.delete()
    core = workspace.core
    engine = core.life.computes.engine("docker")
    rows = core.store.environments
    images = [one.image for one in rows.versions()]
    images += [str((one.build or {}).get("image") or "") for one in rows.all()]
    images += [name for one in rows.versions() for name in one.registries]
    for image in filter(None, images):
        with contextlib.suppress(PfError):
            engine.remove_image(image)


@pytest.fixture
def open_home(docker_host: str, home: Path) -> Iterator[Callable[..., LocalWorkspace]]:
    """Return a function that opens a workspace; all are cleared at the end."""
    opened: list[LocalWorkspace] = []

    def make(name: str = "", address: str = docker_host) -> LocalWorkspace:
        folder = home / name if name else home
        opened.append(open_workspace(folder, address))
        return opened[-1]

    yield make
    for workspace in opened:
        clear(workspace)
        workspace.close()


@pytest.fixture
def workspace(open_home: Callable[..., LocalWorkspace]) -> LocalWorkspace:
    """A workspace of its own on the real engine."""
    return open_home()
