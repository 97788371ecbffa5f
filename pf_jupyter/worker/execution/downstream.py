"""Which part of a flow runs when it is run from a node on."""

from __future__ import annotations

from typing import Dict, List, Sequence

from pf_jupyter.flow.reference import InputReference
from pf_jupyter.worker.execution.prepared import PreparedFlow, PreparedNode


def downstream(prepared: PreparedFlow, target: PreparedNode) -> List[PreparedNode]:
    """Return a node and all that wait for it, in file order.

    Aggregation nodes are left out, unless the node itself is one.
    """
    names = {target.name}
    grown = True
    while grown:
        grown = False
        for node in prepared.nodes.values():
            if node.name not in names and names.intersection(node.waits_for):
                names.add(node.name)
                grown = True
    return [
        node
        for node in prepared.nodes.values()
        if node.name in names and (node is target or not node.node.aggregation)
    ]


def inputs_used(nodes: Sequence[PreparedNode]) -> List[str]:
    """Return the flow inputs that some nodes and their conditions read."""
    used: Dict[str, None] = {}
    for node in nodes:
        for reference in (*node.arguments.values(), node.condition):
            if isinstance(reference, InputReference):
                used[reference.name] = None
    return list(used)
