"""Flows that code of a flow loads and calls, on a real worker."""

from __future__ import annotations

import pytest

from tests.conformance.openai_server import OpenAIServer

MAIN = """
import asyncio
from pathlib import Path
from promptflow.client import load_flow
from promptflow.core import AsyncFlow, Flow
from promptflow.entities import FlowContext

HERE = Path(__file__).parent

def call(word: str):
    said = Flow.load(HERE / "inner")(word=word)
    return said["out"]

async def both(word: str):
    flow = AsyncFlow.load(source=HERE / "inner")
    said = await asyncio.gather(flow(word=word), flow(word=word.upper()))
    return [each["out"] for each in said]

def other(word: str, of: str = ""):
    flow = load_flow(str(HERE / "inner" / "flow.dag.yaml"))
    flow.context = FlowContext(connections={"ask": {"connection": "second"}})
    return flow.invoke({"word": word}).output["out"]

def loads(path: str):
    return type(Flow.load(HERE / path)).__name__

def varied(word: str):
    flow = Flow.load(HERE / "inner")
    flow.context = FlowContext(overrides={"a": 1})
    return flow(word=word)
"""
INNER = """\
inputs: {word: {type: string}}
outputs: {out: {type: string, reference: "${ask.output}"}}
nodes:
- name: ask
  use_variants: true
node_variants:
  ask:
    default_variant_id: one
    variants:
      one:
        node:
          type: llm
          source: {type: code, path: ask.jinja2}
          connection: first
          api: chat
          inputs: {model: m, word: "${inputs.word}"}
"""


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "main.py").write_text(MAIN, "utf-8")
    (inner / "flow.dag.yaml").write_text(INNER, "utf-8", newline="\r\n")
    (inner / "ask.jinja2").write_text("user:\n{{word}}\n", "utf-8")
    (tmp_path / "flex").mkdir()
    (tmp_path / "flex" / "flow.flex.yaml").write_text("entry: a:b\n", "utf-8")
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "flow.dag.yaml").write_text("nodes: 3\n", "utf-8")
    return tmp_path


@pytest.fixture
def server(shared):
    with OpenAIServer() as found:
        for name in ("first", "second"):
            shared.connections.create(
                {"type": "open_ai", "base_url": f"{found.address}/v1"},
                name=name,
                settings={"api_key": f"sk-key-of-{name}"},
            )
        yield found
        for name in ("first", "second"):
            shared.connections.delete(name)


def test_a_flow_is_called_with_its_connections(rt, folder, server):
    result = rt.run(folder / "main:call", word="hey")
    assert result.outputs == {"output": "echo: hey"}, result.error
    keys = [r["headers"]["authorization"] for r in server.requests()]
    assert keys == ["Bearer sk-key-of-first"]


def test_coroutines_call_flows_too(rt, folder, server):
    result = rt.run(folder / "main:both", word="hey")
    assert result.outputs == {"output": ["echo: hey", "echo: HEY"]}, result.error


def test_a_called_flow_takes_other_connections(rt, folder, server):
    result = rt.run(folder / "main:other", word="hey")
    assert result.status == "Failed"
    # a run gets the connections that its files name, and code is not read for names
    assert "'second'" in result.error["message"]
    text = "entry: main:other\nsample: {inputs: {of: second}}\n"
    (folder / "flow.flex.yaml").write_text(text, "utf-8")
    result = rt.run(folder, word="hey")
    assert result.outputs == {"output": "echo: hey"}, result.error
    keys = [r["headers"]["authorization"] for r in server.requests()]
    assert keys == ["Bearer sk-key-of-second"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "there is no flow"),
        ("flex", "import what its entry names"),
        ("wrong", "without problems"),
        (".", "holds no flow"),
    ],
)
def test_what_cannot_be_called_says_why(rt, folder, path, words):
    error = rt.run(folder / "main:loads", path=path).error
    assert words in error["message"]


def test_what_a_called_flow_cannot_have_is_told(rt, folder):
    error = rt.run(folder / "main:varied", word="x").error
    assert "only other connections can be given" in error["message"]
