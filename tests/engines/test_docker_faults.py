"""What is seen, and how soon, when a container comes to harm from outside."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from pf_jupyter.engines.api import InstanceEvent, InstanceSpec, Limits
from pf_jupyter.engines.docker import DockerEngine
from pf_jupyter.errors import IllegalState, Unreachable

pytestmark = [
    pytest.mark.docker,
    pytest.mark.parametrize("engine", ["docker"], indirect=True),
]
MEMORY = 64 * 1024**2
EAT = "x = []\nwhile True: x.append(bytearray(1024 * 1024))"


@pytest.fixture
def outside(docker_host: str) -> Iterator[Any]:
    """Somebody else's client of the same engine."""
    client = docker.APIClient(base_url=docker_host, version="1.40")
    client.trust_env = False
    yield client
    client.close()


@pytest.fixture
def events(docker_engine: DockerEngine) -> Iterator[queue.Queue[InstanceEvent]]:
    received: queue.Queue[InstanceEvent] = queue.Queue()
    watch = docker_engine.watch(received.put)
    yield received
    watch.close()


def wait_for(
    events: queue.Queue[InstanceEvent], kind: str, instance: str
) -> tuple[InstanceEvent, float]:
    """Return the next event of a kind and the seconds that it took."""
    start = time.monotonic()
    while True:
        event = events.get(timeout=60)
        if event.kind == kind and event.id == instance:
            return event, time.monotonic() - start


def test_killed_from_outside(
    docker_engine: DockerEngine, instance: str, outside: Any, events: Any
) -> None:
    outside.kill(instance, "SIGKILL")
    event, _ = wait_for(events, "died", instance)
    assert event.exit_code == 137
    state = docker_engine.inspect(instance)
    assert state.status == "exited"
    assert (state.exit_code, state.oom_killed) == (137, False)
    assert state.cause == "killed from outside (exit code 137)"


def test_a_death_ends_the_streams_of_the_container(
    docker_engine: DockerEngine, instance: str, outside: Any
) -> None:
    command = [*docker_engine.python(instance), "-c", "import time; time.sleep(600)"]
    stream = docker_engine.open_stream(instance, command)
    answers: list[bytes] = []
    reader = threading.Thread(target=lambda: answers.append(stream.read(1)))
    reader.start()
    outside.kill(instance, "SIGKILL")
    reader.join(60)
    assert answers == [b""]
    with pytest.raises(Unreachable):
        stream.write(b"x")
    stream.close()


def test_removed_from_outside(
    docker_engine: DockerEngine, instance: str, outside: Any, events: Any
) -> None:
    outside.remove_container(instance, force=True)
    wait_for(events, "removed", instance)
    state = docker_engine.inspect(instance)
    assert (state.status, state.cause) == ("missing", "removed from outside")


def test_paused_from_outside(
    docker_engine: DockerEngine, instance: str, outside: Any, events: Any
) -> None:
    outside.pause(instance)
    wait_for(events, "paused", instance)
    state = docker_engine.inspect(instance)
    assert (state.status, state.cause) == ("paused", "paused from outside")
    with pytest.raises(IllegalState) as caught:
        docker_engine.open_stream(instance, ["python3", "-c", "pass"])
    assert "unpause" in caught.value.hint
    outside.unpause(instance)
    wait_for(events, "unpaused", instance)
    assert docker_engine.inspect(instance).status == "running"


def test_a_paused_instance_can_be_stopped_and_removed(
    docker_engine: DockerEngine, instance: str, outside: Any
) -> None:
    outside.pause(instance)
    docker_engine.remove(instance)
    assert docker_engine.inspect(instance).status == "missing"


def test_a_program_that_eats_all_memory_leaves_the_instance_alive(
    docker_engine: DockerEngine,
    make_spec: Callable[..., InstanceSpec],
    events: Any,
) -> None:
    instance = docker_engine.create(make_spec(limits=Limits(memory=MEMORY)))
    try:
        docker_engine.start(instance)
        python = docker_engine.python(instance)
        stream = docker_engine.open_stream(instance, [*python, "-c", EAT])
        assert stream.read(1) == b""
        stream.close()
        wait_for(events, "oom", instance)
        assert docker_engine.inspect(instance).status == "running"
        assert docker_engine.stats(instance).memory_limit == MEMORY
    finally:
        docker_engine.remove(instance)


def test_process_one_out_of_memory(
    docker_engine: DockerEngine,
    make_spec: Callable[..., InstanceSpec],
    outside: Any,
    events: Any,
    test_label: str,
) -> None:
    # our own waits and eats nothing, so this is a container that was adopted
    spec = make_spec()
    limit = outside.create_host_config(mem_limit=MEMORY, memswap_limit=MEMORY)
    instance = outside.create_container(
        spec.image,
        entrypoint=["python3", "-c", EAT],
        labels={**spec.labels, "pf_jupyter.instance": "eater"},
        host_config=limit,
    )["Id"]
    try:
        docker_engine.start(instance)
        wait_for(events, "died", instance)
        state = docker_engine.inspect(instance)
        assert state.oom_killed
        assert state.cause == "out of memory (limit 0.1 GB)"
    finally:
        docker_engine.remove(instance)


def test_a_new_process_finds_what_an_earlier_one_made(
    docker_engine: DockerEngine,
    docker_host: str,
    make_spec: Callable[..., InstanceSpec],
    test_label: str,
) -> None:
    instance = docker_engine.create(make_spec(labels={"pf_jupyter.runtime": "found"}))
    try:
        docker_engine.start(instance)
        other = DockerEngine(docker_host)
        found = other.find(
            {"pf_jupyter.runtime": "found", "pf_jupyter.test": test_label}
        )
        assert [(state.id, state.status) for state in found] == [(instance, "running")]
        stream = other.open_stream(
            instance, [*other.python(instance), "-c", "print('here')"]
        )
        assert stream.read(100).strip() == b"here"
        stream.close()
        other.close()
    finally:
        docker_engine.remove(instance)
