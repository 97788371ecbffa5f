"""What a flow's picture shows: its boxes, what they say, and how they are linked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pf_jupyter.flow.flex import as_graph
from pf_jupyter.flow.geometry import INPUTS, OUTPUTS, Edge, Geometry, Size, place
from pf_jupyter.flow.model import Flow, Node
from pf_jupyter.flow.order import dependencies
from pf_jupyter.flow.reference import (
    InputReference,
    NodeReference,
    parse_reference,
)
from pf_jupyter.flow.values import preview

States = Mapping[str, Mapping[str, Any]]
"""Node name to ``{"status", "duration_ms", "note"}``; all keys may be absent."""

_ALL_INPUT_EDGES = 12
_NODE_HEIGHT = 46.0
_MIN_WIDTH, _MAX_WIDTH = 120.0, 240.0
_GAP, _GAP_WITH_CAPTION = 18.0, 28.0


@dataclass(frozen=True)
class Item:
    """What a picture says about one node, or about all inputs or outputs.

    ``label`` and ``detail`` are its two lines, ``condition`` is the text of its
    activate condition, ``full`` everything for a tooltip.
    """

    name: str
    label: str
    detail: str
    condition: str = ""
    full: str = ""
    aggregation: bool = False
    is_port: bool = False


@dataclass(frozen=True)
class Layout:
    """A flow laid out, ready to be drawn any number of times with different states.

    ``levels`` maps each item to its layer; ``needs`` maps each to the items it uses.
    """

    name: str
    items: Mapping[str, Item]
    levels: Mapping[str, int]
    needs: Mapping[str, tuple[str, ...]]
    geometry: Geometry
    outputs: Mapping[str, str] = field(default_factory=dict)


def lay_out(flow: Flow, folded: Collection[str] = ()) -> Layout:
    """Lay a flow out; one that is not valid is drawn as far as it goes.

    Parameters
    ----------
    flow
        The flow, its variants applied.
    folded
        Nodes that stand for what comes after them and after nothing else.
    """
    if flow.kind != "dag":
        flow = as_graph(flow)
    nodes: dict[str, Node] = {}
    for node in flow.nodes:
        nodes.setdefault(node.name, node)
    needs = {
        name: tuple(
            other for other in dependencies(node) if other in nodes and other != name
        )
        for name, node in nodes.items()
    }
    owner = _owners(needs, folded)
    if owner:
        nodes = {name: node for name, node in nodes.items() if name not in owner}
        needs = {
            name: tuple(dict.fromkeys(owner.get(other, other) for other in needs[name]))
            for name in nodes
        }
    hidden = Counter(owner.values())
    small = len(nodes) <= _ALL_INPUT_EDGES
    levels = _levels(needs)
    _pull(levels, needs, {n for n in nodes if not (small and _uses_inputs(nodes[n]))})
    items: dict[str, Item] = {}
    if flow.inputs:
        items[INPUTS] = _port_item("inputs", list(flow.inputs))
    items.update((n, _node_item(node, hidden[n])) for n, node in nodes.items())
    if flow.outputs:
        items[OUTPUTS] = _port_item("outputs", list(flow.outputs))
    edges = _edges(flow, nodes, needs, levels, owner)
    used: dict[str, tuple[str, ...]] = {}
    for name, node in nodes.items():
        takes_inputs = bool(flow.inputs) and _uses_inputs(node)
        used[name] = (*((INPUTS,) if takes_inputs else ()), *needs[name])
    first, last = 0, max(levels.values(), default=0) + 1
    all_levels = {INPUTS: first, **levels, OUTPUTS: last}
    all_levels = {name: all_levels[name] for name in items}
    captions = any(item.condition for item in items.values())
    geometry = place(
        {name: _size(item) for name, item in items.items()},
        all_levels,
        edges,
        _GAP_WITH_CAPTION if captions else _GAP,
    )
    outputs = {
        name: _source_of(output.reference) for name, output in flow.outputs.items()
    }
    return Layout(flow.name, items, all_levels, used, geometry, outputs)


def text_width(text: str, size: float) -> float:
    """Estimate the width in pixels of text in a sans-serif font of ``size`` pixels."""
    total = 0.0
    for character in text:
        if character in "iljtfI.,:;|'![]() ":
            total += 0.36
        elif character in "mwMW@%…":
            total += 0.96
        elif ord(character) >= 0x2E80:
            total += 1.0
        elif character.isupper():
            total += 0.72
        else:
            total += 0.63
    return total * size


def shorten(text: str, size: float, width: float) -> str:
    """Cut text so that it takes at most ``width`` pixels, with an ellipsis."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _levels(needs: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return the longest way to each node, from 1; what closes a cycle is ignored."""
    levels: dict[str, int] = {}
    for start in needs:
        stack = [(start, iter(needs[start]))]
        open_names = {start}
        while stack:
            name, rest = stack[-1]
            other = next(
                (n for n in rest if n not in levels and n not in open_names), None
            )
            if other is not None:
                open_names.add(other)
                stack.append((other, iter(needs[other])))
                continue
            stack.pop()
            if name not in levels:
                below = [levels[n] for n in needs[name] if n in levels]
                levels[name] = 1 + max(below, default=0)
    return {name: levels[name] for name in needs}


def _owners(
    needs: Mapping[str, tuple[str, ...]], folded: Collection[str]
) -> dict[str, str]:
    """Return for each node that is folded away the one that stands for it."""
    owner: dict[str, str] = {}
    for name in (n for n in needs if n in folded and n not in owner):
        found = {name}
        grown = True
        while grown:
            more = {
                other
                for other, before in needs.items()
                if before and other not in found and found.issuperset(before)
            }
            grown = bool(more)
            found |= more
        owner.update(dict.fromkeys(found - {name}, name))
    # one that was folded before what it stands in was folded, too
    while any(stands in owner for stands in owner.values()):
        owner = {hidden: owner.get(stands, stands) for hidden, stands in owner.items()}
    return owner


def _pull(
    levels: dict[str, int], needs: Mapping[str, tuple[str, ...]], loose: set[str]
) -> None:
    """Move nodes that wait for nothing next to the first that uses them."""
    first_use: dict[str, int] = {}
    for name, others in needs.items():
        for other in others:
            level = levels[name]
            first_use[other] = min(first_use.get(other, level), level)
    for name in loose:
        if not needs[name] and name in first_use:
            levels[name] = max(first_use[name] - 1, 1)


def _edges(
    flow: Flow,
    nodes: Mapping[str, Node],
    needs: Mapping[str, tuple[str, ...]],
    levels: Mapping[str, int],
    owner: Mapping[str, str],
) -> list[Edge]:
    edges: list[Edge] = []
    for name, node in nodes.items():
        by_input = {
            owner.get(reference.node, reference.node)
            for value in node.inputs.values()
            if isinstance(reference := parse_reference(value), NodeReference)
        }
        for other in needs[name]:
            if levels[other] < levels[name]:
                edges.append(Edge(other, name, other not in by_input))
        # In a large flow lines from the inputs to everywhere would hide the others.
        every = len(nodes) <= _ALL_INPUT_EDGES
        if flow.inputs and _uses_inputs(node) and (every or levels[name] == 1):
            edges.append(Edge(INPUTS, name))
    named = (_source_of(output.reference) for output in flow.outputs.values())
    for source in dict.fromkeys(owner.get(name, name) for name in named):
        if source in nodes or (source == INPUTS and flow.inputs):
            edges.append(Edge(source, OUTPUTS))
    return edges


def _uses_inputs(node: Node) -> bool:
    values = [*node.inputs.values(), node.activate.when if node.activate else None]
    return any(isinstance(parse_reference(value), InputReference) for value in values)


def _source_of(reference: Any) -> str:
    parsed = parse_reference(reference)
    if isinstance(parsed, InputReference):
        return INPUTS
    return parsed.node if isinstance(parsed, NodeReference) else ""


def _node_item(node: Node, hidden: int = 0) -> Item:
    kind = node.type or "no type"
    detail = f"{kind} · aggregation" if node.aggregation else kind
    if hidden:
        detail += f" · {hidden} folded"
    full = [f"{node.name} ({detail})"]
    if node.source and node.source.path:
        full.append(f"source: {node.source.path}")
    full += [f"{name} = {_value(value)}" for name, value in node.inputs.items()]
    condition = ""
    if node.activate is not None:
        when = parse_reference(node.activate.when)
        expected = _value(node.activate.is_)
        full.append(f"runs if {_value(node.activate.when)} is {expected}")
        condition = f"if {_condition_subject(when)} is {expected}"
    return Item(
        node.name, node.name, detail, condition, "\n".join(full), node.aggregation
    )


def _condition_subject(when: Any) -> str:
    if isinstance(when, NodeReference):
        last = when.property.split(".")[-1] if when.property else ""
        return last or when.node
    return when.name if isinstance(when, InputReference) else preview(when.value, 20)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) and value else preview(value, 80)


def _port_item(label: str, names: list[str]) -> Item:
    return Item(
        label,
        label,
        ", ".join(names),
        full=f"{label}: {', '.join(names)}",
        is_port=True,
    )


def _size(item: Item) -> Size:
    wanted = max(
        text_width(item.label, 13) + 34,
        text_width(item.detail, 11) + (26 if item.is_port else 88),
    )
    return Size(min(max(wanted, _MIN_WIDTH), _MAX_WIDTH), _NODE_HEIGHT)
