"""The tool that searches a local index of vectors."""

from __future__ import annotations

import json
import pickle
import sys
import types

import pytest

from pf_jupyter.flow.model import Node, ToolSource

TOOL = "promptflow_vectordb.tool.faiss_index_lookup.FaissIndexLookup.search"
ROWS = [
    {"vector": [1, 0, 0], "text": "one"},
    {"vector": [0, 1, 0], "text": "two", "metadata": {"page": 2}},
    {"vector": [0, 0, 1], "text": "three"},
]
STUB = """
import json, os
class Index:
    d = 3
    def __init__(self, path):
        with open(path) as file:
            self.rows = json.load(file)
    def search(self, wanted, count):
        found = sorted(
            (sum((a - b) ** 2 for a, b in zip(wanted[0], row)), place)
            for place, row in enumerate(self.rows)
        )[:count]
        found += [(3.4e38, -1)] * (count - len(found))
        return [[far for far, _ in found]], [[place for _, place in found]]
read_index = Index
"""


@pytest.fixture
def search(flow):
    def call(path, vector=(0.0, 0.9, 0.1), tool=TOOL, **more):
        flow.python("vec", f"@tool\ndef vec():\n    return {list(vector)!r}\n")
        source = ToolSource("package", tool=tool)
        inputs = {"path": path, "vector": "${vec.output}", **more}
        flow.flow.nodes.append(Node("find", "python", source, inputs))
        flow.gives("out", "${find.output}")
        return flow.run()

    return call


def test_rows_of_json_are_searched(flow, search):
    flow.file("index.jsonl", "\n".join(map(json.dumps, ROWS)) + "\n\n")
    result = search("index.jsonl", top_k="2")
    assert result["status"] == "Completed", result["error"]
    assert [entry["text"] for entry in result["outputs"]["out"]] == ["two", "three"]
    assert result["outputs"]["out"][0]["metadata"] == {"page": 2}
    assert result["outputs"]["out"][0]["score"] == pytest.approx(0.02)


def test_a_folder_and_its_old_name_do_too(flow, search):
    flow.file("my/index.json", json.dumps(ROWS))
    result = search("./my", tool="embeddingstore.tool.faiss_index_lookup.search")
    assert [e["text"] for e in result["outputs"]["out"]] == ["two", "three", "one"]


@pytest.mark.parametrize(
    ("files", "path", "vector", "words"),
    [
        ({}, "nowhere", (1, 0, 0), "there is no index at nowhere"),
        ({}, "azureml://data/x", (1, 0, 0), "only local ones can be searched"),
        ({"i.jsonl": '{"text": "x"}'}, "i.jsonl", (1,), "each row needs a 'vector'"),
        ({"i.jsonl": "{"}, "i.jsonl", (1,), "i.jsonl is no index"),
        ({"i.jsonl": '{"vector": [1, 2]}'}, "i.jsonl", (1,), "another model"),
    ],
)
def test_what_cannot_be_searched_says_why(flow, search, files, path, vector, words):
    for name, text in files.items():
        flow.file(name, text)
    assert words in search(path, vector)["error"]["message"]


class _Store:
    def __init__(self, texts):
        self._dict = texts


class _Document:
    def __init__(self, text):
        self.page_content, self.metadata = text, {"from": "faiss"}


def saved(flow, monkeypatch):
    """Write an index as langchain saves it, with a stand-in for the library."""
    with monkeypatch.context() as patch:
        for module, cls in (("langchain_core", _Document), ("langchain", _Store)):
            made = types.ModuleType(module)
            setattr(made, cls.__name__, cls)
            patch.setitem(sys.modules, module, made)
            patch.setattr(cls, "__module__", module)
        texts = {str(i): _Document(row["text"]) for i, row in enumerate(ROWS)}
        data = pickle.dumps((_Store(texts), {i: str(i) for i in range(3)}))
    (flow.folder / "store").mkdir()
    (flow.folder / "store" / "index.pkl").write_bytes(data)
    flow.file("store/index.faiss", json.dumps([row["vector"] for row in ROWS]))


def test_an_index_of_faiss_is_searched_without_langchain(flow, search, monkeypatch):
    saved(flow, monkeypatch)
    flow.file("faiss.py", STUB)
    flow.file("numpy.py", "def array(rows, dtype):\n    return rows\n")
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    result = search("store", top_k=5)
    assert result["status"] == "Completed", result["error"]
    found = result["outputs"]["out"]
    assert [entry["text"] for entry in found] == ["two", "three", "one"]
    assert found[0]["metadata"] == {"from": "faiss"}


def test_without_the_library_the_package_is_named(flow, search, monkeypatch):
    saved(flow, monkeypatch)
    flow.file("faiss.py", "raise ImportError('No module named faiss')\n")
    assert "faiss-cpu" in search("store")["error"]["message"]


def test_an_index_cannot_run_code(flow, search, monkeypatch):
    saved(flow, monkeypatch)
    flow.file("faiss.py", STUB)
    flow.file("numpy.py", "def array(rows, dtype):\n    return rows\n")
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    (flow.folder / "store" / "index.pkl").write_bytes(pickle.dumps(print))
    assert "builtins.print" in search("store")["error"]["message"]
