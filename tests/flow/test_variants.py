import pytest

from pf_jupyter.flow.definition import build_flow
from pf_jupyter.flow.fields import Report
from pf_jupyter.flow.variants import (
    InvalidFlowError,
    apply_variants,
    parse_choice,
    variant_ids,
)


def variant(path, **more):
    source = {"type": "code", "path": path}
    return {"node": {"type": "prompt", "source": source, **more}}


def build(**changes):
    raw = {
        "nodes": [
            {"name": "ask", "use_variants": True, "inputs": {"lost": 1}},
            {"name": "tell", "use_variants": True},
            {"name": "plain", "type": "python"},
        ],
        "node_variants": {
            "ask": {
                "default_variant_id": "short",
                "variants": {
                    "short": variant("short.jinja2", inputs={"n": 1}),
                    "long": variant("long.jinja2", use_variants=True),
                },
            },
            "tell": {
                "default_variant_id": "only",
                "variants": {"only": variant("only.jinja2")},
            },
            "plain": {"default_variant_id": "x", "variants": {"x": variant("x")}},
        },
        **changes,
    }
    return build_flow(raw, "flow", Report())[0]


def sources(flow):
    return {node.name: node.source and node.source.path for node in flow.nodes}


def test_defaults_replace_the_whole_node():
    flow = build()
    applied = apply_variants(flow)
    assert sources(applied) == {
        "ask": "short.jinja2",
        "tell": "only.jinja2",
        "plain": None,
    }
    assert applied.nodes[0].inputs == {"n": 1}
    assert flow.nodes[0].inputs == {"lost": 1}
    assert apply_variants(applied) == applied


def test_a_chosen_variant_goes_with_the_defaults_of_the_others():
    applied = apply_variants(build(), "${ask.long}")
    assert sources(applied)["ask"] == "long.jinja2"
    assert sources(applied)["tell"] == "only.jinja2"
    assert not applied.nodes[0].use_variants


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("${ask.lang}", "has no variant 'lang'"),
        ("${asks.long}", "no node 'asks' with variants"),
        ("${plain.y}", "has no variant 'y'"),
        ("ask.long", "does not name a variant"),
        ("ask", "does not name a variant"),
        ("${ask.}", "does not name a variant"),
    ],
)
def test_a_choice_that_is_not_there(choice, told):
    with pytest.raises(InvalidFlowError) as caught:
        apply_variants(build(), choice)
    assert caught.value.code == "InvalidFlowError"
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({}, "no default_variant_id"),
        ({"default_variant_id": "gone", "variants": {}}, "has no variant 'gone'"),
        ({"default_variant_id": "a", "variants": {"a": {}}}, "holds no node"),
        ({"default_variant_id": "a", "variants": []}, "has no variants"),
        (None, "has no entry for it"),
    ],
)
def test_a_node_without_a_usable_default(entry, told):
    flow = build(node_variants={"ask": entry})
    with pytest.raises(InvalidFlowError, match=told):
        apply_variants(flow)


def test_a_variant_that_is_no_proper_node_is_refused():
    bad = {"default_variant_id": "a", "variants": {"a": {"node": {"type": 5}}}}
    flow = build(node_variants={"ask": bad, "tell": bad})
    with pytest.raises(InvalidFlowError, match="must be text"):
        apply_variants(flow)


def test_a_choice_for_a_node_that_uses_no_variants_has_no_effect():
    assert apply_variants(build(), "${plain.x}") == apply_variants(build())


def test_names():
    assert parse_choice("${a.b}") == ("a", "b")
    assert variant_ids(build()) == {
        "ask": ["short", "long"],
        "tell": ["only"],
        "plain": ["x"],
    }
