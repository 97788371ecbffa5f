"""A restart of the engine itself, and an engine over TLS."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines.api import InstanceEvent, InstanceSpec
from pf_jupyter.engines.docker import DockerEngine
from pf_jupyter.environments.default import resolve_default
from pf_jupyter.errors import Unreachable

pytestmark = pytest.mark.docker

ECHO = """
import os
while data := os.read(0, 65536):
    while data:
        data = data[os.write(1, data):]
"""


def started(engine: DockerEngine, image: str, name: str) -> str:
    instance = engine.create(InstanceSpec(name=name, image=image, network="none"))
    engine.start(instance)
    return instance


def kinds_until(events: queue.Queue[InstanceEvent], last: str) -> list[str]:
    seen: list[str] = []
    while not seen or seen[-1] != last:
        seen.append(events.get(timeout=60).kind)
    return seen


def test_a_restart_of_the_engine(own_daemon: Any, home: Path) -> None:
    engine = DockerEngine(own_daemon.address)
    image = resolve_default(engine, home=home).image
    instance = started(engine, image, "restart")
    events: queue.Queue[InstanceEvent] = queue.Queue()
    watch = engine.watch(events.put)
    try:
        stream = engine.open_stream(instance, [*engine.python(instance), "-c", ECHO])
        stream.write(b"before")
        assert stream.read(6) == b"before"
        own_daemon.stop()
        assert kinds_until(events, "engine_lost").count("engine_lost") == 1
        assert stream.read(1) == b""
        stream.close()
        with pytest.raises(Unreachable) as caught:
            engine.inspect(instance)
        assert caught.value.hint
        with pytest.raises(Unreachable):
            engine.ping()
        own_daemon.start()
        assert kinds_until(events, "engine_back").count("engine_lost") == 0
        state = engine.inspect(instance)
        assert state.status == "exited"
        assert state.cause == "the engine restarted"
        # another process, which saw nothing of the restart, says the same
        other = DockerEngine(own_daemon.address)
        assert other.inspect(instance).cause == "the engine restarted"
        other.close()
        engine.start(instance)
        assert engine.inspect(instance).status == "running"
        assert "started" in kinds_until(events, "started")
    finally:
        watch.close()
        engine.remove(instance)
        engine.close()


def test_over_tls(
    own_daemon: Any, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # a company's bundle in this process must not replace the engine's authority
    other = tmp_path / "other.pem"
    other.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    engine = DockerEngine(own_daemon.tls_address, certificates=own_daemon.certificates)
    assert engine.ping().address == own_daemon.tls_address
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    instance = started(engine, resolve_default(engine, home=home).image, "tls")
    try:
        stream = engine.open_stream(instance, [*engine.python(instance), "-c", ECHO])
        sent = os.urandom(3_000_000)
        writer = threading.Thread(target=stream.write, args=(sent,))
        writer.start()
        received = bytearray()
        while len(received) < len(sent):
            received += stream.read(65536)
        writer.join()
        assert received == sent
        answers: list[bytes] = []
        reader = threading.Thread(target=lambda: answers.append(stream.read(1)))
        reader.start()
        stream.close()
        reader.join(60)
        assert answers == [b""]
    finally:
        engine.remove(instance)
        engine.close()


def test_tls_without_a_client_certificate(own_daemon: Any, tmp_path: Path) -> None:
    authority = own_daemon.certificates / "ca.pem"
    (tmp_path / "ca.pem").write_bytes(authority.read_bytes())
    engine = DockerEngine(own_daemon.tls_address, certificates=tmp_path)
    with pytest.raises(Unreachable) as caught:
        engine.ping()
    assert caught.value.code in ("engine_tls", "engine_lost")
    engine.close()


def test_tls_of_an_unknown_authority(own_daemon: Any, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        source = own_daemon.certificates / name
        (tmp_path / name).write_bytes(source.read_bytes())
    engine = DockerEngine(own_daemon.tls_address, certificates=tmp_path)
    with pytest.raises(Unreachable) as caught:
        engine.ping()
    assert caught.value.code == "engine_tls"
    assert "ca.pem" in caught.value.hint
    engine.close()


def test_plain_words_to_a_tls_engine(own_daemon: Any) -> None:
    engine = DockerEngine(own_daemon.tls_address)
    with pytest.raises(Unreachable) as caught:
        engine.ping()
    assert caught.value.code == "engine_tls"
    assert "DOCKER_CERT_PATH" in caught.value.hint
    engine.close()
