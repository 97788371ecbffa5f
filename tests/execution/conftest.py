"""Small flows written in the test files, run in this process."""

import contextlib
import dataclasses
import importlib.util
import os
import sys
import textwrap
import threading
import time
import types
from pathlib import Path

import pytest

from pf_jupyter.flow.model import (
    Activate,
    Flow,
    FlowInput,
    FlowOutput,
    Node,
    ToolSource,
)
from pf_jupyter.worker import execution
from pf_jupyter.worker.execution import logs

COMPAT = Path(execution.__file__).parents[1] / "compat"
TOOL = "from promptflow.core import tool, log_metric, ToolProvider\n"


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory):
    """Put back what running a flow changes in its process."""
    made_by_tests = str(tmp_path_factory.getbasetemp())
    path, folder, modules = list(sys.path), os.getcwd(), set(sys.modules)
    sys.path.append(str(COMPAT))
    yield
    logs.uninstall()
    os.chdir(folder)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith(("promptflow", "jinja2", "asyncio", "concurrent")):
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(made_by_tests):
                del sys.modules[name]


@pytest.fixture
def gate(monkeypatch):
    """A module that flow code can import to meet its test.

    ``events`` is there to be given to the run, ``over`` is set when the test ends, and
    ``until(condition)`` waits.
    """

    def until(condition):
        deadline = time.monotonic() + 60
        while not condition() and not over.is_set() and time.monotonic() < deadline:
            time.sleep(0.005)

    over = threading.Event()
    made = types.SimpleNamespace(events=[], over=over, until=until)
    monkeypatch.setitem(sys.modules, "pf_test_gate", made)
    yield made
    over.set()


@dataclasses.dataclass
class SmallFlow:
    """A flow in a folder, with everything that a test wants to know of its run."""

    folder: Path
    flow: Flow

    def file(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        body = textwrap.dedent(text).lstrip("\n")
        path.write_text(TOOL + body if name.endswith(".py") else body, "utf-8")

    def python(self, name: str, text: str, /, **inputs) -> Node:
        """Add a Python node with a file of its own."""
        self.file(f"{name}.py", text)
        return self.node(name, f"{name}.py", **inputs)

    def prompt(self, name: str, text: str, /, **inputs) -> Node:
        (self.folder / f"{name}.jinja2").write_text(text, "utf-8")
        return self.node(name, f"{name}.jinja2", kind="prompt", **inputs)

    def node(self, *place, kind="python", **inputs) -> Node:
        name, path = place
        node = Node(name, kind, ToolSource("code", path), inputs)
        self.flow.nodes.append(node)
        return node

    def takes(self, name: str, type: str = "string", default=None, **more) -> None:
        self.flow.inputs[name] = FlowInput(name, type, default, **more)

    def gives(self, name: str, reference: str, **more) -> None:
        self.flow.outputs[name] = FlowOutput(name, "string", reference, **more)

    def when(self, node: Node, when, is_) -> None:
        node.activate = Activate(when, is_)

    def run(self, events=None, /, **request):
        collected = [] if events is None else events
        request.setdefault("inputs", {})
        request["flow"] = self.flow.to_dict()
        return execution.run_flow(request, str(self.folder), collected.append)

    def outputs(self, **inputs):
        result = self.run(inputs=inputs)
        assert result["status"] == "Completed", result["error"]
        return result["outputs"]

    def failure(self, **inputs):
        result = self.run(inputs=inputs)
        assert result["status"] == "Failed", result["outputs"]
        assert result["outputs"] is None
        return result["error"]

    def inspect(self, nodes=None):
        return execution.inspect_tools(self.flow.to_dict(), str(self.folder), nodes)


@pytest.fixture
def flow(tmp_path):
    """An empty flow in a folder of its own."""
    folder = tmp_path / "flow"
    folder.mkdir()
    with contextlib.suppress(FileNotFoundError):
        folder = Path(os.path.realpath(folder))
    return SmallFlow(folder, Flow("test"))


def load_server():
    """Return the module of the local server."""
    path = Path(__file__).parents[1] / "conformance" / "openai_server.py"
    spec = importlib.util.spec_from_file_location("pf_openai_server", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def openai_server():
    """A local server that speaks the OpenAI protocol, and connections to it."""
    with load_server().OpenAIServer() as server:

        def connection(kind, secret, **value):
            return {
                "type": f"{kind}Connection",
                "module": "promptflow.connections",
                "value": {**value, "api_key": secret},
                "secret_keys": ["api_key"],
            }

        address = server.address
        server.connections = {
            "oai": connection("OpenAI", "sk-secret", base_url=f"{address}/v1"),
            "az": connection(
                "AzureOpenAI", "az-secret", api_base=address, api_version="2024-02-01"
            ),
            "sl": connection("Serverless", "sl-secret", api_base=address),
            "custom": {
                "type": "CustomConnection",
                "module": "promptflow.connections",
                "value": {"key": "custom-secret"},
                "secret_keys": ["key"],
            },
        }
        yield server
