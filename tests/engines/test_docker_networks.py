"""People whose containers do not meet, on a real engine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pf_jupyter.engines import docker_networks
from pf_jupyter.engines.api import InstanceSpec
from pf_jupyter.engines.docker import DockerEngine

pytestmark = pytest.mark.docker

SERVE = (
    "import socket\n"
    "served = socket.create_server(('', 8765))\n"
    "print('serving', flush=True)\n"
    "while True:\n    served.accept()\n"
)
REACH = (
    "import json, socket, sys\n"
    "def reach(where):\n"
    "    try:\n        socket.create_connection((where, 8765), 3).close()\n"
    "    except OSError:\n        return False\n"
    "    return True\n"
    "def known(where):\n"
    "    try:\n        socket.gethostbyaddr(where)\n"
    "    except OSError:\n        return False\n"
    "    return True\n"
    "print(json.dumps([reach(w) for w in sys.argv[1:]]"
    " + [known(w) for w in sys.argv[1:]]), flush=True)\n"
)


@pytest.fixture
def client() -> Iterator[Any]:
    import docker

    made = docker.from_env().api
    yield made
    made.close()


@pytest.fixture
def made(
    docker_engine: DockerEngine, default_image: str, test_label: str
) -> Iterator[Callable[..., str]]:
    """Return a function that makes an instance in a network and starts it."""
    instances = []

    def make(network: str) -> str:
        spec = InstanceSpec(
            name=f"test-{uuid.uuid4().hex[:12]}",
            image=default_image,
            labels={"pf_jupyter.test": test_label},
            network_name=network,
        )
        instances.append(docker_engine.create(spec))
        docker_engine.start(instances[-1])
        return instances[-1]

    yield make
    for instance in instances:
        docker_engine.remove(instance)


def address(client: Any, instance: str) -> str:
    [network] = client.inspect_container(instance)["NetworkSettings"][
        "Networks"
    ].values()
    return str(network["IPAddress"])


def said(engine: DockerEngine, instance: str, code: str, *arguments: str) -> Any:
    stream = engine.open_stream(
        instance, [*engine.python(instance), "-c", code, *arguments]
    )
    line = b""
    while not line.endswith(b"\n"):
        piece = stream.read(4096)
        assert piece, stream.stderr()
        line += piece
    return stream, line.decode()


def test_people_do_not_meet(
    docker_engine: DockerEngine, made: Callable[..., str], client: Any
) -> None:
    anas, bens = (f"pf-test-{uuid.uuid4().hex[:8]}" for _ in range(2))
    hers, hers_too, his, usual = made(anas), made(anas), made(bens), made("")
    serving, _ = said(docker_engine, hers, SERVE)
    try:
        where = address(client, hers)

        def met(instance: str) -> list[bool]:
            stream, line = said(docker_engine, instance, REACH, where)
            stream.close()
            return list(json.loads(line))

        assert met(hers_too) == [True, True]
        assert met(his) == [False, False]
        assert met(usual) == [False, False]
    finally:
        serving.close()
    docker_engine.remove(hers)
    assert client.networks(names=[anas]), "one of hers is still there"
    docker_engine.remove(hers_too)
    docker_engine.remove(his)
    assert not client.networks(names=[anas, bens])


def test_a_network_that_was_pruned_comes_back(
    docker_engine: DockerEngine, made: Callable[..., str], client: Any
) -> None:
    name = f"pf-test-{uuid.uuid4().hex[:8]}"
    instance = made(name)
    docker_engine.stop(instance, 0)
    client.remove_network(name)
    docker_engine.start(instance)
    assert docker_engine.inspect(instance).status == "running"
    assert name in client.inspect_container(instance)["NetworkSettings"]["Networks"]


def test_no_room_for_a_network_is_said() -> None:
    class Full:
        def networks(self, **_: Any) -> list[Any]:
            return []

        def create_network(self, *_: Any, **__: Any) -> None:
            text = "could not find an available, non-overlapping IPv4 address pool"
            raise RuntimeError(text)

    with pytest.raises(Exception, match="no addresses left") as caught:
        docker_networks.keep(Full(), "mine")
    assert getattr(caught.value, "code", "") == "no_network_left"
