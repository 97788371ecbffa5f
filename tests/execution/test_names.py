"""The names that public flows import, and connections given to a run."""

import importlib

import pytest

TYPES = {
    "AzureOpenAIConnection": {"api_base": "b", "api_key": "k"},
    "OpenAIConnection": {"api_key": "k", "organization": "o"},
    "ServerlessConnection": {"api_key": "k", "api_base": "b"},
    "SerpConnection": {"api_key": "k"},
    "CognitiveSearchConnection": {"api_base": "b", "api_key": "k"},
    "AzureContentSafetyConnection": {"endpoint": "e", "api_key": "k"},
    "FormRecognizerConnection": {"endpoint": "e", "api_key": "k"},
    "AzureAIServicesConnection": {"endpoint": "e", "api_key": "k"},
    "QdrantConnection": {"api_base": "b", "api_key": "k"},
    "WeaviateConnection": {"api_base": "b", "api_key": "k"},
    "BingConnection": {"api_key": "k"},
}


def execution_dict(kind, **value):
    secrets = [key for key in value if key.endswith("key")]
    return {
        "type": kind,
        "module": "promptflow.connections",
        "value": value,
        "secret_keys": secrets,
    }


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("promptflow", "tool log_metric log_flow_metric ToolProvider PFClient"),
        ("promptflow.core", "tool log_metric ToolProvider Prompty Flow AsyncFlow"),
        ("promptflow.core", "AzureOpenAIModelConfiguration OpenAIModelConfiguration"),
        ("promptflow.core", "AzureOpenAIConnection OpenAIConnection"),
        ("promptflow.connections", " ".join(TYPES) + " CustomConnection"),
        ("promptflow.entities", "AzureOpenAIConnection InputSetting DynamicList Run"),
        ("promptflow.contracts.types", "Secret PromptTemplate FilePath"),
        ("promptflow.contracts.types", "AssistantDefinition"),
        ("promptflow.contracts.multimedia", "Image Text PFBytes"),
        ("promptflow.tracing", "trace start_trace ThreadPoolExecutorWithContext"),
        ("promptflow.tracing.contracts.trace", "TraceType"),
        ("promptflow.exceptions", "UserErrorException SystemErrorException"),
        ("promptflow.exceptions", "ErrorTarget PromptflowException"),
        ("promptflow._core.tool", "tool ToolProvider"),
        ("promptflow._core.tools_manager", "register_builtins register_apis"),
        ("promptflow._internal", "tool ToolProvider log_metric"),
        ("promptflow.client", "PFClient load_flow load_run"),
        ("promptflow.tools.aoai", "chat completion AzureOpenAI"),
        ("promptflow.tools.embedding", "embedding"),
        ("promptflow.executor", "FlowExecutor"),
        ("promptflow._sdk.entities", "CustomConnection"),
    ],
)
def test_names_can_be_imported(module, names):
    found = importlib.import_module(module)
    for name in names.split():
        assert getattr(found, name)


def test_an_unknown_name_is_an_import_error():
    with pytest.raises(ImportError):
        from promptflow import nothing_of_that_name  # noqa: F401


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("promptflow.client:PFClient", "promptflow"),
        ("promptflow.executor:FlowExecutor", "promptflow-core"),
    ],
)
def test_what_needs_the_real_package_says_so_when_used(name, package):
    from promptflow.exceptions import UserErrorException

    module, attribute = name.split(":")
    value = getattr(importlib.import_module(module), attribute)
    with pytest.raises(UserErrorException, match=f"%pfruntime install {package}$"):
        value(1, x=2)


def test_the_decorator_leaves_the_function_usable():
    from promptflow.core import tool
    from promptflow.tracing import trace

    @tool(name="n", type="python", icon="x")
    @trace
    def double(x):
        return 2 * x

    assert double(4) == 8
    assert vars(double)["__extra_info"] == {"icon": "x"}


@pytest.mark.parametrize("kind", TYPES)
def test_connections_are_objects_with_attributes_and_items(flow, kind):
    flow.python(
        "n",
        f"""
        from promptflow.connections import {kind}

        @tool
        def n(c: {kind}):
            return [c.api_key, c.name, dict(c)["api_key"], type(c).__name__, repr(c)]
        """,
        c="mine",
    )
    flow.gives("out", "${n.output}")
    connections = {"mine": execution_dict(kind, **TYPES[kind])}
    out = flow.run(connections=connections)["outputs"]["out"]
    assert out[:4] == ["k", "mine", "k", kind]
    assert "'k'" not in out[4]


def test_custom_connections_tell_secrets_from_configs(flow):
    flow.python(
        "n",
        """
        from promptflow.connections import CustomConnection

        @tool
        def n(c: CustomConnection):
            return [c.secrets, c.configs, c.api_key, c.url, c.is_secret("api_key")]
        """,
        c="mine",
    )
    flow.gives("out", "${n.output}")
    given = {"mine": execution_dict("CustomConnection", api_key="k", url="u")}
    assert flow.run(connections=given)["outputs"]["out"] == [
        {"api_key": "k"},
        {"url": "u"},
        "k",
        "u",
        True,
    ]


def test_strongly_typed_connections_are_rebuilt(flow):
    flow.python(
        "n",
        """
        from promptflow.connections import CustomStrongTypeConnection
        from promptflow.contracts.types import Secret

        class Mine(CustomStrongTypeConnection):
            api_key: Secret
            url: str = "default"

        @tool
        def n(c: Mine):
            return [type(c).__name__, c.api_key, c.url, "k1" in repr(c)]
        """,
        c="mine",
    )
    flow.gives("out", "${n.output}")
    given = {"mine": execution_dict("CustomConnection", api_key="k1", url="u")}
    out = flow.run(connections=given)["outputs"]["out"]
    assert out == ["Mine", "k1", "u", False]
    assert flow.inspect()["tools"]["n"]["inputs"]["c"]["type"] == ["CustomConnection"]


def test_a_class_tool_may_take_a_connection(flow):
    flow.python(
        "n",
        """
        from promptflow.connections import SerpConnection

        class C(ToolProvider):
            def __init__(self, c: SerpConnection):
                self.key = c.api_key

            @tool
            def f(self):
                return self.key
        """,
        c="mine",
    )
    flow.gives("out", "${n.output}")
    for key in ("one", "two"):
        given = {"mine": execution_dict("SerpConnection", api_key=key)}
        assert flow.run(connections=given)["outputs"] == {"out": key}


def test_connections_that_are_missing_or_do_not_fit(flow):
    flow.python(
        "n",
        """
        from promptflow.connections import SerpConnection

        @tool
        def n(c: SerpConnection):
            pass
        """,
        c="mine",
    )
    error = flow.failure()
    assert error["code"] == "ConnectionNotFoundError"
    assert error["hint"] == "%pfconnection create --name mine"
    other = {"mine": execution_dict("OpenAIConnection", api_key="k")}
    error = flow.run(connections=other)["error"]
    assert error["code"] == "NodeInputValidationError"
    unknown = {"mine": execution_dict("StrangeConnection", api_key="k")}
    assert flow.run(connections=unknown)["error"]["code"] == "GetConnectionError"


def test_variables_may_refer_to_connections(flow):
    variables = {"PF_T_K": "${mine.api_key}", "PF_T_N": "${mine.b}"}
    flow.flow.environment_variables = variables
    flow.python("n", "import os\n@tool\ndef n():\n    return [os.environ['PF_T_N']]\n")
    flow.python(
        "k",
        "import os\n@tool\ndef k():\n    return len(os.environ['PF_T_K'])\n",
    )
    flow.gives("n", "${n.output}")
    flow.gives("k", "${k.output}")
    given = {"mine": execution_dict("SerpConnection", api_key="12345678")}
    result = flow.run(connections=given)
    assert result["outputs"] == {"n": ["${mine.b}"], "k": 8}
    error = flow.run()["error"]
    assert error["code"] == "ConnectionNotFoundError"
    assert "PF_T_K" in error["message"]


def test_images_are_bytes_that_print_short(flow):
    flow.python(
        "n",
        """
        from promptflow.contracts.multimedia import Image

        @tool
        def n():
            image = Image(bytes([137, 80, 78, 71, 13, 10, 26, 10]))
            assert image == Image(bytes(image), "image/png")
            return [str(image), image]
        """,
    )
    flow.gives("out", "${n.output}")
    result = flow.run()
    text, image = result["outputs"]["out"]
    assert text.startswith("Image(")
    assert result["artifacts"][image["data:image/png;path"]] == "iVBORw0KGgo="
