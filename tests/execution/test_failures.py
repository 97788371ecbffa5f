"""What a flow cannot return, what its nodes raise, and how a failure is told."""

import pytest

ECHO = """
    @tool
    def echo(x):
        return x
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(1, 2)", [1, 2]),
        ("{1: 'a', '1': 'b'}", {"1": "b"}),
        ("float('inf')", float("inf")),
        ("[None, True]", [None, True]),
    ],
)
def test_outputs_become_json(flow, expression, value):
    flow.python("n", f"@tool\ndef n():\n    return {expression}\n")
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": value}


@pytest.mark.parametrize(
    "expression",
    ["{1}", "b'x'", "decimal.Decimal(1)", "datetime.date(2024, 1, 1)", "object()"],
)
def test_outputs_without_a_json_form(flow, expression):
    flow.python(
        "n", f"import decimal, datetime\n@tool\ndef n():\n    return {expression}\n"
    )
    flow.python("next", ECHO, x="${n.output}")
    flow.gives("out", "${n.output}")
    result = flow.run()
    assert result["error"]["code"] == "FlowOutputUnserializable"
    assert result["error"]["node"] == "n"
    assert isinstance(result["nodes"]["n"]["output"], str)
    assert result["nodes"]["next"]["status"] == "Completed"


def test_failure_tells_the_users_own_frames(flow):
    flow.file(
        "helper.py", "import json\ndef parse(text):\n    return json.loads(text)\n"
    )
    flow.python(
        "n",
        """
        import helper

        @tool
        def n(text):
            return helper.parse(text)
        """,
        text="{",
    )
    events = []
    result = flow.run(events)
    error = result["error"]
    assert error["code"] == "ToolExecutionError"
    assert error["codes"] == ["UserError", "ToolExecutionError"]
    assert error["message"].startswith("Execution failure in 'n': (JSONDecodeError) Ex")
    assert error["frames"] == [
        {"file": "n.py", "line": 6, "name": "n"},
        {"file": "helper.py", "line": 4, "name": "parse"},
    ]
    assert (
        'File "n.py", line 6, in n\n    return helper.parse(text)'
        in (error["traceback"])
    )
    assert "json/decoder" not in error["traceback"]
    assert str(flow.folder) not in error["traceback"]
    failed = next(e for e in events if e["event"] == "node_failed")
    assert failed["error"] == error
    assert failed["node_result"] == result["nodes"]["n"]


def test_wrong_arguments_are_explained(flow):
    flow.python("n", "@tool\ndef n(text):\n    return text\n", txt="a")
    error = flow.failure()
    assert "(TypeError)" in error["message"]
    assert "'txt'" in error["hint"]
    assert "it takes text" in error["hint"]


@pytest.mark.parametrize(
    ("raised", "code", "codes"),
    [
        ("UserErrorException('x')", "UserErrorException", ["UserError"]),
        (
            "ValidationException('x')",
            "ValidationException",
            ["UserError", "ValidationError"],
        ),
        ("Mine('x')", "Mine", ["UserError", "Mine"]),
        ("SystemExit(3)", "ToolExecutionError", ["UserError", "ToolExecutionError"]),
    ],
)
def test_codes_of_what_a_tool_raises(flow, raised, code, codes):
    flow.python(
        "n",
        f"""
        from promptflow.exceptions import UserErrorException, ValidationException

        class Mine(UserErrorException):
            pass

        @tool
        def n():
            raise {raised}
        """,
    )
    error = flow.failure()
    assert (error["code"], error["codes"]) == (code, codes)


@pytest.mark.parametrize(
    ("nodes", "output", "code"),
    [
        ([("n", {"x": "${m.output}"})], None, "NodeReferenceNotFound"),
        ([("n", {"x": "${inputs.q}"})], None, "InputReferenceNotFound"),
        ([("n", {}), ("n", {})], None, "DuplicateNodeName"),
        (
            [("a", {"x": "${b.output}"}), ("b", {"x": "${a.output}"})],
            None,
            "NodeCircularDependency",
        ),
        ([], "", "EmptyOutputReference"),
        ([], "${n.output}", "OutputReferenceNotFound"),
        ([], "${inputs.n}", "OutputReferenceNotFound"),
    ],
)
def test_flows_that_do_not_hang_together(flow, nodes, output, code):
    flow.file("echo.py", ECHO)
    for name, inputs in nodes:
        flow.node(name, "echo.py", **inputs)
    if output is not None:
        flow.gives("out", output)
    error = flow.failure()
    assert error["code"] == code
    assert error["hint"]
