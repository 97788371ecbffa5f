"""Traces as people see them."""

from __future__ import annotations

import re

from pf_jupyter.runs.traces import TraceSpan
from pf_jupyter.workspace.traces import Trace


def trace(status="Completed", **more):
    root = TraceSpan("my flow", "Flow", began=100.0, duration_ms=40.0)
    node = TraceSpan("ask", "Node", "ask", status, 100.01, 30.0, **more)
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    attributes = {"llm.response.model": "m-1", "llm.first_token_ms": 4.0}
    call = TraceSpan("OpenAI.chat", "LLM", "ask", "Completed", 100.02, 10.0)
    call.usage, call.attributes = usage, attributes
    node.children.append(call)
    root.children.append(node)
    root.children.append(TraceSpan("last", "Node", "last", "Completed", 100.03, 10.0))
    return Trace(root, "run-1")


def test_the_text_is_a_tree_with_times_tokens_and_bars():
    lines = trace().text().splitlines()
    assert lines[0].startswith("✓ my flow")
    assert lines[1].startswith("├─ ✓ ask")
    assert lines[2].startswith("│  └─ ✓ OpenAI.chat")
    assert "LLM m-1 · 7 + 3 tokens · first token 4 ms" in lines[2]
    assert lines[3].startswith("└─ ✓ last")
    bars = [re.search("[·━]{24}", line).group() for line in lines]
    assert bars[0] == "━" * 24
    assert bars[1] == "·" * 6 + "━" * 18
    assert bars[3] == "·" * 18 + "━" * 6


def test_the_page_escapes_what_flows_say_and_needs_nothing_from_elsewhere():
    evil = "<script>alert('x')</script>"
    shown = trace("Failed", error={"type": "E", "message": evil}, output=evil).html()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "http" not in shown
    assert 'class="s Node Failed"' in shown
    assert shown.count("<details") == shown.count("</details>") == 4
    assert "left:25.0%;width:75.0%" in shown
    assert "10 tokens" in shown


def test_where_a_result_came_from_is_said():
    found = trace(cached_run_id="run-0")
    assert "from run run-0" in found.text()
    assert "from run run-0" in found.html()


def test_a_trace_of_very_many_spans_stays_a_page():
    root = TraceSpan("f", "Flow", began=0.0, duration_ms=1.0)
    root.children = [TraceSpan(f"s{i}", "Function", began=0.0) for i in range(2000)]
    shown = Trace(root, "r")
    assert "1501 more" in shown.text()
    assert "1501 more" in shown.html()
    assert len(shown) == 2001


def test_a_result_shows_its_trace_and_finds_it_again(shared, rt, tmp_path):
    (tmp_path / "flow.dag.yaml").write_text(
        'outputs: {o: {type: string, reference: "${n.output}"}}\n'
        "nodes: [{name: n, type: python, source: {type: code, path: n.py}}]\n"
    )
    (tmp_path / "n.py").write_text(
        "from promptflow.core import tool\nfrom promptflow.tracing import trace\n"
        "@trace\ndef inner_one(x): return x\n@tool\ndef n(): return inner_one('w')\n"
    )
    result = rt.run(tmp_path)
    page = result._repr_mimebundle_()["text/html"]
    assert "trace · 3 spans" in page
    assert "inner_one" in page
    again = shared.runs.get(result.run_id).trace
    assert [span.name for span in again.spans][1:] == ["n", "inner_one"]
    assert again.spans[2].inputs == {"x": "w"}
    part = rt.run(tmp_path, from_node="n", upstream=result.run_id)
    assert part.source_run_id == result.run_id
    assert part.outputs == {"o": "w"}
