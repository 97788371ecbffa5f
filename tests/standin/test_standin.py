"""The stand-in for a model, asked by the library that flows use."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import openai
import pytest

import pf_jupyter
from pf_jupyter.standin import KEY, StandIn

LIBRARY = (
    "You help readers. A book may be kept for three weeks. Dogs wait outside, please."
)


def client(server: StandIn, key: str = KEY) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=server.base_url, max_retries=0)


def chat(server: StandIn, *said: str, told: str = "", **options: object) -> Any:
    messages = [{"role": "system", "content": told}] if told else []
    messages += [{"role": "user", "content": text} for text in said]
    with client(server) as asked:
        answer = asked.chat.completions.create(
            model="any",
            messages=messages,  # type: ignore[arg-type]
            **options,  # type: ignore[call-overload]
        )
        return list(answer) if options.get("stream") else answer


def test_it_finds_the_sentence_that_fits() -> None:
    with StandIn() as server:
        answer = chat(server, "For how many weeks may I keep a book?", told=LIBRARY)
    assert answer.choices[0].message.content == "A book may be kept for three weeks."
    assert answer.usage.total_tokens > 20


def test_it_says_what_it_is_where_nothing_fits() -> None:
    with StandIn() as server:
        answer = chat(server, "Hello", "And now?", told=LIBRARY)
    assert answer.choices[0].message.content == (
        "I am a stand-in, no model. I was told: You help readers. You said: And now? "
        "(1 messages came before.)"
    )


def test_a_stream_joins_to_the_answer() -> None:
    with StandIn(pause=0) as server:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = chat(server, "Hello", **options)
    pieces = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(pieces) == "I am a stand-in, no model. You said: Hello"
    assert len([piece for piece in pieces if piece]) == 9
    assert chunks[-1].usage.completion_tokens == 9


def test_completions_too() -> None:
    with StandIn() as server, client(server) as asked:
        answer = asked.completions.create(model="any", prompt="once upon")
        assert (
            answer.choices[0].text == "I am a stand-in, no model. You said: once upon"
        )


def test_another_key_is_refused() -> None:
    wrong = pytest.raises(openai.AuthenticationError, match="not mine")
    with StandIn() as server, client(server, "another") as asked, wrong:
        asked.chat.completions.create(model="any", messages=[])


def test_what_is_no_request_is_refused() -> None:
    with StandIn() as server:
        for path, data, status in (
            ("/chat/completions", b"{", 400),
            ("/elsewhere", b"{}", 404),
        ):
            request = urllib.request.Request(
                server.base_url + path,
                data,
                {"Authorization": f"Bearer {KEY}"},
            )
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(request)
            caught.value.close()
            assert caught.value.code == status


def test_it_can_be_started_from_the_shell() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pf_jupyter.standin", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.terminate()
    assert first.startswith("no model, only a stand-in for one, at http://127.0.0.1:")


@pytest.mark.parametrize(
    "compute", ["process", pytest.param("docker", marks=pytest.mark.docker)]
)
def test_a_runtime_reaches_it(
    compute: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if compute == "docker":
        request.getfixturevalue("docker_engine")
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW, encoding="utf-8")
    (flow / "ask.jinja2").write_text("# user:\n{{ text }}\n", encoding="utf-8")
    workspace = pf_jupyter.connect()
    runtime = workspace.runtimes.create(f"standin-{os.getpid()}", compute=compute)
    try:
        with StandIn.for_runtime(runtime) as server:
            settings = {"api_key": KEY, "base_url": server.base_url}
            workspace.connections.create(
                None, name="mine", settings={"type": "open_ai", **settings}
            )
            result = runtime.run(flow, text="Hello")
    finally:
        runtime.delete()
        workspace.close()
    assert result.error is None
    assert result.outputs == {"answer": "I am a stand-in, no model. You said: Hello"}


FLOW = """\
inputs:
  text:
    type: string
outputs:
  answer:
    type: string
    reference: ${ask.output}
nodes:
- name: ask
  type: llm
  source: {type: code, path: ask.jinja2}
  inputs: {model: any, text: "${inputs.text}"}
  connection: mine
  api: chat
"""
