"""Traces of runs: as a tree, and on their way to a collector."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pf_jupyter.runs.trace_export import TraceExporter, endpoint, to_otlp
from pf_jupyter.runs.traces import tokens_of, trace_of

FLOW = """
inputs:
  name: {type: string, default: Ana}
outputs:
  out: {type: string, reference: "${second.output}"}
nodes:
- name: first
  type: python
  source: {type: code, path: first.py}
  inputs: {name: "${inputs.name}"}
- name: second
  type: python
  source: {type: code, path: second.py}
  inputs: {text: "${first.output}"}
"""
FIRST = """from promptflow.core import tool
from promptflow.tracing import trace

@trace
def deep(x):
    return x

@trace
def outer(x):
    return deep(x) + "!"

@tool
def first(name: str):
    return outer(name)
"""


@pytest.fixture
def traced_flow(write_flow):
    folder = write_flow(FLOW, second="text: str:\nreturn text * 2")
    (folder / "first.py").write_text(FIRST)
    return folder


@pytest.fixture
def collector(monkeypatch):
    """A local server; what it is sent lands in a list."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): text for name, text in self.headers.items()}
            received.append((self.path, headers, json.loads(body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address + "/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b,other=c")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield received
    server.shutdown()
    server.server_close()
    thread.join(60)


def with_model_call(record):
    """Return a run as if its second node had called a model twice."""
    spans = [
        {
            "id": 900 + number,
            "parent": None,
            "node": "second",
            "name": "OpenAI.chat",
            "kind": "LLM",
            "started_at": record.created_at,
            "duration_ms": 5.0,
            "inputs": {"messages": []},
            "output": "hi",
            "error": None,
            "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
            "attributes": {"llm.response.model": "m-1", "llm.first_token_ms": 2.5},
        }
        for number in range(2)
    ]
    document = {**record.document}
    document["trace"] = [*document["trace"], *spans]
    return replace(record, document=document)


def test_the_tree_is_flow_nodes_and_what_they_did(ground, traced_flow):
    record = ground.run(traced_flow)
    root = trace_of(ground.store.run(record.run_id))
    assert (root.kind, [node.name for node in root.children]) == (
        "Flow",
        ["first", "second"],
    )
    (outer,) = root.children[0].children
    (deep,) = outer.children
    assert (outer.name, deep.name, deep.node) == ("outer", "deep", "first")
    assert deep.output == "Ana"
    assert root.children[1].inputs == {"text": "Ana!"}
    assert root.output == {"out": "Ana!Ana!"}
    assert root.began <= root.children[0].began <= outer.began <= deep.began
    assert tokens_of(record) == {}


def test_tokens_are_summed_up_the_tree(ground, traced_flow):
    record = with_model_call(ground.run(traced_flow))
    root = trace_of(record)
    expected = {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24}
    assert root.tokens == root.children[1].tokens == tokens_of(record) == expected
    assert root.children[0].tokens == {}
    metrics = root.to_dict()["children"][1]["system_metrics"]
    assert metrics["total_tokens"] == 24
    assert metrics["duration"] > 0


def test_a_finished_run_is_sent_where_the_user_says(ground, traced_flow, collector):
    record = ground.run(traced_flow)
    assert ground.core.executor.traces.flush(10)
    ((path, headers, body),) = collector
    assert path == "/v1/traces"
    assert headers["content-type"] == "application/json"
    assert (headers["x-key"], headers["other"]) == ("a b", "c")
    (resource,) = body["resourceSpans"]
    (scope,) = resource["scopeSpans"]
    spans = {span["name"]: span for span in scope["spans"]}
    assert list(spans) == [record.flow, "first", "outer", "deep", "second"]
    flow = spans[record.flow]
    assert "parentSpanId" not in flow
    assert spans["first"]["parentSpanId"] == flow["spanId"]
    assert spans["deep"]["parentSpanId"] == spans["outer"]["spanId"]
    assert len({span["traceId"] for span in spans.values()}) == 1
    assert len(flow["traceId"]) == 32
    assert len(flow["spanId"]) == 16
    facts = {a["key"]: a["value"] for a in spans["deep"]["attributes"]}
    assert facts["framework"] == {"stringValue": "promptflow"}
    assert facts["node_name"] == {"stringValue": "first"}
    assert facts["inputs"] == {"stringValue": '{"x": "Ana"}'}
    assert facts["line_run_id"] == {"stringValue": record.run_id}
    assert int(flow["endTimeUnixNano"]) > int(flow["startTimeUnixNano"])


def test_models_and_errors_have_their_attributes(ground, write_flow, traced_flow):
    record = with_model_call(ground.run(traced_flow))
    sent = to_otlp(record)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    model = next(span for span in sent if span["name"] == "OpenAI.chat")
    facts = {a["key"]: a["value"] for a in model["attributes"]}
    assert facts["span_type"] == {"stringValue": "LLM"}
    assert facts["llm.usage.total_tokens"] == {"intValue": "12"}
    assert facts["llm.response.model"] == {"stringValue": "m-1"}
    assert facts["llm.first_token_ms"] == {"doubleValue": 2.5}
    total = {a["key"]: a["value"] for a in sent[0]["attributes"]}
    assert total["__computed__.cumulative_token_count.total"] == {"intValue": "24"}
    failing = write_flow(FLOW, "failing", first="name:\nraise ValueError('no')")
    (failing / "second.py").write_text((traced_flow / "second.py").read_text())
    sent = to_otlp(ground.run(failing))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    node = next(span for span in sent if span["name"] == "first")
    assert node["status"]["code"] == 2
    assert node["events"][0]["name"] == "exception"


def test_a_collector_that_is_not_there_costs_a_run_nothing(
    ground, traced_flow, monkeypatch, caplog
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for _ in range(2):
        assert ground.run(traced_flow).status == "Completed"
    assert ground.core.executor.traces.flush(10)
    told = [r for r in caplog.records if "traces cannot be sent" in r.message]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/t"}, "https://c/t"),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c",
                "OTEL_SDK_DISABLED": "true",
            },
            None,
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c",
                "OTEL_TRACES_EXPORTER": "none",
            },
            None,
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "file:///etc"}, None),
    ],
)
def test_where_traces_go(variables, expected):
    assert endpoint(variables) == expected


def test_without_an_address_nothing_begins(ground, traced_flow, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    exporter = TraceExporter()
    exporter.offer(ground.run(traced_flow))
    assert exporter._thread is None
    assert exporter.flush(0)
