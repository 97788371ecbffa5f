"""A conversation in a real kernel: words are on the screen while others are made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from pf_jupyter import standin
from pf_jupyter.standin import KEY, StandIn

from .test_real_kernel import ask, client, surroundings

__all__ = ["client", "surroundings"]  # fixtures, found by their names

PAUSE = 0.15
CELL = """%%pfnode answer --type llm --connection local --set model=any stream=true
# system:
You are kind.
{% for turn in chat_history %}
# user:
{{ turn.inputs.question }}
# assistant:
{{ turn.outputs.output }}
{% endfor %}
# user:
{{ question }}
"""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each piece of an answer was made."""
    times: list[float] = []
    pieces = standin._pieces

    def noted(*arguments: Any) -> Iterator[dict[str, Any]]:
        for piece in pieces(*arguments):
            times.append(time.monotonic())
            yield piece

    monkeypatch.setattr(standin, "_pieces", noted)
    return times


def answers(client: BlockingKernelClient, line: str) -> list[tuple[float, str]]:
    """Run a line and return when each state of the conversation was on the screen."""
    arrived = time.monotonic

    class Clock:
        manager = getattr(client, "manager", None)
        execute = staticmethod(client.execute)

        @staticmethod
        def get_iopub_msg(timeout: float) -> Any:
            message = client.get_iopub_msg(timeout=timeout)
            message["arrived"] = arrived()
            return message

    found = []
    for message in ask(Clock, line):  # type: ignore[arg-type]
        assert message["msg_type"] != "error", message["content"]
        data = message["content"].get("data", {})
        text = data.get("text/plain", "")
        if text.startswith("you "):
            found.append((message["arrived"], text.partition("\nflow   ")[2]))
    return found


def test_the_first_words_are_shown_before_the_last_is_made(
    client: BlockingKernelClient, made: list[float], tmp_path: Path
) -> None:
    with StandIn(pause=PAUSE) as server:
        ask(client, "%load_ext pf_jupyter")
        ask(client, "%pfruntime create demo")
        secret = tmp_path / "key"
        secret.write_text(KEY)
        ask(
            client,
            "%pfconnection create --name local --type open_ai --set "
            f"api_key=@{secret} base_url={server.base_url}",
        )
        ask(client, CELL)
        shown = answers(client, "%pfflow chat answer 'Good day'")
        again = answers(client, "%pfflow chat answer 'And now'")
    whole = "I am a stand-in, no model. I was told: You are kind. You said: Good day"
    assert shown[-1][1] == whole
    last_word_made = made[len(whole.split()) - 1]
    early = {text for at, text in shown if text and at < last_word_made}
    assert len(early) > 3
    assert all(whole.startswith(text) for text in early if text != "…")
    # what the first turn said was sent along with the second
    assert again[-1][1].endswith("You said: And now (2 messages came before.)")
