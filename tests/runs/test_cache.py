"""Nodes that take results of earlier runs instead of running."""

from __future__ import annotations

import os

import pytest

from pf_jupyter.runs.cache import KeptResults

NODE = """
- name: n{i}
  type: python
  source: {{type: code, path: n{i}.py}}
  enable_cache: {cache}
  inputs: {{text: "{before}"}}
"""


def chain(length, cache="true"):
    text = f"""
inputs:
  word: {{type: string, default: x}}
outputs:
  out: {{type: string, reference: "${{n{length}.output}}"}}
nodes:
"""
    for i in range(1, length + 1):
        before = f"${{n{i - 1}.output}}" if i > 1 else "${inputs.word}"
        text += NODE.format(i=i, before=before, cache=cache)
    return text


def bodies(length):
    return {
        f"n{i}": f"text: str:\nreturn text + '{i % 10}'" for i in range(1, length + 1)
    }


def reused(record):
    nodes = record.document["nodes"]
    return {
        n: node["cached_run_id"] for n, node in nodes.items() if "cached_run_id" in node
    }


def run(ground, flow, **options):
    """Run a flow; return its record and the nodes that really ran."""
    events = []
    record = ground.run(flow, events.append, **options)
    assert record.status == "Completed", record.error
    started = [e["node"] for e in events if e["event"] == "node_started"]
    assert sorted([*started, *reused(record)]) == sorted(record.document["nodes"])
    return record, started


def change_environment(ground, digest):
    """Have the runtime look as after an update of its environment."""
    ground.store.change_runtime(ground.id, environment_digest=digest)
    ground.core.executor._known.clear()


def test_of_ten_nodes_only_those_after_a_change_run_again(own_ground, write_flow):
    flow = write_flow(chain(10), **bodies(10))
    first, started = run(own_ground, flow)
    assert len(started) == 10
    again, started = run(own_ground, flow)
    assert started == []
    assert again.document["outputs"] == first.document["outputs"]
    assert set(reused(again).values()) == {first.run_id}
    write_flow(chain(10), n7="text: str:\nreturn text + 'seven'")
    changed, started = run(own_ground, flow)
    assert started == ["n7", "n8", "n9", "n10"]
    assert changed.document["outputs"]["out"] == "x123456seven890"
    assert set(reused(changed)) == {"n1", "n2", "n3", "n4", "n5", "n6"}


def test_another_environment_reuses_nothing(own_ground, write_flow):
    flow = write_flow(chain(3), **bodies(3))
    run(own_ground, flow)
    change_environment(own_ground, "sha256:" + "ef" * 32)
    assert run(own_ground, flow)[1] == ["n1", "n2", "n3"]
    change_environment(own_ground, "sha256:" + "cd" * 32)
    assert run(own_ground, flow)[1] == []


def test_it_is_opt_in_by_node_and_by_run(own_ground, write_flow):
    flow = write_flow(chain(2, cache="false"), **bodies(2))
    for _ in range(2):
        assert len(run(own_ground, flow)[1]) == 2
    assert len(run(own_ground, flow, cache=True)[1]) == 2
    assert run(own_ground, flow, cache=True)[1] == []
    flow = write_flow(chain(2), "other", **bodies(2))
    run(own_ground, flow)
    assert len(run(own_ground, flow, cache=False)[1]) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"word": "y"}},
        {"environment_variables": {"MOOD": "good"}},
    ],
)
def test_other_inputs_and_variables_run_again(own_ground, write_flow, change):
    flow = write_flow(chain(1), **bodies(1))
    run(own_ground, flow)
    assert run(own_ground, flow, **change)[1] == ["n1"]
    assert run(own_ground, flow, **change)[1] == []


def test_modules_and_data_that_a_node_uses_are_part_of_it(own_ground, write_flow):
    flow = write_flow(chain(2), **bodies(2))
    (flow / "n2.py").write_text(
        "from promptflow.core import tool\nfrom helper import add\n"
        "@tool\ndef n2(text: str): return add(text)\n"
    )
    (flow / "helper.py").write_text("import deeper\ndef add(t): return t + deeper.WORD")
    (flow / "deeper.py").write_text("WORD = 'a'")
    (flow / "words.txt").write_text("one")
    run(own_ground, flow)
    assert run(own_ground, flow)[1] == []
    (flow / "deeper.py").write_text("WORD = 'bb'")
    record, started = run(own_ground, flow)
    assert started == ["n2"]
    assert record.document["outputs"]["out"] == "x1bb"
    (flow / "words.txt").write_text("two, three")
    assert run(own_ground, flow)[1] == ["n1", "n2"]


def test_a_node_that_finds_modules_by_itself_depends_on_all(own_ground, write_flow):
    flow = write_flow(chain(2), **bodies(2))
    (flow / "n1.py").write_text(
        "import importlib\nfrom promptflow.core import tool\n@tool\n"
        "def n1(text: str): return importlib.import_module('pl' + 'ug').X\n"
    )
    (flow / "plug.py").write_text("X = 'a'")
    run(own_ground, flow)
    (flow / "plug.py").write_text("X = 'other'")
    record, started = run(own_ground, flow)
    assert started == ["n1", "n2"]
    assert record.document["outputs"]["out"] == "other2"


@pytest.mark.parametrize(
    "body",
    ["return {1, 2}", "return (1, 2)", "return {1: 2}", "yield 'a'", "return b'x'"],
)
def test_what_json_does_not_keep_is_never_taken(own_ground, write_flow, body):
    flow = write_flow(
        chain(2), n1=f"text: str:\n{body}", n2="text: object:\nreturn str(list(text))"
    )
    for _ in range(2):
        assert "n1" in run(own_ground, flow)[1]


def test_a_failure_is_not_kept(own_ground, write_flow):
    flow = write_flow(chain(1), n1="text: str:\nraise ValueError(text)")
    for _ in range(2):
        assert own_ground.run(flow).status == "Failed"


def test_async_nodes_take_results_too(own_ground, write_flow):
    flow = write_flow(chain(2), **bodies(2))
    (flow / "n1.py").write_text(
        "from promptflow.core import tool\n@tool\nasync def n1(text: str): return text"
    )
    first, _ = run(own_ground, flow)
    again, started = run(own_ground, flow)
    assert started == []
    assert again.document["outputs"] == first.document["outputs"]


def test_a_node_run_alone_or_from_runs(own_ground, write_flow):
    flow = write_flow(chain(3), **bodies(3))
    first, _ = run(own_ground, flow)
    assert run(own_ground, flow, node="n2", upstream=first.run_id)[1] == ["n2"]
    assert run(own_ground, flow, from_node="n2")[1] == ["n2"]


def test_an_output_with_a_secret_is_not_kept(own_ground, write_flow, monkeypatch):
    monkeypatch.setenv("PF_JUPYTER_KEYRING", "0")
    own_ground.core.connections.create(
        {"type": "custom", "configs": {"a": "b"}, "secrets": {"key": "s3cr3t-word"}},
        {},
        name="mine",
        scope="personal",
        owner="me",
        ask=None,
    )
    text = chain(1).replace("inputs: {text:", "inputs: {c: mine, text:")
    flow = write_flow(text, n1="text, c:\nreturn c.key")
    (flow / "n1.py").write_text(
        "from promptflow.core import tool\n"
        "from promptflow.connections import CustomConnection\n"
        "@tool\ndef n1(text: str, c: CustomConnection): return c.key"
    )
    for _ in range(2):
        assert run(own_ground, flow)[1] == ["n1"]
    kept = own_ground.store.folder / "cache"
    assert not [p for p in kept.rglob("*.json") if "s3cr3t" in p.read_text()]


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    kept = KeptResults(tmp_path / "cache", limit=5_000)
    keys = [f"{i:02d}" + "ab" * 31 for i in range(10)]
    for age, key in enumerate(keys):
        kept.put(key, {"output": "x" * 900, "run_id": "r"})
        file = tmp_path / "cache" / key[:2] / f"{key}.json"
        if file.exists():
            os.utime(file, (age, age))
        if kept.get(keys[0]) and age < 3:
            os.utime(tmp_path / "cache" / "00" / f"{keys[0]}.json")
    total = sum(p.stat().st_size for p in (tmp_path / "cache").rglob("*.json"))
    assert total <= 5_000
    assert kept.get(keys[-1]) is not None
    assert kept.get(keys[1]) is None


def test_a_damaged_entry_is_no_entry(tmp_path):
    kept = KeptResults(tmp_path / "cache")
    key = "ab" * 32
    kept.put(key, {"output": 1, "run_id": "r"})
    assert kept.get(key) == {"output": 1, "run_id": "r"}
    (tmp_path / "cache" / "ab" / f"{key}.json").write_text("{")
    assert kept.get(key) is None
