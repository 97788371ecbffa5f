"""Everything that is known of a batch before it starts, and all that is wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...connections.stored import StoredConnections
from ...errors import IllegalState, NotFound, UsageError
from ...flow.model import Flow
from ...flow.snapshot import Snapshot, load
from ...store.records import RunRecord
from ...store.store import Store
from ...worker.protocol import pack_value
from ...worker.scrubbing import Secrets, secrets_of
from .. import artifacts, connections, overrides
from .. import inputs as given_inputs
from .cluster import ClusterPlace
from .data import Rows, open_rows
from .folder import RunFolder
from .mapping import Plan, bind
from .partly import FromNode
from .places import named
from .prices import Prices, prices_in
from .request import BatchRequest, Limits, limits_of

MODE = "batch"
"""What the records of batch runs have as their mode."""
_CONTAINERS = ("image", "list", "object")


@dataclass
class Prepared:
    """A batch that can start.

    Parameters
    ----------
    plan
        Gives the lines.
    changed
        What is not as it was in the run that is taken up, in words.
    facts
        What else the record is to say of the run.
    cluster
        The cluster that takes its lines.
    sees_files
        Whether rows may name images of this machine.
    prices
        What models cost, where somebody has written it down.
    partly
        Gives lines what they take from an earlier batch.
    """

    request: BatchRequest
    flow: Flow
    snapshot: Snapshot
    plan: Plan
    rows: Rows | None
    limits: Limits
    init: dict[str, Any]
    variables: dict[str, str]
    sent: dict[str, Any]
    secrets: Secrets
    changed: list[str]
    facts: dict[str, Any] = field(default_factory=dict)
    cluster: ClusterPlace | None = None
    sees_files: bool = field(default_factory=artifacts.sees_files.get)
    prices: Prices | None = None
    partly: FromNode | None = None

    @property
    def aggregates(self) -> bool:
        """Whether there is something to do after all lines."""
        if self.flow.kind == "flex":
            return True
        return any(node.aggregation for node in self.flow.nodes)

    def body(self, run_id: str, log_limit: int) -> dict[str, Any]:
        """Return BATCH of the worker's protocol."""
        return {
            "run_id": run_id,
            "flow": pack_value(self.flow.to_dict()),
            "init": pack_value(self.init),
            "connections": self.sent,
            "connection_inputs": connections.inputs_of(
                self.flow, self.request.connections
            ),
            "environment_variables": self.variables,
            "workers": self.limits.workers,
            "line_timeout": self.limits.line,
            "aggregation": self.aggregates,
            "log_limit": log_limit,
        }

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield number and inputs of each line, images as bytes."""
        lines = self._whole_lines()
        yield from lines if self.partly is None else self.partly.lines(lines)

    def _whole_lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        taking = [
            item.name for item in self.flow.inputs.values() if item.type in _CONTAINERS
        ]
        folder = self._data_folder()
        if not taking or not self.sees_files:
            yield from self.plan.lines()
            return
        for number, inputs in self.plan.lines():
            yield number, artifacts.with_bytes(self.flow, inputs, folder)

    def _data_folder(self) -> Path:
        """Return what paths of images in rows count from (flow-format section 2.9)."""
        data = self.request.data
        if isinstance(data, str | Path):
            place = Path(data).absolute()
            return place if place.is_dir() else place.parent
        return Path.cwd()

    def definition(self, folder: RunFolder) -> dict[str, Any]:
        """Return what a later process needs to take the batch up again."""
        data = self.request.data
        if data is not None and not isinstance(data, str | Path):
            data = folder.spool
        stored = None if data is None else str(Path(data).absolute())
        return {
            "request": self.request.to_dict(stored),
            "flow_digest": self.snapshot.digest,
            "data_fingerprint": self.rows.fingerprint() if self.rows else None,
            "data": self.rows.source if self.rows else None,
            "mapping": self.plan.mapping,
            "flow": pack_value(self.flow.to_dict()),
        }


def prepare(
    store: Store,
    stored: StoredConnections,
    request: BatchRequest,
    python: tuple[int, int] | None,
    folder: RunFolder,
    before: Mapping[str, Any] | None = None,
) -> Prepared:
    """Read the flow and the data, and check that they fit together.

    Parameters
    ----------
    store, stored
        Records, and connections.
    request
        What is to be run.
    python
        Version of the runtime's Python.
    folder
        Where rows from memory are written down.
    before
        The definition of the run that is taken up, to tell what is different.

    Raises
    ------
    FlowInvalid, UsageError, NotFound
        Nothing was run.
    """
    loaded = load(request.path, variant=request.variant, python=python)
    flow, snapshot = loaded.require()
    flow = connections.overridden(flow, request.connections)
    flow = overrides.applied(flow, request.overrides, loaded, python)
    if flow.kind == "dag" and not flow.inputs:
        raise UsageError(
            f"flow {flow.name!r} has no inputs that rows could be given to",
            code="InputNotFound",
            hint="declare an input, or run the flow once: %pfflow run",
        )
    init = given_inputs.for_init(flow, request.init)
    variables = given_inputs.environment(flow, request.environment_variables)
    limits = limits_of(request, variables)
    if request.data is None and request.source_run is None:
        raise UsageError(
            "there are no rows: neither data nor a run is named",
            code="missing_argument",
            hint="give --data FILE, or --run RUN to take the rows of another run",
        )
    for name in request.runtimes or () if before is None else ():
        named(store, name)
    rows = None
    if request.data is not None:
        rows = open_rows(request.data, spool=folder.spool)
        rows.require()
    outputs, inputs = upstream_rows(store, request.source_run)
    plan = bind(request.mapping, flow.inputs, rows, outputs, inputs)
    sent = connections.for_run(stored, flow, variables, None, init)
    made = Prepared(
        request=request,
        flow=flow,
        snapshot=snapshot,
        plan=plan,
        rows=rows,
        limits=limits,
        init=init,
        variables=variables,
        sent=sent,
        secrets=secrets_of(sent),
        changed=[],
        prices=prices_in(store.folder),
    )
    if request.from_node is not None:
        made.partly = _from_node(store, flow, request)
    made.changed = changes(made, before)
    return made


def _from_node(store: Store, flow: Flow, request: BatchRequest) -> FromNode:
    if request.upstream is None:
        raise UsageError(
            "it is not said which run the other nodes are taken from",
            code="missing_argument",
            hint="--resume-from RUN --from NODE",
        )
    if flow.kind != "dag":
        raise UsageError(
            f"a {flow.kind} flow has no nodes to start from",
            code="bad_value",
            hint="leave out --from",
        )
    journal = RunFolder(store.folder, request.upstream).journal
    return FromNode(flow, str(request.from_node), request.upstream, journal)


def changes(made: Prepared, before: Mapping[str, Any] | None) -> list[str]:
    """Return in words what is not as it was in an earlier run."""
    if before is None:
        return []
    found = []
    if before.get("flow_digest") != made.snapshot.digest:
        found.append("the flow's files have changed since")
    if made.rows is not None and (
        before.get("data_fingerprint") != made.rows.fingerprint()
    ):
        found.append("the data has changed since")
    if before.get("mapping") != made.plan.mapping:
        found.append("the mapping is another")
    return found


def upstream_rows(store: Store, run_id: str | None) -> tuple[Rows | None, Rows | None]:
    """Return the rows of a finished run's outputs and those of its data.

    Raises
    ------
    NotFound, IllegalState
        There is no such batch run, or it is not completed.
    """
    if run_id is None:
        return None, None
    record = batch_record(store, run_id)
    if record.status != "Completed":
        raise IllegalState(
            f"run {run_id} is {record.status}; only a completed one can be built on",
            hint=f"%pfrun resume {run_id} brings it to its end",
        )
    folder = RunFolder(store.folder, run_id)
    definition = folder.defined() or {}
    outputs = open_rows(folder.outputs) if folder.outputs.is_file() else None
    if outputs is None:
        raise NotFound(
            f"the outputs of run {run_id} are gone: {folder.outputs}",
            code="outputs_not_found",
            hint="run it again",
        )
    data = (definition.get("request") or {}).get("data")
    inputs = None
    if data is not None and Path(data).exists():
        inputs = open_rows(data)
    return outputs, inputs


def batch_record(store: Store, run_id: str) -> RunRecord:
    """Return the record of a batch run (NotFound, UsageError for a single run)."""
    record = store.run(run_id)
    if record is None:
        raise NotFound(
            f"there is no run {run_id!r}", hint="%pfrun list shows the newest"
        )
    if record.mode != MODE:
        raise UsageError(
            f"run {run_id} is a single run, not a batch",
            code="not_a_batch",
            hint=f"%pfrun show {run_id} shows what it gave",
        )
    return record


def continued(request: BatchRequest, definition: Mapping[str, Any]) -> BatchRequest:
    """Return the request of an earlier run with what ``request`` says of its own."""
    earlier = BatchRequest.from_dict(definition["request"])
    made = copy.copy(earlier)
    own = ("workers", "line_timeout", "batch_timeout", "name", "description")
    for name in own:
        value = getattr(request, name)
        if value is not None:
            made = _with(made, name, value)
    if request.tags:
        made = _with(made, "tags", request.tags)
    if request.on is not None:
        made = _with(made, "on", request.on)
    if request.runtimes is not None:
        made = _with(made, "runtimes", request.runtimes)
    return _with(made, "resume_from", request.resume_from)


def _with(request: BatchRequest, name: str, value: Any) -> BatchRequest:
    return replace(request, **{name: value})
