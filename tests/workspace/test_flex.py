"""Flex flows and prompty files through the whole backend, on a real worker."""

import pytest

from tests.conformance.openai_server import OpenAIServer

CODE = """\
import asyncio
from promptflow.core import OpenAIConnection

class Chat:
    def __init__(self, times: int = 2, service: OpenAIConnection = None):
        self.times, self.service = times, service

    def __call__(self, word: str):
        print("asked", word)
        for _ in range(self.times):
            yield word

def plain(word: str):
    return word.upper()
"""
PROMPTY = """\
---
name: Ask
model:
  configuration: {type: openai, model: m, connection: local}
  parameters: {stream: true}
inputs: {q: {type: string}}
---
user:
{{q}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "main.py").write_text(CODE, "utf-8")
    (tmp_path / "flow.flex.yaml").write_text(
        "entry: main:Chat\nsample: {inputs: {word: hey}}\n", "utf-8"
    )
    (tmp_path / "ask.prompty").write_text(PROMPTY, "utf-8")
    return tmp_path


def test_a_class_runs_with_init_chunks_and_logs(rt, folder):
    events = []
    result = rt.run(folder, init={"times": 3}, word="a", on_event=events.append)
    assert result.outputs == {"output": "aaa"}
    assert result.nodes == {}
    kinds = {event["event"] for event in events}
    assert {"chunk", "log"} <= kinds
    assert rt.run(folder).outputs == {"output": "heyhey"}


def test_a_function_needs_no_file(rt, folder):
    assert rt.run(folder / "main:plain", word="a").outputs == {"output": "A"}


def test_the_picture_of_a_run_shows_the_entry(rt, folder):
    html = rt.run(folder, word="a")._repr_mimebundle_()["text/html"]
    assert "Chat" in html
    assert "Completed" in html


def test_validation_tells_the_signature_and_where_code_is_wrong(rt, folder):
    found = rt.validate(folder)
    assert found.ok
    assert list(found.tools["Chat"]["inputs"]) == ["times", "service", "word"]
    (folder / "main.py").write_text("\n\ndef Chat(a: set): return a\n", "utf-8")
    (problem,) = rt.validate(folder).problems
    assert (problem.code, problem.file) == ("GenerateFlowMetaJsonError", "main.py")
    assert problem.line == 3


def test_ports_that_differ_are_found_in_the_file(rt, folder):
    yaml = "entry: main:plain\ninputs: {other: {type: string}}\n"
    (folder / "flow.flex.yaml").write_text(yaml, "utf-8")
    (problem,) = rt.validate(folder).problems
    assert (problem.file, problem.line) == ("flow.flex.yaml", 2)


def test_a_prompty_asks_through_a_stored_connection(rt, folder, tmp_path, shared):
    with OpenAIServer() as server:
        file = tmp_path / "connection.yaml"
        file.write_text(
            "name: local\ntype: open_ai\napi_key: sk-very-secret\n"
            f"base_url: {server.address}/v1\n",
            "utf-8",
        )
        shared.connections.create(file)
        result = rt.run(folder / "ask.prompty", q="hi")
        assert result.outputs == {"output": "echo: hi"}
        assert "sk-very-secret" not in str(result.to_dict())
        headers = server.requests()[0]["headers"]
        assert headers["authorization"] == "Bearer sk-very-secret"


def test_the_box_of_an_entry_fares_as_the_run_does(rt, folder, shared):
    from pf_jupyter.commands.states import RunStates

    info = shared.flows.show(folder)
    assert (info.kind, info.entry) == ("flex", "Chat")
    assert [item["name"] for item in info.init] == ["times", "service"]
    states = RunStates([], info.entry)
    seen = []

    def listen(event):
        states.apply(event)
        seen.append(states.nodes["Chat"]["status"])

    result = rt.run(folder, on_event=listen)
    states.finish(result)
    assert set(seen) == {"Running"}
    assert states.nodes["Chat"]["status"] == "Completed"
