"""What a user gives is checked on this side, all of it at once."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import UsageError
from pf_jupyter.flow.model import Flow, FlowInput, Node
from pf_jupyter.runs import inputs


@pytest.fixture
def flow():
    return Flow(
        name="flow",
        inputs={
            "text": FlowInput("text", "string"),
            "count": FlowInput("count", "int", 3),
            "items": FlowInput("items", "list", []),
        },
        nodes=[
            Node("first", "python", inputs={"a": "${inputs.text}"}),
            Node(
                "second",
                "python",
                inputs={
                    "whole": "${first.output}",
                    "part": "${first.output.score}",
                    "count": "${inputs.count}",
                    "level": 5,
                },
            ),
        ],
        environment_variables={"A": 1, "B": None, "C": {"k": [1]}},
    )


def refused(call, *arguments):
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


def test_values_are_sent_as_they_were_given(flow):
    given = {"text": 4.5, "items": '["a"]', "count": "7"}
    assert inputs.for_flow(flow, given) == given


def test_defaults_need_not_be_given(flow):
    assert inputs.for_flow(flow, {"text": "x"}) == {"text": "x"}


def test_one_fault_has_its_own_code(flow):
    assert refused(inputs.for_flow, flow, {}).code == "missing_input"
    error = refused(inputs.for_flow, flow, {"text": "x", "count": "many"})
    assert error.code == "InputTypeError"
    error = refused(inputs.for_flow, flow, {"text": "x", "items": "[1,"})
    assert error.code == "InputParseError"


def test_several_faults_are_told_together(flow):
    error = refused(inputs.for_flow, flow, {"txet": "x", "count": "many", "items": 5})
    # the published package looks for missing ones first (flow-format section 9 item 6)
    assert error.code == "missing_input"
    codes = [problem["code"] for problem in error.details["problems"]]
    assert codes == [
        "missing_input",
        "InputTypeError",
        "InputTypeError",
        "unknown_input",
    ]
    for word in ("txet", "count", "items", "text"):
        assert f"'{word}'" in error.message


def test_an_undeclared_input_is_passed_along(flow):
    given = {"text": "x", "cuont": 1}
    assert inputs.for_flow(flow, given) == given
    assert (
        "cannot be sent"
        in refused(inputs.for_flow, flow, {"text": "x", "more": {1}}).message
    )


@pytest.mark.parametrize(
    ("flag", "chat_input", "needed"),
    [
        (None, True, False),
        (True, True, False),
        (False, True, True),
        (None, False, True),
    ],
)
def test_the_history_of_a_chat_flow_need_not_be_given(flag, chat_input, needed):
    question = FlowInput("question", "string", is_chat_input=chat_input)
    history = FlowInput("chat_history", "list", is_chat_history=flag)
    chat = Flow("chat", {"question": question, "chat_history": history})
    if needed:
        error = refused(inputs.for_flow, chat, {"question": "x"})
        assert error.code == "missing_input"
    else:
        assert inputs.for_flow(chat, {"question": "x"}) == {"question": "x"}


def test_a_default_that_does_not_fit_is_told_as_one(flow):
    flow.inputs["count"].default = "three"
    error = refused(inputs.for_flow, flow, {"text": "x"})
    assert "default" in error.message


@pytest.mark.parametrize("value", [object(), {1, 2}, [object()], {"a": lambda: 0}])
def test_what_cannot_be_sent(flow, value):
    error = refused(inputs.for_flow, flow, {"text": value})
    assert "cannot be sent" in error.message


def test_a_value_that_contains_itself(flow):
    value: list = []
    value.append(value)
    assert "cannot be sent" in refused(inputs.for_flow, flow, {"text": value}).message


@pytest.mark.parametrize(
    "given",
    [
        {"first.output": {"score": 1}},
        {"${first.output}": {"score": 1}},
        {"whole": 1, "part": 2},
        {"first.output": 1, "first.output.score": 2, "inputs.count": 4},
        {"whole": 1, "part": 2, "count": "4", "level": 9},
    ],
)
def test_the_ways_to_name_what_a_node_reads(flow, given):
    assert inputs.for_node(flow, "second", given) == given


def test_a_node_says_what_it_lacks(flow):
    error = refused(inputs.for_node, flow, "second", {})
    assert "first.output" in error.message
    error = refused(inputs.for_node, flow, "first", {})
    assert error.code == "missing_input"
    assert "'text'" in error.message


def test_a_nodes_flow_inputs_are_checked_too(flow):
    given = {"first.output": 1, "count": "many"}
    assert refused(inputs.for_node, flow, "second", given).code == "InputTypeError"


def test_a_name_that_means_nothing_to_the_node(flow):
    given = {"first.output": 1, "frist.output": 1}
    assert inputs.for_node(flow, "second", given) == given
    error = refused(inputs.for_node, flow, "second", {"frist.output": 1})
    assert error.code == "missing_input"
    assert "did you mean 'first.output'?" in error.hint


def test_an_unknown_node(flow):
    error = refused(inputs.for_node, flow, "secnod", {})
    assert (error.code, error.hint) == ("unknown_node", "did you mean 'second'?")


def test_environment_variables_are_text(flow):
    assert inputs.environment(flow, {"D": "x"}) == {
        "A": "1",
        "B": "None",
        "C": '{"k": [1]}',
        "D": "x",
    }


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_a_name_that_no_environment_variable_can_have(flow, name):
    refused(inputs.environment, flow, {name: "x"})
