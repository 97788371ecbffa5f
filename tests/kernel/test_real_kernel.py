"""A real kernel, as a front end sees it, with the process engine behind it."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
SHOUT = """%%pfnode shout
from promptflow.core import tool

@tool
def shout(text: str, times: int = 1) -> str:
    print("I shout")
    return text.upper() + "!" * times
"""
SLOW = """%%pfnode slow
import time
from promptflow.core import tool

@tool
def slow(text: str):
    yield "so far"
    time.sleep(120)
    yield "never"
"""


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def execute(tmp_path: Path, *cells: str) -> list[Any]:
    """Run cells as a notebook and return their outputs."""
    made = [
        nbformat.v4.new_code_cell(code, metadata={"tags": ["raises-exception"]})
        for code in cells
    ]
    notebook = nbformat.v4.new_notebook(cells=made)
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    nbformat.validate(notebook)
    return [cell["outputs"] for cell in notebook.cells]


def test_the_first_minute(tmp_path: Path) -> None:
    loaded, made, checked, ran, typo, failed, deleted = execute(
        tmp_path,
        "%load_ext pf_jupyter",
        "%pfruntime create demo",
        SHOUT,
        "%pfflow run shout text=hello",
        "%pfruntime creat demo",
        "%pfflow run shout text=hello times=many",
        "%pfruntime delete demo",
    )
    assert loaded == []
    phases, summary = made
    text = phases["data"]["text/plain"]
    assert text.startswith("check ✓ ")
    assert "handshake ✓ " in text
    assert "ready in " in text
    assert summary["output_type"] == "execute_result"
    assert summary["data"]["text/plain"].startswith("demo · process (this machine")
    [shown] = checked
    assert shown["data"]["text/plain"].startswith(
        "shout(text: string, times: int = 1) → string        checked in demo ✓ "
    )
    picture, result = ran
    assert "<svg" in picture["data"]["text/html"]
    assert "I shout" in picture["data"]["text/html"]
    assert "✓" in picture["data"]["text/plain"]
    lines = result["data"]["text/plain"].splitlines()
    assert lines[0] == "HELLO!"
    assert lines[1].startswith("✓ Completed in ")
    [error] = typo
    assert error["output_type"] == "error"
    assert error["ename"] == "UsageError"
    assert "\n".join(error["traceback"]).replace("\x1b[1m", "").replace(
        "\x1b[0m", ""
    ) == (
        "unknown_verb: %pfruntime has no verb 'creat'\n"
        "hint: did you mean 'create'?   %pfruntime? lists them all"
    )
    assert failed[-1]["output_type"] == "error"
    assert len("\n".join(failed[-1]["traceback"]).splitlines()) <= 3
    assert deleted[0]["data"]["text/plain"] == "demo is deleted"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.manager = manager  # type: ignore[attr-defined]
    yield client
    ask(client, "%pfruntime delete demo")
    client.stop_channels()
    manager.shutdown_kernel()
    manager.cleanup_resources()


def ask(client: BlockingKernelClient, code: str, stop_at: str = "") -> list[Any]:
    """Run a cell; press stop when ``stop_at`` is shown. Return its iopub messages."""
    message_id = client.execute(code)
    messages = []
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            message = client.get_iopub_msg(timeout=1)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != message_id:
            continue
        messages.append(message)
        if stop_at and stop_at in str(message["content"]):
            stop_at = ""
            client.manager.interrupt_kernel()  # type: ignore[attr-defined]
        if message["content"].get("execution_state") == "idle":
            return messages
    raise AssertionError("the cell did not end")


def test_the_picture_changes_and_the_stop_button_works(
    client: BlockingKernelClient,
) -> None:
    ask(client, "%load_ext pf_jupyter")
    ask(client, "%pfruntime create demo")
    ask(client, SLOW)
    messages = ask(client, "%pfflow run slow text=a", stop_at="so far")
    kinds = [m["msg_type"] for m in messages]
    assert "display_data" in kinds
    assert "update_display_data" in kinds
    shown = {
        m["content"]["transient"]["display_id"]
        for m in messages
        if m["msg_type"] in ("display_data", "update_display_data")
    }
    assert len(shown) == 1
    [error] = [m["content"] for m in messages if m["msg_type"] == "error"]
    assert error["ename"] == "RunCanceled"
    assert len("\n".join(error["traceback"]).splitlines()) == 2
    after = ask(client, "%pfrun list --json")
    assert "'status': 'Canceled'" in str(after)
    again = ask(client, "%pfflow run hello")
    assert "Hello, World!" in str(again)


def test_tab_asks_the_kernel(client: BlockingKernelClient) -> None:
    ask(client, "%load_ext pf_jupyter")
    ask(client, "%pfruntime create demo")
    for code, wanted in {
        "%pfruntime ": "create",
        "%pfruntime use ": "demo",
        "%pfflow run hello na": "name=",
        "%%pfnode a --type ": "prompt",
    }.items():
        reply = client.complete(code, reply=True, timeout=60)
        assert wanted in reply["content"]["matches"], code
