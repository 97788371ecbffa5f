"""A server that is killed loses nothing: what it had begun is found again by the next
one, and whoever waits for it goes on waiting."""

from __future__ import annotations

import threading
import time

import pytest

LIMIT = 200


def leftovers(workspace):
    checks = {check.name: check for check in workspace.doctor()}
    return checks["leftovers process"].message


def test_a_run_ends_with_its_server_and_the_kernel_is_told(
    own_server, connect_to, in_thread, flow
):
    server = own_server()
    workspace = connect_to(server)
    rt = workspace.runtimes.create("demo", compute="process")
    waiting = threading.Event()

    def listen(event):
        if event["event"] == "node_started":
            waiting.set()

    run = in_thread(rt.run, flow, seconds=600, on_event=listen)
    assert waiting.wait(LIMIT)
    server.kill()
    server.start()
    result = run.result(LIMIT)
    assert result.status == "Interrupted"
    assert workspace.runs.get(result.run_id).status == "Interrupted"
    # the same objects go on working
    assert rt.run("hello", name="Ana").outputs == {"greeting": "Hello, Ana!"}
    assert leftovers(workspace) == "none"


@pytest.mark.parametrize("delay", [0.15, 0.6])
def test_a_runtime_is_made_although_its_server_was_killed(
    own_server, connect_to, in_thread, delay
):
    server = own_server()
    workspace = connect_to(server)
    made = in_thread(workspace.runtimes.create, "mine", compute="process")
    time.sleep(delay)  # some moment or other: any must do
    server.kill()
    server.start()
    rt = made.result(LIMIT)
    assert (rt.name, rt.state) == ("mine", "ready")
    assert [other.name for other in workspace.runtimes.list()] == ["mine"]
    assert rt.run("hello").status == "Completed"
    assert leftovers(workspace) == "none"


def test_a_server_that_is_stopped_lets_runtimes_live(own_server, connect_to):
    server = own_server()
    workspace = connect_to(server)
    rt = workspace.runtimes.create("demo", compute="process")
    started = rt.to_dict()["started_at"]
    server.stop()
    # another port: the kernel finds it by what the server wrote down
    server.port = 0
    server.start()
    assert rt.to_dict()["started_at"] == started
    assert rt.run("hello").status == "Completed"


def test_a_server_that_does_not_come_back_is_an_error_with_a_way_out(
    own_server, connect_to
):
    from pf_jupyter.errors import Unreachable

    server = own_server()
    workspace = connect_to(server, patience=0.5)
    server.stop()
    with pytest.raises(Unreachable) as caught:
        workspace.runtimes.list()
    assert caught.value.code == "server_unreachable"
    assert "start Jupyter again" in caught.value.hint
