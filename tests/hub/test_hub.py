"""Two people on a JupyterHub from pip: each has the quickstart, and only their own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from websocket import create_connection

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
SECONDS = 200.0
PEOPLE = ("ana", "bo")


class Hub:
    """A running JupyterHub.

    Parameters
    ----------
    folder
        For all that it and its people write.
    docker_host
        The engine of everybody's runtimes.
    """

    def __init__(self, folder: Path, docker_host: str) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        ports = _free_ports(3)
        self.url = f"http://127.0.0.1:{ports[0]}"
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(ROOT), os.environ.get("PYTHONPATH", "")]
            ),
            # the proxy and the people's servers are commands of the same environment
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "HUB_FOLDER": str(folder),
            "HUB_PORTS": " ".join(map(str, ports)),
            "HUB_TOKEN": self.token,
            "DOCKER_HOST": docker_host,
        }
        for name in [n for n in environment if n.startswith("PF_JUPYTER_")]:
            del environment[name]
        config = Path(__file__).with_name("jupyterhub_config.py")
        with open(folder / "hub.log", "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "--config", str(config)],
                env=environment,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End the hub with its proxy and everybody's server."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def log(self) -> str:
        return (self.folder / "hub.log").read_text(errors="replace")[-4000:]

    def wait_for(self, condition, what):
        """Return the first true value of a condition."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log()
            try:
                found = condition()
            except requests.ConnectionError:
                found = None
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"{what}\n{self.log()}")

    def admin(self, method: str, path: str, **body):
        """Return what the hub answers to the tests' own service."""
        return requests.request(
            method,
            f"{self.url}/hub/api/{path}",
            headers={"Authorization": f"token {self.token}"},
            json=body,
            timeout=SECONDS,
        )


class Person:
    """Somebody with a server of their own, reached through the hub's proxy."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub = hub
        self.name = name
        hub.admin("POST", f"users/{name}")
        hub.admin("POST", f"users/{name}/server")
        hub.wait_for(self._is_ready, f"{name}'s server is ready")
        made = hub.admin("POST", f"users/{name}/tokens")
        self.token = made.json()["token"]

    def _is_ready(self):
        servers = self.hub.admin("GET", f"users/{self.name}").json()["servers"]
        return servers.get("", {}).get("ready")

    def ask(self, method: str, path: str, *, whose: str = "", **body):
        """Return the answer of a server: one's own, or somebody else's."""
        return requests.request(
            method,
            f"{self.hub.url}/user/{whose or self.name}/{path}",
            headers={"Authorization": f"token {self.token}"},
            json=body or None,
            timeout=SECONDS,
            allow_redirects=False,
        )

    def run_cells(self, cells):
        """Return what each cell of a notebook showed, run in a kernel of one's own."""
        kernel = self.ask("POST", "api/kernels", name="python3").json()["id"]
        address = self.hub.url.replace("http", "ws", 1)
        channels = create_connection(
            f"{address}/user/{self.name}/api/kernels/{kernel}/channels",
            header=[f"Authorization: token {self.token}"],
            timeout=SECONDS,
        )
        try:
            return [self._run(channels, cell) for cell in cells]
        finally:
            channels.close()
            self.ask("DELETE", f"api/kernels/{kernel}")

    def _run(self, channels, cell):
        asked = uuid.uuid4().hex
        header = {
            "msg_id": asked,
            "msg_type": "execute_request",
            "username": self.name,
            "session": "tests",
            "version": "5.3",
            "date": "",
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": {"code": cell, "silent": False, "allow_stdin": False},
            "channel": "shell",
            "buffers": [],
        }
        channels.send(json.dumps(message))
        shown = []
        while True:
            answer = json.loads(channels.recv())
            content = answer["content"]
            if answer["parent_header"].get("msg_id") != asked:
                continue
            if answer["msg_type"] == "stream":
                shown.append(content["text"])
            elif answer["msg_type"] in ("execute_result", "display_data"):
                shown.append(content["data"].get("text/plain", ""))
            elif answer["msg_type"] == "error":
                shown.append("\n".join(content["traceback"]))
            elif content.get("execution_state") == "idle":
                return "".join(shown)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def people(tmp_path_factory, docker_host, default_image):
    """Ana and Bo, logged in, with a ready server each."""
    hub = Hub(tmp_path_factory.mktemp("hub"), docker_host)
    try:
        hub.wait_for(lambda: hub.admin("GET", "users").ok, "the hub answers")
        with ThreadPoolExecutor(len(PEOPLE)) as at_once:
            yield dict(
                zip(PEOPLE, at_once.map(lambda n: Person(hub, n), PEOPLE), strict=True)
            )
    finally:
        hub.stop()


QUICKSTART = json.loads((ROOT / "notebooks/01-quickstart.ipynb").read_text())
CELLS = [
    "".join(cell["source"])
    for cell in QUICKSTART["cells"]
    if cell["cell_type"] == "code"
]
# the first cells: create, write a node, run it; the last ones stop and delete
BEGINNING = CELLS[:5]


def test_two_people_of_a_hub_each_have_the_quickstart_and_only_their_own(people):
    secret = {"ana": "only ana wrote this", "bo": "only bo wrote this"}
    try:
        with ThreadPoolExecutor(len(PEOPLE)) as at_once:
            shown = dict(
                zip(
                    PEOPLE,
                    at_once.map(
                        lambda name: people[name].run_cells(
                            [*BEGINNING, f"%pfflow run shout text='{secret[name]}'"]
                        ),
                        PEOPLE,
                    ),
                    strict=True,
                )
            )
        for name, cells in shown.items():
            assert "docker" in cells[1], cells
            assert "('Completed', {'output': 'HELLO!'})" in cells[4], cells
            assert secret[name].upper() in cells[5], cells

        containers = {}
        for name, person in people.items():
            status = person.ask("GET", "pf/api/status").json()
            assert Path(status["home"]).is_relative_to(person.hub.folder / name)
            [runtime] = person.ask("GET", "pf/api/runtimes").json()["runtimes"]
            assert runtime["name"] == "demo"
            containers[name] = runtime["container_id"]
            runs = person.ask("GET", "pf/api/runs").json()["runs"]
            seen = [
                person.ask("GET", f"pf/api/runs/{run['run_id']}").text for run in runs
            ]
            assert len(seen) == 2
            told = "".join(seen).lower()
            assert [text for text in secret.values() if text in told] == [secret[name]]
        assert containers["ana"] != containers["bo"]

        for path in ("runtimes", "runs", "status", "events"):
            answer = people["ana"].ask("GET", f"pf/api/{path}", whose="bo")
            assert answer.status_code == 403, (path, answer.text)
    finally:
        for person in people.values():
            person.run_cells(["%load_ext pf_jupyter", "%pfruntime delete demo --yes"])
