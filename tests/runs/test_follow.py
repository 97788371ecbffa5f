"""What events tell of a run that gave no result."""

from __future__ import annotations

from pf_jupyter.flow.model import Flow, Node
from pf_jupyter.runs.follow import Follow, given_up

FLOW = Flow(name="flow", nodes=[Node("a"), Node("b"), Node("c"), Node("d")])
EVENTS = [
    {"event": "run_started", "pid": 1},
    {"event": "node_started", "node": "a", "time": "t1"},
    {"event": "log", "node": "a", "stream": "stdout", "text": "one\n"},
    {"event": "log", "node": "a", "stream": "stderr", "text": "two\n"},
    {"event": "log", "node": None, "stream": "stdout", "text": "nobody's"},
    {"event": "node_completed", "node": "a", "time": "t2", "duration_ms": 5.0},
    {"event": "node_bypassed", "node": "b", "time": "t2"},
    {"event": "node_started", "node": "c", "time": "t3"},
    {"event": "node_started", "node": "unheard of", "time": "t3"},
]


def followed():
    follow = Follow(FLOW)
    for event in EVENTS:
        follow.notice(event)
    return follow


def test_nodes_are_as_the_events_left_them():
    error = {"code": "runtime_died", "message": "gone"}
    nodes = followed().ended("Failed", error)
    assert {name: node["status"] for name, node in nodes.items()} == {
        "a": "Completed",
        "b": "Bypassed",
        "c": "Failed",
        "d": "NotStarted",
    }
    assert nodes["a"]["logs"] == {"stdout": "one\n", "stderr": "two\n"}
    assert nodes["a"]["duration_ms"] == 5.0
    assert nodes["c"]["error"] == error
    assert followed().running() == ["c"]


def test_a_run_that_nobody_waits_for_is_canceled():
    result = given_up(followed(), 12.0)
    assert result["status"] == "Canceled"
    assert result["nodes"]["c"]["status"] == "Canceled"
    assert result["outputs"] is None
    assert result["duration_ms"] == 12.0


def test_only_the_node_that_runs_alone():
    follow = Follow(FLOW, "b")
    follow.notice({"event": "node_started", "node": "a", "time": "t"})
    assert list(follow.ended("Canceled", None)) == ["b"]


def test_the_end_of_a_long_log_is_kept():
    follow = Follow(FLOW)
    for number in range(3000):
        text = f"{number:099d}\n"
        follow.notice({"event": "log", "node": "a", "stream": "stdout", "text": text})
    log = follow.ended("Failed", None)["a"]["logs"]["stdout"]
    assert len(log) == 100_000
    assert log.endswith("2999\n")
