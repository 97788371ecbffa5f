"""Aggregation, runs of one node, runs from a node on."""

import pytest

ECHO = """
    @tool
    def echo(x=None, y=0):
        return [x, y]
"""


def aggregation(flow, name, body, **inputs):
    node = flow.python(name, body, **inputs)
    node.aggregation = True
    return node


def test_aggregation_sees_lists_of_one_and_logs_metrics(flow):
    flow.takes("q", "int")
    flow.python("a", ECHO, x="${inputs.q}")
    body = """
        @tool
        def total(values, first, q, plain):
            log_metric("count", len(values))
            log_metric(5, [values, first])
            return [values, first, q, plain]
    """
    aggregation(
        flow,
        "t",
        body,
        values="${a.output}",
        first="${a.output.[0]}",
        q="${inputs.q}",
        plain="p",
    )
    aggregation(flow, "after", ECHO, x="${t.output.[3]}")
    flow.gives("out", "${a.output}")
    flow.gives("dropped", "${t.output}")
    result = flow.run(inputs={"q": "3"})
    assert result["status"] == "Completed"
    assert result["outputs"] == {"out": [3, 0]}
    assert result["nodes"]["t"]["output"] == [[[3, 0]], [3], [3], "p"]
    assert result["nodes"]["after"]["output"] == ["p", 0]
    assert result["metrics"] == {"count": 1, "5": [[[3, 0]], [3]]}
    assert result["aggregation_inputs"] == {
        "${a.output}": [3, 0],
        "${a.output.[0]}": 3,
    }


def test_metrics_outside_of_aggregation_go_nowhere(flow):
    flow.python("a", "@tool\ndef a():\n    log_metric('m', 1)\n")
    assert flow.run()["metrics"] == {}


def test_a_failing_aggregation_node_does_not_fail_the_flow(flow):
    flow.python("a", ECHO)
    body = "@tool\ndef t(x):\n    log_metric('m', 1)\n    raise ValueError('no')\n"
    aggregation(flow, "t", body, x="${a.output}")
    flow.gives("out", "${a.output}")
    result = flow.run()
    assert (result["status"], result["error"]) == ("Completed", None)
    assert result["nodes"]["t"]["status"] == "Failed"
    assert result["metrics"] == {"m": 1}


@pytest.mark.parametrize("asked", [True, False])
def test_aggregation_is_skipped(flow, asked):
    flow.takes("q")
    flow.python("a", ECHO)
    aggregation(flow, "t", ECHO, x="${inputs.q}" if asked else "${a.output}")
    result = flow.run(inputs={"q": "x"}, aggregation=asked)
    assert result["nodes"]["t"]["status"] == "NotStarted"


def test_aggregation_over_bypassed_nodes(flow):
    node = flow.python("a", ECHO)
    flow.when(node, 1, 2)
    aggregation(flow, "t", ECHO, x="${a.output}")
    assert flow.run()["nodes"]["t"]["output"] == [[None], 0]
    aggregation(flow, "u", ECHO, x="${a.output.k}")
    assert flow.failure()["code"] == "InvalidReferenceProperty"


def test_conditions_of_aggregation_nodes_compare_lists(flow):
    flow.takes("q", default="a")
    flow.python("a", ECHO)
    for name, expected in (("yes", ["a"]), ("no", "a")):
        node = aggregation(flow, name, ECHO, x="${a.output}")
        flow.when(node, "${inputs.q}", expected)
    nodes = flow.run()["nodes"]
    assert nodes["yes"]["status"] == "Completed"
    assert nodes["no"]["status"] == "Bypassed"


def test_aggregation_references_that_are_refused(flow):
    flow.python("a", ECHO)
    aggregation(flow, "t", ECHO, x="${a.output}")
    wrong = flow.python("b", ECHO, x="${t.output}")
    assert flow.failure()["code"] == "InvalidNodeReference"
    wrong.inputs = {}
    flow.when(flow.flow.node("t"), "${a.output}", 1)
    assert flow.failure()["code"] == "InvalidNodeReference"


@pytest.fixture
def three(flow):
    flow.takes("q", "int")
    flow.takes("other")
    flow.python("a", ECHO, x="${inputs.other}")
    flow.python("b", ECHO, x="${a.output.k}", y="${inputs.q}")
    flow.python("c", ECHO, x="${b.output}", y="7")
    flow.gives("c", "${c.output}")
    flow.gives("a", "${a.output}")
    return flow


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"q": "3"}, {"a": {"k": 1}}),
        ({"inputs.q": 3, "a.output": {"k": 1}}, {}),
        ({"flow.q": 3, "a.output.k": 1}, {}),
        ({"${inputs.q}": 3, "${a.output.k}": 1}, {}),
        ({"y": 3, "x": 1}, {}),
    ],
)
def test_one_node_finds_its_values_under_every_name(three, inputs, outputs):
    result = three.run(mode="node", node="b", inputs=inputs, dependency_outputs=outputs)
    assert result["status"] == "Completed", result["error"]
    assert result["outputs"] == {"output": [1, 3]}
    assert list(result["nodes"]) == ["b"]
    assert result["nodes"]["b"]["inputs"] == {"x": 1, "y": 3}


def test_one_node_keeps_the_literals_of_the_flow_file_and_says_so(three):
    events = []
    given = {"x": 0, "y": "8", "z": 1}
    result = three.run(events, mode="node", node="c", inputs=given)
    assert result["outputs"] == {"output": [0, 7]}
    warnings = "".join(e["text"] for e in events if e["event"] == "log")
    assert "'y' was given and changes nothing: it is written into" in warnings
    assert "'z' was given and changes nothing: node 'c' has no input" in warnings


def test_one_node_needs_its_values(three):
    error = three.run(mode="node", node="b")["error"]
    assert error["code"] == "UserErrorException"
    assert "['x', 'y'] are missing for 'b'" in error["message"]
    error = three.run(mode="node", node="zz")["error"]
    assert error["code"] == "SingleNodeValidationError"
    assert "a, b, c" in error["hint"]


def test_one_node_ignores_its_condition_and_the_rest_of_the_flow(three):
    three.when(three.flow.node("c"), "${a.output}", "never")
    three.python("broken", "import no_such_module_pf\n")
    result = three.run(mode="node", node="c", dependency_outputs={"b": 5})
    assert result["outputs"] == {"output": [5, 7]}


def test_one_aggregation_node_gets_lists_of_one(flow):
    flow.takes("q", default="d")
    flow.python("a", ECHO)
    body = "@tool\ndef t(x, q, p):\n    log_metric('m', x)\n    return [x, q, p]\n"
    aggregation(flow, "t", body, x="${a.output}", q="${inputs.q}", p="lit")
    result = flow.run(mode="node", node="t", dependency_outputs={"a": 1})
    assert result["outputs"] == {"output": [[1], ["d"], "lit"]}
    assert result["metrics"] == {"m": [1]}


def test_one_coroutine_node(flow):
    flow.python("n", "@tool\nasync def n(x):\n    return x\n", x="5")
    assert flow.run(mode="node", node="n")["outputs"] == {"output": 5}


def test_from_a_node_on_everything_downstream_runs(three):
    result = three.run(
        mode="from_node",
        node="b",
        inputs={"q": 2},
        dependency_outputs={"a": {"k": 9}, "b": "old", "c": "old"},
    )
    assert result["outputs"] == {"c": [[9, 2], 7], "a": {"k": 9}}
    assert {n: node["status"] for n, node in result["nodes"].items()} == {
        "a": "NotStarted",
        "b": "Completed",
        "c": "Completed",
    }


def test_from_a_node_on_outputs_without_a_value_are_left_out(three):
    result = three.run(mode="from_node", node="c", dependency_outputs={"b": 1})
    assert result["outputs"] == {"c": [1, 7]}


def test_from_a_node_on_needs_the_nodes_before_it(three):
    error = three.run(mode="from_node", node="b", inputs={"q": 2})["error"]
    assert error["code"] == "InputNotFoundFromAncestorNodeOutput"
    assert "a are not known" in error["message"]
