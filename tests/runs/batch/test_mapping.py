"""What of the data goes where: checked at once, and joined line by line."""

import pytest

from pf_jupyter.errors import UsageError
from pf_jupyter.flow.model import FlowInput
from pf_jupyter.runs.batch.data import open_rows
from pf_jupyter.runs.batch.mapping import bind, parse_mapping, suggest


def inputs(*names, **defaults):
    required = {name: FlowInput(name, "string") for name in names}
    return required | {n: FlowInput(n, "string", d) for n, d in defaults.items()}


def rows(*given):
    return open_rows(given)


AB = ({"a": 1, "b": "x"}, {"a": 2, "b": "y"})


def test_columns_and_constants():
    plan = bind({"x": "${data.a}", "y": 5, "z": "a ${data.a} b"}, {}, rows(*AB))
    assert list(plan.lines()) == [
        (0, {"x": 1, "y": 5, "z": "a ${data.a} b"}),
        (1, {"x": 2, "y": 5, "z": "a ${data.a} b"}),
    ]
    assert plan.count() == 2
    assert plan.inputs(1, {"a": 2, "b": "y"}) == {
        "x": 2,
        "y": 5,
        "z": "a ${data.a} b",
    }
    assert not plan.needs_upstream


def test_inputs_without_default_come_by_name():
    plan = bind(None, inputs("a", b="given"), rows(*AB))
    assert [line for _, line in plan.lines()] == [{"a": 1}, {"a": 2}]
    assert plan.mapping == {"a": "${data.a}"}


def test_everything_that_is_missing_is_named_at_once():
    given = {"question": "${data.qestion}", "y": "${dta.a}", "z": "${data.a.b}"}
    with pytest.raises(UsageError) as caught:
        bind(given, inputs("question", "other"), rows({"question": 1, "a": {"b": 1}}))
    error = caught.value
    assert error.code == "ApplyInputMappingError"
    told = [problem["message"] for problem in error.details["problems"]]
    assert told == [
        "${data.qestion}: data has no column 'qestion'",
        "${data.other}: data has no column 'other', which input 'other' is taken from",
        "${dta.a}: there is no source 'dta'",
        "${data.a.b}: data has no column 'a.b'",
    ]
    assert "did you mean '${data.question}'?" in error.hint
    assert "did you mean 'data'?" in error.hint
    assert error.hint.endswith("data has question, a")


def test_a_source_is_found_by_growing_prefixes():
    sources = {"run": rows({"outputs.o": 3}), "run.outputs": rows({"o": 4, "p": 5})}
    plan = bind({"x": "${run.outputs.o}", "y": "${run.outputs.p}"}, {}, sources)
    assert list(plan.lines()) == [(0, {"x": 3, "y": 5})]


def test_only_constants_are_refused():
    with pytest.raises(UsageError, match="only constants") as caught:
        bind({"a": 5}, inputs("a"), rows(*AB))
    assert caught.value.code == "ValidationError"


def test_lines_of_several_sources_are_joined_by_number():
    outputs = rows(*({"line_number": n, "o": f"out {n}"} for n in (0, 2, 3)))
    data = rows(*({"a": n} for n in range(4)))
    mapping = {"x": "${data.a}", "y": "${run.outputs.o}"}
    plan = bind(mapping, {}, data, run_outputs=outputs)
    expected = [(n, {"x": n, "y": f"out {n}"}) for n in (0, 2, 3)]
    assert list(plan.lines()) == expected
    assert plan.count() == 3
    assert plan.needs_upstream
    assert plan.inputs(2, {"a": 2}, {"o": "out 2"}) == {"x": 2, "y": "out 2"}


@pytest.mark.parametrize("both", [False, True])
def test_rows_out_of_order_are_joined_too(both):
    outputs = rows({"line_number": 1, "o": "one"}, {"line_number": 0, "o": "zero"})
    data = rows({"a": 1}, {"a": 2})
    if both:
        data = rows({"line_number": 1, "a": 2}, {"line_number": 0, "a": 1})
    plan = bind({"x": "${data.a}", "y": "${run.outputs.o}"}, {}, data, outputs)
    expected = [(0, {"x": 1, "y": "zero"}), (1, {"x": 2, "y": "one"})]
    assert list(plan.lines()) == expected


def test_the_inputs_of_the_run_count_only_when_mapped():
    outputs = rows({"line_number": 0, "o": 1})
    more = rows({"q": 1}, {"q": 2}, {"q": 3})
    plan = bind({"x": "${run.outputs.o}"}, {}, rows({"a": 1}), outputs, more)
    assert list(plan.sources) == ["data", "run.outputs"]
    plan = bind({"x": "${run.inputs.q}"}, {}, None, outputs, more)
    assert list(plan.lines()) == [(0, {"x": 1})]


def test_a_number_given_twice_counts_once_and_is_said():
    data = rows({"line_number": 0, "a": 1}, {"line_number": 0, "a": 2})
    plan = bind({"x": "${data.a}"}, {}, data)
    assert list(plan.lines()) == [(0, {"x": 2})]
    assert plan.count() == 1
    assert "more than once" in plan.warnings[0]


def test_sources_that_do_not_fit_together():
    with pytest.raises(UsageError, match="data has 2 rows, other has 1") as caught:
        bind({"x": "${data.a}"}, {}, {"data": rows(*AB), "other": rows({"o": 1})})
    assert caught.value.code == "InputMappingError"
    with pytest.raises(UsageError, match=r"no rows in run\.outputs") as caught:
        bind({"x": "${data.a}"}, {}, rows(*AB), run_outputs=rows())
    assert caught.value.code == "InputMappingError"
    plan = bind({"x": "${data.a}"}, {}, rows(*AB), rows({"line_number": 7, "o": 1}))
    with pytest.raises(UsageError, match="no line is in all") as caught:
        list(plan.lines())
    assert caught.value.code == "InputMappingError"
    with pytest.raises(UsageError) as caught:
        bind({"x": "${data.a}"}, {}, None)
    assert caught.value.code == "missing_data"


def test_an_input_that_the_flow_does_not_have_is_a_warning():
    plan = bind({"qestion": "${data.a}"}, inputs(question="x"), rows(*AB))
    assert plan.warnings == [
        "the flow has no input 'qestion'; did you mean 'question'?"
    ]


def test_what_users_write():
    assert parse_mapping(["a=${data.b}", "c=1=2"]) == {"a": "${data.b}", "c": "1=2"}
    assert parse_mapping({"a": 1, "line_number": "${data.b}"}) == {"a": 1}
    assert parse_mapping("a=b") == {"a": "b"}
    assert parse_mapping(None) == {}
    for wrong in (["a"], ["=b"], {5: "b"}):
        with pytest.raises(UsageError) as caught:
            parse_mapping(wrong)
        assert caught.value.code == "bad_mapping"


def test_suggestions():
    assert suggest(
        inputs("groundtruth", "prediction", "answer", "nothing"),
        {
            "run.outputs": ["line_number", "answer", "predictions"],
            "data": ["Ground_Truth", "answer"],
        },
    ) == {
        "groundtruth": "${data.Ground_Truth}",
        "prediction": "${run.outputs.predictions}",
        "answer": "${run.outputs.answer}",
    }
    assert suggest(inputs("a"), ["a"]) == {"a": "${data.a}"}
