"""Built-in tools, in package nodes and imported, and tools of other packages."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pf_jupyter.flow.model import ToolSource
from pf_jupyter.worker.execution import packages

VISION = "system:\nlook\nuser:\nsee\n![image]({{image}})\n"


@pytest.fixture(autouse=True)
def fresh_packages():
    packages.installed_tools.cache_clear()
    yield
    packages.installed_tools.cache_clear()


def package(flow, tool, /, kind="python", name="n", path=None, **inputs):
    node = flow.node(name, path, kind=kind, **inputs)
    source = "package_with_prompt" if kind == "custom_llm" else "package"
    node.source = ToolSource(source, path, tool)
    flow.gives("out", f"${{{name}.output}}")
    return node


def output(flow, server):
    result = flow.run(connections=server.connections)
    assert result["status"] == "Completed", result["error"]
    return result["outputs"]["out"]


@pytest.mark.parametrize(
    ("tool", "connection", "model"),
    [
        ("promptflow.tools.openai.chat", "oai", "model"),
        ("promptflow.tools.openai.OpenAI.chat", "oai", "model"),
        ("promptflow.tools.aoai.chat", "az", "deployment_name"),
        ("promptflow.tools.aoai.AzureOpenAI.chat", "az", "deployment_name"),
    ],
)
def test_chat_tools_are_nodes(flow, openai_server, tool, connection, model):
    inputs = {"connection": connection, "prompt": "user:\n{{q}}", "q": "hi", model: "m"}
    package(flow, tool, max_tokens="7", **inputs)
    assert output(flow, openai_server) == "echo: hi"
    body = openai_server.requests()[0]["body"]
    assert body["max_tokens"] == 7
    assert body["model"] == "m"


def test_the_llm_tool_takes_its_prompt_from_a_file(flow, openai_server):
    flow.takes("q", default="a\nsystem:\nb")
    flow.file("p.jinja2", "user:\n{{q}}\n")
    package(
        flow,
        "promptflow.tools.llm.llm",
        kind="custom_llm",
        path="p.jinja2",
        connection="az",
        deployment_name="d",
        q="${inputs.q}",
    )
    assert output(flow, openai_server) == "echo: a\nsystem:\nb"


@pytest.mark.parametrize(
    ("tool", "connection", "model"),
    [
        ("promptflow.tools.openai_gpt4v.OpenAI.chat", "oai", "model"),
        ("promptflow.tools.aoai_gpt4v.AzureOpenAI.chat", "az", "deployment_name"),
        ("promptflow.tools.llm_vision.llm_vision", "oai", "model"),
    ],
)
def test_vision_tools_send_images(flow, openai_server, tool, connection, model):
    flow.python(
        "picture",
        """
        from promptflow.contracts.multimedia import Image

        @tool
        def picture():
            return Image(b"GIF89a", "image/gif", "http://x/y.gif")
        """,
    )
    flow.file("p.jinja2", VISION)
    inputs = {"connection": connection, model: "m", "image": "${picture.output}"}
    package(flow, tool, kind="custom_llm", path="p.jinja2", detail="low", **inputs)
    assert output(flow, openai_server) == "echo: see|<image>"
    messages = openai_server.requests()[0]["body"]["messages"]
    assert messages[0] == {"role": "system", "content": "look"}
    assert messages[1]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "http://x/y.gif", "detail": "low"}},
    ]


@pytest.mark.parametrize("connection", ["oai", "az", "sl"])
def test_embedding_gives_a_vector(flow, openai_server, connection):
    package(
        flow,
        "promptflow.tools.embedding.embedding",
        connection=connection,
        input="a b c",
        deployment_name="d",
        model="m",
    )
    result = flow.run(connections=openai_server.connections)
    assert result["outputs"]["out"] == [5.0, 1.0, 3.0]
    assert result["nodes"]["n"]["model"]["usage"]["total_tokens"] == 3


def test_a_template_is_rendered(flow, openai_server):
    tool = "promptflow.tools.template_rendering.render_template_jinja2"
    package(flow, tool, template="a {{b}}", b="c")
    assert output(flow, openai_server) == "a c"


def test_tools_can_be_called_from_code(flow, openai_server):
    flow.python(
        "n",
        """
        from promptflow.connections import OpenAIConnection
        from promptflow.tools.common import parse_chat, render_jinja_template
        from promptflow.tools.openai import chat

        @tool
        def n(c: OpenAIConnection):
            prompt = render_jinja_template("user:\\n{{x}}", x=1)
            return [parse_chat(prompt), chat(c, prompt="user:\\n{{y}}", model="m", y=2)]
        """,
        c="oai",
    )
    flow.gives("out", "${n.output}")
    assert output(flow, openai_server) == [
        [{"role": "user", "content": "1"}],
        "echo: 2",
    ]


def test_what_a_tool_raises_has_its_public_class(flow, openai_server):
    openai_server.reset({"replies": [{"status": 400, "message": "no"}]})
    flow.python(
        "n",
        """
        from promptflow.connections import OpenAIConnection
        from promptflow.tools.exception import ChatAPIInvalidRole, WrappedOpenAIError
        from promptflow.tools.openai import chat

        @tool
        def n(c: OpenAIConnection):
            try:
                chat(c, prompt="no role")
            except ChatAPIInvalidRole as error:
                print(error.error_codes)
            try:
                chat(c, prompt="user:\\nx")
            except WrappedOpenAIError as error:
                print(error.error_codes)
                raise
        """,
        c="oai",
    )
    result = flow.run(connections=openai_server.connections)
    assert result["error"]["codes"] == ["UserError", "OpenAIError", "BadRequestError"]
    printed = result["nodes"]["n"]["logs"]["stdout"]
    assert "['UserError', 'ToolValidationError', 'ChatAPIInvalidRole']" in printed
    assert "['UserError', 'OpenAIError', 'BadRequestError']" in printed


@pytest.fixture
def service():
    """A plain HTTP service: its answers are set, what it was asked is kept."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            self.do_POST()

        def do_POST(self):
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            server.asked.append((self.path, dict(self.headers), body))
            data = json.dumps(server.answer).encode()
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.status, server.answer = [], 200, {}
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def connection(kind, **value):
    return {
        "c": {
            "type": f"{kind}Connection",
            "module": "promptflow.connections",
            "value": value,
            "secret_keys": ["api_key", "endpoint_api_key"],
        }
    }


def test_serpapi_searches(flow, service, monkeypatch):
    import promptflow.tools.serpapi as module

    monkeypatch.setattr(module, "SEARCH_URL", f"{service.address}/search")
    service.answer = {"organic_results": [1]}
    package(
        flow, "promptflow.tools.serpapi.SerpAPI.search", connection="c", query="a b"
    )
    result = flow.run(connections=connection("Serp", api_key="serp-secret"))
    assert result["outputs"]["out"] == {"organic_results": [1]}, result["error"]
    path = service.asked[0][0]
    assert "q=a+b" in path
    assert "engine=google" in path
    service.status, service.answer = 401, {"error": "Invalid API key"}
    error = flow.run(connections=connection("Serp", api_key="serp-secret"))["error"]
    assert error["codes"] == ["UserError", "SerpAPIUserError"]
    assert "Invalid API key" in error["message"]


@pytest.mark.parametrize(
    "answer",
    [
        {"categoriesAnalysis": [{"category": "Hate", "severity": 4}]},
        {"hateResult": {"category": "Hate", "severity": 4}},
    ],
)
def test_content_safety_judges(flow, service, answer):
    service.answer = answer
    tool = "promptflow.tools.azure_content_safety.analyze_text"
    package(flow, tool, connection="c", text="x", violence_category="disable")
    given = connection("AzureContentSafety", api_key="k", endpoint=service.address)
    out = flow.run(connections=given)["outputs"]["out"]
    assert out["suggested_action"] == "Reject"
    assert out["action_by_category"]["Hate"] == "Reject"
    assert out["action_by_category"]["Violence"] == "Accept"


def test_open_models_are_called_through_a_custom_connection(flow, service):
    service.answer = {"output": "hi"}
    flow.file("p.jinja2", "user:\n{{q}}\n")
    package(
        flow,
        "promptflow.tools.open_model_llm.OpenModelLLM.call",
        kind="custom_llm",
        path="p.jinja2",
        api="chat",
        endpoint_name="connection/c",
        q="x",
    )
    value = {"endpoint_url": service.address, "model_family": "LLaMa"}
    given = connection("Custom", endpoint_api_key="open-secret", **value)
    result = flow.run(connections=given)
    assert result["outputs"]["out"] == "hi", result["error"]
    _, headers, body = service.asked[0]
    assert headers["Authorization"] == "Bearer open-secret"
    assert body["input_data"]["input_string"] == [{"role": "user", "content": "x"}]
    error = flow.run(connections={})["error"]
    assert error["codes"] == ["UserError", "OpenModelLLMUserError"]


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Install a distribution that announces tools."""
    site = tmp_path / "site"
    info = site / "pf_test_tools-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pf-test-tools\n")
    (info / "entry_points.txt").write_text(
        "[package_tools]\nmine = pf_test_tools.listed:tools\n"
        "broken = pf_test_tools.nothing:tools\n"
    )
    folder = site / "pf_test_tools"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "unused.py").write_text("raise SystemError('imported')\n")
    (folder / "shouting.py").write_text(
        "from promptflow.core import tool\n"
        "@tool\ndef shout(text, times: int = 1):\n    return text.upper() * times\n"
    )
    definition = {"type": "python", "module": "pf_test_tools.shouting"}
    tools = {
        "pf_test_tools.shouting.shout": {
            **definition,
            "function": "shout",
            "inputs": {"text": {"type": ["string"]}},
            "deprecated_tools": ["old.shout"],
        },
        "pf_test_tools.unused.gone": {
            "module": "pf_test_tools.unused",
            "function": "gone",
        },
    }
    (folder / "listed.py").write_text(f"def tools():\n    return {tools!r}\n")
    monkeypatch.syspath_prepend(str(site))
    yield
    for name in [name for name in sys.modules if name.startswith("pf_test_tools")]:
        del sys.modules[name]


@pytest.mark.usefixtures("distribution")
@pytest.mark.parametrize("tool", ["pf_test_tools.shouting.shout", "old.shout"])
def test_tools_of_installed_packages_run_under_any_of_their_names(flow, tool):
    package(flow, tool, text=5, times="2")
    assert flow.outputs() == {"out": "55"}
    assert "pf_test_tools.unused" not in sys.modules


@pytest.mark.usefixtures("distribution")
def test_a_tool_that_is_not_there_is_told_with_what_is_like_it(flow):
    package(flow, "pf_test_tools.shouting.shot", text="a")
    error = flow.failure()
    assert error["code"] == "ResolveToolError"
    assert error["codes"][-1] == "PackageToolNotFoundError"
    assert "pf_test_tools.shouting.shout" in error["hint"]
    flow.flow.nodes[0].source.tool = "other_package.x.y"
    assert "%pfruntime install other-package" in flow.failure()["hint"]


def test_a_tool_without_a_prompt_cannot_be_given_one(flow):
    flow.file("p.jinja2", "user:\nx")
    tool = "promptflow.tools.embedding.embedding"
    package(flow, tool, kind="custom_llm", path="p.jinja2", connection="oai", input="x")
    assert flow.failure()["codes"][-1] == "InvalidCustomLLMTool"


def test_what_calls_models_is_imported_ahead_of_the_runs(flow, monkeypatch):
    from pf_jupyter.worker import execution
    from pf_jupyter.worker.execution.llm import clients

    warmed = []
    monkeypatch.delitem(sys.modules, "openai", raising=False)
    monkeypatch.setattr(clients, "warm_up", warmed.append)
    package(flow, "promptflow.tools.openai.chat", connection="oai", prompt="x")
    execution.prepare(flow.flow.to_dict(), str(flow.folder))
    assert warmed == [str(flow.folder)]
