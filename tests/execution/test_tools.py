"""Loading tools: Python files, class tools, prompts, and what goes wrong with them."""

import pytest

PLAIN = """
    @tool
    def plain(x=None):
        return x
"""


@pytest.mark.parametrize(
    ("annotation", "literal", "value"),
    [
        ("x: int", "5", 5),
        ("x: float", "5", 5.0),
        ("x: bool", "true", True),
        ("x: str", 5, "5"),
        ("x: list", "[1]", [1]),
        ("x: dict", '{"a": 1}', {"a": 1}),
        ("x: typing.List[str]", "[1]", [1]),
        ("x: typing.Optional[int]", "5", 5),
        ("x: typing.Union[int, str]", "5", 5),
        ("x: 'int'", "text", "text"),
        ("x=1.5", "2", 2.0),
        ("x: Color", "red", "red"),
        ("x: Color", "no such colour", "no such colour"),
        ("x", "[1", "[1"),
        ("x: Secret", 5, 5),
        ("**x", "5", {"x": "5"}),
    ],
)
def test_literals_are_read_by_the_first_type(flow, annotation, literal, value):
    flow.python(
        "n",
        f"""
        import enum, typing
        from promptflow.contracts.types import Secret

        class Color(str, enum.Enum):
            RED = "red"

        @tool
        def n({annotation}):
            return x
        """,
        x=literal,
    )
    flow.gives("out", "${n.output}")
    out = flow.outputs()["out"]
    assert out == value
    assert type(out) is type(value)


def test_values_by_reference_are_never_coerced(flow):
    flow.python("a", PLAIN, x="text")
    flow.python("n", "@tool\ndef n(x: int):\n    return x\n", x="${a.output}")
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": "text"}


@pytest.mark.parametrize("empty", [None, ""])
def test_empty_literals_leave_the_default(flow, empty):
    flow.python("n", "@tool\ndef n(x=3):\n    return x\n", x=empty)
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": 3}


def test_literal_of_a_wrong_type_fails_at_load(flow):
    flow.python("n", "@tool\ndef n(x: int):\n    return x\n", x="five")
    error = flow.failure()
    assert error["code"] == "ResolveToolError"
    assert error["codes"][-1] == "NodeInputValidationError"
    assert error["message"].startswith(
        "Tool load failed in 'n': (NodeInputValidationError)"
    )
    assert "'five'" in error["message"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("def n():\n    pass\n", "NoToolDefined"),
        ("@tool\ndef n():\n    pass\ng = n\n", "MultipleToolsDefined"),
        ("from other import shared\n", "NoToolDefined"),
        ("import no_such_module_pf\n", "PythonLoadError"),
        ("raise SystemExit(3)\n", "PythonLoadError"),
        ("def broken(:\n", "PythonLoadError"),
        ("@tool(type='strange')\ndef n():\n    pass\n", "PythonLoadError"),
    ],
)
def test_files_without_exactly_one_usable_tool(flow, source, code):
    flow.file("other.py", "@tool\ndef shared():\n    pass\n")
    flow.python("n", source)
    result = flow.run()
    error = result["error"]
    assert error["code"] == code
    assert error["node"] == "n"
    assert "PythonParsingError" in error["codes"]
    assert result["nodes"]["n"]["status"] == "Failed"


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("bs4", "beautifulsoup4"),
        ("cv2", "opencv-python"),
        ("no_such_pf.part", "no_such_pf"),
    ],
)
def test_a_missing_package_ends_with_the_command_that_adds_it(
    flow, module, distribution
):
    missing = f"raise ModuleNotFoundError('No module named {module}', name='{module}')"
    flow.python("n", f"{missing}\n@tool\ndef n():\n    pass\n")
    flow.python("late", f"@tool\ndef late():\n    {missing}\n")
    error = flow.failure()
    assert error["code"] == "PythonLoadError"
    assert f"No module named {module}" in error["message"]
    assert error["hint"] == f"%pfruntime install {distribution}"
    assert error["frames"] == [{"file": "n.py", "line": 2, "name": "<module>"}]
    del flow.flow.nodes[0]
    assert flow.failure()["hint"].endswith(f" {distribution}")


@pytest.mark.parametrize("path", [None, "missing.py", "."])
def test_sources_that_are_no_file(flow, path):
    flow.node("n", path)
    assert flow.failure()["code"] == "InvalidSource"


@pytest.mark.parametrize(
    ("kind", "source", "code"),
    [
        ("csharp", "code", "NotImplementedError"),
        ("custom_llm", "package_with_prompt", "PackageToolNotFoundError"),
        ("python", "package", "PackageToolNotFoundError"),
        (None, "code", "NotImplementedError"),
    ],
)
def test_kinds_of_nodes_that_are_not_there(flow, kind, source, code):
    node = flow.python("n", PLAIN)
    node.type, node.source.type = kind, source
    error = flow.failure()
    assert error["code"] == "ResolveToolError"
    assert error["codes"][-1] == code
    assert error["hint"]


def test_module_globals_belong_to_one_node_and_helpers_to_all(flow):
    flow.file("shared.py", "count = 0\n")
    flow.file(
        "n.py",
        """
        import shared
        own = 0

        @tool
        def n(x=None):
            global own
            own += 1
            shared.count += 1
            return [own, shared.count, __name__, __file__.rsplit("/", 1)[-1]]
        """,
    )
    flow.node("a", "n.py")
    flow.node("b", "n.py", x="${a.output}")
    flow.gives("a", "${a.output}")
    flow.gives("b", "${b.output}")
    assert flow.outputs() == {
        "a": [1, 1, "__pf_main__", "n.py"],
        "b": [1, 2, "__pf_main__", "n.py"],
    }


def test_dataclasses_with_postponed_annotations_load(flow):
    path = flow.folder / "n.py"
    path.write_text(
        "from __future__ import annotations\n"
        "import dataclasses\n"
        "from promptflow.core import tool\n"
        "@dataclasses.dataclass\n"
        "class P:\n"
        "    x: int = 1\n"
        "@tool\n"
        "def n():\n"
        "    return P().x\n"
    )
    flow.node("n", "n.py")
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": 1}


CLASS = """
    made = []

    class Greeter(ToolProvider):
        def __init__(self, greeting: str, times: int = 1):
            super().__init__()
            made.append(greeting)
            self.text = greeting * times

        @tool
        def greet(self, name: str) -> str:
            return f"{self.text} {name} {len(made)}"
"""


def test_class_tools_are_made_once_from_literals(flow):
    flow.takes("name")
    flow.python("n", CLASS, greeting="Hi", times="2", name="${inputs.name}")
    flow.gives("out", "${n.output}")
    assert flow.outputs(name="Ada") == {"out": "HiHi Ada 1"}
    assert flow.outputs(name="Bo") == {"out": "HiHi Bo 1"}


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"greeting": "${inputs.name}"}, "InputTypeMismatch"),
        ({}, "MissingRequiredInputs"),
        ({"greeting": "a", "times": "many"}, "NodeInputValidationError"),
    ],
)
def test_class_tools_that_cannot_be_made(flow, inputs, code):
    flow.takes("name", default="x")
    flow.python("n", CLASS, name="${inputs.name}", **inputs)
    error = flow.failure()
    assert error["code"] == "ResolveToolError"
    assert error["codes"][-1] == code


def test_a_constructor_that_raises(flow):
    flow.python(
        "n",
        """
        class C(ToolProvider):
            def __init__(self):
                raise OSError("no device")

            @tool
            def f(self):
                pass
        """,
    )
    error = flow.failure()
    assert error["codes"] == ["UserError", "ToolLoadError"]
    assert "no device" in error["message"]
    assert error["frames"][-1]["line"] == 4


def test_init_and_method_must_not_share_names(flow):
    flow.python(
        "n",
        """
        class C(ToolProvider):
            def __init__(self, x):
                pass

            @tool
            def f(self, x):
                pass
        """,
        x="1",
    )
    assert flow.failure()["code"] == "BadFunctionInterface"


def test_foreign_decorators_are_recognised_by_their_marks(flow):
    flow.python(
        "n",
        """
        import functools

        def mark(function):
            @functools.wraps(function)
            def wrapped(*args, **kwargs):
                return function(*args, **kwargs)
            setattr(wrapped, "__original_function", function)
            setattr(wrapped, "__tool", None)
            return wrapped

        @mark
        async def n(x: int):
            return x + 1
        """,
        x="4",
    )
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": 5}


def test_prompts_render_in_a_sandbox(flow):
    flow.takes("name")
    flow.prompt(
        "p",
        "{% if name %}\nHi {{ name }}{{ missing }}!\n{% endif %}\n",
        name="${inputs.name}",
        unused="x",
    )
    flow.gives("out", "${p.output}")
    assert flow.outputs(name="Ada") == {"out": "Hi Ada!\n"}


@pytest.mark.parametrize(
    "text", ["{{ name.a.b }}", "{{ ''.__class__.__mro__ }}", "{{ 1 / 0 }}"]
)
def test_prompts_that_fail_to_render(flow, text):
    flow.takes("name", default="x")
    flow.prompt("p", "one\n" + text, name="${inputs.name}")
    error = flow.failure()
    assert error["code"] == "JinjaTemplateError"
    assert error["codes"] == ["UserError", "ToolValidationError", "JinjaTemplateError"]


def test_the_line_of_a_prompt_is_told(flow):
    flow.prompt("p", "one\ntwo {{ 1 / 0 }}")
    assert flow.failure()["frames"][-1]["file"] == "p.jinja2"
    assert flow.failure()["frames"][-1]["line"] == 2


def test_prompts_that_cannot_be_parsed(flow):
    flow.prompt("p", "one\n{% if x %}")
    error = flow.failure()
    assert error["code"] == "ResolveToolError"
    assert error["message"].startswith(
        "Tool load failed in 'p': Jinja parsing failed at line 2: (TemplateSyntaxError)"
    )


def test_prompts_may_not_use_the_name_template(flow):
    flow.prompt("p", "{{ template }}")
    assert flow.failure()["codes"][-1] == "NodeInputValidationError"


def test_bypassed_input_of_a_prompt_is_none(flow):
    node = flow.python("a", PLAIN, x="1")
    flow.when(node, 1, 2)
    flow.python("b", PLAIN, x="2")
    flow.prompt("p", "{{ a }} {{ b }}", a="${a.output}", b="${b.output}")
    flow.gives("out", "${p.output}")
    assert flow.outputs() == {"out": "None 2"}


def test_load_failures_come_before_those_of_the_graph(flow):
    flow.python("a", PLAIN, x="${nowhere.output}")
    flow.python("b", "import no_such_module_pf\n")
    assert flow.failure()["code"] == "PythonLoadError"


def test_a_node_may_name_a_module_to_import(flow):
    node = flow.python("n", PLAIN)
    node.module = "no_such_module_pf"
    assert flow.failure()["code"] == "FailedToImportModule"
    node.module = "colorsys"
    assert flow.run()["status"] == "Completed"


def test_variants_that_are_left_get_their_default(flow):
    node = flow.python("n", PLAIN, x="original")
    node.use_variants = True
    chosen = {"type": "python", "source": {"type": "code", "path": "n.py"}}
    flow.flow.node_variants = {
        "n": {
            "default_variant_id": "v",
            "variants": {"v": {"node": {**chosen, "inputs": {"x": "variant"}}}},
        }
    }
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": "variant"}
