"""What only a workspace of a server has: uploads, events taken up again, retries."""

from __future__ import annotations

import json
import threading
import time

import pytest

from pf_jupyter.errors import NotFound, RunFailed, UsageError
from pf_jupyter.workspace.remote_client import Address, Client
from pf_jupyter.workspace.remote_flows import SentFlow
from pf_jupyter.workspace.remote_operations import Work

API = "pf/api/"
LIMIT = 200


@pytest.fixture
def elsewhere(monkeypatch):
    """Flows are called by paths that the server does not see."""
    seen = SentFlow.reference

    def reference(self):
        return {**seen(self), "path": "/nowhere/on/that/machine"}

    monkeypatch.setattr(SentFlow, "reference", reference)


def test_files_are_sent_where_the_server_does_not_see_them(
    server, connect_to, flow, elsewhere
):
    rt = connect_to(server).runtimes.get("demo")
    result = rt.run(flow)
    assert result.outputs == {"done": "waited"}
    place = server.home / "server" / "uploads"
    assert str(place) in result.record.flow_path
    # an edit replaces the files, and the place stays: runs know each other by it
    code = flow / "wait.py"
    text = code.read_text()
    try:
        code.write_text(text.replace("'waited'", "'waited again'"))
        again = rt.run(flow)
    finally:
        code.write_text(text)
    assert again.outputs == {"done": "waited again"}
    assert again.record.flow_path == result.record.flow_path
    assert rt.validate(flow).ok


def test_an_upload_stays_in_its_folder(server):
    for name in ("../x", "/etc/x", "a/../../x", "a\\b", "", "c:x"):
        body = {
            "key": "0" * 32,
            "name": "mine",
            "digest": "0" * 64,
            "files": [{"path": name, "content": ""}],
        }
        status, _, said = server.ask("POST", API + "flows/uploads", body)
        assert (status, said["code"]) == (422, "bad_path"), name
    body["files"] = [{"path": "flow.dag.yaml", "content": ""}]
    status, _, said = server.ask("POST", API + "flows/uploads", body)
    assert (status, said["code"]) == (422, "upload_incomplete")


def test_errors_are_the_same_classes_with_code_and_hint(server, connect_to, flow):
    workspace = connect_to(server)
    rt = workspace.runtimes.get("demo")
    with pytest.raises(NotFound) as missing:
        workspace.runtimes.get("dmeo")
    assert missing.value.hint == "did you mean 'demo'?"
    with pytest.raises(UsageError) as wrong:
        rt.run(flow, seconds="soon")
    assert wrong.value.code == "InvalidInput" or "seconds" in wrong.value.message
    with pytest.raises(RunFailed) as failed:
        rt.run(flow, seconds=30, timeout=0.2, raise_on_failure=True)
    assert failed.value.code == "LineExecutionTimeoutError"
    assert failed.value.result.status == "Failed"


def test_values_that_json_has_no_words_for_travel(server, connect_to, tmp_path):
    (tmp_path / "flow.dag.yaml").write_text(
        "inputs: {v: {type: object, default: {}}}\n"
        'outputs: {v: {type: object, reference: "${same.output}"}}\n'
        "nodes:\n- {name: same, type: python, source: {type: code, path: same.py},"
        ' inputs: {v: "${inputs.v}"}}\n'
    )
    (tmp_path / "same.py").write_text(
        "from promptflow.core import tool\n@tool\n"
        "def same(v: object) -> object:\n    return {'inf': float('inf'), **v}\n"
    )
    rt = connect_to(server).runtimes.get("demo")
    result = rt.run(tmp_path, v={"a": float("-inf")})
    assert result.outputs == {"v": {"inf": float("inf"), "a": float("-inf")}}
    # over HTTP alone it is strict JSON all the same
    _, _, shown = server.ask("GET", f"{API}runs/{result.run_id}")
    json.dumps(shown, allow_nan=False)


def test_events_are_taken_up_where_they_were_cut(server, connect_to, flow):
    client = connect_to(server).client
    body = {"runtime": "demo", "inputs": {}, **flow_of(client, flow)}
    work = Work(client, "runs.create", body=body)
    work.result()
    every = list(client.events("operations.events", {"id": work.id}))
    assert [event.name for event in every][-1] == "end"
    numbers = [event.id for event in every]
    assert numbers == sorted(set(numbers))
    middle = numbers[len(numbers) // 2]
    token = client.address.token
    _, headers, rest = server.ask(
        "GET",
        f"{API}operations/{work.id}/events",
        token=token,
        headers={"Last-Event-ID": str(middle)},
    )
    assert headers["Content-Type"] == "text/event-stream"
    found = [
        int(line[4:]) for line in rest.decode().splitlines() if line.startswith("id:")
    ]
    assert found == [number for number in numbers if number > middle]


def flow_of(client, flow):
    return {"flow": SentFlow(client, flow).reference()}


def test_work_goes_on_when_its_caller_leaves(server, connect_to, flow):
    client = connect_to(server).client
    body = {"runtime": "demo", "inputs": {"seconds": 0.5}, **flow_of(client, flow)}
    _, _, begun = server.ask("POST", API + "runs", body)
    assert begun["state"] == "running"
    assert server.done(begun)["state"] == "done"


def test_an_operation_is_ended_when_that_is_asked(server, connect_to, flow):
    client = connect_to(server).client
    body = {"runtime": "demo", "inputs": {"seconds": 600}, **flow_of(client, flow)}
    _, _, begun = server.ask("POST", API + "runs", body)
    status, _, _ = server.ask("POST", f"{API}operations/{begun['id']}/cancel")
    assert status == 202
    ended = server.done(begun)
    assert ended["result"]["status"] == "Canceled"
    status, _, said = server.ask("POST", f"{API}operations/{begun['id']}/cancel")
    assert (status, said["code"]) == (409, "operation_ended")


def test_a_slow_reader_delays_nobody(server, connect_to, flow):
    """It holds a stream open and reads nothing, while others work."""
    import http.client

    client = connect_to(server).client
    body = {"runtime": "demo", "inputs": {"seconds": 5}, **flow_of(client, flow)}
    _, _, begun = server.ask("POST", API + "runs", body)
    idle = []
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request(
            "GET",
            f"/user/ann/pf/api/operations/{begun['id']}/events",
            headers={"Authorization": f"token {client.address.token}"},
        )
        idle.append(connection)
    try:
        for _ in range(20):
            assert server.ask("GET", API + "status")[0] == 200
        server.ask("POST", f"{API}operations/{begun['id']}/cancel")
        assert server.done(begun)["state"] == "done"
    finally:
        for connection in idle:
            connection.close()


def test_many_callers_at_once(server, connect_to, in_thread):
    workspace = connect_to(server)
    rt = workspace.runtimes.get("demo")
    runs = [in_thread(rt.run, "hello", name=str(n)) for n in range(12)]
    found = [run.result(LIMIT) for run in runs]
    assert {r.outputs["greeting"] for r in found} == {f"Hello, {n}!" for n in range(12)}


def test_a_run_can_be_cancelled_from_another_kernel(
    server, connect_to, in_thread, flow
):
    one, other = connect_to(server), connect_to(server)
    began = threading.Event()
    seen = []

    def listen(event):
        seen.append(event["run_id"])
        if event["event"] == "node_started":
            began.set()

    run = in_thread(one.runtimes.get("demo").run, flow, seconds=600, on_event=listen)
    assert began.wait(LIMIT)
    other.runs.cancel(seen[0])
    assert run.result(LIMIT).status == "Canceled"


def test_a_token_that_is_not_good_is_refused_with_words(server):
    client = Client(Address(server.url, "pfk_no", None))
    with pytest.raises(Exception) as caught:
        client.call("status.show")
    assert type(caught.value).__name__ == "Refused"
    client.close()


def test_a_log_is_followed_until_the_reader_leaves(server, connect_to):
    rt = connect_to(server).runtimes.get("demo")
    lines = rt.logs(tail=3, follow=True)
    first = [next(lines) for _ in range(2)]
    assert all(first)
    lines.close()
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and rt.state != "ready":
        time.sleep(0.05)
    assert rt.state == "ready"
