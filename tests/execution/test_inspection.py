"""Looking at tools without running them: interfaces, and all problems at once."""

import pytest


def test_an_interface_tells_types_defaults_and_choices(flow):
    flow.python(
        "n",
        """
        import enum
        from typing import Optional, Union
        from promptflow.connections import AzureOpenAIConnection, OpenAIConnection
        from promptflow.contracts.multimedia import Image
        from promptflow.contracts.types import FilePath, PromptTemplate, Secret

        class Mode(enum.Enum):
            FAST = "fast"
            GOOD = "good"

        @tool(name="Nice name")
        async def n(
            text: str,
            count: int = 1,
            ratio: Optional[float] = None,
            mode: Mode = Mode.GOOD,
            c: Union[AzureOpenAIConnection, OpenAIConnection] = None,
            s: Secret = "", p: PromptTemplate = "", f: FilePath = "", i: Image = None,
            untyped=True,
            **more,
        ) -> list:
            return []
        """,
        text="x",
    )
    found = flow.inspect()
    assert found["problems"] == []
    tool = found["tools"]["n"]
    assert {n: p["type"] for n, p in tool["inputs"].items()} == {
        "text": ["string"],
        "count": ["int"],
        "ratio": ["double"],
        "mode": ["string"],
        "c": ["AzureOpenAIConnection", "OpenAIConnection"],
        "s": ["secret"],
        "p": ["prompt_template"],
        "f": ["file_path"],
        "i": ["image"],
        "untyped": ["bool"],
    }
    assert tool["inputs"]["mode"]["enum"] == ["fast", "good"]
    assert tool["inputs"]["mode"]["default"] == "good"
    assert tool["inputs"]["text"]["required"]
    assert "default" not in tool["inputs"]["text"]
    assert tool["inputs"]["ratio"]["default"] is None
    assert (tool["name"], tool["type"], tool["output"]) == (
        "Nice name",
        "python",
        "list",
    )
    assert (tool["is_async"], tool["is_generator"]) == (True, False)
    assert (tool["file"], tool["line"]) == ("n.py", 12)
    assert tool["duration_ms"] > 0


def test_a_prompt_takes_its_variables(flow):
    flow.prompt("p", "{{ b }} {% for x in items %}{{ x }}{% endfor %} {{ a }}", b=1)
    found = flow.inspect()
    assert list(found["tools"]["p"]["inputs"]) == ["b", "items", "a"]
    assert found["tools"]["p"]["output"] == "string"
    assert found["problems"] == []


def test_a_class_tool_takes_both_kinds_of_inputs(flow):
    flow.python(
        "n",
        """
        class C(ToolProvider):
            def __init__(self, device: int):
                raise AssertionError("inspecting must not make objects")

            @tool
            def work(self, text: str = "a"):
                yield text
        """,
    )
    found = flow.inspect()
    assert list(found["tools"]["n"]["inputs"]) == ["device", "text"]
    assert found["tools"]["n"]["is_generator"]
    assert [p["code"] for p in found["problems"]] == ["missing_input"]


def test_all_problems_are_found_at_once(flow):
    body = "@tool\ndef n(text: str, count: int = 1):\n    return text\n"
    flow.python("typo", body, txt="a", count="many")
    flow.python("lacking", body)
    flow.python("importing", "x = 1\nimport no_such_pf_module\n")
    flow.python("two", "@tool\ndef a():\n    pass\n@tool\ndef b():\n    pass\n")
    flow.python("syntax", "def broken(:\n    pass\n")
    flow.prompt("prompt", "one\n{% if %}")
    flow.python("sharp", body).type = "csharp"
    flow.node("gone", "gone.py")
    found = flow.inspect()
    assert list(found["tools"]) == ["typo", "lacking"]
    seen = {}
    for problem in found["problems"]:
        assert problem["hint"], problem
        assert set(problem) == {
            "code",
            "message",
            "node",
            "file",
            "line",
            "column",
            "hint",
        }
        place = (problem["code"], problem["file"], problem["line"])
        seen.setdefault(problem["node"], []).append(place)
    dag = "flow.dag.yaml"
    assert seen == {
        "typo": [
            ("unknown_input", dag, None),
            ("missing_input", dag, None),
            ("NodeInputValidationError", dag, None),
        ],
        "lacking": [("missing_input", dag, None)],
        "importing": [("PythonLoadError", "importing.py", 3)],
        "two": [("MultipleToolsDefined", "two.py", 5)],
        "syntax": [("PythonLoadError", "syntax.py", 2)],
        "prompt": [("TemplateSyntaxError", "prompt.jinja2", 2)],
        "sharp": [("NotImplementedError", dag, None)],
        "gone": [("InvalidSource", "gone.py", None)],
    }
    hints = {p["code"]: p["hint"] for p in found["problems"]}
    assert hints["unknown_input"] == "did you mean 'text'?"
    imported = next(p for p in found["problems"] if p["node"] == "importing")
    assert imported["hint"].endswith("%pfruntime install no_such_pf_module")


def test_only_the_nodes_asked_for(flow):
    flow.python("a", "@tool\ndef a():\n    pass\n")
    flow.python("b", "import no_such_pf_module\n")
    found = flow.inspect(["a"])
    assert list(found["tools"]) == ["a"]
    assert found["problems"] == []


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_literal_does_not_give_a_required_input(flow, value):
    flow.python("n", "@tool\ndef n(text):\n    pass\n", text=value)
    problems = flow.inspect()["problems"]
    assert [(p["code"], p["node"]) for p in problems] == [("missing_input", "n")]
