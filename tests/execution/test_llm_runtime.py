"""LLM flows through real runtimes, on each engine, in the default environment."""

from __future__ import annotations

import ipaddress
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.workspace.local import connect

from .conftest import load_server

FLOW = """
inputs:
  q: {type: string, is_chat_input: true}
outputs:
  answer: {type: string, reference: "${answer.output}", is_chat_output: true}
nodes:
- name: answer
  type: llm
  source: {type: code, path: answer.jinja2}
  connection: model
  api: chat
  inputs: {model: local, stream: true, q: "${inputs.q}"}
"""


def host_of(engine: str, request: pytest.FixtureRequest) -> str:
    """Return the address at which a runtime reaches this machine."""
    if engine == "process":
        return "127.0.0.1"
    client = request.getfixturevalue("docker_engine")._connect()
    (config,) = client.inspect_network("bridge")["IPAM"]["Config"]
    first = next(ipaddress.ip_network(config["Subnet"]).hosts())
    return str(config.get("Gateway") or first)


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def runtime(request: pytest.FixtureRequest, home: Path, monkeypatch: Any) -> Any:
    if request.param == "docker":
        request.getfixturevalue("default_image")
        address = request.getfixturevalue("docker_host")
        monkeypatch.setenv("DOCKER_HOST", address)
    host = host_of(request.param, request)
    workspace = connect(home)
    with load_server().OpenAIServer(host=host) as server:
        workspace.connections.create(
            {
                "type": "open_ai",
                "name": "model",
                "base_url": f"{server.address}/v1",
                "api_key": "sk-" + uuid.uuid4().hex,
            }
        )
        name = f"llm-{uuid.uuid4().hex[:8]}"
        made = workspace.runtimes.create(name, compute=request.param)
        made.server = server
        yield made
    for each in workspace.runtimes.list():
        each.delete()
    workspace.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "chat"
    made.mkdir()
    (made / "flow.dag.yaml").write_text(FLOW, "utf-8")
    (made / "answer.jinja2").write_text("system:\nbe kind\nuser:\n{{q}}\n", "utf-8")
    return made


def test_a_chat_flow_runs_and_streams(runtime: Any, folder: Path) -> None:
    runtime.server.reset({"replies": [{"text": "one two three four", "pause": 0.5}]})
    seen: list[tuple[float, str]] = []

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "chunk":
            seen.append((time.monotonic(), event["text"]))

    result = runtime.run(folder, q="hello", on_event=listen)
    assert result.status == "Completed", result.error
    assert result.outputs == {"answer": "one two three four"}
    assert "".join(text for _, text in seen) == "one two three four"
    assert seen[-1][0] - seen[0][0] > 0.2
    (asked,) = runtime.server.requests()
    assert asked["body"]["messages"][1] == {"role": "user", "content": "hello"}


def test_a_refusal_is_the_runs_error(runtime: Any, folder: Path) -> None:
    runtime.server.reset({"replies": [{"status": 401, "message": "no"}]})
    result = runtime.run(folder, q="hello")
    assert result.status == "Failed"
    assert result.error["codes"] == ["UserError", "OpenAIError", "AuthenticationError"]
    assert result.error["hint"].endswith("%pfconnection show model")


def test_a_model_is_seen_in_the_trace_and_asked_once_for_the_same(
    runtime: Any, folder: Path
) -> None:
    runtime.server.reset({"replies": [{"text": "one"}, {"text": "two"}]})
    first = runtime.run(folder, q="again?", cache=True)
    assert first.status == "Completed", first.error
    (model,) = [span for span in first.trace.spans if span.kind == "LLM"]
    assert model.node == "answer"
    assert model.attributes["llm.response.model"]
    assert first.tokens == model.tokens
    assert first.tokens["total_tokens"] > 0
    again = runtime.run(folder, q="again?", cache=True)
    assert again.outputs == first.outputs
    assert again.nodes["answer"].cached_run_id == first.run_id
    assert again.tokens == {}
    assert len(runtime.server.requests()) == 1
