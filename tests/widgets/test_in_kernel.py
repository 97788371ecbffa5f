"""Panels in a real kernel without a server: what a front end gets, in which order.

The client here is a front end as far as messages go: it keeps the state of each widget
from the messages about it, and presses buttons by sending what a browser sends.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from .driver import read

ROOT = Path(__file__).parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"
PATIENCE_SECONDS = 120.0
WAITING = """%%pfnode slow
import os, time
from promptflow.core import tool

@tool
def slow(seen: str):
    yield "so far "
    end = time.monotonic() + 100
    while not os.path.exists(seen) and time.monotonic() < end:
        time.sleep(0.01)
    yield "and now all"
"""


class FrontEnd:
    """What a front end knows from a kernel's messages."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.models: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self.watch: Callable[[dict[str, Any]], None] | None = None

    def run(self, code: str) -> str:
        """Run a cell; return the model of the last panel that it shows."""
        request = self.client.execute(code, allow_stdin=True)
        shown: list[str] = []

        def over(message: dict[str, Any]) -> bool:
            content = message["content"]
            ours = message["parent_header"].get("msg_id") == request
            kind = message["msg_type"]
            if kind in ("display_data", "execute_result", "update_display_data"):
                data = content["data"]
                self.outputs[content.get("transient", {}).get("display_id") or kind] = (
                    data
                )
                if VIEW in data:
                    shown.append(data[VIEW]["model_id"])
            assert kind != "error", content
            return ours and kind == "status" and content["execution_state"] == "idle"

        self.until(over)
        return shown[-1] if shown else ""

    def until(self, condition: Any) -> None:
        """Take messages until one of them makes the condition true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            self._take(message)
            if self.watch is not None:
                self.watch(message)
            if condition(message):
                return
        raise AssertionError(f"never so; models: {[*self.models]}")

    def _take(self, message: dict[str, Any]) -> None:
        content = message["content"]
        data = content.get("data") or {}
        if message["msg_type"] == "comm_open":
            self.models[content["comm_id"]] = dict(data.get("state", {}))
        elif message["msg_type"] == "comm_msg":
            if data.get("method") in ("update", "echo_update"):
                self.models.setdefault(content["comm_id"], {}).update(data["state"])
            elif data.get("method") == "custom":
                known = self.messages.setdefault(content["comm_id"], [])
                known.append(data["content"])

    def press(self, model: str, do: str, **values: Any) -> None:
        """Send what a browser sends when a button is pressed."""
        content = {"do": do, "args": {}, "values": values}
        data = {"method": "custom", "content": content}
        body = {"comm_id": model, "data": data}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", body))

    def text(self, model: str) -> str:
        return read(self.models[model]["html"]).text

    def until_text(self, model: str, words: str) -> None:
        if words not in self.text(model):
            self.until(lambda _: words in self.text(model))


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    folder = tmp_path_factory.mktemp("kernel")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    changed = {
        "PYTHONPATH": path,
        "PF_JUPYTER_HOME": str(folder / "home"),
        "DOCKER_HOST": "unix:///nowhere/docker.sock",
        "IPYTHONDIR": str(folder / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder), env={**os.environ, **changed})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE_SECONDS)
        found = FrontEnd(client)
        found.run("%load_ext pf_jupyter\n%pfruntime create small")
        yield found
        found.run("%pfruntime delete small --yes")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_magic_without_a_verb_opens_a_panel_that_works(front: FrontEnd) -> None:
    model = front.run("%pfflow")
    assert front.models[model]["_model_module"] == "anywidget"
    assert "export default" in front.models[model]["_esm"]
    front.until_text(model, "Open")
    front.press(model, "open", flow="hello")
    front.until_text(model, "Run the flow to see what comes out")
    front.press(model, "run", **{"in:name": "Ada"})
    front.until_text(model, "Hello, Ada!")
    assert front.messages[model]  # the graph was told of it as it happened


def test_the_graph_of_a_run_lives_while_its_cell_runs(
    front: FrontEnd, tmp_path: Path
) -> None:
    front.run(WAITING)
    seen = tmp_path / "seen"

    def look(message: dict[str, Any]) -> None:
        """Let the node go on as soon as the front end has its first words."""
        if "so far" in str(message["content"].get("data")):
            seen.touch()

    front.watch = look
    model = front.run(f"result = %pfflow run slow seen={seen}")
    front.watch = None
    assert seen.exists(), "its words came after the run"
    told = front.messages[model]
    assert [message["seq"] for message in told] == [*range(1, len(told) + 1)]
    kept = [data for data in front.outputs.values() if VIEW in data]
    assert any(data[VIEW]["model_id"] == model for data in kept)
    still = next(data for data in kept if data[VIEW]["model_id"] == model)
    assert "Completed" in still["text/html"]
    assert "<script" not in still["text/html"]
    front.press(model, "node", node="slow")
    front.until_text(model, "Run from here")


def test_a_kernel_that_works_for_nobody_shows_pictures(front: FrontEnd) -> None:
    request = front.client.execute("%pfflow run hello name=Bo", allow_stdin=False)
    seen: list[dict[str, Any]] = []

    def over(message: dict[str, Any]) -> bool:
        seen.append(message)
        ours = message["parent_header"].get("msg_id") == request
        idle = message["content"].get("execution_state") == "idle"
        return ours and message["msg_type"] == "status" and idle

    front.until(over)
    shown = [m["content"]["data"] for m in seen if "data" in m["content"]]
    assert any("Hello, Bo!" in str(data) for data in shown)
    assert not [data for data in shown if VIEW in data]
    assert not [m for m in seen if m["msg_type"].startswith("comm")]
