"""The two sides themselves: the oracle's runner and the protocol server."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from . import oracle
from .asking import QUIET
from .case import load_cases
from .openai_server import OpenAIServer

SAMPLE = ("bypassed-some", "type-int", "raise-value", "generator-output", "cycle")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SAMPLE)
def test_the_runner_says_what_the_command_line_says(name: str, tmp_path: Path) -> None:
    python = oracle.interpreter()
    if python is None:
        return  # compared when the snapshot was made
    case = load_cases()[name]
    for path, content in case.files.items():
        assert isinstance(content, str)
        (tmp_path / path).write_text(content, encoding="utf-8")
    run = case.runs[0]
    given = [f"{key}={value}" for key, value in (run.get("inputs") or {}).items()]
    command = [str(python), "-m", "promptflow._cli.pf", "flow", "test"]
    command += ["--flow", str(tmp_path), *(["--inputs", *given] if given else [])]
    home = {"PF_HOME_DIRECTORY": str(tmp_path / "home"), "HOME": str(tmp_path)}
    home |= QUIET
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, **home, "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "1"},
    )
    answers, _ = oracle.answers_for([case])
    answer = answers[case.key()][0]
    if answer["status"] == "Completed":
        assert result.returncode == 0, result.stderr
        start = result.stdout.rindex("\n{\n") if "\n{\n" in result.stdout else 0
        assert json.loads(result.stdout[start:]) == answer["outputs"]
    else:
        said = result.stdout + result.stderr
        assert answer["error"]["message"].split("\n")[0][:60] in said


def post(server: OpenAIServer, path: str, body: dict[str, Any]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc)
    connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer k"})
    response = connection.getresponse()
    try:
        text = response.read().decode("utf-8")
    except http.client.IncompleteRead as error:
        text = error.partial.decode("utf-8")
    connection.close()
    return response.status, text


MESSAGES = [{"role": "user", "content": "hi there"}]


def test_the_server_answers_a_chat_and_records_it() -> None:
    with OpenAIServer() as server:
        status, text = post(server, "/v1/chat/completions", {"messages": MESSAGES})
        (seen,) = server.requests()
    assert status == 200
    answer = json.loads(text)
    assert answer["choices"][0]["message"]["content"] == "echo: hi there"
    assert answer["usage"]["prompt_tokens"] == 2
    assert seen["path"] == "/v1/chat/completions"
    assert seen["headers"]["authorization"] == "Bearer k"
    assert seen["body"] == {"messages": MESSAGES}


def test_the_server_streams_and_breaks_off_when_told() -> None:
    script = {"replies": [{"text": "a b c"}, {"text": "a b c", "break_after": 2}]}
    body = {"messages": MESSAGES, "stream": True}
    with OpenAIServer(script) as server:
        _, whole = post(server, "/v1/chat/completions", body)
        _, broken = post(server, "/v1/chat/completions", body)
    assert whole.rstrip().endswith("data: [DONE]")
    assert whole.count("data: ") == 6
    assert broken.count("data: ") == 2


def test_the_server_fails_as_scripted_and_repeats_its_last_reply() -> None:
    script = {"replies": [{"status": 429, "headers": {"Retry-After": "0"}}, {}]}
    with OpenAIServer(script) as server:
        found = [post(server, "/v1/completions", {"prompt": "x"})[0] for _ in "abc"]
    assert found == [429, 200, 200]


def test_the_server_embeds_texts() -> None:
    with OpenAIServer() as server:
        _, text = post(server, "/v1/embeddings", {"input": ["aei x"]})
    assert json.loads(text)["data"][0]["embedding"] == [5.0, 3.0, 2.0]
