"""Secrets are taken out of text, of data, and of what comes in pieces."""

from __future__ import annotations

import base64
import itertools
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pf_jupyter.worker.scrubbing import MASK, NONE, Secrets, secrets_of

KEY = "sk-12/34+äö\"'\\x"


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        json.dumps({"k": KEY}),
        json.dumps({"k": KEY}, ensure_ascii=False),
        repr({"k": KEY}),
        quote(KEY, safe=""),
        quote(KEY),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_the_forms_it_takes(form):
    hidden = Secrets([KEY]).scrub(f"before {form} after")
    assert MASK in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    for part in ("sk-12", "34", "c2stMTIv"):
        assert part not in hidden


def test_the_longer_secret_wins():
    assert Secrets(["abcd", "abcdefgh"]).scrub("abcdefgh abcd") == f"{MASK} {MASK}"


def test_short_secrets_are_left_alone():
    assert not Secrets(["abc", ""])
    assert Secrets(["abc", ""]).scrub("abc") == "abc"
    assert Secrets(["abcd"]).scrub("abcd") == MASK


def test_each_line_of_a_long_key_is_hidden():
    key = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA1234\nabc\n-----END KEY-----\n"
    assert Secrets([key]).scrub("| MIIEowIBAAKCAQEA1234 |") == f"| {MASK} |"


def test_a_secret_that_a_preview_cut_off_is_hidden():
    secrets = Secrets(["abcdefghijkl"])
    assert secrets.scrub("it is 'abcdefgh…' here") == f"it is '{MASK}…' here"
    assert secrets.scrub("it is 'xyz…'") == "it is 'xyz…'"


def test_data_is_scrubbed_with_its_keys():
    value = {"a": [KEY, {KEY: (1, None)}], "b": 2.5}
    assert Secrets([KEY]).scrub_value(value) == {
        "a": [MASK, {MASK: (1, None)}],
        "b": 2.5,
    }


def test_names_of_the_protocol_stay_when_they_are_somebodys_secret():
    secrets = Secrets(["Completed", "outputs", "stdout", "greet", "node_completed"])
    result = {
        "status": "Completed",
        "outputs": {"greet": "Completed"},
        "nodes": {
            "greet": {
                "status": "Completed",
                "inputs": {"greet": "a"},
                "output": {"greet": "stdout"},
                "logs": {"stdout": "outputs", "stderr": "", "dropped_bytes": 0},
                "error": {"code": "greet", "node": "greet", "message": "greet"},
            }
        },
        "error": None,
    }
    hidden = secrets.scrub_result(result)
    node = hidden["nodes"]["greet"]
    assert hidden["status"] == node["status"] == "Completed"
    assert hidden["outputs"] == {"greet": MASK}
    assert node["inputs"] == {"greet": "a"}
    assert node["output"] == {MASK: MASK}
    assert node["logs"] == {"stdout": MASK, "stderr": "", "dropped_bytes": 0}
    assert node["error"] == {"code": "greet", "node": "greet", "message": MASK}
    event = {"event": "node_completed", "node": "greet", "output_preview": "greet"}
    assert secrets.scrub_event(event) == {**event, "output_preview": MASK}


def test_without_secrets_nothing_is_copied():
    result = {"status": "Completed", "outputs": {"a": ["b"]}}
    assert NONE.scrub_result(result) is result
    assert NONE.scrub_value(result) is result
    assert NONE.stream() is None
    emit = print
    assert NONE.emitting(emit) is emit
    assert not secrets_of({})
    assert not secrets_of({"c": {"value": {"url": "long enough"}, "secret_keys": []}})


def test_the_secrets_of_connections_are_those_that_they_call_so():
    data = {"value": {"url": "http://u", "k": "s3cret"}, "secret_keys": ["k", "gone"]}
    secrets = secrets_of({"c": data})
    assert secrets.scrub("http://u s3cret") == f"http://u {MASK}"
    assert "s3cret" not in repr(secrets)


def streamed(secrets, pieces, encoded=False):
    scrubber = secrets.byte_stream() if encoded else secrets.stream()
    if encoded:
        pieces = [piece.encode() for piece in pieces]
    shown = [scrubber.feed(piece) for piece in pieces] + [scrubber.finish()]
    return b"".join(shown).decode() if encoded else "".join(shown)


@pytest.mark.parametrize("encoded", [False, True])
def test_a_secret_across_any_borders_is_hidden(encoded):
    secrets, text = Secrets(["secret"]), "a secret and sec secret"
    for cuts in itertools.combinations(range(len(text) + 1), 2):
        ends = [0, *cuts, len(text)]
        pieces = [text[a:b] for a, b in itertools.pairwise(ends)]
        assert streamed(secrets, pieces, encoded) == f"a {MASK} and sec {MASK}", pieces


def test_only_what_may_begin_a_secret_is_held_back():
    scrubber = Secrets(["secret"]).stream()
    assert scrubber.feed("it is a se") == "it is a "
    assert scrubber.feed("t") == "set"
    assert scrubber.feed("sec") == ""
    assert scrubber.finish() == "sec"


@given(
    st.lists(st.text("ab", min_size=4, max_size=6), min_size=1, max_size=3),
    st.lists(st.text("abc", max_size=8), max_size=8),
)
def test_no_way_of_cutting_text_lets_a_whole_secret_out(keys, pieces):
    """Keys that overlap each other may leave a part, never a whole one."""
    shown = streamed(Secrets(keys), pieces)
    for part in shown.split(MASK):
        assert not any(key in part for key in keys)
