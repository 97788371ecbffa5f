"""Refuses a flow whose nodes and outputs do not hang together.

Rules: flow-format section 1.8; aggregation rules in 2.4.
"""

from __future__ import annotations

from typing import Dict

from pf_jupyter.flow.model import Flow, Node
from pf_jupyter.flow.order import topological_order
from pf_jupyter.flow.reference import (
    InputReference,
    Literal,
    NodeReference,
    Reference,
    parse_reference,
)
from pf_jupyter.worker.execution.failures import FlowFailure


def check_topology(flow: Flow) -> None:
    """Check names, references, cycles and outputs, in the order of the format.

    Raises
    ------
    FlowFailure
        DuplicateNodeName, NodeReferenceNotFound, InputReferenceNotFound,
        InvalidNodeReference, EmptyOutputReference, OutputReferenceNotFound.
    NodeCircularDependency
        Nodes wait for each other.
    """
    nodes: Dict[str, Node] = {}
    for node in flow.nodes:
        if node.name in nodes:
            raise FlowFailure(
                "DuplicateNodeName",
                f"two nodes are called '{node.name}'",
                hint="rename one of them",
                node=node.name,
            )
        nodes[node.name] = node
    for node in flow.nodes:
        for key, value in node.inputs.items():
            where = f"input '{key}' of node '{node.name}'"
            reference = parse_reference(value)
            _check_node_reference(node, reference, where, nodes)
            if isinstance(reference, InputReference):
                _check_input(flow, reference, where, node.name)
        if node.activate is not None:
            where = f"the activate condition of node '{node.name}'"
            condition = parse_reference(node.activate.when)
            _check_node_reference(node, condition, where, nodes)
            if (
                node.aggregation
                and isinstance(condition, NodeReference)
                and not nodes[condition.node].aggregation
            ):
                raise FlowFailure(
                    "InvalidNodeReference",
                    f"{where} refers to '{condition.node}', which is not an "
                    "aggregation node",
                    hint="let it refer to a flow input or an aggregation node",
                    node=node.name,
                )
    topological_order(flow.nodes)
    _check_outputs(flow, nodes)


def _check_node_reference(
    node: Node, reference: Reference, where: str, nodes: Dict[str, Node]
) -> None:
    if not isinstance(reference, NodeReference):
        return
    target = nodes.get(reference.node)
    if target is None:
        raise FlowFailure(
            "NodeReferenceNotFound",
            f"{where} refers to node '{reference.node}', which does not exist",
            hint=f"the nodes are: {', '.join(nodes)}",
            node=node.name,
        )
    if target.aggregation and not node.aggregation:
        raise FlowFailure(
            "InvalidNodeReference",
            f"{where} refers to the aggregation node '{target.name}'",
            hint="only aggregation nodes can use the output of one",
            node=node.name,
        )


def _check_input(flow: Flow, reference: InputReference, where: str, node: str) -> None:
    if reference.name not in flow.inputs:
        raise FlowFailure(
            "InputReferenceNotFound",
            f"{where} refers to flow input '{reference.name}', which is not declared",
            hint=f"the inputs are: {', '.join(flow.inputs) or 'none'}",
            node=node,
        )


def _check_outputs(flow: Flow, nodes: Dict[str, Node]) -> None:
    for name, output in flow.outputs.items():
        reference = parse_reference(output.reference)
        if isinstance(reference, Literal):
            if reference.value == "":
                raise FlowFailure(
                    "EmptyOutputReference",
                    f"flow output '{name}' has no reference",
                    hint="add reference: ${node.output}",
                )
        elif isinstance(reference, InputReference):
            if reference.name not in flow.inputs:
                raise FlowFailure(
                    "OutputReferenceNotFound",
                    f"flow output '{name}' refers to flow input "
                    f"'{reference.name}', which is not declared",
                    hint=f"the inputs are: {', '.join(flow.inputs) or 'none'}",
                )
        elif reference.node not in nodes:
            raise FlowFailure(
                "OutputReferenceNotFound",
                f"flow output '{name}' refers to node '{reference.node}', which "
                "does not exist",
                hint=f"the nodes are: {', '.join(nodes) or 'none'}",
            )
