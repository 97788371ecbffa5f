from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pf_jupyter.flow.model import Activate, Node
from pf_jupyter.flow.order import (
    NodeCircularDependency,
    dependencies,
    find_cycles,
    topological_order,
)


def node(name, *needs, when=None):
    inputs = {f"i{n}": f"${{{need}.output}}" for n, need in enumerate(needs)}
    activate = Activate(f"${{{when}.output}}", True) if when else None
    return Node(name, inputs=inputs, activate=activate)


def names(nodes):
    return [node.name for node in nodes]


def test_the_order_of_the_file_is_kept_where_it_can_be():
    nodes = [node("c", "b"), node("a"), node("d"), node("b", "a")]
    assert names(topological_order(nodes)) == ["a", "d", "b", "c"]
    assert names(topological_order([node("z"), node("a")])) == ["z", "a"]


def test_conditions_count_as_dependencies():
    nodes = [node("late", when="early"), node("early")]
    assert names(topological_order(nodes)) == ["early", "late"]
    assert dependencies(node("n", "a", "b", "a", when="c")) == ["a", "b", "c"]


def test_unknown_nodes_and_flow_inputs_are_no_dependencies_that_block():
    lone = Node("n", inputs={"a": "${gone.output}", "b": "${inputs.x}", "c": 5})
    assert topological_order([lone]) == [lone]
    assert dependencies(lone) == ["gone"]


def test_a_cycle_is_told_with_its_path():
    nodes = [node("x"), node("a", "c"), node("b", "a"), node("c", "b")]
    with pytest.raises(NodeCircularDependency) as caught:
        topological_order(nodes)
    assert caught.value.path == ["a", "c", "b", "a"]
    assert "a → c → b → a" in caught.value.message


def test_each_knot_gives_one_cycle_and_a_node_may_wait_for_itself():
    nodes = [node("s", "s"), node("a", "b"), node("b", "a"), node("free", "a")]
    assert find_cycles(nodes) == [["s", "s"], ["a", "b", "a"]]


def test_a_chain_of_thousands_is_no_problem():
    chain = [node(f"n{i}", f"n{i + 1}") for i in range(5000)] + [node("n5000")]
    assert names(topological_order(chain))[:2] == ["n5000", "n4999"]
    with pytest.raises(NodeCircularDependency):
        topological_order([*chain[:-1], node("n5000", "n0")])


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=10))
def test_every_node_comes_after_what_it_needs(needs):
    nodes = [
        node(f"n{i}", *(f"n{j}" for j in js if j < len(needs)))
        for i, js in enumerate(needs)
    ]
    try:
        order = names(topological_order(nodes))
    except NodeCircularDependency as error:
        path = error.path
        assert path[0] == path[-1]
        by_name = {n.name: n for n in nodes}
        for one, other in pairwise(path):
            assert other in dependencies(by_name[one])
        return
    assert sorted(order) == sorted(names(nodes))
    for item in nodes:
        for need in dependencies(item):
            assert order.index(need) < order.index(item.name)
