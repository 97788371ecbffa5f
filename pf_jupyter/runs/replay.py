"""Repeating a recorded run somewhere else, without a record of its own.

The flow is that of today, the inputs are those of then. Where a model answered, its
answer is taken from the record: asking it again would cost money and give something
else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..connections.stored import StoredConnections
from ..errors import NotFound, PfError, UsageError
from ..flow.model import Flow
from ..flow.snapshot import Snapshot, load
from ..store.records import RunRecord
from ..store.store import Store
from ..worker.execution.caching import is_exact
from ..worker.protocol import pack_value, unpack_value
from ..worker.scrubbing import Secrets, secrets_of
from . import artifacts, connections
from . import inputs as given_inputs
from .request import Request, awaited
from .sendable import PackedFlows

if TYPE_CHECKING:
    from ..runtimes.channel import WorkerChannel

MODEL_KINDS = ("LLM", "Embedding")
"""Kinds of spans in which a model answered."""

_SECONDS = 600.0
_CONCURRENCY = 16
_LOG_LIMIT = 20_000


@dataclass(frozen=True)
class Tape:
    """A recorded run, ready to be repeated.

    Parameters
    ----------
    record
        The run.
    flow
        As it is today.
    body
        What a worker is sent; see the worker's protocol.
    answers
        Output of each node that is taken from the record.
    """

    record: RunRecord
    flow: Flow
    snapshot: Snapshot
    body: Mapping[str, Any]
    answers: Mapping[str, Any]
    secrets: Secrets


@dataclass
class Side:
    """What repeating a run gave.

    ``asked`` holds a digest of the inputs of each node that was answered from the
    record.
    """

    status: str
    outputs: Any = None
    error: dict[str, Any] | None = None
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    duration_ms: float | None = None
    asked: dict[str, str] = field(default_factory=dict)


class NotRepeatable(Exception):
    """A run that cannot be repeated; the message says why, for people."""


class Replayer:
    """Repeats recorded runs.

    Parameters
    ----------
    store
        Has the connections.
    """

    def __init__(self, store: Store) -> None:
        self._connections = StoredConnections(store)
        self._flows = PackedFlows()

    def tape(self, record: RunRecord) -> Tape:
        """Return a run, ready to be repeated.

        Raises
        ------
        NotRepeatable
            It cannot be.
        """
        try:
            return self._tape(record)
        except PfError as error:
            raise NotRepeatable(f"it cannot be repeated: {error.message}") from error

    def _tape(self, record: RunRecord) -> Tape:
        document = record.document or {}
        if record.mode not in ("flow", "node"):
            raise NotRepeatable("it is a part of a flow, given what another run gave")
        if record.status not in ("Completed", "Failed"):
            raise NotRepeatable(f"it was {record.status}")
        path = Path(record.flow_path)
        if not path.exists():
            raise NotFound(f"{path} is gone")
        flow, snapshot = load(path, variant=record.variant).require()
        models = _model_nodes(flow, document)
        answers = _answers(flow, record, document, models)
        request = Request(path, record.inputs or {}, record.node, record.variant)
        if record.node is None:
            given = given_inputs.for_flow(flow, request.inputs)
            given = artifacts.with_bytes(flow, given)
        else:
            given = given_inputs.for_node(flow, record.node, request.inputs)
        variables = given_inputs.environment(flow, None)
        sent = connections.for_run(
            self._connections, flow, variables, record.node, None
        )
        sendable = self._flows.pack(request, flow, snapshot)
        body = {
            "flow": sendable.packed,
            "inputs": pack_value(given),
            "mode": request.mode,
            "node": record.node,
            "dependency_outputs": {},
            "init": pack_value({}),
            "connections": sent,
            "connection_inputs": {},
            "environment_variables": variables,
            "line_number": None,
            "timeout": _SECONDS,
            "concurrency": _CONCURRENCY,
            "aggregation": True,
            "stream": False,
            "log_limit": _LOG_LIMIT,
        }
        if answers:
            body["cache"] = sorted(answers)
        return Tape(record, flow, snapshot, body, answers, secrets_of(sent))

    def play(self, tape: Tape, channel: WorkerChannel, run_id: str) -> Side:
        """Repeat a run through a channel and return what it gave.

        Parameters
        ----------
        tape, channel
            What, and where.
        run_id
            By which the worker knows it.

        Raises
        ------
        RuntimeFailed
            The worker ended.
        """
        asked: dict[str, str] = {}

        def answer(question: Mapping[str, Any]) -> Any:
            name = str(question.get("node"))
            if question.get("op") != "cache.get" or name not in tape.answers:
                return None
            asked[name] = str(question.get("inputs"))
            return {"run_id": tape.record.run_id, "output": tape.answers[name]}

        body = {**tape.body, "run_id": run_id}
        pending = channel.run(tape.snapshot, body, lambda event: None, answer)
        try:
            packed = awaited(pending, _SECONDS)
        except TimeoutError:
            pending.cancel()
            return Side("Failed", error={"code": "RunTimeout", "message": "no end"})
        value = tape.secrets.scrub_value(unpack_value(_with_pictures(packed)))
        nodes = {name: dict(node) for name, node in (value.get("nodes") or {}).items()}
        outputs = value.get("outputs")
        if tape.record.node is not None:
            outputs = (nodes.get(tape.record.node) or {}).get("output")
        return Side(
            status=str(value["status"]),
            outputs=outputs,
            error=value.get("error"),
            nodes=nodes,
            duration_ms=value.get("duration_ms"),
            asked=asked,
        )


def _model_nodes(flow: Flow, document: Mapping[str, Any]) -> set[str]:
    """Return the nodes in which a model answered, or would."""
    found = {node.name for node in flow.nodes if node.type == "llm"}
    for span in document.get("trace") or ():
        if span.get("kind") in MODEL_KINDS and span.get("node"):
            found.add(str(span["node"]))
    return found


def _answers(
    flow: Flow, record: RunRecord, document: Mapping[str, Any], models: set[str]
) -> dict[str, Any]:
    called = any(
        span.get("kind") in MODEL_KINDS for span in document.get("trace") or ()
    )
    if flow.kind != "dag" and (called or flow.kind == "prompty"):
        raise NotRepeatable("a model answers in it, and nothing else is recorded of it")
    if record.node is not None:
        if record.node in models:
            raise NotRepeatable("a model answers in this node")
        return {}
    answers: dict[str, Any] = {}
    recorded = document.get("nodes") or {}
    for name in models:
        node = recorded.get(name) or {}
        if node.get("status") in ("Bypassed", "NotStarted", None):
            continue
        if node["status"] != "Completed" or not is_exact(node.get("output")):
            raise NotRepeatable(f"the answer of the model in {name} is not recorded")
        answers[name] = node["output"]
    return answers


def _with_pictures(packed: dict[str, Any]) -> dict[str, Any]:
    """Return a result whose pictures are named by what is in them.

    Their own names are made up anew in each run.
    """
    made = packed.get("artifacts")
    if not isinstance(made, dict):
        return packed
    names = {
        name: f"picture {hashlib.sha256(str(text).encode()).hexdigest()[:16]}"
        for name, text in made.items()
    }
    kept = {key: value for key, value in packed.items() if key != "artifacts"}
    found: dict[str, Any] = _renamed(kept, names)
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


def _text(value: Any) -> str:
    return json.dumps(pack_value(value), sort_keys=True, default=str)


def same(one: Any, other: Any) -> bool:
    """Return whether two outputs are the same, whatever they are made of."""
    try:
        return _text(one) == _text(other)
    except (TypeError, ValueError, UsageError):
        return bool(one == other)
