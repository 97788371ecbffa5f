"""The state of living graphs: nothing that is told is lost, whoever listens when."""

from __future__ import annotations

import random

import pytest

from pf_jupyter.widgets.living import LivingGraph, timeline_of
from pf_jupyter.widgets.panel import Panel
from pf_jupyter.widgets.parts import page
from pf_jupyter.workspace.api import NodeResult

NODES = [f"n{i}" for i in range(40)]


def told(count, seed=1):
    """Events of a run in an order that can happen."""
    rng = random.Random(seed)
    events, open_nodes = [{"event": "run_started", "run_id": "r"}], []
    while len(events) < count:
        if open_nodes and rng.random() < 0.5:
            node = open_nodes.pop(rng.randrange(len(open_nodes)))
            kind = rng.choice(["node_completed", "node_failed", "node_canceled"])
            events.append({"event": kind, "node": node, "duration_ms": len(events)})
        elif rng.random() < 0.3 and open_nodes:
            node = rng.choice(open_nodes)
            events.append({"event": "chunk", "node": node, "text": f"{len(events)} "})
        else:
            node = rng.choice(NODES)
            events.append({"event": "node_started", "node": node})
            open_nodes.append(node)
    return events


def merged(messages):
    """What a browser knows that took all messages in their order."""
    known = {}
    for at, message in enumerate(messages, 1):
        assert message["seq"] == at
        for name, change in message["nodes"].items():
            known.setdefault(name, {}).update(change)
    return known


@pytest.mark.parametrize("every", [1, 7, 2000])
def test_messages_add_up_to_the_whole_however_often_they_leave(every):
    living, messages = LivingGraph("g", NODES), []
    for at, event in enumerate(told(2000)):
        living.apply(event)
        if at % every == 0 and (message := living.take()):
            messages.append(message)
    if message := living.take():
        messages.append(message)
    assert living.events == 2000
    assert living.take() is None
    known = merged(messages)
    for name, state in living.nodes.items():
        assert {k: state[k] for k in known.get(name, {})} == known.get(name, {})
    assert living.whole() == {"seq": len(messages), "nodes": living.nodes}


def test_a_panel_sends_each_change_once_and_a_late_view_has_all():
    class Follow(Panel):
        def begin(self):
            self.living = LivingGraph("g", NODES)
            self.graphs = [self.living]

        def view(self):
            return page("x")

    panel, sent = Follow(None), []
    panel.send = sent.append
    for event in told(2000, seed=3):
        with panel.lock:
            panel.living.apply(event)
        panel.stirred()
    panel.flush()
    panel.settle()
    known = merged(sorted(sent, key=lambda message: message["seq"]))
    assert {n: s["status"] for n, s in known.items()} == {
        n: s["status"] for n, s in panel.living.nodes.items() if n in known
    }
    assert len(sent) < 1000  # many events, few messages


def test_a_batch_is_told_only_what_changed():
    living = LivingGraph("g", ["a", "b"])
    node = {"statuses": {"Completed": 3}, "mean_ms": 2.0, "bins": [1, 2]}
    living.progress({"nodes": {"a": node, "b": node}})
    assert set(living.take()["nodes"]) == {"a", "b"}
    living.progress({"nodes": {"a": node, "b": {**node, "mean_ms": 3.0}}})
    assert set(living.take()["nodes"]) == {"b"}
    assert living.states["a"]["status"] == "Completed"


def test_text_streams_into_the_node_until_the_run_is_over():
    living = LivingGraph("g", ["a"])
    living.apply({"event": "node_started", "node": "a"})
    for at in range(100):
        living.apply({"event": "chunk", "node": "a", "text": f"{at:04} "})
    assert living.nodes["a"]["text"].endswith("0098 0099 ")
    assert len(living.nodes["a"]["text"]) <= 200
    living.abandon("Failed")
    assert living.nodes["a"]["text"] == ""
    assert living.nodes["a"]["status"] == "Failed"


def test_a_flow_without_nodes_lives_as_its_one_box():
    living = LivingGraph("g", [], "ask")
    living.apply({"event": "run_started"})
    assert living.nodes["ask"]["status"] == "Running"


def test_the_timeline_begins_with_the_first_node_and_ends_with_the_run():
    def node(name, start, took, status="Completed"):
        started = f"2026-11-22T10:00:0{start}+00:00" if start is not None else None
        return NodeResult(name, status, duration_ms=took, started_at=started)

    nodes = {
        "late": node("late", 2, 500.0),
        "early": node("early", 1, 400.0),
        "passed": node("passed", None, None, "Bypassed"),
        "never": node("never", None, None, "NotStarted"),
    }
    states = {name: {"status": n.status, "text": "x"} for name, n in nodes.items()}
    steps = timeline_of(nodes, states, 1300.0)
    assert [(at, name, s["status"]) for at, name, s in steps] == [
        (0.0, "early", "Running"),
        (0.0, "passed", "Bypassed"),
        (400.0, "early", "Completed"),
        (1000.0, "late", "Running"),
        (1300.0, "late", "Completed"),  # the run was over then
    ]
    assert timeline_of({}, {}, None) == []
