"""One run: checked, recorded, executed, written, told."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from pf_jupyter.errors import (
    FlowInvalid,
    IllegalState,
    NotFound,
    PfError,
    RuntimeFailed,
    Unreachable,
    UsageError,
)
from pf_jupyter.runtimes.channel import WorkerChannel

HELLO = """
inputs:
  name: {type: string, default: World}
  times: {type: int, default: 1}
outputs:
  greeting: {type: string, reference: "${greet.output}"}
nodes:
- name: greet
  type: python
  source: {type: code, path: greet.py}
  inputs: {name: "${inputs.name}", times: "${inputs.times}"}
"""
GREET = (
    "name: str, times: int:\nprint('greeting', name)\nreturn f'Hello, {name}!' * times"
)


@pytest.fixture
def hello(write_flow):
    return write_flow(HELLO, greet=GREET)


def names(events):
    return [event["event"] for event in events]


def test_a_run_is_recorded_with_all_that_came_of_it(ground, hello):
    record = ground.run(hello, inputs={"name": "Ana", "times": 2})
    assert record.status == "Completed"
    assert record.document["outputs"] == {"greeting": "Hello, Ana!Hello, Ana!"}
    stored = ground.store.run(record.run_id)
    assert stored == record
    assert stored.inputs == {"name": "Ana", "times": 2}
    assert stored.environment_digest == "sha256:" + "cd" * 32
    assert stored.duration_ms > 0
    assert stored.ended_at > stored.created_at
    node = stored.document["nodes"]["greet"]
    assert node["status"] == "Completed"
    assert "greeting Ana" in node["logs"]["stdout"]
    assert stored.document["flow"]["nodes"][0]["name"] == "greet"
    assert ground.runtime.state == "ready"


def test_events_come_as_they_happen_and_carry_the_run(ground, hello):
    events = []
    record = ground.run(hello, events.append)
    assert names(events)[0] == "run_started"
    assert "node_completed" in names(events)
    assert {event["run_id"] for event in events} == {record.run_id}


def test_while_it_runs_it_is_recorded_as_running_and_its_runtime_busy(
    ground, slow_flow
):
    seen = []

    def look(event):
        if event["event"] == "node_started" and event["node"] == "wait":
            seen.append(ground.runtime.state)
            seen.append(ground.store.run(event["run_id"]).status)

    ground.run(slow_flow, look, inputs={"seconds": 0.01})
    assert seen == ["busy", "Running"]
    assert ground.runtime.state == "ready"


def test_a_result_is_written_before_it_is_reported(ground, hello, monkeypatch):
    def full(*_args, **_options):
        raise PfError("the disk is full", code="store_full")

    monkeypatch.setattr(ground.store, "finish_run", full)
    with pytest.raises(PfError) as caught:
        ground.run(hello)
    assert caught.value.code == "store_full"
    monkeypatch.undo()
    for run_id, runtime_id, _ in ground.store.running():
        ground.store.finish_run(run_id, runtime_id, status="Failed", duration_ms=None)


def test_inputs_are_checked_before_anything_happens(ground, hello):
    before = len(ground.store.runs(limit=None))
    with pytest.raises(UsageError) as caught:
        ground.run(hello, inputs={"nam": "Ana", "times": "often"})
    assert "'nam'" in caught.value.message
    assert "'times'" in caught.value.message
    assert "'name'" in caught.value.hint
    assert len(ground.store.runs(limit=None)) == before


def test_a_wrong_flow_is_refused_with_all_that_is_wrong(ground, write_flow):
    flow = write_flow(HELLO.replace("greet.output", "great.output"))
    with pytest.raises(FlowInvalid) as caught:
        ground.run(flow)
    codes = {problem["code"] for problem in caught.value.problems}
    assert {"OutputReferenceNotFound", "InvalidSource"} <= codes
    assert all(problem["file"] for problem in caught.value.problems)


def test_a_failing_node_fails_the_run_and_nothing_else(ground, write_flow):
    flow = write_flow(HELLO, greet="name: str, times: int:\nreturn 1 / 0")
    record = ground.run(flow)
    assert record.status == "Failed"
    assert record.error["node"] == "greet"
    assert "ZeroDivisionError" in record.error["message"]
    assert "greet.py" in record.error["traceback"]
    assert ground.runtime.state == "ready"


def test_code_that_changed_is_run_as_it_is_now(ground, hello):
    assert ground.run(hello).document["outputs"] == {"greeting": "Hello, World!"}
    source = hello / "greet.py"
    source.write_text(source.read_text().replace("Hello", "Bye"))
    assert ground.run(hello).document["outputs"] == {"greeting": "Bye, World!"}


def test_one_node_alone(ground, slow_flow):
    record = ground.run(slow_flow, node="last", inputs={"wait.output": "given"})
    assert record.status == "Completed"
    assert record.document["nodes"]["last"]["output"] == "given"
    assert (record.mode, record.node) == ("node", "last")


VARIANTS = """
outputs:
  said: {type: string, reference: "${say.output}"}
nodes:
- {name: say, use_variants: true}
node_variants:
  say:
    default_variant_id: low
    variants:
      low:
        node: {type: python, source: {type: code, path: low.py}, inputs: {}}
      high:
        node: {type: python, source: {type: code, path: high.py}, inputs: {}}
"""


def test_another_variant(ground, write_flow):
    flow = write_flow(VARIANTS, low=":\nreturn 'low'", high=":\nreturn 'high'")
    assert ground.run(flow).document["outputs"] == {"said": "low"}
    chosen = ground.run(flow, variant="${say.high}")
    assert chosen.document["outputs"] == {"said": "high"}
    assert chosen.variant == "${say.high}"
    with pytest.raises(UsageError) as caught:
        ground.run(flow, variant="${say.hi}")
    assert "high" in caught.value.hint


def test_environment_variables_of_the_run_win_over_those_of_the_flow(
    ground, write_flow
):
    flow = write_flow(
        """
        environment_variables: {A: from the flow, B: true, C: [1, 2]}
        outputs: {seen: {type: object, reference: "${look.output}"}}
        nodes:
        - {name: look, type: python, source: {type: code, path: look.py}, inputs: {}}
        """,
        look=":\nimport os\nreturn [os.environ.get(n) for n in 'ABCD']",
    )
    own = ground.run(flow).document["outputs"]["seen"]
    assert own == ["from the flow", "True", "[1, 2]", None]
    given = ground.run(flow, environment_variables={"A": "mine", "D": "new"})
    assert given.document["outputs"]["seen"] == ["mine", "True", "[1, 2]", "new"]
    assert "mine" not in str(ground.store.run(given.run_id).inputs)


def test_a_time_limit_ends_the_code(ground, slow_flow):
    record = ground.run(slow_flow, timeout=0.3)
    assert record.status == "Failed"
    assert record.error["code"] == "LineExecutionTimeoutError"
    assert ground.run(slow_flow, inputs={"seconds": 0}).status == "Completed"


def when_waiting(action):
    """Return a listener that acts, in a thread of its own, once the flow waits."""

    def listen(event):
        if event["event"] == "node_started" and event["node"] == "wait":
            threading.Thread(target=action, args=(event["run_id"],)).start()

    return listen


def test_a_run_is_cancelled_by_its_name(ground, slow_flow):
    record = ground.run(slow_flow, when_waiting(ground.core.executor.cancel))
    assert record.status == "Canceled"
    assert record.document["nodes"]["first"]["status"] == "Completed"
    with pytest.raises(IllegalState) as caught:
        ground.core.executor.cancel(record.run_id)
    assert "Canceled" in caught.value.message
    with pytest.raises(NotFound):
        ground.core.executor.cancel("nothing")


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ on Windows")
def test_the_stop_button_ends_the_code_and_the_next_run_works(ground, slow_flow):
    def interrupt(_run_id):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ground.run(slow_flow, when_waiting(interrupt))
    newest = ground.store.runs(limit=1)[0]
    assert newest.status == "Canceled"
    assert ground.runtime.state == "ready"
    assert ground.run(slow_flow, inputs={"seconds": 0}).status == "Completed"


def test_a_listener_that_fails_does_not_hurt_the_run(ground, hello, caplog):
    def fail(event):
        raise ValueError("a defect in the caller")

    assert ground.run(hello, fail).status == "Completed"
    assert "a defect in the caller" in caplog.text


def test_runs_at_once_in_one_runtime(ground, slow_flow):
    records = []
    threads = [
        threading.Thread(
            target=lambda: records.append(
                ground.run(slow_flow, inputs={"seconds": 0.1})
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.status for record in records] == ["Completed"] * 4
    assert len({record.run_id for record in records}) == 4
    assert ground.runtime.state == "ready"


def test_inputs_that_cannot_be_sent_are_named(ground, hello):
    with pytest.raises(UsageError) as caught:
        ground.run(hello, inputs={"name": object()})
    assert "'name' is a object" in caught.value.message


# what breaks the ground


def test_an_instance_that_is_killed_fails_the_run_with_the_cause(own_ground, slow_flow):
    def kill(_run_id):
        own_ground.engine.kill(own_ground.runtime.instance)

    record = own_ground.run(slow_flow, when_waiting(kill))
    assert record.status == "Failed"
    assert record.error["code"] == "runtime_died"
    assert "exit code 137" in record.error["message"]
    assert record.error["hint"] == "%pfruntime start demo brings it back"
    assert record.error["node"] == "wait"
    nodes = record.document["nodes"]
    assert [nodes[name]["status"] for name in ("first", "wait", "last")] == [
        "Completed",
        "Failed",
        "NotStarted",
    ]
    assert "first here" in nodes["first"]["logs"]["stdout"]
    assert own_ground.store.run(record.run_id) == record
    failed = own_ground.runtime
    assert (failed.state, failed.phase) == ("failed", "run")
    with pytest.raises(RuntimeFailed) as caught:
        own_ground.run(slow_flow)
    assert caught.value.code == "runtime_died"
    own_ground.core.life.lifecycle.start(own_ground.id)
    again = own_ground.run(slow_flow, inputs={"seconds": 0})
    assert again.status == "Completed"


def test_a_worker_that_ends_fails_the_run_and_the_next_one_gets_another(
    own_ground, slow_flow, monkeypatch
):
    from pf_jupyter.runtimes import failing

    monkeypatch.setattr(failing, "_SETTLE_SECONDS", 0.05)

    def end_worker(_run_id):
        channel = own_ground.core.life.channels.peek(own_ground.id)
        os.kill(channel.handshake()["pid"], 9)

    record = own_ground.run(slow_flow, when_waiting(end_worker))
    assert record.status == "Failed"
    assert record.error["code"] == "worker_lost"
    assert own_ground.runtime.state == "ready"
    again = own_ground.run(slow_flow, inputs={"seconds": 0})
    assert again.status == "Completed"


def test_a_runtime_that_is_stopped_meanwhile_says_so(own_ground, slow_flow):
    stopped = threading.Event()

    def stop(_run_id):
        own_ground.core.life.lifecycle.stop(own_ground.id)
        stopped.set()

    record = own_ground.run(slow_flow, when_waiting(stop))
    assert record.error["code"] == "runtime_stopped"
    assert stopped.wait(60)
    assert own_ground.runtime.state == "stopped"
    # a stopped one is started by the next run
    assert own_ground.run(slow_flow, inputs={"seconds": 0}).status == "Completed"
    assert own_ground.runtime.state == "ready"


def test_an_instance_found_dead_at_the_first_run_says_so(own_ground, slow_flow):
    own_ground.core.life.watch.close()
    own_ground.core.life.channels.drop(own_ground.id)
    own_ground.engine.kill(own_ground.runtime.instance)
    with pytest.raises(RuntimeFailed) as caught:
        own_ground.run(slow_flow)
    assert caught.value.code == "runtime_died"
    assert own_ground.runtime.state == "failed"
    assert own_ground.store.runs() == []


MARKING = """
inputs:
  place: {type: string}
outputs:
  done: {type: string, reference: "${mark.output}"}
nodes:
- name: mark
  type: python
  source: {type: code, path: mark.py}
  inputs: {place: "${inputs.place}"}
"""
MARK = "place: str:\nopen(place, 'a').close()\nreturn place"


def test_a_run_is_sent_before_it_is_recorded_and_begins_after(
    own_ground, write_flow, tmp_path, monkeypatch
):
    flow = write_flow(MARKING, mark=MARK)
    sign = tmp_path / "begun"
    own_ground.run(flow, inputs={"place": str(tmp_path / "warm")})
    sent = []
    send, record = WorkerChannel.run, own_ground.store.begin_run

    def listen(channel, snapshot, body, *rest):
        sent.append(body)
        return send(channel, snapshot, body, *rest)

    def begin(*words, **options):
        assert [body["held"] for body in sent] == [True]
        # all that was sent has been read
        channel = own_ground.core.life.channels.peek(own_ground.id)
        channel.request("ping").result(60)
        assert not sign.exists()
        return record(*words, **options)

    monkeypatch.setattr(WorkerChannel, "run", listen)
    monkeypatch.setattr(own_ground.store, "begin_run", begin)
    done = own_ground.run(flow, inputs={"place": str(sign)})
    assert done.status == "Completed"
    assert sign.exists()
    assert len(sent) == 1
    assert own_ground.store.run(done.run_id).status == "Completed"


@pytest.mark.parametrize("how", ["changed", "interrupted", "full"])
def test_what_cannot_be_recorded_never_begins(
    own_ground, write_flow, tmp_path, monkeypatch, how
):
    flow = write_flow(MARKING, mark=MARK)
    sign = tmp_path / "begun"
    own_ground.run(flow, inputs={"place": str(tmp_path / "warm")})
    problem = {"interrupted": KeyboardInterrupt(), "full": Unreachable("full")}

    def begin(*words, **options):
        if how in problem:
            raise problem[how]
        return False

    monkeypatch.setattr(own_ground.store, "begin_run", begin)
    with pytest.raises((KeyboardInterrupt, Unreachable, RuntimeFailed)):
        own_ground.run(flow, inputs={"place": str(sign)})
    channel = own_ground.core.life.channels.peek(own_ground.id)
    deadline = time.monotonic() + 60
    while channel.request("stats").result(60)["runs"]:
        assert time.monotonic() < deadline, "what was withdrawn is still there"
    assert not sign.exists()
    monkeypatch.undo()
    assert own_ground.run(flow, inputs={"place": str(sign)}).status == "Completed"


def test_a_run_with_a_time_limit_is_sent_once_it_is_recorded(
    own_ground, write_flow, tmp_path, monkeypatch
):
    flow = write_flow(MARKING, mark=MARK)
    sent = []
    send = WorkerChannel.run

    def listen(channel, snapshot, body, *rest):
        sent.append(body.get("held"))
        return send(channel, snapshot, body, *rest)

    monkeypatch.setattr(WorkerChannel, "run", listen)
    for _ in range(2):
        place = str(tmp_path / "sign")
        own_ground.run(flow, inputs={"place": place}, timeout=60)
    assert sent == [None, None]


def test_a_flow_that_changed_is_sent_as_it_is_and_the_old_one_never_begins(
    own_ground, write_flow, tmp_path
):
    flow = write_flow(MARKING, mark=MARK)
    place = tmp_path / "sign"
    for number in range(3):
        own_ground.run(flow, inputs={"place": f"{place}{number}"})
        assert (tmp_path / f"sign{number}").exists()
        write_flow(MARKING, mark="place: str:\nreturn 'other'")
        done = own_ground.run(flow, inputs={"place": f"{place}-not-{number}"})
        assert done.document["outputs"] == {"done": "other"}
        assert not (tmp_path / f"sign-not-{number}").exists()
        write_flow(MARKING, mark=MARK)


def test_a_flow_that_went_away_is_told_and_never_begins(
    own_ground, write_flow, tmp_path
):
    flow = write_flow(MARKING, mark=MARK)
    own_ground.run(flow, inputs={"place": str(tmp_path / "warm")})
    (flow / "flow.dag.yaml").unlink()
    with pytest.raises((NotFound, UsageError, FlowInvalid)):
        own_ground.run(flow, inputs={"place": str(tmp_path / "sign")})
    assert not (tmp_path / "sign").exists()
