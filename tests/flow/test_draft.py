import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pf_jupyter.errors import AlreadyExists, UsageError
from pf_jupyter.flow.draft import DraftNode, FlowDraft, single_node
from pf_jupyter.flow.snapshot import Loader

SHOUT = """\
from promptflow.core import tool


@tool
def shout(text: str, times: int = 1) -> str:
    return text.upper() + "!" * times
"""
TOOL = {
    "name": "shout",
    "inputs": {
        "text": {"type": ["string"], "required": True},
        "times": {"type": ["int"], "required": False, "default": 1},
        "style": {"type": ["string"], "required": False, "default": None},
    },
    "output": "string",
}


def load(folder):
    return Loader().load(folder)


def sample():
    draft = FlowDraft("sample")
    draft.add_input("text")
    draft.add_input("count", "int", 3)
    draft.add_node(DraftNode("shout", "python", SHOUT, {"text": "${inputs.text}"}))
    draft.add_node(
        DraftNode("say", "prompt", "Say {{ x }}\n", {"x": "${shout.output}"})
    )
    draft.add_output("answer", "${say.output}")
    return draft


def test_a_draft_is_saved_as_an_ordinary_flow_folder(tmp_path):
    folder = sample().save(tmp_path / "new" / "sample")
    assert (folder / "flow.dag.yaml").read_text() == (
        "inputs:\n"
        "  text:\n"
        "    type: string\n"
        "  count:\n"
        "    type: int\n"
        "    default: 3\n"
        "outputs:\n"
        "  answer:\n"
        "    type: string\n"
        "    reference: ${say.output}\n"
        "nodes:\n"
        "- name: shout\n"
        "  type: python\n"
        "  source:\n"
        "    type: code\n"
        "    path: shout.py\n"
        "  inputs:\n"
        "    text: ${inputs.text}\n"
        "- name: say\n"
        "  type: prompt\n"
        "  source:\n"
        "    type: code\n"
        "    path: say.jinja2\n"
        "  inputs:\n"
        "    x: ${shout.output}\n"
    )
    loaded = load(folder)
    assert loaded.problems == []
    assert {file.path for file in loaded.snapshot.files} == {
        *("flow.dag.yaml", "shout.py", "say.jinja2")
    }


def test_llm_and_aggregation_fields_are_written(tmp_path):
    draft = FlowDraft("f")
    draft.add_node(
        DraftNode("ask", "llm", "Hi", {"model": "m"}, connection="c", api="chat")
    )
    draft.add_node(DraftNode("sum", "python", SHOUT, aggregation=True))
    flow = load(draft.save(tmp_path)).flow
    assert (flow.nodes[0].connection, flow.nodes[0].api) == ("c", "chat")
    assert flow.nodes[1].aggregation


def test_a_node_of_the_same_name_is_replaced_in_its_place():
    draft = sample()
    draft.add_node(DraftNode("shout", "python", "new"))
    assert list(draft.nodes) == ["shout", "say"]
    assert draft.files()["shout.py"] == b"new"


def test_what_is_there_is_not_overwritten_unasked(tmp_path):
    (tmp_path / "shout.py").write_text("mine")
    (tmp_path / "other.txt").write_text("stays")
    with pytest.raises(AlreadyExists) as caught:
        sample().save(tmp_path)
    assert caught.value.hint
    assert sorted(path.name for path in tmp_path.glob("*.*")) == [
        *("other.txt", "shout.py")
    ]
    sample().save(tmp_path, overwrite=True)
    assert (tmp_path / "shout.py").read_text() == SHOUT
    assert (tmp_path / "other.txt").read_text() == "stays"
    sample().save(tmp_path)


def test_files_shadow_no_module_and_collide_on_no_system():
    draft = FlowDraft("f")
    for name in ("json", "con", "Ask", "ask", "a/b", "promptflow"):
        draft.add_node(DraftNode(name, "python", name))
    draft.add_node(DraftNode("email", "prompt", ""))
    assert sorted(draft.files()) == sorted(
        [
            *("json_node.py", "con_node.py", "Ask.py", "ask_2.py", "a_b.py"),
            *("promptflow_node.py", "email.jinja2", "flow.dag.yaml"),
        ]
    )


def test_a_single_node_becomes_a_flow_by_its_interface(tmp_path):
    draft = single_node("shout", SHOUT, TOOL)
    loaded = load(draft.save(tmp_path))
    assert loaded.problems == []
    flow = loaded.flow
    assert [(i.name, i.type, i.default) for i in flow.inputs.values()] == [
        ("text", "string", None),
        ("times", "int", 1),
    ]
    assert flow.nodes[0].inputs == {
        "text": "${inputs.text}",
        "times": "${inputs.times}",
    }
    assert flow.outputs["output"].reference == "${shout.output}"
    assert flow.outputs["output"].type == "string"


def test_optional_parameters_become_inputs_when_values_are_given():
    draft = single_node("shout", SHOUT, TOOL, given=["style"])
    assert draft.inputs["style"].default is None
    assert "style" in draft.nodes["shout"].inputs


def test_bound_parameters_stay_as_they_are():
    draft = single_node("shout", SHOUT, TOOL, bound={"text": "${inputs.q}", "times": 2})
    assert list(draft.inputs) == ["q"]
    assert draft.nodes["shout"].inputs == {"text": "${inputs.q}", "times": 2}


def test_a_connection_has_to_be_named():
    tool = {"inputs": {"conn": {"type": ["OpenAIConnection"], "required": True}}}
    with pytest.raises(UsageError) as caught:
        single_node("ask", SHOUT, tool)
    assert caught.value.code == "missing_connection"
    assert "--input conn=NAME" in caught.value.hint
    assert single_node("ask", SHOUT, tool, bound={"conn": "mine"}).inputs == {}


def test_a_value_that_yaml_cannot_hold_is_told(tmp_path):
    draft = sample()
    draft.nodes["shout"].inputs["bad"] = object()
    with pytest.raises(UsageError) as caught:
        draft.save(tmp_path / "out")
    assert caught.value.code == "not_yaml"
    assert not (tmp_path / "out").exists()


VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.dates(min_value=datetime.date(1000, 1, 1))
    | st.sampled_from(
        ["yes", "no", "1e3", "012", "~", "null", "2024-01-01", "a: b", "\x85"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(VALUES)
@example({"\x85": "\u2028 \ufeff", "x": 1})
def test_values_come_back_as_they_were_written(tmp_path, value):
    draft = FlowDraft("f")
    draft.add_node(DraftNode("n", "prompt", "", {"x": value}))
    loaded = load(draft.save(tmp_path, overwrite=True))
    assert loaded.declared.nodes[0].inputs == {"x": value}
