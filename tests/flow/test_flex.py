"""Flex flows as files: their keys, what their code says of itself, their picture."""

import pytest

from pf_jupyter.errors import NotFound
from pf_jupyter.flow.layout import lay_out, text
from pf_jupyter.flow.model import Flow
from pf_jupyter.flow.snapshot import Loader

CLASS = """\
from dataclasses import dataclass

@dataclass
class Answer:
    text: str
    score: float

class Chat:
    def __init__(self, model: str, retries: int = 3):
        pass

    def __call__(self, question: str, history: list = [], top=5) -> Answer:
        pass
"""


@pytest.fixture
def loader():
    return Loader()


@pytest.fixture
def flex(write_flow, loader):
    def load(yaml, code=CLASS):
        folder = write_flow(yaml, {"main.py": code})
        (folder / "flow.dag.yaml").rename(folder / "flow.flex.yaml")
        return loader.load(folder)

    return load


WRONG = {
    "unknown key": ("entry: main:Chat\ninptus: {}\n", (2, 1), "'inputs'"),
    "nodes": ("entry: main:Chat\nnodes: []\n", (2, 1), "entry"),
    "entry": ("entry: main\n", (1, 8), "module:name"),
    "no entry": ("entry:\n", (1, 1), "module:name"),
    "type": ("entry: main:Chat\ninputs: {a: {type: image}}\n", (2, 20), "string"),
    "no type": ("entry: main:Chat\ninputs: {a: {}}\n", (2, 10), "type: string"),
    "port": ("entry: main:Chat\ninputs: {a: string}\n", (2, 13), "{type: string}"),
    "port key": (
        "entry: main:Chat\ninputs: {a: {type: string, defualt: 1}}\n",
        (2, 28),
        "default",
    ),
    "null ports": ("entry: main:Chat\ninputs:\n", (2, 1), "inputs"),
    "sample": ("entry: main:Chat\nsample: {input: {}}\n", (2, 10), "inputs"),
    "sample list": ("entry: main:Chat\nsample: [1]\n", (2, 9), "inputs:"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_in_the_file_has_code_place_and_way_out(flex, case):
    yaml, place, hint = WRONG[case]
    (problem,) = flex(yaml).problems
    assert problem.code == "ValidationError"
    assert (problem.line, problem.column) == place
    assert hint in problem.hint


def test_ports_are_read_from_the_code(flex):
    flow = flex("entry: main:Chat\n").flow
    inputs = {name: (item.type, item.default) for name, item in flow.inputs.items()}
    assert inputs == {
        "question": ("string", None),
        "history": ("list", []),
        "top": ("int", 5),
    }
    assert {name: item.type for name, item in flow.outputs.items()} == {
        "text": "string",
        "score": "double",
    }
    assert list(flow.init) == ["model", "retries"]
    assert flow.declared == []


def test_what_the_file_declares_stays(flex):
    flow = flex("entry: main:Chat\ninputs: {q: {type: int, default: 4}}\n").flow
    assert (flow.inputs["q"].type, flow.inputs["q"].default) == ("int", 4)
    assert flow.declared == ["inputs"]


@pytest.mark.parametrize("code", ["def Chat(:", "Chat = 5", "", "from x import Chat"])
def test_code_that_does_not_tell_leaves_the_ports_open(flex, code):
    loaded = flex("entry: main:Chat\n", code)
    assert loaded.ok
    assert loaded.flow.inputs == {}
    assert list(loaded.flow.outputs) == ["output"]


def test_the_picture_has_one_box_called_after_the_entry(flex):
    shown = lay_out(flex("entry: main:Chat\n").flow)
    assert text(shown) == "inputs ▸ Chat ▸ outputs"


def test_a_flow_survives_the_way_to_the_worker(flex):
    flow = flex("entry: main:Chat\nsample: {inputs: {question: x}}\n").flow
    assert Flow.from_dict(flow.to_dict()) == flow


def test_a_function_of_a_module_is_a_flow(write_flow, loader):
    folder = write_flow(
        "nodes: []\n", {"tools/say.py": "def hi(name: str): return 1\n"}
    )
    loaded = loader.load(folder / "tools.say:hi")
    assert (loaded.kind, loaded.flow.entry) == ("flex", "tools.say:hi")
    assert list(loaded.flow.inputs) == ["name"]
    assert any(file.path == "tools/say.py" for file in loaded.snapshot.files)
    with pytest.raises(NotFound):
        loader.load(folder / "nowhere.say:hi")


def test_yaml_that_a_sample_refers_to_travels_with_the_flow(write_flow, loader):
    yaml = "entry: main:f\nsample: ${file:s.yaml}\n"
    folder = write_flow(yaml, {"s.yaml": "inputs: {on: yes}\n"})
    assert list(loader.load(folder).flow.documents.values()) == [
        {"inputs": {"on": "yes"}}
    ]
