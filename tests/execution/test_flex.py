"""Flex flows: functions and classes as flows, run in this process."""

import dataclasses

import pytest

from pf_jupyter.flow.model import FlowInput, FlowOutput


@pytest.fixture
def flex(flow):
    """Makes the flow a flex flow with this code and these keys of its file."""

    def make(code, entry="main:f", **keys):
        flow.file("main.py", code)
        declared = [key for key in ("inputs", "outputs", "init") if key in keys]
        flow.flow = dataclasses.replace(
            flow.flow, kind="flex", entry=entry, declared=declared, **keys
        )
        return flow

    return make


def test_a_function_gives_one_output(flex):
    result = flex("def f(a: str, b: int = 2): return a * b").run(inputs={"a": "x"})
    assert (result["status"], result["outputs"]) == ("Completed", {"output": "xx"})
    assert result["nodes"] == {}


@pytest.mark.parametrize(
    "code",
    [
        "from typing import TypedDict\nclass R(TypedDict):\n    x: str\n    n: int\n"
        "def f(a: str) -> R: return {'x': a, 'n': 1}",
        "from dataclasses import dataclass\n@dataclass\n"
        "class R:\n    x: str\n    n: int\n"
        "def f(a: str) -> R: return R(a, 1)",
        "def f(a: str): return {'x': (c for c in a), 'n': 1}",
    ],
)
def test_mappings_and_dataclasses_give_an_output_for_each_field(flex, code):
    assert flex(code).outputs(a="q") == {"x": "q", "n": 1}


def test_chunks_arrive_while_a_generator_runs(flex):
    events = []
    made = flex("def f(a: str):\n    for c in a: yield c\n")
    result = made.run(events, inputs={"a": "xyz"})
    chunks = [event for event in events if event["event"] == "chunk"]
    assert result["outputs"] == {"output": "xyz"}
    assert "".join(chunk["text"] for chunk in chunks) == "xyz"
    assert {chunk["output"] for chunk in chunks} == {"output"}


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio\nasync def f(a: str):\n"
        "    await asyncio.sleep(0)\n    return a",
        "async def f(a: str):\n    for c in a: yield c\n",
    ],
)
def test_async_entries_run(flex, code):
    assert flex(code).outputs(a="pq") == {"output": "pq"}


def test_values_are_made_to_fit_the_annotations(flex):
    code = """
        def f(a: int, b: float, c: bool, d: list, e: dict, g: str, h=None):
            return [a, b, c, d, e, g, h]
    """
    given = {"a": "1", "b": "2", "c": "true", "d": "[1]", "e": '{"k": 1}', "g": 5}
    expected = [1, 2.0, True, [1], {"k": 1}, "5", "x"]
    assert flex(code).outputs(**given, h="x", unknown=1) == {"output": expected}


def test_a_value_that_does_not_fit_and_one_that_is_missing(flex):
    made = flex("def f(a: int, b: str): return a")
    assert made.failure(a="x", b="y")["code"] == "InputTypeError"
    error = made.failure(a=1)
    assert error["code"] == "InputNotFound"
    assert "'b'" in error["message"]
    assert error["codes"][-2:] == ["InvalidFlowRequest", "InputNotFound"]


def test_a_default_of_the_file_wins_over_that_of_the_code(flex):
    code = "def f(a: str = 'code', b: int = 5): return [a, b]"
    inputs = {
        "a": FlowInput("a", "string", "yaml"),
        "b": FlowInput("b", "int", ""),
    }
    assert flex(code, inputs=inputs).outputs() == {"output": ["yaml", 5]}


def test_what_the_file_lists_must_be_what_the_code_has(flex):
    made = flex("def f(a: str): return a", inputs={"b": FlowInput("b", "string")})
    assert made.failure(a="x")["code"] == "UserErrorException"
    (problem,) = made.inspect()["problems"]
    assert problem["path"] == ["inputs"]
    assert "a" in problem["message"]
    output = {"output": FlowOutput("output", "string")}
    assert flex("def f(a: str): return a", outputs=output).outputs(a="x")


def test_the_sample_stands_in_for_inputs_that_are_not_given(flex, monkeypatch):
    monkeypatch.setenv("PF_TEST_WORD", "word")
    made = flex(
        "def f(a: str, b: str): return a + b",
        sample={"inputs": {"a": "${env:PF_TEST_WORD}", "b": "${env:PF_NOT_SET}"}},
    )
    assert made.outputs() == {"output": "word${env:PF_NOT_SET}"}
    made.file("s.json", '{"inputs": {"a": "1", "b": "2"}}')
    made.flow.sample = "${file:s.json}"
    assert made.outputs() == {"output": "12"}
    made.flow.sample = "${file:none.json}"
    assert "none.json" in made.failure()["message"]


CLASS = """
    class C:
        made = 0
        def __init__(self, k: int = 3):
            C.made += 1
            self.k = k
        def __call__(self, a: str):
            return [self.k, a]
"""


def test_a_class_is_made_with_init_and_called(flex):
    made = flex(CLASS, "main:C")
    assert made.outputs(a="x") == {"output": [3, "x"]}
    result = made.run(inputs={"a": "x"}, init={"k": 7})
    assert result["outputs"] == {"output": [7, "x"]}
    made.flow.sample = {"init": {"k": 4}}
    assert made.outputs(a="x") == {"output": [4, "x"]}
    declared = {"k": FlowInput("k", "int", 9)}
    made = flex(CLASS, "main:C", init=declared, sample=None)
    assert made.outputs(a="x") == {"output": [9, "x"]}


def test_an_object_is_made_once_for_the_lines_of_a_process(flex):
    code = CLASS.replace("[self.k, a]", "C.made")
    made = flex(code, "main:C")
    assert [made.outputs(a=letter) for letter in "ab"] == [{"output": 1}] * 2
    assert made.run(inputs={"a": "c"}, init={"k": 1})["outputs"] == {"output": 2}


def test_a_class_without_a_constructor_is_made(flex):
    made = flex("class C:\n    def __call__(self, a: str): return a", "main:C")
    assert made.outputs(a="x") == {"output": "x"}


def test_a_constructor_that_fails(flex):
    made = flex(CLASS.replace("self.k = k", "raise ValueError('no')"), "main:C")
    error = made.failure(a="x")
    assert error["code"] == "FlowEntryInitializationError"
    assert error["frames"][-1]["file"] == "main.py"
    result = flex(CLASS, "main:C").run(inputs={"a": "x"}, init={"zz": 1})
    assert result["error"]["code"] == "FlowEntryInitializationError"
    assert "k" in result["error"]["hint"]


def test_init_values_of_a_function_are_refused(flex):
    result = flex("def f(a: str): return a").run(inputs={"a": "x"}, init={"k": 1})
    assert "takes no init" in result["error"]["message"]


def test_connections_and_model_configurations_are_made(flex):
    code = """
        from promptflow.core import OpenAIConnection, OpenAIModelConfiguration
        class C:
            def __init__(self, c: OpenAIConnection, m: OpenAIModelConfiguration):
                self.c, self.m = c, m
            def __call__(self, a: str):
                return [self.c.base_url, self.m.model, self.m.base_url]
    """
    oai = {
        "type": "OpenAIConnection",
        "module": "promptflow.connections",
        "value": {"api_key": "sk-1", "base_url": "http://x"},
        "secret_keys": ["api_key"],
    }
    made = flex(code, "main:C")
    init = {"c": "oai", "m": {"model": "gpt", "connection": "oai"}}
    result = made.run(inputs={"a": "x"}, init=init, connections={"oai": oai})
    assert result["outputs"] == {"output": ["http://x", "gpt", "http://x"]}
    result = made.run(inputs={"a": "x"}, init={**init, "c": "none"}, connections={})
    assert "%pfconnection create --name none" in result["error"]["hint"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a: str): raise ValueError('bad')", "ScriptExecutionError"),
        ("async def f(a: str): raise ValueError('bad')", "ValueError"),
        (
            "def f(a: str):\n    yield a\n    raise ValueError('bad')",
            "ScriptExecutionError",
        ),
        ("def f(a: str): raise SystemExit('bad')", "ScriptExecutionError"),
    ],
)
def test_what_an_entry_raises(flex, code, expected):
    error = flex(code).failure(a="x")
    assert error["code"] == expected
    assert error["message"].endswith("bad")
    assert error["frames"][-1]["file"] == "main.py"


def test_an_output_that_is_no_json(flex):
    error = flex("def f(a: str): return {1, 2}").failure(a="x")
    assert error["code"] == "FlowOutputUnserializable"


@pytest.mark.parametrize(
    ("code", "entry", "words"),
    [
        ("", "nope:f", "nope"),
        ("import no_such_module_here", "main:f", "no_such_module_here"),
        ("x = 1", "main:f", "not there"),
        ("f = 5", "main:f", "no function"),
        ("class f:\n    pass", "main:f", "__call__"),
        ("def f(a: str) -> dict: return {}", "main:f", "dict"),
        ("class X: pass\ndef f(a: X): return a", "main:f", "'a'"),
        ("from typing import List\ndef f(a: List[str]): return a", "main:f", "List"),
    ],
)
def test_code_that_makes_no_flow(flex, code, entry, words):
    made = flex(code, entry)
    error = made.failure(a="x")
    assert error["codes"] == ["UserError", "CoreError", "GenerateFlowMetaJsonError"]
    assert words in error["message"]
    (problem,) = made.inspect()["problems"]
    assert problem["code"] == "GenerateFlowMetaJsonError"
    assert problem["hint"]


def test_inspection_tells_the_signature(flex):
    found = flex(CLASS, "main:C").inspect()
    tool = found["tools"]["C"]
    assert found["problems"] == []
    assert tool["inputs"]["k"] == {"type": ["int"], "required": False, "default": 3}
    assert tool["inputs"]["a"] == {"type": ["string"], "required": True}
    assert tool["file"] == "main.py"


def test_aggregation_of_lines(flex):
    from pf_jupyter.worker.execution.prepared import prepared_flow

    code = (
        CLASS
        + "        def __aggregate__(self, rows):\n"
        + "            return {'n': sum(r.x for r in rows)}\n"
    )
    made = flex(code, "main:C")
    made.outputs(a="x")
    entry = prepared_flow(made.flow.to_dict(), str(made.folder), {}).entry
    assert entry.aggregate([{"x": 1}, {"x": 2}]) == {"n": 3}
    bad = flex(code.replace("self, rows", "self, rows, more"), "main:C")
    bad.file("other.py", code.replace("self, rows", "self, rows, more"))
    bad.flow.entry = "other:C"
    assert bad.failure(a="x")["code"] == "InvalidAggregationFunction"


def test_a_node_of_a_flow_without_nodes(flex):
    result = flex("def f(a: str): return a").run(mode="node", node="f")
    assert result["error"]["code"] == "SingleNodeValidationError"
