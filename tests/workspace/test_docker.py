"""The same over Docker: what only a container shows."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from pf_jupyter.errors import RuntimeFailed

pytestmark = pytest.mark.docker


@pytest.fixture
def rt(docker_host, default_image, monkeypatch, workspace):
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    return workspace.runtimes.create("demo", compute="docker")


def test_a_flow_runs_in_the_container(rt):
    record = rt.to_dict()
    assert record["isolated"]
    assert len(record["container_id"]) == 64
    result = rt.run("hello", name="Ana")
    assert result.outputs == {"greeting": "Hello, Ana!"}
    assert result.hostname == record["hostname"]
    assert result.environment.digest == record["environment"]["digest"]


def test_docker_kill_in_the_middle_of_a_run(rt, workspace, slow_flow, docker_engine):
    killed = []

    def listen(event):
        if event["event"] == "node_started" and event["node"] == "wait":
            threading.Thread(target=kill).start()

    def kill():
        killed.append(time.monotonic())
        client = docker_engine._connect()
        client.kill(rt.to_dict()["container_id"])

    result = rt.run(slow_flow, on_event=listen)
    assert result.status == "Failed"
    assert result.error["code"] == "runtime_died"
    assert "137" in result.error["message"]
    record = rt.to_dict()
    assert (record["state"], record["error"]["phase"]) == ("failed", "run")
    assert record["error"]["hint"] == "%pfruntime start demo brings it back"
    with pytest.raises(RuntimeFailed):
        rt.run("hello")
    assert workspace.runtimes.get("demo").start().run("hello").status == "Completed"


def test_a_removed_container_shows_without_anybody_asking(rt, docker_engine):
    rt.run("hello")
    docker_engine.remove(rt.to_dict()["container_id"])
    deadline = time.monotonic() + 60
    while rt.state != "failed" and time.monotonic() < deadline:
        time.sleep(0.02)
    # its end is told before its removal, and either may be seen first
    assert rt.to_dict()["error"]["code"] in ("runtime_died", "runtime_removed")
    assert rt.start().run("hello").status == "Completed"


def test_a_new_process_finds_the_container_again(rt, home):
    program = (
        "import sys, pf_jupyter\n"
        "rt = pf_jupyter.connect(sys.argv[1]).runtimes.get('demo')\n"
        "print(rt.state, rt.to_dict()['container_id'], rt.run('hello').status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(home)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ready", rt.to_dict()["container_id"], "Completed"]


def test_delete_leaves_no_container(rt, workspace, docker_engine):
    labels = {"pf_jupyter.workspace": workspace.core.store.id}
    assert len(docker_engine.find(labels)) == 1
    rt.delete()
    assert docker_engine.find(labels) == []


def test_another_engine_is_not_taken_for_a_loss(rt, workspace, monkeypatch, home):
    from pf_jupyter.workspace.local import LocalWorkspace

    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    elsewhere = LocalWorkspace(home)
    try:
        seen = elsewhere.runtimes.get("demo").to_dict()
        assert seen["state"] == "failed"
        assert seen["error"]["code"] == "engine_unreachable"
        assert "/nowhere/docker.sock" in seen["error"]["message"]
    finally:
        elsewhere.close()
    assert rt.state == "ready"
