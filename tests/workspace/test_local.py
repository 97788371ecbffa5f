"""The whole backend through its interface, over the process engine."""

from __future__ import annotations

import json
import sys

import pytest

import pf_jupyter
from pf_jupyter.errors import NotFound, RunFailed, RunTimedOut, UsageError
from pf_jupyter.workspace.api import Runtime, Workspace
from pf_jupyter.workspace.local import connect

SHOW_KEYS = {
    "name",
    "state",
    "phase",
    "kind",
    "compute",
    "engine",
    "environment",
    "container_id",
    "isolated",
    "owner",
    "created_at",
    "update",
    "error",
    "limits",
    "network",
    "python",
    "hostname",
    "started_at",
}
RUN_KEYS = {
    "status",
    "run_id",
    "outputs",
    "nodes",
    "metrics",
    "runtime",
    "environment",
    "duration_ms",
    "error",
}


def test_there_is_one_workspace_for_each_home(home, tmp_path):
    one = pf_jupyter.connect()
    assert isinstance(one, Workspace)
    assert connect(home) is one
    assert connect(tmp_path / "other") is not one
    one.close()
    assert connect(home) is not one


def test_connecting_makes_nothing(tmp_path):
    connect(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_runtime_shows_what_the_interface_fixes(rt):
    record = rt.to_dict()
    assert record.keys() >= SHOW_KEYS
    assert record["environment"].keys() == {"name", "version", "digest"}
    assert record["limits"].keys() == {"cpus", "memory", "pids"}
    assert (record["state"], record["phase"], record["error"]) == ("ready", None, None)
    assert (record["engine"], record["isolated"]) == ("process", False)
    assert record["container_id"] is None
    assert record["update"] is None
    assert json.loads(json.dumps(record)) == record


def test_a_run_shows_what_the_interface_fixes(rt):
    document = rt.run("hello", name="Ana").to_dict()
    assert document.keys() >= RUN_KEYS
    assert document["outputs"] == {"greeting": "Hello, Ana!"}
    (node,) = document["nodes"].values()
    assert node.keys() == {"status", "output", "duration_ms", "logs", "error"}
    assert json.loads(json.dumps(document)) == document


def test_a_failed_run_says_code_message_hint_and_node(rt, slow_flow):
    (slow_flow / "wait.py").write_text("def broken(:\n")
    (slow_flow / "wait.py").write_text(
        "from promptflow.core import tool\n\n\n@tool\n"
        "def wait(seconds: float, first: str):\n    raise KeyError('missing')\n"
    )
    result = rt.run(slow_flow)
    error = result.to_dict()["error"]
    assert error.keys() >= {"code", "message", "hint", "node"}
    assert error["node"] == "wait"
    assert result.outputs is None or result.outputs == {}
    with pytest.raises(RunFailed) as caught:
        result.raise_for_status()
    assert caught.value.node == "wait"
    assert caught.value.result is result
    with pytest.raises(RunFailed):
        rt.run(slow_flow, raise_on_failure=True)


def test_a_time_limit_is_an_error_of_its_own(rt, slow_flow):
    result = rt.run(slow_flow, timeout=0.2)
    with pytest.raises(RunTimedOut):
        result.raise_for_status()


def test_a_recorded_run_is_the_same_as_the_one_returned(shared, rt):
    result = rt.run("hello")
    again = shared.runs.get(result.run_id)
    assert again.to_dict() == result.to_dict()
    assert again.nodes == result.nodes
    newest = shared.runs.list(limit=1)
    assert [run["run_id"] for run in newest] == [result.run_id]
    assert newest[0]["status"] == "Completed"
    assert newest[0]["flow"] == "hello"
    assert newest[0]["runtime"] == "demo"
    with pytest.raises(NotFound):
        shared.runs.get("nothing")


def test_keyword_inputs_win(rt):
    result = rt.run("hello", inputs={"name": "Ana"}, name="Bo")
    assert result.outputs == {"greeting": "Hello, Bo!"}


def test_the_life_of_a_runtime(workspace):
    phases = []
    rt = workspace.runtimes.create("mine", compute="process", on_phase=phases.append)
    assert isinstance(rt, Runtime)
    assert phases[0].runtime == "mine"
    assert (phases[-1].phase, phases[-1].status) == ("handshake", "done")
    assert [other.name for other in workspace.runtimes.list()] == ["mine"]
    assert rt.stop().state == "stopped"
    assert rt.start().state == "ready"
    assert rt.restart().state == "ready"
    assert "ready" in "\n".join(rt.logs())
    rt.delete()
    assert rt.state == "deleted"
    assert workspace.runtimes.list() == []
    with pytest.raises(NotFound):
        rt.stop()


def test_a_name_that_is_not_there_names_the_nearest(shared):
    with pytest.raises(NotFound) as caught:
        shared.runtimes.get("dmeo")
    assert caught.value.hint == "did you mean 'demo'?"


def test_what_is_in_use_is_known_to_processes_to_come(workspace, home):
    from pf_jupyter.workspace.local import LocalWorkspace

    assert workspace.runtimes.current() is None
    workspace.runtimes.create("mine", compute="process")
    used = workspace.runtimes.use("mine")
    assert used is not None
    assert used.name == "mine"
    later = LocalWorkspace(home)
    current = later.runtimes.current()
    assert current is not None
    assert current.name == "mine"
    later.runtimes.use(None)
    assert later.runtimes.current() is None
    # who chose one keeps it
    kept = workspace.runtimes.current()
    assert kept is not None
    assert kept.name == "mine"
    later.close()
    with pytest.raises(NotFound):
        workspace.runtimes.use("nothing")


def test_a_runtime_in_use_that_was_deleted_is_forgotten(workspace):
    workspace.runtimes.create("mine", compute="process")
    workspace.runtimes.use("mine")
    workspace.runtimes.get("mine").delete()
    assert workspace.runtimes.current() is None


def test_ensure_makes_a_session_once_and_brings_it_back(workspace, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    session = workspace.runtimes.ensure()
    record = session.to_dict()
    assert (record["name"], record["kind"], record["state"]) == (
        "session",
        "session",
        "ready",
    )
    assert record["idle_minutes"] == 60
    assert workspace.runtimes.ensure().to_dict()["created_at"] == record["created_at"]
    session.stop()
    assert workspace.runtimes.ensure().state == "ready"


def test_ensure_takes_the_one_in_use(workspace):
    workspace.runtimes.create("mine", compute="process")
    workspace.runtimes.use("mine")
    workspace.runtimes.get("mine").stop()
    ensured = workspace.runtimes.ensure()
    assert (ensured.name, ensured.state) == ("mine", "ready")
    assert len(workspace.runtimes.list()) == 1


def test_a_session_whose_engine_is_gone_is_replaced_for_the_time_being(tmp_path):
    from pf_jupyter.engines.fake import FakeEngine
    from pf_jupyter.engines.process import ProcessEngine
    from pf_jupyter.environments.default import resolve_default
    from pf_jupyter.workspace.core import Core
    from pf_jupyter.workspace.local import LocalWorkspace

    home = tmp_path / "fallback"
    docker = FakeEngine([sys.executable], python=[sys.executable])
    process = ProcessEngine(home)
    environment = resolve_default(process)
    workspace = LocalWorkspace(
        home,
        lambda folder: Core(
            folder,
            {"docker": lambda: docker, "process": lambda: process},
            lambda engine, progress: environment,
        ),
    )
    first = workspace.runtimes.ensure()
    assert first.to_dict()["engine"] == "fake"
    docker.lose()
    phases = []
    second = workspace.runtimes.ensure(on_phase=phases.append)
    assert second.to_dict()["engine"] == "process"
    assert any("does not isolate" in phase.detail for phase in phases)
    assert workspace.runtimes.ensure().name == second.name
    docker.recover()
    assert workspace.runtimes.ensure().name == first.name
    for runtime in workspace.runtimes.list():
        runtime.delete()
    workspace.close()


def test_without_docker_it_says_why_and_that_a_process_does_not_isolate(
    workspace, monkeypatch
):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    phases = []
    rt = workspace.runtimes.create("mine", on_phase=phases.append)
    assert rt.to_dict()["engine"] == "process"
    (check,) = [p for p in phases if (p.phase, p.status) == ("check", "done")]
    assert "does not isolate" in check.detail
    assert "/nowhere/docker.sock" in check.detail
    rows = {row["name"]: row for row in workspace.computes.list()}
    assert not rows["docker"]["reachable"]
    assert rows["process"]["reachable"]
    assert not rows["process"]["isolated"]


def test_stats_and_check(rt):
    stats = rt.stats()
    assert stats.keys() >= {"cpu", "memory", "memory_limit", "pids", "processes"}
    assert stats["processes"]
    checks = {check.name: check for check in rt.check()}
    assert checks["worker"].status == "pass"
    assert checks["engine"].status == "warn"
    assert "does not isolate" in checks["engine"].message


def test_flows_are_shown_listed_and_pictured(shared, slow_flow):
    info = shared.flows.show("hello")
    assert (info.name, info.inputs[0]["name"]) == ("hello", "name")
    slow = shared.flows.show(slow_flow)
    assert [node["depends_on"] for node in slow.nodes] == [[], ["first"]]
    names = [found.name for found in shared.flows.list(slow_flow.parent)]
    assert names[0] == "slow"
    assert "hello" in names
    picture = shared.flows.picture(slow_flow, {"first": {"status": "Completed"}})
    assert picture.svg.startswith("<svg")
    assert "first" in picture.text
    assert shared.flows.resolve(slow_flow) == slow_flow


def test_a_flow_is_checked_in_a_runtime_or_by_its_file_alone(shared, rt, slow_flow):
    found = shared.flows.validate(slow_flow, runtime="demo")
    assert found.ok
    assert found.runtime == "demo"
    assert set(found.tools) == {"first", "wait"}
    (slow_flow / "first.py").write_text("import nothing_of_that_name\n")
    assert not rt.validate(slow_flow, node="first").ok
    alone = shared.flows.validate(slow_flow, code=False)
    assert alone.tools == {}
    assert alone.runtime is None


def test_wrong_words_are_refused_before_anything_is_started(shared):
    before = len(shared.runtimes.list())
    for options in ({"name": "Bad Name"}, {"name": "a", "compute": "nowhere"}):
        with pytest.raises(UsageError):
            shared.runtimes.create(**options)
    assert len(shared.runtimes.list()) == before


def test_reprs_are_short(shared, rt):
    result = rt.run("hello")
    for thing in (shared, rt, result):
        assert "\n" not in repr(thing)
        assert len(repr(thing)) < 200
    assert "Completed" in repr(result)
    assert "ready" in repr(rt)
