"""A real Jupyter server with the extension, as a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-jupyter"
BASE = "/user/ann/"
SECONDS = 200.0
OTHERS = (
    *("jupyterlab", "jupyter_lsp", "notebook", "notebook_shim"),
    "jupyter_server_terminals",
)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Return the first true value of a condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"in {seconds:.0f} s: {what}")


class Server:
    """One Jupyter server; it can be killed and started again on the same port.

    Parameters
    ----------
    folder
        For all that it writes: home, runtime files, log.
    settings
        Added to its command line.
    """

    team = False
    engine = "unix:///nowhere/docker.sock"

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.root = folder / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.settings = list(settings)
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{BASE}"

    def start(self) -> Server:
        disabled = [f"--ServerApp.jpserver_extensions={name}=False" for name in OTHERS]
        command = [
            *(sys.executable, "-m", "jupyter_server"),
            "--ServerApp.jpserver_extensions=pf_jupyter=True",
            *disabled,
        ]
        if self.team:
            command = [sys.executable, "-m", "pf_jupyter.cli", "server"]
        command += [
            *("--no-browser", "--allow-root", f"--ServerApp.base_url={BASE}"),
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.root}",
            *self.settings,
        ]
        if not any("dentity" in word for word in self.settings):
            command.append(f"--IdentityProvider.token={TOKEN}")
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "PF_JUPYTER_HOME": str(self.home),
            "DOCKER_HOST": self.engine,
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        for name in [n for n in environment if n.startswith("PF_JUPYTER_SERVER")]:
            del environment[name]
        environment.pop("PF_JUPYTER_TOKEN", None)
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=self.root
            )
        wait_for(self._is_up, f"the server is up\n{self.log()}")
        return self

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        if not self.port:
            file = self.folder / "runtime" / f"jpserver-{self.process.pid}.json"
            try:
                self.port = json.loads(file.read_text())["port"]
            except (OSError, ValueError):
                return False
        try:
            status, _, _ = self.ask("GET", "pf/api/status")
        except (OSError, http.client.HTTPException):
            return False
        return status < 500

    def log(self) -> str:
        try:
            return (self.folder / "server.log").read_text(errors="replace")
        except OSError:
            return ""

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> tuple[int, Mapping[str, str], Any]:
        """Return status, headers and document of one request."""
        every = dict(headers or {})
        if token is not None:
            every["Authorization"] = f"token {token}"
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            every.setdefault("Content-Type", "application/json")
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=200)
        try:
            connection.request(method, BASE + path, data, every)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            document = json.loads(content) if content else None
        except ValueError:
            document = content
        return response.status, dict(response.getheaders()), document

    def done(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation once it has ended."""

        def ended() -> Any:
            _, _, found = self.ask("GET", f"pf/api/operations/{operation['id']}")
            return found if found["state"] != "running" else None

        return wait_for(ended, f"operation {operation} ends")
