"""The hardened profile, as seen from inside and from the engine."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from typing import Any

import docker
import pytest

from pf_jupyter.engines import docker_profile
from pf_jupyter.engines.api import InstanceSpec, Limits
from pf_jupyter.engines.docker import DockerEngine

GIB = 1024**3


def spec(**changes: Any) -> InstanceSpec:
    return InstanceSpec(name="one", image="image", **changes)


def options(**changes: Any) -> dict[str, Any]:
    return docker_profile.host_options(spec(**changes), cpus=8, init=True, podman=False)


def test_hardened_is_the_default() -> None:
    host = options()
    assert host["cap_drop"] == ["ALL"]
    assert host["security_opt"] == ["no-new-privileges"]
    assert host["read_only"] is True
    assert host["init"] is True
    made = docker_profile.container_options(spec(), ["python3"])
    assert made["user"] == "1000:1000"


def test_writable_is_hardened_but_for_what_installing_needs() -> None:
    host = options(writable=True)
    assert "read_only" not in host
    assert host["cap_drop"] == ["ALL"]
    assert host["cap_add"] == list(docker_profile.INSTALLS)
    assert not {"SYS_ADMIN", "NET_ADMIN", "NET_RAW", "MKNOD"} & {*host["cap_add"]}
    assert host["security_opt"] == ["no-new-privileges"]
    assert list(host["tmpfs"]) == ["/tmp"]
    made = docker_profile.container_options(spec(writable=True), ["python3"])
    assert (made["user"], made["working_dir"]) == ("0:0", "/root")
    assert made["environment"]["HOME"] == "/root"
    # hardened off is the image as it is, whatever else is asked
    assert "cap_add" not in options(hardened=False, writable=True)


def test_limits_are_passed_on_and_swap_gives_no_more() -> None:
    host = options(limits=Limits(cpus=1.5, memory=GIB, pids=64))
    assert host["nano_cpus"] == 1_500_000_000
    assert host["mem_limit"] == host["memswap_limit"] == GIB
    assert host["pids_limit"] == 64


def test_no_limits_mean_none() -> None:
    host = options(limits=Limits(cpus=None, memory=None, pids=None))
    assert not {"nano_cpus", "mem_limit", "memswap_limit", "pids_limit"} & host.keys()


def test_a_limit_above_the_machine_is_the_machine() -> None:
    host = docker_profile.host_options(
        spec(limits=Limits(cpus=64)), cpus=2, init=True, podman=False
    )
    assert host["nano_cpus"] == 2_000_000_000


def test_an_engine_without_init_is_not_asked_for_it() -> None:
    host = docker_profile.host_options(spec(), cpus=2, init=False, podman=False)
    assert "init" not in host


def test_network_by_policy() -> None:
    assert options(network="none")["network_mode"] == "none"
    assert "network_mode" not in options(network="open")
    assert options(network_name="mine")["network_mode"] == "mine"
    assert options(network="none", network_name="mine")["network_mode"] == "none"


def test_containers_have_a_name_for_this_machine() -> None:
    def hosts(api: str, *, podman: bool = False, **changes: Any) -> Any:
        made = docker_profile.host_options(
            spec(**changes), cpus=2, init=True, podman=podman, api=api
        )
        return made.get("extra_hosts")

    assert hosts("1.41") == {"host.docker.internal": "host-gateway"}
    # older engines refuse it, podman has the name anyway, no network needs none
    assert hosts("1.40") is None
    assert hosts("1.41", podman=True) is None
    assert hosts("1.41", network="none") is None


def test_names_are_made_to_fit() -> None:
    assert docker_profile.container_name("my flow/ä") == "pf-my-flow--"
    assert docker_profile.hostname("my_flow/ä") == "my-flow"
    assert docker_profile.hostname("ä") == "pf"
    assert len(docker_profile.hostname("x" * 100)) == 63


def test_not_hardened_leaves_the_image_as_it_is() -> None:
    host = options(hardened=False)
    assert not {"cap_drop", "read_only", "tmpfs", "security_opt"} & host.keys()
    assert "user" not in docker_profile.container_options(
        spec(hardened=False), ["python3"]
    )
    assert host["mem_limit"] == 4 * GIB


def test_a_check_of_the_image_is_turned_off() -> None:
    made = docker_profile.container_options(spec(), ["python3"], checked=True)
    assert made["healthcheck"] == {"test": ["NONE"]}
    # an engine without systemd stumbles over being told to do nothing
    made = docker_profile.container_options(spec(), ["python3"])
    assert "healthcheck" not in made


LOOK = """
import json, os, socket, stat, subprocess, sys
def writable(path):
    try:
        with open(os.path.join(path, "probe"), "w") as file:
            file.write("#!/bin/sh\\necho ran\\n")
    except OSError as error:
        return error.strerror
    return True
status = dict(
    line.split(":", 1) for line in open("/proc/self/status").read().splitlines()
)
home = os.path.expanduser("~")
report = {
    "uid": os.getuid(), "gid": os.getgid(), "home": home, "cwd": os.getcwd(),
    "host": socket.gethostname(),
    "capabilities": status["CapEff"].strip() + status["CapBnd"].strip(),
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(),
    "root": writable("/"), "tmp": writable("/tmp"), "homely": writable(home),
    "tmp_mode": oct(stat.S_IMODE(os.stat("/tmp").st_mode)),
    "networks": os.listdir("/sys/class/net"),
}
os.chmod("/tmp/probe", 0o755)
report["executable"] = subprocess.run(
    ["/tmp/probe"], capture_output=True, text=True).stdout
print(json.dumps(report))
"""


def look(engine: DockerEngine, instance: str) -> dict[str, Any]:
    stream = engine.open_stream(instance, [*engine.python(instance), "-c", LOOK])
    data = b""
    while piece := stream.read(65536):
        data += piece
    assert data, stream.stderr()
    stream.close()
    result: dict[str, Any] = json.loads(data)
    return result


@pytest.mark.docker
@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_what_a_program_inside_sees(
    docker_engine: DockerEngine, make_spec: Callable[..., InstanceSpec]
) -> None:
    made = docker_engine.create(make_spec(name="test-Inside_1"))
    try:
        docker_engine.start(made)
        seen = look(docker_engine, made)
    finally:
        docker_engine.remove(made)
    assert (seen["uid"], seen["gid"]) == (1000, 1000)
    assert seen["capabilities"].strip("0") == ""
    assert seen["no_new_privileges"] == "1"
    assert seen["seccomp"] == "2"
    assert seen["root"] == "Read-only file system"
    assert seen["tmp"] is True
    assert seen["homely"] is True
    assert seen["home"] == seen["cwd"] == "/home/pf"
    assert seen["tmp_mode"] == "0o1777"
    assert seen["executable"] == "ran\n"
    assert seen["networks"] == ["lo"]
    assert seen["host"] == "test-Inside-1"


@pytest.mark.docker
@pytest.mark.parametrize("engine", ["docker"], indirect=True)
@pytest.mark.parametrize("init", [True, False])
def test_it_stops_at_once_and_leaves_no_zombies(
    docker_engine: DockerEngine,
    make_spec: Callable[..., InstanceSpec],
    monkeypatch: pytest.MonkeyPatch,
    init: bool,
) -> None:
    # an engine without docker-init gets none, and process 1 does its work
    monkeypatch.setattr(docker_engine, "_has_init", lambda: init)
    made = docker_engine.create(make_spec())
    try:
        docker_engine.start(made)
        orphan = textwrap.dedent("""
            import os, time
            told, tell = os.pipe()
            if os.fork() == 0:
                orphan = os.fork()
                if orphan:
                    os.write(tell, str(orphan).encode())
                else:
                    time.sleep(0.2)
                os._exit(0)
            os.wait()
            orphan = os.read(told, 99).decode()
            end = time.monotonic() + 60
            # a zombie is there until somebody has waited for it
            while os.path.exists(f"/proc/{orphan}") and time.monotonic() < end:
                time.sleep(0.05)
            print(int(os.path.exists(f"/proc/{orphan}")))
        """)
        stream = docker_engine.open_stream(made, ["python3", "-c", orphan])
        assert stream.read(10).strip() == b"0"
        stream.close()
        docker_engine.stop(made, timeout=30)
        # one that had to be killed would show 137
        assert docker_engine.inspect(made).exit_code in (0, 143)
    finally:
        docker_engine.remove(made)


@pytest.mark.docker
@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_limits_arrive_at_the_engine(
    docker_engine: DockerEngine,
    docker_host: str,
    make_spec: Callable[..., InstanceSpec],
) -> None:
    limits = Limits(cpus=0.5, memory=128 * 1024**2, pids=32)
    made = docker_engine.create(make_spec(limits=limits))
    client = docker.APIClient(base_url=docker_host, version="1.40")
    try:
        host = client.inspect_container(made)["HostConfig"]
        assert host["NanoCpus"] == 500_000_000
        assert host["Memory"] == host["MemorySwap"] == 128 * 1024**2
        assert host["PidsLimit"] == 32
        assert host["NetworkMode"] == "none"
    finally:
        client.close()
        docker_engine.remove(made)
