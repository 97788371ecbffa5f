import datetime
import math

import pytest

from pf_jupyter.flow.model import FlowInput
from pf_jupyter.flow.values import (
    VALUE_TYPES,
    InputParseError,
    InputTypeError,
    fill_defaults,
    parse_value,
    preview,
)

DAY = datetime.date(2024, 1, 1)


@pytest.mark.parametrize(
    ("type", "raw", "expected"),
    [
        ("int", "11", 11),
        ("int", " 12 ", 12),
        ("int", "1_000", 1000),
        ("int", 1.9, 1),
        ("int", True, 1),
        ("double", "1.5", 1.5),
        ("double", 2, 2.0),
        ("double", "inf", math.inf),
        ("bool", False, False),
        ("bool", "TRUE", True),
        ("bool", "false", False),
        ("string", 4.5, "4.5"),
        ("string", None, "None"),
        ("string", {"a": 1}, "{'a': 1}"),
        ("string", DAY, "2024-01-01"),
        ("list", "[1, 2]", [1, 2]),
        ("list", [1], [1]),
        ("object", '{"a": 1}', {"a": 1}),
        ("object", "[1]", [1]),
        ("object", "5", 5),
        ("object", "[1", "[1"),
        ("object", (1, 2), (1, 2)),
        ("object", "[" * 100_000, "[" * 100_000),
        ("image", {"data:image/png;path": "a.png"}, {"data:image/png;path": "a.png"}),
        ("secret", 5, 5),
        ("file_path", None, None),
    ],
)
def test_values_are_made_to_fit(type, raw, expected):
    value = parse_value(type, raw)
    assert value == expected
    assert value.__class__ is expected.__class__


@pytest.mark.parametrize(
    ("type", "raw"),
    [
        ("int", "1.5"),
        ("int", None),
        ("int", "yes"),
        ("int", math.inf),
        ("int", math.nan),
        ("int", "9" * 5000),
        ("double", "x"),
        ("double", None),
        ("bool", 1),
        ("bool", 0),
        ("bool", "yes"),
        ("bool", " true"),
        ("bool", None),
        ("list", "{}"),
        ("list", "null"),
        ("list", 5),
        ("list", (1,)),
        ("list", "[" * 100_000),
    ],
)
def test_values_that_do_not_fit(type, raw):
    with pytest.raises(InputTypeError) as caught:
        parse_value(type, raw, "times")
    assert caught.value.code == "InputTypeError"
    assert "'times'" in caught.value.message
    assert len(caught.value.message) < 200


def test_text_for_a_list_that_is_not_json():
    with pytest.raises(InputParseError) as caught:
        parse_value("list", "[1", "rows")
    assert caught.value.code == "InputParseError"
    assert "'rows'" in caught.value.message


def test_the_types_are_those_of_the_format():
    assert set(VALUE_TYPES) == {
        *("int", "double", "bool", "string", "secret", "prompt_template", "list"),
        *("object", "file_path", "image", "assistant_definition"),
    }


def test_defaults_fill_what_is_absent_and_nothing_else():
    inputs = {
        "required": FlowInput("required", "string"),
        "empty": FlowInput("empty", "string", default=""),
        "off": FlowInput("off", "bool", default=False),
        "given": FlowInput("given", "int", default=3),
    }
    filled = fill_defaults(inputs, {"given": None, "extra": 1})
    assert filled == {"given": None, "extra": 1, "empty": "", "off": False}


def test_previews_are_short_and_survive_a_broken_repr():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert preview("x" * 100, 10) == "'xxxxxxxx…"
    assert preview(Broken()) == "<Broken>"
