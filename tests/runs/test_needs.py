"""Connections that a flow names and that are not there are told with their place."""

from __future__ import annotations

import textwrap

import pytest

from pf_jupyter.runs.validate import check_code, check_file, refuse

FLOW = """\
environment_variables:
  KEY: "${sercret.key}"
  PLAIN: "x"
outputs:
  out: {type: string, reference: "${use.output}"}
nodes:
- name: use
  type: python
  source: {type: code, path: use.py}
  inputs: {first: service, other: nobody, word: nobody, same: "${ask.output}"}
- name: ask
  type: llm
  source: {type: code, path: ask.jinja2}
  connection: models
  api: chat
  inputs: {model: m}
- name: varied
  use_variants: true
node_variants:
  varied:
    default_variant_id: one
    variants:
      one:
        node:
          type: llm
          source: {type: code, path: ask.jinja2}
          connection: others
          api: chat
          inputs: {model: m}
"""
USE = """
from typing import Optional, Union
from promptflow.connections import AzureOpenAIConnection, CustomConnection
from promptflow.core import tool


@tool
def use(first: CustomConnection, word: str, same, other: Optional[{kind}] = None):
    return word
"""
EVERY = [
    ("sercret", 2, 8),
    ("nobody", 10, 35),
    ("models", 14, 15),
    ("others", 27, 23),
]


@pytest.fixture
def stored(ground, monkeypatch):
    monkeypatch.setenv("PF_JUPYTER_KEYRING", "0")
    found = ground.core.connections
    given = {"configs": {}, "secrets": {"key": "s3cret-s3cret"}, "type": "custom"}
    names = ("service", "secret")
    for name in names:
        found.create(given, {}, name=name, scope="personal", owner="me", ask=None)
    yield found
    for name in names:
        found.delete(name)


@pytest.fixture
def flow(write_flow):
    folder = write_flow(FLOW, "needing")
    (folder / "use.py").write_text(USE.format(kind="AzureOpenAIConnection"))
    (folder / "ask.jinja2").write_text("user:\nhello\n")
    return folder


def told(found):
    return [
        (w["message"].split("'")[-2], w["line"], w["column"])
        for w in found.warnings
        if w["code"] == "ConnectionNotFoundError"
    ]


def test_without_a_runtime_annotations_tell(flow, stored):
    found = check_file(flow, lambda: stored)
    assert found.problems == []
    assert told(found) == EVERY
    hints = [warning["hint"] for warning in found.warnings]
    assert hints[0] == "did you mean 'secret'?"
    assert "%pfconnection create" in hints[1]
    assert "--name nobody" in hints[1]
    assert [warning["node"] for warning in found.warnings] == [
        "",
        "use",
        "ask",
        "varied",
    ]


def test_a_runtime_knows_what_tools_take(ground, flow, stored):
    # a name that no text of the annotation holds
    text = USE.format(kind="Kind")
    text = text.replace("\n\n@tool", "\n\nKind = CustomConnection\n@tool", 1)
    (flow / "use.py").write_text(text)
    assert ("nobody", 10, 35) not in told(check_file(flow, lambda: stored))
    found = check_code(ground.core.executor, ground.store, ground.id, flow)
    assert told(found) == EVERY


def test_nothing_is_asked_where_no_connection_is_named(write_flow):
    def unasked():
        raise AssertionError

    flow = write_flow(
        "outputs: {}\nnodes:\n- name: a\n  type: python\n"
        "  source: {type: code, path: a.py}\n  inputs: {x: text}\n",
        a="x: str:\nreturn x\n",
    )
    assert check_file(flow, unasked).warnings == []


def test_a_prompty_names_its_connection(tmp_path, stored):
    file = tmp_path / "ask.prompty"
    file.write_text(
        textwrap.dedent(
            """\
            ---
            name: ask
            model:
              configuration: {type: openai, model: m, connection: nobody}
              parameters: {}
            ---
            user:
            hello
            """
        )
    )
    assert told(check_file(file, lambda: stored)) == [("nobody", 4, 55)]


def test_keys_that_mean_nothing_are_warned_of(tmp_path):
    (tmp_path / "flow.dag.yaml").write_text("inptus: {}\nnodes: []\n")
    found = check_file(tmp_path)
    assert [w["code"] for w in found.warnings] == ["unknown_key"]
    assert found.problems == []


def test_a_run_that_lacks_inputs_is_refused(write_flow):
    from pf_jupyter.errors import UsageError

    flow = write_flow(
        "inputs:\n  word: {type: string}\n  more: {type: int, default: 1}\n"
        "outputs: {}\nnodes:\n- name: a\n  type: python\n"
        "  source: {type: code, path: a.py}\n  inputs: {x: '${inputs.word}'}\n",
        a="x: str:\nreturn x\n",
    )
    with pytest.raises(UsageError) as caught:
        refuse(flow, {"inputs": {}})
    assert caught.value.code == "missing_input"
    with pytest.raises(UsageError):
        refuse(flow, {"inputs": {"word": "x", "more": "x"}})
    with pytest.raises(UsageError):
        refuse(flow, {"node": "a"})
    assert refuse(flow, {"inputs": {"word": "x"}}) == []
    assert refuse(flow, {"inputs": {}, "from_node": "a"}) == []
    assert refuse(flow, {"overrides": {"inputs.word.default": "x"}}) == []
    (flow / "flow.dag.yaml").write_text("nodes: [{name: a, type: nothing}]")
    assert {p["code"] for p in refuse(flow, {})} >= {"unknown_node_type"}
