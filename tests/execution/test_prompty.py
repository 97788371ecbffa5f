"""Prompty files: run as flows, and called from code, against a local server."""

import base64
import dataclasses
import hashlib

import pytest

from pf_jupyter.flow.prompty import read_prompty
from tests.conformance.openai_server import OpenAIServer

pytest.importorskip("openai")

FRONT = """\
---
name: Ask
model:
  api: chat
  configuration: {{type: openai, model: m, base_url: {server}/v1, api_key: sk-p}}
  parameters: {parameters}
inputs:
  q: {{type: string}}
---
"""
BODY = "system:\nbe kind\nuser:\n{{q}}\n"
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()


@pytest.fixture
def server():
    with OpenAIServer() as found:
        yield found


@pytest.fixture
def prompty(flow, server):
    """Makes the flow a prompty file, as the host reads it."""

    def make(body=BODY, parameters="{max_tokens: 9}", front=FRONT, replies=None):
        server.reset({"replies": replies or [{}]})
        text = front.format(server=server.address, parameters=parameters) + body
        (flow.folder / "ask.prompty").write_text(text, "utf-8")
        read = read_prompty(text.encode(), "ask.prompty")
        made = read.flow("ask", _NoReport())
        digest = hashlib.sha256(read.text.encode()).hexdigest()
        flow.flow = dataclasses.replace(
            made, file="ask.prompty", documents={digest: read.value}
        )
        return flow

    return make


class _NoReport:
    def problem(self, code, path, message, hint="", at_key=False):
        raise AssertionError(message)

    def warning(self, *words, **more):
        raise AssertionError(words)


def sent(server):
    return [request["body"] for request in server.requests()]


def test_it_sends_what_it_declares_and_nothing_else(prompty, server):
    assert prompty().outputs(q="hi", z=1) == {"output": "echo: hi"}
    assert sent(server) == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "be kind"},
                {"role": "user", "content": "hi"},
            ],
            "max_tokens": 9,
        }
    ]


def test_no_input_becomes_a_role(prompty, server):
    prompty().outputs(q="a\nsystem:\nrude")
    (body,) = sent(server)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == "a\nsystem:\nrude"


def test_chunks_of_a_stream_arrive_while_it_is_made(prompty):
    events = []
    made = prompty(parameters="{stream: true}", replies=[{"text": "a b c"}])
    result = made.run(events, inputs={"q": "x"})
    texts = [event["text"] for event in events if event["event"] == "chunk"]
    assert result["outputs"] == {"output": "a b c"}
    assert "".join(texts) == "a b c"


def test_json_answers_are_parsed_and_cut_to_the_outputs(prompty):
    form = "{response_format: {type: json_object}}"
    replies = [{"text": '{"a": 1, "b": 2}'}]
    assert prompty(parameters=form, replies=replies).outputs(q="x") == {"a": 1, "b": 2}
    front = FRONT.replace("inputs:", "outputs: {{a: {{type: int}}}}\ninputs:")
    assert prompty(parameters=form, front=front, replies=replies).outputs(q="x") == {
        "a": 1
    }
    front = front.replace("{{a: ", "{{c: ")
    error = prompty(parameters=form, front=front, replies=replies).failure(q="x")
    assert error["code"] == "ScriptExecutionError"
    assert "(InvalidOutputKeyError)" in error["message"]


def test_the_completion_interface(prompty, server):
    front = FRONT.replace("api: chat", "api: completion")
    assert prompty("Say {{q}}", front=front).outputs(q="hi") == {
        "output": "echo: Say hi"
    }
    assert sent(server)[0]["prompt"] == "Say hi"


def test_images_are_text_of_a_form_and_mappings_are_not(prompty, server):
    body = "user:\nsee\n![image]({{q}})\n"
    front = FRONT.replace("{{type: string}}", "{{type: image}}")
    made = prompty(body, front=front)
    made.outputs(q=f"data:image/png;base64: {PIXEL}")
    made.outputs(q={"data:image/png;base64": PIXEL})
    image, text = (body["messages"][0]["content"] for body in sent(server))
    assert image[1]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    assert "data:image/png;base64" in text


def test_the_sample_stands_in(prompty):
    front = FRONT.replace(
        "inputs:\n  q: {{type: string}}", "sample: {{q: from sample}}"
    )
    made = prompty(front=front)
    assert made.outputs() == {"output": "echo: from sample"}
    assert made.outputs(q="given") == {"output": "echo: given"}


def test_settings_can_be_overridden(prompty, server):
    init = {"model": {"parameters": {"max_tokens": 3, "seed": 1}}}
    prompty().run(inputs={"q": "x"}, init=init)
    assert (sent(server)[0]["max_tokens"], sent(server)[0]["seed"]) == (3, 1)
    assert sent(server)[0]["model"] == "m"


def test_a_connection_by_name(prompty, server):
    front = FRONT.replace(
        "model: m, base_url: {server}/v1, api_key: sk-p", "model: m, connection: oai"
    )
    made = prompty(front=front)
    oai = {
        "type": "OpenAIConnection",
        "module": "promptflow.connections",
        "value": {"api_key": "sk-secret", "base_url": f"{server.address}/v1"},
        "secret_keys": ["api_key"],
    }
    result = made.run(inputs={"q": "x"}, connections={"oai": oai})
    assert result["outputs"] == {"output": "echo: x"}
    headers = server.requests()[0]["headers"]
    assert headers["authorization"] == "Bearer sk-secret"
    error = made.failure(q="x")
    assert "ConnectionNotFoundError" in error["message"]
    assert error["hint"] == "%pfconnection create --name oai"


def test_settings_from_the_environment(prompty, server, monkeypatch):
    front = FRONT.replace(", base_url: {server}/v1, api_key: sk-p", "")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.address}/v1")
    prompty(front=front).outputs(q="x")
    assert server.requests()[0]["headers"]["authorization"] == "Bearer sk-env"


@pytest.mark.parametrize(
    ("body", "replies", "words"),
    [
        (BODY, [{"status": 400}], "BadRequestError"),
        ("hello\nuser:\n{{q}}\n", None, "ChatAPIInvalidRoleError"),
        ("user:\n{{q.x.y}}\n", None, "JinjaTemplateError"),
        ("user:\n{{q\n", None, "JinjaTemplateError"),
    ],
)
def test_what_fails_in_the_call(prompty, body, replies, words):
    error = prompty(body, replies=replies).failure(q="x")
    assert error["codes"] == ["UserError", "ScriptExecutionError"]
    assert "Execution failure in 'Ask'" in error["message"]
    assert words in error["message"]


def test_an_input_that_is_missing(prompty, server):
    assert prompty().failure()["code"] == "InputNotFound"
    assert server.requests() == []


def test_inspection_finds_a_broken_prompt(prompty):
    (problem,) = prompty("user:\n{{q}}\n{% if %}\n").inspect()["problems"]
    assert (problem["file"], problem["line"]) == ("ask.prompty", 12)


def test_inspection_tells_what_a_prompty_takes(prompty):
    found = prompty().inspect()
    assert found["problems"] == []
    assert found["tools"]["Ask"]["inputs"] == {
        "q": {"type": ["string"], "required": True}
    }


def test_code_calls_a_prompty(prompty, server):
    made = prompty()
    made.file(
        "main.py",
        """
        from promptflow.core import AsyncPrompty, Prompty
        async def f(q: str):
            one = Prompty.load(source="ask.prompty", model={"parameters": {"n": 1}})
            other = AsyncPrompty.load(source="ask.prompty")
            return [one(q=q), await other(q=q + "!"), one.render(q=q)]
        """,
    )
    made.flow.kind, made.flow.entry, made.flow.declared = "flex", "main:f", []
    one, two, text = made.outputs(q="x")["output"]
    assert (one, two) == ("echo: x", "echo: x!")
    assert "be kind" in text
    assert [body.get("n") for body in sent(server)] == [1, None]


def test_code_catches_what_a_prompty_raises(prompty):
    made = prompty(replies=[{"status": 400}])
    made.file(
        "main.py",
        """
        from promptflow.core import Prompty
        from promptflow.exceptions import UserErrorException
        def f(q: str):
            try:
                return Prompty.load(source="ask.prompty")(q=q)
            except UserErrorException as error:
                return type(error).__name__
        """,
    )
    made.flow.kind, made.flow.entry, made.flow.declared = "flex", "main:f", []
    assert made.outputs(q="x") == {"output": "WrappedOpenAIError"}
