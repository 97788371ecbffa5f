from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pf_jupyter.flow.reference import (
    InputReference,
    InvalidReferenceProperty,
    Literal,
    NodeReference,
    canonical,
    is_reference,
    parse_reference,
    property_steps,
    resolve_property,
)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("${inputs.name}", InputReference("name")),
        ("${flow.name}", InputReference("name")),
        ("${inputs.a.b[0]}", InputReference("a.b[0]")),
        ("${inputs.}", InputReference("")),
        ("${inputs}", NodeReference("inputs")),
        ("${flow}", NodeReference("flow")),
        ("${INPUTS.x}", NodeReference("INPUTS", "x")),
        ("${n}", NodeReference("n")),
        ("${n.output}", NodeReference("n")),
        ("${n.}", NodeReference("n", "")),
        ("${n.output.}", NodeReference("n")),
        ("${n.output.a['b.c'][0]}", NodeReference("n", "output", "a['b.c'][0]")),
        ("${n.output[0]}", NodeReference("n", "output[0]")),
        ("${n.output.[0]}", NodeReference("n", "output", "[0]")),
        ("${n..x}", NodeReference("n", "", "x")),
        ("${.output}", NodeReference("")),
        ("${}", NodeReference("")),
        ("${ n.output }", NodeReference(" n", "output ")),
        ("${a}${b}", NodeReference("a}${b")),
        ("${{a}}", NodeReference("{a}")),
    ],
)
def test_references_are_split_as_the_format_says(text, reference):
    assert is_reference(text)
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    "value",
    ["", "$", "${", "$}", " ${a}", "${a} ", "Hi ${a}", "{a}", 5, None, True, ["${a}"]],
)
def test_everything_else_is_a_literal(value):
    assert not is_reference(value)
    assert parse_reference(value) == Literal(value)
    assert canonical(value) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${inputs.x}", "${flow.x}"),
        ("${n}", "${n.output}"),
        ("${n.output.}", "${n.output}"),
        ("${n.output.a['b c']}", "${n.output.a['b c']}"),
        ("${n.other.p}", "${n.other.p}"),
    ],
)
def test_canonical_form(text, expected):
    assert canonical(text) == expected
    assert canonical(expected) == expected


@given(st.text())
def test_canonical_form_is_stable(text):
    once = canonical(text)
    assert canonical(once) == once
    assert type(parse_reference(once)) is type(parse_reference(text))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b", ["a", "b"]),
        ("a['b c'][0]", ["a", "b c", 0]),
        ('a["b"]', ["a", "b"]),
        ('a["b c"]', ["a", "b", "c"]),
        ("a-b", ["a", "b"]),
        ("l[-1]", ["l", "1"]),
        ("['it's']", ["it's"]),
        ("['']", [""]),
        ("['a\nb']", ["a", "b"]),
        ("a['b", ["a", "b"]),
        ("[0", ["0"]),
        ("[007]", [7]),
        ("é.日本", ["é", "日本"]),
        ("-.[]", []),
        ("", []),
    ],
)
def test_properties_are_scanned_and_the_rest_is_skipped(text, values):
    assert [step.value for step in property_steps(text)] == values


VALUE = {
    "a": {"b": [10, 20], "b.c": 5, "x y": 9, "0": "zero", 0: "int"},
    "l": [1, 2, 3],
    "none": None,
    "text": "abc",
    "object": SimpleNamespace(inner={"deep": [7]}),
    "a b": "not reached by a bare name",
}


@pytest.mark.parametrize(
    ("property", "expected"),
    [
        ("", VALUE),
        ("--", VALUE),
        ("a.b", [10, 20]),
        ("a['b'][1]", 20),
        ("a['b.c']", 5),
        ("a.0", "zero"),
        ("a[0]", "int"),
        ("l[2]", 3),
        ("text[0]", "a"),
        ("object.inner.deep[0]", 7),
    ],
)
def test_properties_lead_into_values(property, expected):
    assert resolve_property(VALUE, property, "n") == expected


@pytest.mark.parametrize(
    "property", ["zzz", "a['zzz']", "l[3]", "l.0", "l[-1]", "none.x", "l[" + "9" * 30]
)
def test_a_property_that_leads_nowhere(property):
    with pytest.raises(InvalidReferenceProperty) as caught:
        resolve_property(VALUE, property, "fetch")
    assert caught.value.code == "InvalidReferenceProperty"
    assert "'fetch'" in caught.value.message
    assert caught.value.codes[0] == "UserError"


@pytest.mark.parametrize("property", ["none[0]", "none['x']", "l['0']", "object[0]"])
def test_indexing_what_has_no_index_escapes_as_type_error(property):
    with pytest.raises(TypeError):
        resolve_property(VALUE, property, "n")
