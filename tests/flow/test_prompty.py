"""Prompty files: where their parts are, what is wrong with them, what travels along."""

import pytest

from pf_jupyter.flow.front_matter import split_prompty
from pf_jupyter.flow.snapshot import Loader

GOOD = """\
---
name: Ask
model:
  configuration: {type: openai}
  parameters: {}
inputs:
  q: {type: string}
---
user:
{{q}}
"""


@pytest.fixture
def prompty(tmp_path):
    def load(text=GOOD, **files):
        (tmp_path / "ask.prompty").write_bytes(text.encode())
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(content, "utf-8")
        return Loader().load(tmp_path / "ask.prompty")

    return load


def test_a_prompty_is_a_flow(prompty):
    loaded = prompty()
    assert (loaded.kind, loaded.ok) == ("prompty", True)
    assert loaded.flow.name == "Ask"
    assert {n: i.type for n, i in loaded.flow.inputs.items()} == {"q": "string"}
    (front,) = loaded.flow.documents.values()
    assert front["name"] == "Ask"


def test_line_ends_of_windows_make_no_difference(prompty):
    assert prompty(GOOD.replace("\n", "\r\n")).flow.documents == (
        prompty().flow.documents
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("---\na: 1\n---\nb\n", ("a: 1\n", "b\n", 1)),
        ("# x\n\n----\na: 1\n-----\nb", ("a: 1\n", "b", 3)),
        ("---\na: 1\n---\nb\n---\nc\n", ("a: 1\n---\nb\n", "c\n", 1)),
        ("---\n---\n", ("", "", 1)),
        ("---\na: 1\n", None),
        ("user:\nhi\n", None),
        ("", None),
        ("-" * 100_000, None),
    ],
)
def test_the_last_line_of_dashes_ends_the_settings(text, parts):
    assert split_prompty(text) == parts


WRONG = {
    "no parts": ("user:\nhi\n", "UserErrorException", 1),
    "list": ("---\n- a\n---\nhi\n", "not_a_mapping", 2),
    "dashes in the prompt": (GOOD + "---\nmore\n", "yaml_syntax", 8),
    "yaml": (GOOD.replace("name: Ask", "name: [Ask"), "yaml_syntax", None),
    "no model": (GOOD.replace("model:", "modle:"), "missing_model", 2),
    "no parameters": (
        GOOD.replace("  parameters: {}\n", ""),
        "missing_parameters",
        4,
    ),
    "model key": (GOOD.replace("parameters: {}", "parameters: {}\n  apj: x"), None, 6),
    "type": (GOOD.replace("openai", "opnai"), "UnknownConnectionType", 4),
    "connection": (
        GOOD.replace("{type: openai}", "{connection: c, api_key: k}"),
        "InvalidConnectionError",
        4,
    ),
    "input type": (GOOD.replace("string", "text"), "unknown_type", 7),
    "input": (GOOD.replace("{type: string}", "string"), "wrong_type", 7),
    "no input type": (GOOD.replace("{type: string}", "{}"), "missing_type", 7),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_has_code_place_and_way_out(prompty, case):
    text, code, line = WRONG[case]
    problem = prompty(text).problems[0]
    assert problem.code == (code or "unknown_key")
    assert problem.line == line or line is None
    assert problem.hint


def test_yaml_files_that_it_refers_to_travel_along(prompty):
    text = GOOD.replace("inputs:", "sample: ${file:s.yaml}\ninputs:")
    documents = prompty(text, s__yaml="q: x\n").flow.documents
    assert {"q": "x"} in documents.values()
    broken = prompty(text, s__yaml="q: [\n")
    assert [p.file for p in broken.problems] == ["s.yaml"]


def test_a_broken_prompty_beside_a_flow_is_a_warning(prompty, tmp_path):
    prompty("no prompty\n", main__py="def f(): return 1\n")
    (tmp_path / "flow.flex.yaml").write_text("entry: main:f\n")
    loaded = Loader().load(tmp_path)
    assert loaded.ok
    assert [warning.file for warning in loaded.warnings] == ["ask.prompty"]
