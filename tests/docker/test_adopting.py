"""Containers that somebody else started: what is checked, and that they stay theirs."""

from __future__ import annotations

import contextlib
import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from pf_jupyter.errors import AlreadyExists, IllegalState, NotFound, PfError
from pf_jupyter.workspace.api import CheckResult
from pf_jupyter.workspace.local import LocalWorkspace

from .conftest import clear, open_workspace

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
WAITING = ["python3", "-c", "import time; time.sleep(1e6)"]
SERVING = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("", 8080), Answer).serve_forever()
"""
Start = Callable[..., str]


@pytest.fixture(scope="module")
def workspace(
    docker_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalWorkspace]:
    made = open_workspace(tmp_path_factory.mktemp("adopting"), docker_host)
    yield made
    clear(made)
    made.close()


@pytest.fixture
def start(client: Any, default_image: str) -> Iterator[Start]:
    """Return a function that starts a container by hand and returns its name."""
    made: list[str] = []

    def begin(command: Any = WAITING, *, ports: Any = None, **host: Any) -> str:
        name = f"theirs-{uuid.uuid4().hex[:8]}"
        user = host.pop("user", "1000:1000")
        image, run = host.pop("image", default_image), host.pop("run", True)
        begun = client.create_container(
            image,
            command=list(command),
            name=name,
            user=user,
            ports=ports,
            host_config=client.create_host_config(**host),
        )
        made.append(begun["Id"])
        if run:
            client.start(begun["Id"])
        return name

    yield begin
    for container in made:
        with contextlib.suppress(docker.errors.NotFound):
            client.remove_container(container, force=True)


def statuses(checks: list[CheckResult]) -> dict[str, str]:
    return {check.name: check.status for check in checks}


def test_a_container_is_joined_and_stays_theirs(
    workspace: LocalWorkspace, client: Any, start: Start
) -> None:
    limits = {"mem_limit": "1g", "nano_cpus": 1_000_000_000, "pids_limit": 200}
    theirs = start(["python3", "-c", SERVING], ports=[8080], **limits)
    checks: list[CheckResult] = []
    runtime = workspace.runtimes.adopt(theirs, on_check=checks.append)
    assert statuses(checks) == {
        **dict.fromkeys(("container", "labels", "python", "worker"), "pass"),
        **dict.fromkeys(("privileges", "mounts", "network", "limits"), "pass"),
        **dict.fromkeys(("health", "serving"), "pass"),
        # user 1000 has no entry in that image, so its home is root's
        "user": checks[3].status,
    }
    assert "/health with 200" in checks[-1].message
    record = runtime.to_dict()
    assert (record["name"], record["limits"]["memory"]) == (theirs, 1024**3)
    found = client.inspect_container(theirs)
    assert record["container_id"] == found["Id"]
    assert record["environment"]["digest"] == found["Image"]
    hello = ROOT / "examples" / "hello"
    assert runtime.run(hello, name="Ada").outputs == {"greeting": "Hello, Ada!"}

    with pytest.raises(IllegalState) as caught:
        runtime.install("anything")
    assert caught.value.code == "adopted"
    with pytest.raises(IllegalState) as caught:
        runtime.update("default:1")
    assert caught.value.code == "adopted"
    with pytest.raises(IllegalState) as caught:
        workspace.runtimes.adopt(theirs, name="twice")
    assert "adopted already" in caught.value.message
    with pytest.raises(AlreadyExists):
        workspace.runtimes.adopt(start(), name=theirs)

    runtime.stop()
    assert client.inspect_container(theirs)["State"]["Running"] is True
    assert runtime.start().state == "ready"
    # whoever started it stops it, and starts it again
    client.stop(theirs, timeout=0)
    again = workspace.runtimes.get(theirs)
    assert again.state == "failed"
    with pytest.raises(PfError) as stopped:
        again.start()
    assert stopped.value.code == "container_stopped"
    assert f"docker start {theirs}" in stopped.value.hint
    client.start(theirs)
    assert again.start().run(hello, name="Bo").outputs == {"greeting": "Hello, Bo!"}
    again.delete()
    after = client.inspect_container(theirs)
    assert (after["State"]["Running"], after["Id"]) == (True, found["Id"])
    assert theirs not in workspace.runtimes.names()


@pytest.mark.parametrize(
    ("options", "failing", "said"),
    [
        # not every machine lets one of these start: it is looked at as it stands
        ({"privileged": True, "run": False}, "privileges", "owns this machine"),
        ({"socket": True}, "mounts", "the engine's socket"),
        ({"read_only": True}, "user", "temporary file"),
    ],
)
def test_what_endangers_or_cannot_work_is_refused_by_name(
    workspace: LocalWorkspace,
    docker_host: str,
    start: Start,
    options: dict[str, Any],
    failing: str,
    said: str,
) -> None:
    if options.pop("socket", False):
        path = docker_host.partition("://")[2]
        options["binds"] = {path: {"bind": "/var/run/docker.sock", "mode": "ro"}}
    theirs = start(user="0:0", **options)
    with pytest.raises(IllegalState) as caught:
        workspace.runtimes.adopt(theirs)
    assert caught.value.code == "not_adoptable"
    checks = {one["name"]: one for one in caught.value.details["checks"]}
    assert checks[failing]["status"] == "fail"
    assert said in checks[failing]["message"]
    assert checks[failing]["hint"]
    assert theirs not in workspace.runtimes.names()


def test_warnings_name_what_deserves_a_look(
    workspace: LocalWorkspace, start: Start, tmp_path: Path
) -> None:
    theirs = start(
        user="0:0",
        cap_add=["NET_ADMIN"],
        network_mode="host",
        binds={str(tmp_path): {"bind": "/data", "mode": "rw"}},
        ports=[8099],
    )
    checks: list[CheckResult] = []
    workspace.runtimes.adopt(theirs, on_check=checks.append).delete()
    found = {check.name: check for check in checks}
    warned = {name for name, check in found.items() if check.status == "warn"}
    names = {"user", "privileges", "mounts", "network", "limits", "serving"}
    assert warned == names
    assert "NET_ADMIN" in found["privileges"].message
    assert f"{tmp_path} at /data" in found["mounts"].message
    assert "8099" in found["serving"].message


def test_only_a_running_container_of_nobody_is_adopted(
    workspace: LocalWorkspace, client: Any, start: Start
) -> None:
    with pytest.raises(NotFound, match="no container 'no-such-container'"):
        workspace.runtimes.adopt("no-such-container")
    theirs = start()
    client.stop(theirs, timeout=0)
    with pytest.raises(IllegalState) as caught:
        workspace.runtimes.adopt(theirs)
    assert f"docker start {theirs}" in caught.value.hint
    mine = workspace.runtimes.create(f"mine-{uuid.uuid4().hex[:8]}")
    with pytest.raises(IllegalState) as caught:
        workspace.runtimes.adopt(mine.to_dict()["container_id"], name="stolen")
    assert mine.name in caught.value.message
    mine.delete()


def test_a_container_without_python_is_refused(
    workspace: LocalWorkspace, client: Any, start: Start, default_image: str
) -> None:
    tag = f"pf_jupyter-test/bare-{uuid.uuid4().hex[:8]}:1"
    text = f"FROM {default_image}\nRUN rm -f /usr/local/bin/python*\n"
    for line in client.build(fileobj=io.BytesIO(text.encode()), tag=tag, decode=True):
        assert "error" not in line, line
    theirs = start(["sleep", "100000"], image=tag)
    try:
        with pytest.raises(IllegalState) as caught:
            workspace.runtimes.adopt(theirs)
        checks = {one["name"]: one for one in caught.value.details["checks"]}
        assert "there is no Python" in checks["python"]["message"]
        assert "worker" not in checks
    finally:
        client.remove_container(theirs, force=True)
        client.remove_image(tag)
