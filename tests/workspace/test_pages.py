"""Runs and runtimes as HTML that stands by itself and trusts nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pf_jupyter.store.records import RunRecord
from pf_jupyter.workspace.pages import duration, runtime_html
from pf_jupyter.workspace.result import LocalRunResult

EVIL = "<script>alert('x')</script>&\"'\x00\ud800"
FLOW = {
    "name": "evil",
    "inputs": {},
    "outputs": {EVIL: {"name": EVIL, "type": "string", "reference": "${a.output}"}},
    "nodes": [{"name": "a", "type": "python"}, {"name": "b", "type": "python"}],
}
VOID = {"br", "hr", "img", "path", "rect", "circle", "line", "use", "input"}


class Balance(HTMLParser):
    """Finds tags that are not closed, and what a page must not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def a_result(**document):
    node = {
        "status": "Completed",
        "output": EVIL,
        "duration_ms": 2.0,
        "logs": {"stdout": EVIL, "stderr": ""},
    }
    values = {
        "status": "Completed",
        "outputs": {EVIL: EVIL, "more": {"k": [1, 2]}},
        "nodes": {"a": node, "b": {"status": "NotStarted"}},
        "metrics": {EVIL: 1.5},
        "error": None,
        "flow": FLOW,
    }
    values.update(document)
    return LocalRunResult(
        RunRecord(
            run_id="run-1",
            status=values["status"],
            flow=EVIL,
            flow_path="f",
            runtime="demo",
            runtime_id="r",
            environment_name="default",
            environment_version="1",
            environment_digest="sha256:0123456789abcdef",
            owner="ana",
            process="p",
            created_at="2026-11-21T00:00:00+00:00",
            duration_ms=1234.0,
            document=values,
        )
    )


def page_of(thing):
    bundle = thing._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "text/html"}
    return bundle["text/html"]


def check(page):
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert balance.scripts == 0
    page.encode("utf-8")
    assert "\x00" not in page
    # it works in an exported notebook: nothing is fetched from anywhere
    urls = re.findall(r"https?://[^\"' <]+", page)
    assert set(urls) <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert "url(" not in page


def test_nothing_of_a_flow_is_trusted():
    page = page_of(a_result())
    check(page)
    assert "&lt;script&gt;" in page


def test_outputs_metrics_nodes_and_picture_are_there():
    page = page_of(a_result())
    for text in ("Completed", "1.2 s", "default:1 @ 0123456789ab", "run-1", "2 nodes"):
        assert text in page
    assert "<svg" in page
    assert "metric " in page
    assert "{&quot;k&quot;: [1, 2]}" in page
    assert "stdout" in page
    assert "stderr" not in page


def test_an_error_shows_the_users_frames_and_the_way_out():
    error = {
        "code": "ToolExecutionError",
        "message": EVIL,
        "node": "a",
        "hint": "try <this>",
        "traceback": 'File "a.py", line 3, in a\n    1 / 0',
    }
    page = page_of(a_result(status="Failed", outputs=None, error=error))
    check(page)
    assert "in node a" in page
    assert "line 3" in page
    assert "hint: try &lt;this&gt;" in page
    assert "<details open>" in page


def test_what_is_long_is_cut_and_says_so():
    page = page_of(a_result(outputs={"long": "x" * 500_000}))
    assert len(page) < 100_000
    assert "480000 more characters" in page


def test_both_themes_are_served():
    page = page_of(a_result())
    assert "prefers-color-scheme:dark" in page
    assert "--jp-ui-font-color1" in page
    assert "--vscode-foreground" in page


def test_a_run_without_a_result_has_a_page_too():
    page = page_of(a_result(status="Interrupted", flow=None, nodes={}, outputs=None))
    check(page)
    assert "<svg" not in page
    assert "Interrupted" in page


@pytest.mark.parametrize("state", ["ready", "failed", "starting"])
def test_a_runtime(state):
    page = runtime_html(
        {
            "name": EVIL,
            "state": state,
            "phase": "build" if state == "starting" else None,
            "elapsed": 3.2 if state == "starting" else None,
            "engine": "process",
            "isolated": False,
            "environment": None,
            "limits": {"cpus": 2.0, "memory": 4 * 1024**3, "pids": None},
            "error": {"code": "c", "message": EVIL, "hint": "h"}
            if state == "failed"
            else None,
        }
    )
    check(page)
    assert state in page
    assert "does not isolate" in page
    assert "2 CPU, 4 GB" in page
    assert ("build, 3 s" in page) == (state == "starting")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, ""),
        (0.4, "0.4 ms"),
        (12.34, "12.3 ms"),
        (2100, "2.1 s"),
        (90e3, "1.5 min"),
    ],
)
def test_durations(milliseconds, text):
    assert duration(milliseconds) == text
