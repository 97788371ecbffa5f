"""What the store remembers, and that each change happens wholly or not at all."""

from __future__ import annotations

import datetime
import os
import stat
import sys
import threading

import pytest

from pf_jupyter.errors import AlreadyExists
from pf_jupyter.store.computes import ComputeRecord
from pf_jupyter.store.records import (
    AssignmentRecord,
    ConnectionRecord,
    LifeLine,
    RequestRecord,
    RunRecord,
    RuntimeRecord,
    timestamp,
)
from pf_jupyter.store.store import Store

pytestmark = pytest.mark.usefixtures("kept_in")


@pytest.fixture
def store(tmp_path, kept_in):
    made = Store(tmp_path / "home")
    yield made
    made.close()


def a_runtime(name="demo", **changes):
    values = {
        "id": f"{name:0<32}",
        "name": name,
        "kind": "personal",
        "owner": "ana",
        "compute": "docker",
        "engine": "docker",
        "isolated": True,
        "state": "ready",
        "created_at": timestamp(),
        "changed_at": timestamp(),
    }
    return RuntimeRecord(**{**values, **changes})


def a_run(run_id="r1", runtime=None, **changes):
    runtime = runtime or a_runtime()
    values = {
        "run_id": run_id,
        "status": "Running",
        "flow": "hello",
        "flow_path": "somewhere/hello",
        "runtime": runtime.name,
        "runtime_id": runtime.id,
        "environment_name": "default",
        "environment_version": "1",
        "environment_digest": "sha256:ab",
        "owner": "ana",
        "process": "p",
        "created_at": timestamp(),
    }
    return RunRecord(**{**values, **changes})


def test_a_runtime_is_given_back_as_it_was_added(store):
    record = a_runtime(cpus=1.5, memory=2**40, error={"code": "x", "phase": None})
    store.add_runtime(record)
    assert store.runtime("demo") == record
    assert store.runtime_by_id(record.id) == record
    assert store.runtimes() == [record]
    assert store.runtime("other") is None


def test_a_name_is_taken_once(store):
    store.add_runtime(a_runtime())
    with pytest.raises(AlreadyExists) as caught:
        store.add_runtime(a_runtime(id="f" * 32))
    assert caught.value.code == "already_exists"
    assert "demo" in caught.value.message


def test_a_change_happens_only_from_the_states_given(store):
    record = a_runtime()
    store.add_runtime(record)
    changed = store.change_runtime(record.id, only_from=("ready",), state="stopping")
    assert changed is not None
    assert (changed.state, changed.revision) == ("stopping", 1)
    assert changed.changed_at >= record.changed_at
    refused = store.change_runtime(record.id, only_from=("ready",), state="busy")
    assert refused is None
    now = store.runtime("demo")
    assert now is not None
    assert (now.state, now.revision) == ("stopping", 1)
    assert store.change_runtime("gone", state="ready") is None


def test_a_change_and_its_line_are_written_together(store):
    record = a_runtime()
    store.add_runtime(record)
    line = LifeLine(timestamp(), "state", "", "stopping")
    store.change_runtime(record.id, only_from=("failed",), line=line, state="starting")
    assert store.life(record.id) == []
    store.change_runtime(record.id, line=line, error={"code": "c"})
    assert [found for _, found in store.life(record.id)] == [line]
    changed = store.runtime("demo")
    assert changed is not None
    assert changed.error == {"code": "c"}


def test_the_log_is_read_from_its_end_and_bounded(store):
    record = a_runtime()
    store.add_runtime(record)
    for start in range(0, 2500, 500):
        store.log(
            record.id,
            [
                LifeLine(timestamp(), "text", "build", str(number), 0.5)
                for number in range(start, start + 500)
            ],
        )
    everything = store.life(record.id)
    assert len(everything) == 2000
    assert everything[-1][1].text == "2499"
    assert [line.text for _, line in store.life(record.id, tail=2)] == ["2498", "2499"]
    later = store.life(record.id, after=everything[-2][0])
    assert [line.text for _, line in later] == ["2499"]


def test_lines_for_a_runtime_that_is_gone_are_dropped(store):
    store.log("gone", [LifeLine(timestamp(), "text", "", "hello")])
    assert store.life("gone") == []


def test_removing_a_runtime_takes_its_log_and_leaves_its_runs(store):
    record = a_runtime()
    store.add_runtime(record)
    store.log(record.id, [LifeLine(timestamp(), "text", "", "hello")])
    store.begin_run(a_run())
    store.remove_runtime(record.id)
    assert store.runtime("demo") is None
    assert store.life(record.id) == []
    assert store.run("r1") is not None


def test_what_takes_a_name_again_has_no_roles_of_what_had_it(store):
    now = timestamp()

    def make():
        store.add_runtime(a_runtime())
        store.connections.add(
            ConnectionRecord("key", "Custom", "", "personal", "ana", now, now, {}, {})
        )
        store.computes.add(ComputeRecord("far", "ana", "tcp://x", now, now))

    make()
    scopes = ["runtime:demo", "connection:key", "compute:far"]
    for number, scope in enumerate([*scopes, "runtime:other", "workspace"]):
        store.access.put(AssignmentRecord("bo", "reader", scope, "ana", now))
        for state in ("open", "granted"):
            store.access.ask(
                RequestRecord(f"{state}{number}", "cy", "reader", scope, "", now, state)
            )
    store.remove_runtime(a_runtime().id)
    store.connections.remove("key")
    store.computes.remove("far")
    make()
    kept = {"runtime:other", "workspace"}
    assert {one.scope for one in store.access.all()} == kept
    assert {one.scope for one in store.access.requests("open")} == kept
    assert len(store.access.requests("granted")) == 5


def test_a_run_takes_its_runtime_and_gives_it_back(store):
    record = a_runtime()
    store.add_runtime(record)
    assert store.begin_run(a_run("r1"))
    assert store.begin_run(a_run("r2"))
    assert store.runtime("demo").state == "busy"
    assert {row[0] for row in store.running()} == {"r1", "r2"}
    assert store.finish_run("r1", record.id, status="Completed", duration_ms=1.0)
    assert store.runtime("demo").state == "busy"
    assert store.finish_run("r2", record.id, status="Failed", duration_ms=2.0)
    after = store.runtime("demo")
    assert after.state == "ready"
    assert after.last_used_at > record.created_at
    assert store.running() == []


@pytest.mark.parametrize(
    "state", ["creating", "starting", "stopping", "stopped", "failed"]
)
def test_a_runtime_that_is_not_ready_takes_no_run(store, state):
    store.add_runtime(a_runtime(state=state))
    assert not store.begin_run(a_run())
    assert store.run("r1") is None
    assert store.runtime("demo").state == state


def test_a_run_ends_once(store):
    store.add_runtime(a_runtime())
    store.begin_run(a_run())
    key = a_runtime().id
    assert store.finish_run("r1", key, status="Completed", duration_ms=1.0)
    assert not store.finish_run("r1", key, status="Interrupted", duration_ms=None)
    assert store.run("r1").status == "Completed"


def test_the_end_of_a_run_does_not_make_a_failed_runtime_ready(store):
    record = a_runtime()
    store.add_runtime(record)
    store.begin_run(a_run())
    store.change_runtime(record.id, state="failed")
    store.finish_run("r1", record.id, status="Failed", duration_ms=1.0)
    assert store.runtime("demo").state == "failed"


AWKWARD = {
    "text": "ä\x00\ud800 </script>",
    "numbers": [1, 2.5, float("inf"), -0.0, 10**40],
    "date": datetime.date(2026, 11, 21),
    "when": datetime.datetime(2026, 11, 21, 1, 2, 3),
    "bytes": b"\x00\xff",
    "keys": {1: "one", None: "none", ("a", 2): "pair"},
    "$pf": "not a tag",
    "empty": [{}, [], None, "", False],
}


def test_a_document_keeps_what_flows_return(store):
    store.add_runtime(a_runtime())
    store.begin_run(a_run(inputs={"given": AWKWARD["when"]}))
    store.finish_run(
        "r1", a_runtime().id, status="Completed", duration_ms=1.0, document=AWKWARD
    )
    run = store.run("r1")
    assert run.document == AWKWARD
    assert run.inputs == {"given": AWKWARD["when"]}


def test_runs_are_listed_newest_first_without_their_documents(store):
    store.add_runtime(a_runtime())
    for number in range(5):
        store.begin_run(a_run(f"r{number}", created_at=f"2026-01-01T00:00:0{number}Z"))
    store.finish_run(
        "r4",
        a_runtime().id,
        status="Completed",
        duration_ms=1.0,
        document={"outputs": {}},
    )
    listed = store.runs(limit=3)
    assert [run.run_id for run in listed] == ["r4", "r3", "r2"]
    assert all(run.document is None for run in listed)
    assert [run.run_id for run in store.runs(status="Completed")] == ["r4"]
    assert len(store.runs(limit=None, runtime_id=a_runtime().id)) == 5


def test_settings_are_kept_changed_and_forgotten(store, tmp_path):
    store.remember("a", {"b": [1, None]})
    store.remember("a", {"b": 2})
    again = Store(tmp_path / "home")
    try:
        assert again.setting("a") == {"b": 2}
        assert again.id == store.id
        again.remember("a", None)
    finally:
        again.close()
    assert store.setting("a") is None


@pytest.mark.skipif(os.name == "nt", reason="modes mean nothing on Windows")
def test_nobody_else_can_read_the_store(store, tmp_path):
    store.processes.mine()
    before = os.umask(0)
    try:
        store.remember("a", 1)
        for path in (tmp_path / "home").rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path
        assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_threads_share_a_store(store):
    store.add_runtime(a_runtime())
    failures = []

    def work(number):
        try:
            for index in range(20):
                name = f"r{number}-{index}"
                assert store.begin_run(a_run(name))
                assert store.finish_run(
                    name, a_runtime().id, status="Completed", duration_ms=0.0
                )
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.runs(limit=None)) == 120
    assert store.runtime("demo").state == "ready"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_uses_connections_of_its_own(store):
    store.remember("parent", 1)
    child = os.fork()
    if child == 0:
        try:
            store.remember("child", os.getpid())
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.setting("child") == child
    store.remember("parent", 2)
    assert store.setting("parent") == 2
    assert store.database.check() == ""
