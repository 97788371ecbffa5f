"""Where the engine is looked for, and what is said when it is not there."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.docker import DockerEngine
from pf_jupyter.engines.docker_address import Certificates, find_address
from pf_jupyter.errors import NotFound, Unreachable, UsageError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "docker-config"
    folder.mkdir()
    return folder


def add_context(config: Path, name: str, host: str, *, tls: bool = False) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": False}
    text = json.dumps({"Name": name, "Endpoints": {"docker": endpoint}})
    (meta / "meta.json").write_text(text)
    if tls:
        folder = config / "contexts" / "tls" / key / "docker"
        folder.mkdir(parents=True)
        (folder / "ca.pem").write_text("")


def test_an_explicit_address_wins(config: Path) -> None:
    found = find_address(
        "unix:///a.sock", environment={"DOCKER_HOST": "unix:///b.sock"}
    )
    assert found.url == "unix:///a.sock"
    assert found.path == "/a.sock"


def test_docker_host_wins_over_a_context(config: Path) -> None:
    add_context(config, "far", "tcp://far:1")
    settings = {
        "DOCKER_CONFIG": str(config),
        "DOCKER_CONTEXT": "far",
        "DOCKER_HOST": "tcp://near:7",
    }
    found = find_address(environment=settings)
    assert (found.host, found.source) == (("near", 7), "DOCKER_HOST")
    assert found.certificates is None


def test_tls_from_the_environment(config: Path) -> None:
    (config / "ca.pem").write_text("")
    settings = {
        "DOCKER_HOST": "tcp://near",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(config),
    }
    found = find_address(environment=settings)
    assert found.certificates == Certificates(ca=config / "ca.pem", verify=True)
    assert found.host == ("near", 2376)


@pytest.mark.parametrize("by", ["variable", "config"])
def test_a_context(config: Path, by: str) -> None:
    add_context(config, "far", "tcp://far:2376", tls=True)
    settings = {"DOCKER_CONFIG": str(config)}
    if by == "variable":
        settings["DOCKER_CONTEXT"] = "far"
    else:
        (config / "config.json").write_text('{"currentContext": "far"}')
    found = find_address(environment=settings)
    assert found.url == "tcp://far:2376"
    assert "far" in found.source
    assert found.certificates is not None
    assert found.certificates.ca is not None


def test_a_context_that_does_not_exist(config: Path) -> None:
    settings = {"DOCKER_CONFIG": str(config), "DOCKER_CONTEXT": "gone"}
    with pytest.raises(NotFound) as caught:
        find_address(environment=settings)
    assert caught.value.code == "context_not_found"


def test_damaged_settings_are_no_settings(config: Path) -> None:
    (config / "config.json").write_text("{")
    found = find_address(environment={"DOCKER_CONFIG": str(config)})
    assert found.source == "the default"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no unix sockets here")
def test_a_rootless_socket_is_found(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "docker.sock").touch()
    settings = {"DOCKER_CONFIG": str(config), "XDG_RUNTIME_DIR": str(tmp_path)}
    if Path("/var/run/docker.sock").exists():
        assert find_address(environment=settings).path == "/var/run/docker.sock"
    else:
        found = find_address(environment=settings)
        assert found.path == str(tmp_path / "docker.sock")


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("/var/run/docker.sock", "unix:///var/run/docker.sock"),
        ("localhost:2375", "tcp://localhost:2375"),
        ("ssh://me@far", "ssh -NL"),
        ("ftp://far", "tcp://host:port"),
    ],
)
def test_an_address_that_is_none(address: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_address(address)
    assert caught.value.code == "bad_address"
    assert hint in caught.value.hint


def problem(address: str) -> Unreachable:
    engine = DockerEngine(address)
    with pytest.raises(Unreachable) as caught:
        engine.ping()
    engine.close()
    return caught.value


def test_no_socket(tmp_path: Path) -> None:
    error = problem(f"unix://{tmp_path}/none.sock")
    assert error.code == "no_engine"
    assert "does not exist" in error.message
    assert "DOCKER_HOST" in error.hint or "Docker Desktop" in error.hint


def test_nobody_listens_at_the_port() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = problem(f"tcp://127.0.0.1:{port}")
    assert error.code == "no_engine"
    assert "refused" in error.message


def test_a_name_that_nobody_knows() -> None:
    assert problem("tcp://no-such-host.invalid:1").code in (
        "no_engine",
        "engine_timeout",
    )


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, timeout: float | None) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pf_jupyter.engines.docker_address.Address.connect", refuse)
    error = problem(f"unix://{tmp_path}/docker.sock")
    assert error.code == "engine_permission"
    assert "group" in error.hint


def test_a_dead_address_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    # an address that swallows everything, whatever the system's own patience is
    over = threading.Event()

    def swallow(self: Any, timeout: float | None) -> None:
        over.wait(120)
        raise TimeoutError

    monkeypatch.setattr("pf_jupyter.engines.docker_address.Address.connect", swallow)
    start = time.monotonic()
    error = problem("tcp://192.0.2.1:2375")
    seconds = time.monotonic() - start
    over.set()
    assert error.code == "engine_timeout"
    assert seconds < 100


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no unix sockets here")
def test_an_engine_that_hangs_up(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def hang_up() -> None:
        try:
            while True:
                server.accept()[0].close()
        except OSError:
            pass  # the test is over

    thread = threading.Thread(target=hang_up)
    thread.start()
    error = problem(f"unix://{path}")
    server.shutdown(socket.SHUT_RDWR)
    thread.join(60)
    server.close()
    assert error.code == "engine_lost"
    assert error.hint


def test_a_bad_folder_of_certificates(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate")
    engine = DockerEngine("tcp://127.0.0.1:1", certificates=tmp_path)
    with pytest.raises(Unreachable) as caught:
        engine.ping()
    engine.close()
    assert caught.value.code in ("engine_tls", "no_engine")


def test_docker_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, pf_jupyter.engines.docker as d, pf_jupyter.engines.registry;"
        "d.DockerEngine('unix:///x'); print('docker' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.stdout.strip() == "False"
