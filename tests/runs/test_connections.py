"""Runs get the connections that they need, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pf_jupyter.errors import UsageError

SECRET = "s3cret-of-the-service"
FLOW = """
inputs:
  how: {type: string, default: "value"}
outputs:
  told: {type: string, reference: "${tell.output}"}
nodes:
- name: tell
  type: python
  source: {type: code, path: tell.py}
  inputs: {service: service, how: "${inputs.how}", word: other}
"""
TELL = """service: CustomConnection, how: str, word: str:
import os
if how == "keys":
    return ",".join(sorted(service.keys())) + "|" + service.name + "|" + word
if how == "environment":
    return "|".join(os.environ[name] for name in ("KEY", "SITE", "GONE", "NONE"))
return str(len(service.secrets["key"]))
"""
IMPORT = "from promptflow.connections import CustomConnection\n"


@pytest.fixture(autouse=True)
def connections(ground, monkeypatch):
    """Two connections, gone at the end."""
    monkeypatch.setenv("PF_JUPYTER_KEYRING", "0")
    stored = ground.core.connections
    for name, key in (("service", SECRET), ("second", "another s3cret")):
        stored.create(
            {"type": "custom", "configs": {"site": "x"}, "secrets": {"key": key}},
            {},
            name=name,
            scope="personal",
            owner="me",
            ask=None,
        )
    yield stored
    for name in stored.names():
        stored.delete(name)


@pytest.fixture
def telling(write_flow):
    def write(text: str = FLOW, name: str = "telling"):
        folder = write_flow(text, name, tell=TELL)
        file = folder / "tell.py"
        file.write_text(IMPORT + file.read_text())
        return folder

    return write


@pytest.fixture
def sent(ground, monkeypatch):
    """What goes to the worker of each run."""
    bodies = []
    channel = ground.core.executor.ready(ground.id)[1]
    send = type(channel).run

    def run(self, snapshot, body, *rest, **options):
        bodies.append(body)
        return send(self, snapshot, body, *rest, **options)

    monkeypatch.setattr(type(channel), "run", run)
    return bodies


def told(record):
    assert record.error is None
    return record.document["outputs"]["told"]


def test_a_tool_gets_the_connection_that_its_input_names(ground, telling):
    assert told(ground.run(telling())) == str(len(SECRET))
    keys = told(ground.run(telling(), inputs={"how": "keys"}))
    assert keys == "key,site|service|other"


def test_only_what_a_node_may_need_is_sent(ground, telling, sent, write_flow):
    ground.run(telling())
    assert list(sent[-1]["connections"]) == ["service"]
    plain = write_flow(
        FLOW.replace("service: service, ", ""),
        "plain",
        tell="how: str, word: str:\nreturn how",
    )
    assert told(ground.run(plain)) == "value"
    assert sent[-1]["connections"] == {}


def test_a_flow_without_texts_does_not_even_ask_the_store(
    ground, write_flow, connections, monkeypatch
):
    def for_run(*names):
        raise AssertionError(f"asked for {names}")

    stored = ground.core.executor._preparation.connections
    monkeypatch.setattr(stored, "for_run", for_run)
    text = FLOW.replace('service: service, how: "${inputs.how}", word: other', "")
    assert told(ground.run(write_flow(text, "empty", tell=":\nreturn 'x'"))) == "x"


def test_a_single_node_gets_only_its_own(ground, telling, sent):
    text = FLOW + (
        "- name: again\n  type: python\n  source: {type: code, path: tell.py}\n"
        "  inputs: {service: second, how: value, word: w}\n"
    )
    record = ground.run(telling(text, "two"), node="again")
    assert record.document["outputs"]["output"] == str(len("another s3cret"))
    assert list(sent[-1]["connections"]) == ["second"]


def test_a_missing_connection_fails_before_any_node_and_names_the_nearest(
    ground, telling
):
    text = FLOW.replace("service: service", "service: servise")
    text = text.replace(
        "nodes:\n",
        "nodes:\n- name: early\n  type: python\n"
        "  source: {type: code, path: early.py}\n  inputs: {}\n",
    )
    folder = telling(text, "missing")
    (folder / "early.py").write_text(
        "from promptflow.core import tool\n@tool\ndef early():\n    return 1\n"
    )
    record = ground.run(folder)
    error = record.document["error"]
    assert error["code"] == "ConnectionNotFoundError"
    assert error["node"] == "tell"
    assert error["hint"] == "did you mean 'service'?"
    nodes = record.document["nodes"]
    assert nodes["tell"]["error"]["hint"] == "did you mean 'service'?"
    assert nodes["early"]["status"] != "Completed"
    assert ground.store.run(record.run_id).document["error"] == error


def test_another_connection_for_this_run(ground, telling, sent):
    other = ground.run(telling(), connections={"tell": {"service": "second"}})
    assert told(other) == str(len("another s3cret"))
    assert list(sent[-1]["connections"]) == ["second"]
    # the next run has what the file says
    assert told(ground.run(telling())) == str(len(SECRET))


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        ({"tel": {"service": "second"}}, "did you mean 'tell'?"),
        ({"tell": "second"}, "{node: {key: connection}}"),
    ],
)
def test_overrides_that_fit_nothing_are_refused(ground, telling, overrides, hint):
    with pytest.raises(UsageError) as caught:
        ground.run(telling(), connections=overrides)
    assert caught.value.code == "InvalidFlowError"
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("servise", "second", "did you mean 'service'?"),
        ("how", "environment", "it takes service; other values are overrides"),
    ],
)
def test_only_connections_are_taken_for_connections(ground, telling, name, value, hint):
    record = ground.run(telling(), connections={"tell": {name: value}})
    error = record.document["error"]
    assert (record.status, error["code"]) == ("Failed", "InvalidFlowError")
    assert (error["node"], error["hint"]) == ("tell", hint)


def test_a_model_node_takes_connection_model_and_deployment():
    from pf_jupyter.flow.model import Flow, Node
    from pf_jupyter.runs.connections import overridden

    node = Node("ask", "llm", connection="a", inputs={"model": "m", "question": "q"})
    flow = Flow("f", nodes=[node])
    changed = overridden(
        flow, {"ask": {"connection": "b", "model": "n", "deployment_name": "d"}}
    )
    assert changed.nodes == [
        replace(
            node,
            connection="b",
            inputs={"model": "n", "question": "q", "deployment_name": "d"},
        )
    ]
    assert flow.nodes == [node]
    with pytest.raises(UsageError):
        overridden(flow, {"ask": {"question": "x"}})


def test_environment_variables_take_values_of_connections(ground, telling):
    text = """
environment_variables:
  KEY: "${service.key}"
  SITE: "${service.site}"
  GONE: "${service.nothing}"
  NONE: "x ${nowhere.key}"
""" + FLOW.replace("service: service", "service: second")
    record = ground.run(telling(text, "variables"), inputs={"how": "environment"})
    assert told(record) == "*****|x|${service.nothing}|x ${nowhere.key}"
    given = ground.run(
        telling(text, "variables"),
        inputs={"how": "environment"},
        environment_variables={"KEY": "own", "SITE": "${service.key}"},
    )
    assert told(given) == "own|*****|${service.nothing}|x ${nowhere.key}"


def test_a_variable_of_a_connection_that_is_not_there_fails(ground, telling):
    variables = {"KEY": "${servise.key}"}
    error = ground.run(telling(), environment_variables=variables).error
    assert error["code"] == "ConnectionNotFoundError"
    assert error["hint"] == "did you mean 'service'?"


def test_a_variable_that_is_not_set_is_told_before_the_run(
    ground, telling, connections, monkeypatch
):
    connections.update(
        "service", {}, {"secrets.key": "${env:PF_TEST_KEY}"}, scope=None, ask=None
    )
    before = len(ground.store.runs(limit=None))
    with pytest.raises(UsageError) as caught:
        ground.run(telling())
    assert caught.value.code == "environment_variable_missing"
    assert len(ground.store.runs(limit=None)) == before
    monkeypatch.setenv("PF_TEST_KEY", "from outside")
    assert told(ground.run(telling())) == str(len("from outside"))


def test_a_strong_type_is_made_of_the_users_own_class(ground, write_flow, connections):
    connections.create(
        {
            "type": "custom",
            "custom_type": "Mine",
            "module": "tell",
            "package": "mine",
            "package_version": "1",
            "configs": {"site": "https://x"},
            "secrets": {"key": SECRET},
        },
        {},
        name="strong",
        scope="workspace",
        owner="me",
        ask=None,
    )
    folder = write_flow(
        FLOW.replace("service: service", "service: strong"),
        "strong",
        tell="service: Mine, how: str, word: str:\n"
        "return f'{type(service).__name__} {service.site} {len(service.key)}'",
    )
    file = folder / "tell.py"
    file.write_text(
        "from promptflow.connections import CustomStrongTypeConnection\n"
        "from promptflow.contracts.types import Secret\n"
        "class Mine(CustomStrongTypeConnection):\n    key: Secret\n    site: str\n"
        + file.read_text()
    )
    assert told(ground.run(folder)) == f"Mine https://x {len(SECRET)}"
