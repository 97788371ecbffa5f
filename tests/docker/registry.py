"""A real image registry on loopback, and a way for another network to reach it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER, PASSWORD = "ana", "secret-word"
# bcrypt, the only kind that the registry reads, of the password above
_HASH = "$2b$05$abcdefghijklmnopqrstuuUOabO4v2PoT/v47Y.znQK.9MsMDnesq"
_CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http: {{addr: "{host}:{port}"}}
"""
_LOGIN = """\
auth:
  htpasswd: {{realm: test, path: {folder}/htpasswd}}
"""

# joins a port in a network of its own to the registry outside of it
FORWARD = """
import socket, sys, threading
port, outer = int(sys.argv[1]), sys.argv[2]
def copy(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
listening = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
while True:
    one, _ = listening.accept()
    other = socket.create_connection((outer, port))
    for pair in ((one, other), (other, one)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Registry:
    """Debian's docker-registry, with its own folder.

    Parameters
    ----------
    folder
        For its configuration and images.
    host
        The address it listens on.
    login
        Whether it wants `USER` and `PASSWORD`.
    """

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", login: bool = False
    ) -> None:
        self.host, self.port = host, free_port()
        self.place = f"127.0.0.1:{self.port}"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        text = _CONFIGURATION + (_LOGIN if login else "")
        settings = text.format(folder=folder, host=host, port=self.port)
        (folder / "config.yml").write_text(settings)
        (folder / "htpasswd").write_text(f"{USER}:{_HASH}\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            ["docker-registry", "serve", str(self._folder / "config.yml")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=5).close()
                return
            except OSError:
                said = (self._folder / "log").read_text()
                assert self._process.poll() is None, said
                assert time.monotonic() < end, said
                time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None


@contextmanager
def running_registry(
    folder: Path, *, host: str = "127.0.0.1", login: bool = False
) -> Iterator[Registry]:
    """Give a registry; skip where there is none."""
    if shutil.which("docker-registry") is None:
        reason = "docker-registry is not installed"
        if os.environ.get("PF_REQUIRE_DOCKER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    registry = Registry(folder, host=host, login=login)
    try:
        registry.start()
        yield registry
    finally:
        registry.kill()
