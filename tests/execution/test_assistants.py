"""Assistant definitions and their function tools (flow-format section 2.8)."""

import hashlib

import pytest

DEFINITION = "model: m\ninstructions: i\n"
LOOK = """
    @tool
    def look(q: str, k: int, n: float = 2.0, b: bool = True, l: list = None, o=None):
        '''Look it up.

        :param q: the question
        :param str n: how often
        '''
        return f"{q}{k}{n}"
"""
USE = """
    from promptflow.contracts.types import AssistantDefinition

    @tool
    async def use(d: AssistantDefinition):
        invoker = d._tool_invoker
        found = invoker.invoke_tool("wait", {"n": 2})
        return [
            [type(d).__name__, d.model, d.instructions, len(d.tools)],
            invoker.to_openai_tools(),
            invoker.invoke_tool("look", {"q": "a"}),
            await found,
        ]
"""


@pytest.fixture
def assistant(flow):
    def write(tools):
        text = DEFINITION + "tools: see below\n"
        (flow.folder / "a.yaml").write_text(text, "utf-8")
        value = {"model": "m", "instructions": "i", "tools": tools}
        flow.flow.documents = {hashlib.sha256(text.encode()).hexdigest(): value}
        flow.python("use", USE, d="a.yaml")
        flow.gives("out", "${use.output}")
        return flow

    return write


def function(path, **more):
    source = {"type": "code", "path": path}
    return {"type": "function", "tool_type": "python", "source": source, **more}


def test_a_definition_becomes_an_object_whose_tools_can_be_called(assistant):
    flow = assistant(
        [
            {"type": "code_interpreter"},
            function("look.py", predefined_inputs={"k": "5"}),
            function("wait.py"),
        ]
    )
    flow.file("look.py", LOOK)
    flow.file("wait.py", "@tool\nasync def wait(n: int):\n    return n + 1\n")
    kinds, tools, text, waited = flow.outputs()["out"]
    assert kinds == ["AssistantDefinition", "m", "i", 3]
    assert (text, waited) == ("a52.0", 3)
    assert tools[0] == {"type": "code_interpreter"}
    told = tools[1]["function"]
    assert (told["name"], told["description"]) == ("look", "Look it up.\n")
    assert told["parameters"]["required"] == ["q"]
    assert told["parameters"]["properties"] == {
        "q": {"type": "string", "description": "the question"},
        "n": {"type": "number", "description": "how often"},
        "b": {"type": "boolean", "description": ""},
        "l": {"type": "array", "description": ""},
        "o": {"type": "object", "description": ""},
    }
    assert tools[2]["function"]["name"] == "wait"


@pytest.mark.parametrize(
    ("tools", "inner", "told"),
    [
        ([{"type": "nope"}], "InvalidAssistantTool", "'nope'"),
        ([{"type": "function", "tool_type": "llm"}], "InvalidAssistantTool", "'llm'"),
        (["x"], "InvalidAssistantTool", "None"),
        ([function("gone.py")], "InvalidSource", "gone.py"),
        ([function("use.py", predefined_inputs={"d": 1})], "", ""),
    ],
)
def test_what_cannot_be_a_tool(assistant, tools, inner, told):
    result = assistant(tools).run()
    if not inner:
        assert result["error"]["code"] == "ToolExecutionError"
        return
    error = result["error"]
    assert (error["code"], error["codes"][-1]) == (
        "ResolveToolError",
        "NodeInputValidationError",
    )
    assert f"from input 'd': ({inner})" in error["message"]
    assert told in error["message"]
    assert error["hint"]


def test_a_definition_that_is_not_there(assistant):
    flow = assistant([])
    flow.flow.node("use").inputs["d"] = "gone.yaml"
    assert "(InvalidSource) 'gone.yaml'" in flow.failure()["message"]
