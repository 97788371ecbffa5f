"""Connections as they are written: every public type, what is asked, what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.connections.definition import Definition, define, read_file
from pf_jupyter.connections.sending import execution_form
from pf_jupyter.connections.types import TYPES, find_type
from pf_jupyter.errors import UsageError

PUBLIC = {
    "azure_open_ai": ("AzureOpenAI", {"api_base": "b"}),
    "open_ai": ("OpenAI", {}),
    "serverless": ("Serverless", {"api_base": "b"}),
    "cognitive_search": ("CognitiveSearch", {"api_base": "b"}),
    "serp": ("Serp", {}),
    "azure_content_safety": ("AzureContentSafety", {"endpoint": "e"}),
    "form_recognizer": ("FormRecognizer", {"endpoint": "e"}),
    "azure_ai_services": ("AzureAIServices", {"endpoint": "e"}),
    "qdrant": ("Qdrant", {"api_base": "b"}),
    "weaviate": ("Weaviate", {"api_base": "b"}),
    "bing": ("Bing", {}),
}


def defined(data: dict[str, Any], **options: Any) -> Definition:
    settings = options.pop("settings", {})
    return define({"name": "it", **data}, settings, **options)


def refused(data: dict[str, Any], **options: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        defined(data, **options)
    return caught.value


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_type_takes_its_fields(name):
    public, needed = PUBLIC[name]
    made = defined({"type": name, **needed, "api_key": "s3cret"})
    sent = execution_form(made)
    assert sent["type"] == f"{public}Connection"
    assert sent["secret_keys"] == ["api_key"]
    assert sent["value"]["api_key"] == "s3cret"
    assert needed.items() <= sent["value"].items()
    vectors = "promptflow_vectordb" if name in ("qdrant", "weaviate") else "promptflow"
    assert sent["module"] == f"{vectors}.connections"


@pytest.mark.parametrize("name", PUBLIC)
def test_the_worker_makes_the_object_of_each_type(name, monkeypatch):
    from pf_jupyter.worker import compat
    from pf_jupyter.worker.execution.connections import build_connection

    monkeypatch.syspath_prepend(str(Path(compat.__file__).parent))
    public, needed = PUBLIC[name]
    made = defined({"type": name, **needed, "api_key": "s3cret"})
    built = build_connection("it", execution_form(made))
    assert type(built).__name__ == f"{public}Connection"
    assert built.api_key == dict(built)["api_key"] == "s3cret"
    assert "s3cret" not in f"{built!r} {built}"


def test_all_public_types_are_there():
    assert set(TYPES) == {*PUBLIC, "custom"}


@pytest.mark.parametrize("word", ["open_ai", "OpenAI", "OpenAIConnection", "open-ai"])
def test_a_type_is_found_however_it_is_written(word):
    assert find_type(word).name == "open_ai"


def test_defaults_are_those_of_the_public_classes():
    made = defined({"type": "azure_open_ai", "api_base": "b", "api_key": "k"})
    assert made.configs == {
        "api_base": "b",
        "api_type": "azure",
        "api_version": "2024-02-01",
        "auth_mode": "key",
    }


def test_a_token_needs_no_key():
    data = {"type": "azure_open_ai", "api_base": "b", "auth_mode": "meid_token"}
    assert defined(data).secrets == {}
    assert defined({**data, "api_key": "<user-input>"}).secrets == {}


def test_a_custom_connection_keeps_the_users_own_keys():
    made = defined(
        {"type": "custom", "configs": {"url": "u", "n": 3}, "secrets": {"k": "v"}},
        settings={"configs.url": "w", "secrets.other": "x"},
    )
    assert made.configs == {"url": "w", "n": "3"}
    assert made.secrets == {"k": "v", "other": "x"}
    sent = execution_form(made)
    assert sent["type"] == "CustomConnection"
    assert sent["secret_keys"] == ["k", "other"]


def test_a_strong_type_is_a_custom_one_with_the_public_keys():
    made = defined(
        {
            "type": "custom",
            "custom_type": "Mine",
            "module": "my.tools",
            "package": "my",
            "package_version": "1.0",
            "configs": {"url": "u"},
            "secrets": {"k": "v"},
        }
    )
    assert made.configs == {
        "url": "u",
        "promptflow.connection.custom_type": "Mine",
        "promptflow.connection.module": "my.tools",
        "promptflow.connection.package": "my",
        "promptflow.connection.package_version": "1.0",
    }


@pytest.mark.parametrize("mark", ["<user-input>", "*", "******"])
def test_a_secret_that_is_to_be_typed_is_asked_for(mark):
    asked = []

    def ask(what):
        asked.append(what)
        return "typed"

    made = defined({"type": "serp", "api_key": mark}, ask=ask)
    assert made.secrets == {"api_key": "typed"}
    assert asked == ["api_key of connection it"]
    error = refused({"type": "serp", "api_key": mark})
    assert error.code == "secret_needed"
    assert "${env:NAME}" in error.hint
    assert "--set api_key=@FILE" in error.hint


def test_what_is_given_beside_the_file_is_not_asked_for():
    made = defined(
        {"type": "serp", "api_key": "<user-input>"}, settings={"api_key": "given"}
    )
    assert made.secrets == {"api_key": "given"}


def test_an_update_keeps_what_is_not_given():
    old = defined({"type": "open_ai", "api_key": "k", "base_url": "b"})
    new = defined({"base_url": "c"}, stored=old)
    assert new.secrets == {"api_key": "k"}
    assert new.configs == {"base_url": "c"}
    kept = defined({"api_key": "<no-change>", "organization": "o"}, stored=old)
    assert kept.secrets == {"api_key": "k"}
    assert kept.configs == {"base_url": "b", "organization": "o"}
    assert "to keep" in str(refused({"type": "serp", "api_key": "<no-change>"}))
    assert refused({"type": "serp"}, stored=old).code == "bad_connection"


def test_a_variable_is_read_when_a_run_needs_it():
    made = defined(
        {"type": "open_ai", "api_key": "${env:THE_KEY}", "base_url": "${env:THE_URL}"}
    )
    sent = execution_form(made, {"THE_KEY": "k", "THE_URL": "u"})
    assert sent["value"] == {"api_key": "k", "base_url": "u"}
    with pytest.raises(UsageError) as caught:
        execution_form(made, {"THE_URL": "u"})
    assert caught.value.code == "environment_variable_missing"
    assert "THE_KEY" in caught.value.message


@pytest.mark.parametrize(
    ("data", "code", "message", "hint"),
    [
        ({}, "bad_connection", "needs a type", "type: open_ai"),
        ({"type": "opn_ai"}, "unknown_connection_type", "opn_ai", "'open_ai'"),
        ({"type": "serp"}, "bad_connection", "api_key is missing", "api_key"),
        (
            {"type": "serp", "api_key": "s3cret", "apikey": "s3cret"},
            "bad_connection",
            "no field 'apikey'",
            "did you mean 'api_key'",
        ),
        (
            {"type": "custom", "key": "s3cret", "secrets": {"a": "s3cret"}},
            "bad_connection",
            "no field 'key'",
            "secrets.key=",
        ),
        ({"type": "custom", "configs": {}}, "bad_connection", "needs secrets", ""),
        (
            {"type": "custom", "secrets": ["s3cret"]},
            "bad_connection",
            "must be a mapping",
            "key: value",
        ),
        (
            {"type": "custom", "secrets": {"a": {"s3cret": 1}}},
            "bad_connection",
            "a must be a text",
            "",
        ),
        (
            {"type": "azure_ai_services", "endpoint": "e", "auth_mode": "s3cret"},
            "bad_connection",
            "auth_mode cannot be",
            "meid_token",
        ),
        ({"type": "serp", "api_key": "k", "name": "a.b"}, "bad_name", "a.b", ""),
        ({"type": "serp", "api_key": "k", "name": ""}, "bad_name", "a name", ""),
    ],
)
def test_what_is_wrong_is_named(data, code, message, hint):
    error = refused(data)
    assert error.code == code
    assert message in error.message
    assert hint in error.hint
    if "auth_mode" not in data:
        assert "s3cret" not in error.describe()


def test_a_repr_shows_no_secret():
    made = defined({"type": "serp", "api_key": "s3cret"})
    assert "s3cret" not in repr(made)


def test_a_file_that_cannot_be_read_does_not_tell_what_it_holds(tmp_path):
    file = tmp_path / "c.yaml"
    for text in ("api_key: [s3cret", "s3cret", "\tapi_key: s3cret"):
        file.write_text(text)
        with pytest.raises(UsageError) as caught:
            read_file(file)
        assert "s3cret" not in caught.value.describe() + repr(caught.value.details)
    with pytest.raises(UsageError) as caught:
        read_file(tmp_path / "nowhere.yaml")
    assert caught.value.code == "cannot_read"


def test_the_public_form_is_read(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "$schema: https://example.org/AzureOpenAIConnection.schema.json\n"
        "name: az\ntype: azure_open_ai\napi_key: k\napi_base: b\n"
        "api_version: 2023-07-01-preview\nmodule: promptflow.connections\n"
    )
    made = define(read_file(file), {})
    assert made.name == "az"
    assert made.configs["api_version"] == "2023-07-01-preview"
