"""Flows made of cells are ordinary folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pf_jupyter.flow.draft import FLOW_FILE
from pf_jupyter.flow.reader import read_flow
from pf_jupyter.kernel.drafts import NodeDraft, node_flow, yaml_flow
from pf_jupyter.kernel.interfaces import parameters

PYTHON = """
from promptflow.core import tool
from typing import List, Optional
def other(x): ...
@tool
def f(a: str, b: int = 3, c: float = 0.5, d: bool = False, e: list = None,
      f: "dict" = {}, g: Optional[str] = None, h=1, i: List[str] = (), *, j):
    return a
"""


def test_parameters_of_python_are_read_with_types_and_defaults() -> None:
    found = [
        (p.name, p.type, p.required, p.default) for p in parameters(PYTHON, "python")
    ]
    assert found == [
        ("a", "string", True, None),
        ("b", "int", False, 3),
        ("c", "double", False, 0.5),
        ("d", "bool", False, False),
        ("e", "list", False, None),
        ("f", "object", False, {}),
        ("g", "string", False, None),
        ("h", "int", False, 1),
        ("i", "list", False, ()),
        ("j", "object", True, None),
    ]


def test_parameters_of_a_prompt_are_its_variables() -> None:
    text = "{{ who }}{% for x in things %}{{ x.name }}{% endfor %}{{ page.title }}"
    found = [(p.name, p.type) for p in parameters(text, "prompt")]
    assert found == [("who", "string"), ("things", "list"), ("page", "object")]


@pytest.mark.parametrize(
    ("source", "kind"),
    [("def f(:", "python"), ("x = 1", "python"), ("{% if", "prompt")],
)
def test_what_cannot_be_read_has_no_parameters(source: str, kind: str) -> None:
    assert parameters(source, kind) == []  # type: ignore[arg-type]


def tool(name: str, *words: str) -> str:
    return (
        "from promptflow.core import tool\n@tool\n"
        f"def {name}({', '.join(words)}):\n    return 1\n"
    )


def test_a_node_brings_those_it_refers_to() -> None:
    nodes = {
        "fetch": NodeDraft("fetch", "python", tool("fetch", "url: str")),
        "count": NodeDraft(
            "count",
            "python",
            tool("count", "page: str", "limit: int = 5", "note: str = None"),
            {"page": "${fetch.output}"},
        ),
        "other": NodeDraft("other", "python", tool("other")),
    }
    files = node_flow("count", nodes, {"url": "x"})
    assert sorted(files) == ["count.py", "fetch.py", FLOW_FILE]
    read = read_flow(files[FLOW_FILE], FLOW_FILE, "count")
    assert read.report.problems == []
    assert read.flow is not None
    assert [node.name for node in read.flow.nodes] == ["fetch", "count"]
    assert {n: (i.type, i.default) for n, i in read.flow.inputs.items()} == {
        "url": ("string", None),
        "limit": ("int", 5),
    }
    assert read.flow.node("count").inputs == {  # type: ignore[union-attr]
        "page": "${fetch.output}",
        "limit": "${inputs.limit}",
    }
    given = node_flow("count", nodes, {"note": "n"})
    assert b"note: ${inputs.note}" in given[FLOW_FILE]


def test_a_node_called_like_a_module_does_not_hide_it() -> None:
    files = node_flow("json", {"json": NodeDraft("json", "python", tool("f"))}, {})
    assert "json.py" not in files
    assert len(files) == 2


def test_values_that_are_no_text_decide_an_inputs_type() -> None:
    nodes = {"p": NodeDraft("p", "prompt", "{{ rows }}{{ who }}")}
    read = read_flow(
        node_flow("p", nodes, {"rows": [1], "who": {}})[FLOW_FILE], FLOW_FILE, "p"
    )
    assert read.flow is not None
    assert {n: i.type for n, i in read.flow.inputs.items()} == {
        "rows": "list",
        "who": "object",
    }


@pytest.mark.parametrize(
    "value", ["yes", "3", "a: b", "# c", "", " x", 'say "it"', "zwölf", True, 3, [1]]
)
def test_literals_come_back_as_they_were(value: object) -> None:
    nodes = {"n": NodeDraft("n", "python", tool("n", "a"), {"a": value})}
    read = read_flow(node_flow("n", nodes, {})[FLOW_FILE], FLOW_FILE, "n")
    assert read.flow is not None
    assert read.flow.nodes[0].inputs == {"a": value}


def test_a_yaml_flow_takes_files_beside_the_notebook_and_from_cells(
    tmp_path: Path,
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").write_text("X = 1")
    (tmp_path / "near.py").write_text("import helper\nfrom lib import X\n")
    (tmp_path / "helper.py").write_text("import json\n")
    (tmp_path / "extra.txt").write_text("more")
    (tmp_path / "unused.py").write_text("")
    text = (
        "additional_includes: [extra.txt]\n"
        "nodes:\n"
        "- {name: a, type: python, source: {type: code, path: near.py}}\n"
        "- name: b\n  type: python\n  source:\n    type: code\n    path: 'cell.py'\n"
        "- {name: c, type: python, source: {type: code, path: ../secret.py}}\n"
    )
    nodes = {"cell": NodeDraft("cell", "python", "# from the cell\n")}
    files = yaml_flow(text, nodes, tmp_path)
    assert sorted(files) == [
        "cell.py",
        "extra.txt",
        FLOW_FILE,
        "helper.py",
        "lib/__init__.py",
        "near.py",
    ]
    assert files["cell.py"] == b"# from the cell\n"
    assert files[FLOW_FILE] == text.encode()
