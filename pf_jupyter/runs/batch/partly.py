"""Lines that run from a node on: what the nodes before it gave in an earlier batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...flow.model import Flow
from ...flow.order import dependencies
from ...worker.protocol import UPSTREAM
from ..inputs import unknown_node
from ..partial import after, unusable
from .journal import Reader

Line = tuple[int, dict[str, Any]]


class FromNode:
    """Knows what each line takes from an earlier batch.

    Parameters
    ----------
    flow, node
        The flow, and the first node that runs again.
    run_id, journal
        The earlier batch.

    Raises
    ------
    UsageError
        The flow has no such node, or it comes after all lines anyway.
    """

    def __init__(self, flow: Flow, node: str, run_id: str, journal: Path) -> None:
        found = flow.node(node)
        if found is None:
            raise unknown_node(flow, node)
        if found.aggregation:
            raise UsageError(
                f"node {node!r} runs once, after all lines",
                code="bad_value",
                hint="--resume-from alone takes over all lines and runs what comes "
                "after them again",
            )
        again = after(flow, node)
        names = {one.name for one in again}
        self._node = node
        self._run_id = run_id
        self._journal = journal
        self._kept = [
            one.name
            for one in flow.nodes
            if one.name not in names and not one.aggregation
        ]
        self._needed = {name for one in again for name in dependencies(one)} - names

    def lines(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Yield each line with what it takes; one that lacks it runs as a whole."""
        reader = Reader(self._journal)
        for number, inputs in lines:
            record = reader.get(number)
            taken = None if record is None else self._taken(record.get("nodes") or {})
            yield number, inputs if taken is None else {**inputs, UPSTREAM: taken}

    def _taken(self, nodes: Mapping[str, Any]) -> dict[str, Any] | None:
        outputs, bypassed = {}, []
        for name in self._kept:
            node = nodes.get(name) or {}
            status = node.get("status")
            if status == "Bypassed":
                bypassed.append(name)
            elif status == "Completed" and not unusable(node):
                outputs[name] = node.get("output")
            elif name in self._needed:
                return None
        return {
            "node": self._node,
            "dependency_outputs": outputs,
            "bypassed": bypassed,
            "source_run_id": self._run_id,
        }
