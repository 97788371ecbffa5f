"""Running part of a flow: what the nodes before it gave in an earlier run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import NotFound, UsageError
from ..flow.model import Flow, Node
from ..flow.order import dependencies
from ..flow.reference import InputReference, NodeReference, parse_reference
from ..store.records import RunRecord
from ..store.store import Store
from ..worker.protocol import pack_value
from ..worker.scrubbing import MASK
from .inputs import unknown_node
from .request import Request

_LOOKED_AT = 500


@dataclass(frozen=True)
class Upstream:
    """What an earlier run is taken for.

    Parameters
    ----------
    run_id
        The run.
    outputs
        What nodes gave that are not run again, by name.
    bypassed
        Nodes that were bypassed.
    inputs
        Values of the flow's inputs in that run.
    """

    run_id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    bypassed: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def to_body(self, request: Request) -> dict[str, Any]:
        """Return what it adds to the RUN of ``request``."""
        body: dict[str, Any] = {"source_run_id": self.run_id}
        if request.from_node is not None:
            body["dependency_outputs"] = pack_value(dict(self.outputs))
            body["bypassed"] = list(self.bypassed)
        return body


def upstream_of(
    store: Store, flow: Flow, request: Request, runtime_id: str
) -> Upstream | None:
    """Return what a run of a part of a flow takes from an earlier run.

    Parameters
    ----------
    store
        Where runs are recorded.
    flow
        The flow as it runs now.
    request
        Its ``from_node`` or ``node``, and ``upstream``.
    runtime_id
        Where to look for an earlier run when ``upstream`` is not given.

    Returns
    -------
    Upstream
        None when the request asks for none.

    Raises
    ------
    UsageError
        No such node, no earlier run, or one that lacks what is needed.
    NotFound
        There is no run called ``upstream``.
    """
    if request.from_node is None and request.upstream is None:
        return None
    if request.from_node is not None and request.node is not None:
        raise UsageError(
            "a run is of one node or from one node on, not both",
            code="bad_value",
            hint="leave out node= (--node) or from_node= (--from)",
        )
    name = request.from_node or request.node
    if name is None:
        raise UsageError(
            "an earlier run is only of use for a part of a flow",
            code="bad_value",
            hint="add from_node=… (--from NODE) or node=… (--node NODE)",
        )
    if flow.node(name) is None:
        raise unknown_node(flow, name)
    record = _source(store, request, runtime_id, name)
    if record.flow_path != str(request.path):
        raise UsageError(
            f"run {record.run_id} is of another flow ({record.flow_path})",
            code="other_flow",
            hint="%pfrun list shows the runs of this one",
        )
    if request.from_node is not None:
        again = after(flow, name)
        needed = {n for node in again for n in dependencies(node)}
        needed -= {node.name for node in again}
    else:
        node = flow.node(name)
        again = [node] if node is not None else []
        needed = {
            reference.node
            for value in again[0].inputs.values()
            if isinstance(reference := parse_reference(value), NodeReference)
            and not any(word in request.inputs for word in _words(reference))
        }
    return _taken(flow, record, again, needed, name)


def after(flow: Flow, name: str) -> list[Node]:
    """Return a node and all that run because of it, in the order of the file."""
    names = {name}
    while True:
        more = {
            node.name
            for node in flow.nodes
            if node.name not in names
            and not node.aggregation
            and names.intersection(dependencies(node))
        }
        if not more:
            return [node for node in flow.nodes if node.name in names]
        names |= more


def with_inputs(flow: Flow, request: Request, upstream: Upstream) -> Request:
    """Return a request with inputs of the earlier run where none are given.

    Parameters
    ----------
    flow, request
        The flow, and what is to be run of it.
    upstream
        The earlier run.
    """
    given = request.inputs
    if request.node is None:
        return replace(request, inputs={**upstream.inputs, **given})
    node = flow.node(request.node)
    found: dict[str, Any] = {}
    for parameter, value in (node.inputs if node is not None else {}).items():
        reference = parse_reference(value)
        if parameter in given:
            continue
        if isinstance(reference, NodeReference):
            known = reference.node in upstream.outputs
            if known and not any(word in given for word in _words(reference)):
                name = f"{reference.node}.{reference.section}"
                found[name] = upstream.outputs[reference.node]
        elif isinstance(reference, InputReference):
            name = reference.name
            if name in upstream.inputs and name not in given:
                found[name] = upstream.inputs[name]
    return replace(request, inputs={**found, **given})


def _words(reference: NodeReference) -> Iterator[str]:
    exact = str(reference)
    yield from (exact, exact[2:-1])
    whole = f"{reference.node}.{reference.section}"
    yield from (whole, "${" + whole + "}")


def _source(store: Store, request: Request, runtime_id: str, name: str) -> RunRecord:
    if request.upstream is not None:
        record = store.run(request.upstream)
        if record is None:
            raise NotFound(
                f"there is no run {request.upstream!r}",
                hint="%pfrun list shows the newest",
            )
        if record.status == "Running":
            raise UsageError(
                f"run {record.run_id} is still going on",
                code="bad_value",
                hint="wait for its end, or name another run",
            )
        return record
    path = str(request.path)
    for record in store.runs(
        limit=_LOOKED_AT, status="Completed", runtime_id=runtime_id
    ):
        if record.flow_path == path and record.mode != "node":
            found = store.run(record.run_id)
            if found is not None:
                return found
    raise UsageError(
        f"there is no completed run of this flow in this runtime to start {name!r} "
        "from",
        code="no_earlier_run",
        hint="run the whole flow once, or name a run: --run RUN_ID (upstream=…)",
    )


def _taken(
    flow: Flow, record: RunRecord, again: list[Node], needed: set[str], name: str
) -> Upstream:
    nodes = (record.document or {}).get("nodes") or {}
    kept = {node.name for node in flow.nodes if not node.aggregation}
    kept -= {node.name for node in again}
    outputs: dict[str, Any] = {}
    bypassed = []
    why: dict[str, str] = {}
    for before in sorted(kept):
        found = nodes.get(before) or {}
        status = found.get("status") or "NotStarted"
        if status == "Bypassed":
            bypassed.append(before)
        elif status != "Completed":
            why[before] = f"was {status} there" if found else "did not run there"
        elif reason := unusable(found):
            why[before] = reason
        else:
            outputs[before] = found.get("output")
    missing = [
        n for n in (node.name for node in flow.nodes) if n in needed and n in why
    ]
    if missing:
        listed = ", ".join(f"{n!r} ({why[n]})" for n in missing)
        raise UsageError(
            f"run {record.run_id} has no output to take for {listed}, which "
            f"{name!r} needs",
            code="missing_upstream",
            hint=f"start earlier: --from {missing[0]}, run the whole flow, or name "
            "another run: --run RUN_ID",
            details={"nodes": missing, "run_id": record.run_id},
        )
    return Upstream(
        record.run_id,
        outputs,
        tuple(bypassed),
        {
            key: value
            for key, value in (record.inputs or {}).items()
            if key in flow.inputs and not _holds(value, _is_masked)
        },
    )


def unusable(node: Mapping[str, Any]) -> str:
    """Return why a recorded output is not what the node gave; empty if it is."""
    if node.get("output_is_text"):
        return "its value has no JSON form"
    if _holds(node.get("output"), _is_masked):
        return "a secret was taken out of its value"
    if _holds(node.get("output"), _is_image):
        return "its value holds an image"
    return ""


def _holds(value: Any, wanted: Any) -> bool:
    if wanted(value):
        return True
    if isinstance(value, dict):
        return any(_holds(item, wanted) for item in value.values())
    if isinstance(value, list):
        return any(_holds(item, wanted) for item in value)
    return False


def _is_masked(value: Any) -> bool:
    return isinstance(value, str) and MASK in value


def _is_image(value: Any) -> bool:
    if isinstance(value, dict) and len(value) == 1:
        key = next(iter(value))
        return isinstance(key, str) and key.startswith("data:image/")
    return False
