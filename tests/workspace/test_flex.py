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


def test_a_key_in_the_settings_of_a_prompty_is_told_nowhere(rt, folder):
    keys = ["sk-written-in-the-file-0001", "sk-given-for-one-run-0002"]
    leaky = (
        "from promptflow.core import Prompty\n"
        "def ask(q: str):\n"
        "    said = Prompty.load('ask.prompty')(q=q)\n"
        f"    print('the key is {keys[0]}')\n"
        f"    return ''.join(said) + ' {keys[0]}'\n"
    )
    (folder / "leaky.py").write_text(leaky, "utf-8")
    events = []
    with OpenAIServer() as server:
        inline = f"base_url: '{server.address}/v1', api_key: {keys[0]}"
        text = PROMPTY.replace("connection: local", inline)
        (folder / "ask.prompty").write_text(text, "utf-8")
        told = rt.run(folder / "leaky:ask", q="hi", on_event=events.append)
        answers = [rt.run(folder / "ask.prompty", q=f"say {keys[0]}")]
        other = {"model": {"configuration": {"api_key": keys[1]}}}
        answers.append(rt.run(folder / "ask.prompty", q=f"say {keys[1]}", init=other))
        used = [r["headers"]["authorization"] for r in server.requests()]
    assert used == [f"Bearer {key}" for key in (keys[0], *keys)]
    assert told.outputs == {"output": "echo: hi *****"}
    assert [a.outputs for a in answers] == [{"output": "echo: say *****"}] * 2
    for result in (told, *answers):
        record = rt._workspace.runs.get(result.run_id)
        shown = f"{result.to_dict()} {record.to_dict()} {record.trace.text()} {events}"
        assert "*****" in shown
        assert not any(key in shown for key in keys)
    home = rt._workspace.home
    for file in home.rglob("*"):
        # the flow's own file is kept by whoever wrote the key into it
        if file.is_file() and "snapshots" not in str(file) and file.suffix != ".sock":
            data = file.read_bytes()
            assert not any(k.encode() in data for k in keys), file
