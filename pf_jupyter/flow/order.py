"""In which order nodes run, and what each one waits for.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
Rules: flow-format section 1.8 (stable topological order, dependencies).
"""

from __future__ import annotations

import heapq
from typing import Any, Dict, Iterator, List, Sequence

from pf_jupyter.errors import UsageError
from pf_jupyter.flow.model import Node
from pf_jupyter.flow.reference import NodeReference, Reference, parse_reference


class NodeCircularDependency(UsageError):
    """Nodes wait for each other; ``path`` begins and ends with the same name."""

    code = "NodeCircularDependency"
    codes = (
        "UserError",
        "ValidationError",
        "InvalidFlowRequest",
        "NodeCircularDependency",
    )

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(
            f"nodes wait for each other: {' → '.join(path)}",
            hint="take one of these references out",
            details={"path": list(path)},
        )
        self.path = list(path)


def references(node: Node) -> Iterator[Reference]:
    """Yield what a node's inputs, then its activate condition, refer to."""
    for value in node.inputs.values():
        yield parse_reference(value)
    if node.activate is not None:
        yield parse_reference(node.activate.when)


def dependencies(node: Node) -> List[str]:
    """Return the names of the nodes that ``node`` waits for, each once, in order."""
    names: Dict[str, None] = {}
    for reference in references(node):
        if isinstance(reference, NodeReference):
            names[reference.node] = None
    return list(names)


def topological_order(nodes: Sequence[Node]) -> List[Node]:
    """Sort nodes so that each comes after those it waits for.

    The order of the file is kept where it can be: the next node is always the first
    one of the file whose dependencies are done. References to nodes that do not exist
    are ignored; of two nodes with one name the first counts.

    Raises
    ------
    NodeCircularDependency
        Nodes wait for each other.
    """
    index: Dict[str, int] = {}
    for position, node in enumerate(nodes):
        index.setdefault(node.name, position)
    waiting_for: List[int] = []
    followers: Dict[int, List[int]] = {}
    for position, node in enumerate(nodes):
        known = [index[name] for name in dependencies(node) if name in index]
        waiting_for.append(len(known))
        for dependency in known:
            followers.setdefault(dependency, []).append(position)
    ready = [position for position, count in enumerate(waiting_for) if count == 0]
    order: List[Node] = []
    while ready:
        position = heapq.heappop(ready)
        order.append(nodes[position])
        for follower in followers.get(position, ()):
            waiting_for[follower] -= 1
            if waiting_for[follower] == 0:
                heapq.heappush(ready, follower)
    if len(order) < len(nodes):
        raise NodeCircularDependency(find_cycles(nodes)[0])
    return order


def find_cycles(nodes: Sequence[Node]) -> List[List[str]]:
    """Return one cycle for each knot of nodes that wait for each other.

    Each is a path along the references, ``[a, b, c, a]`` when a needs b, b needs c and
    c needs a, beginning with its first node in file order.
    """
    needs: Dict[str, List[str]] = {}
    for node in nodes:
        needs.setdefault(node.name, dependencies(node))
    state: Dict[str, int] = {}
    cycles: List[List[str]] = []
    for start in needs:
        if start not in state:
            _search(start, needs, state, cycles)
    return [_rotate(cycle, needs) for cycle in cycles]


_OPEN, _DONE = 1, 2


def _search(
    start: str,
    needs: Dict[str, List[str]],
    state: Dict[str, int],
    cycles: List[List[str]],
) -> None:
    """Walk depth first without recursion: a flow may be one chain of thousands."""
    path: List[str] = [start]
    stack: List[Any] = [iter(needs[start])]
    state[start] = _OPEN
    in_cycle: Dict[str, bool] = {}
    while stack:
        name = next((n for n in stack[-1] if n in needs), None)
        if name is None:
            state[path.pop()] = _DONE
            stack.pop()
        elif name not in state:
            state[name] = _OPEN
            path.append(name)
            stack.append(iter(needs[name]))
        elif state[name] == _OPEN:
            cycle = path[path.index(name) :]
            if not any(member in in_cycle for member in cycle):
                cycles.append(cycle)
            in_cycle.update(dict.fromkeys(cycle, True))


def _rotate(cycle: List[str], needs: Dict[str, List[str]]) -> List[str]:
    members = set(cycle)
    first = cycle.index(next(name for name in needs if name in members))
    turned = cycle[first:] + cycle[:first]
    return [*turned, turned[0]]
