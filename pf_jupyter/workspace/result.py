"""A finished run, to look at, index and keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import RunCanceled, RunFailed, RunTimedOut
from ..flow.model import Flow
from ..runs.traces import tokens_of, trace_of
from ..store.records import RunRecord
from .api import EnvironmentInfo, NodeResult, RunResult
from .traces import Trace

_NODE_KEYS = ("status", "output", "duration_ms", "logs", "error")


class LocalRunResult(RunResult):
    """A run as it was recorded.

    Parameters
    ----------
    record
        The run, with its document.
    """

    def __init__(self, record: RunRecord) -> None:
        document = record.document or {}
        self.record = record
        self.run_id = record.run_id
        self.status = record.status  # type: ignore[assignment]
        self.outputs = document.get("outputs")
        self.nodes = {
            name: node_result(name, node) for name, node in _ordered(document).items()
        }
        self.metrics = dict(document.get("metrics") or {})
        self.error = document.get("error") or record.error
        self.duration_ms = record.duration_ms or 0.0
        self.runtime = record.runtime
        self.environment = EnvironmentInfo(
            record.environment_name,
            record.environment_version,
            record.environment_digest,
        )
        self.hostname = record.hostname
        self.source_run_id = document.get("source_run_id")
        self.tokens = tokens_of(record)

    @property
    def trace(self) -> Trace:
        """The flow, its nodes and what happened inside of them, as a tree."""
        return Trace(trace_of(self.record), self.run_id)

    @property
    def flow(self) -> Flow | None:
        """The flow as it ran; None when the run gave no result."""
        raw = (self.record.document or {}).get("flow")
        return None if raw is None else Flow.from_dict(raw)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that interface.md fixes for ``flow run --json``."""
        error = self.error
        return {
            "status": self.status,
            "run_id": self.run_id,
            "outputs": self.outputs,
            "nodes": {
                name: {key: getattr(node, key) for key in _NODE_KEYS}
                | ({"cached_run_id": node.cached_run_id} if node.cached_run_id else {})
                for name, node in self.nodes.items()
            },
            "metrics": self.metrics,
            "runtime": self.runtime,
            "environment": {
                "name": self.environment.name,
                "version": self.environment.version,
                "digest": self.environment.digest,
            },
            "duration_ms": self.duration_ms,
            "tokens": self.tokens,
            "source_run_id": self.source_run_id,
            "hostname": self.hostname,
            "flow": self.record.flow,
            "created_at": self.record.created_at,
            "error": error
            and {
                **error,
                "code": error.get("code"),
                "message": error.get("message"),
                "hint": error.get("hint"),
                "node": error.get("node"),
            },
        }

    def raise_for_status(self) -> LocalRunResult:
        """Return self when Completed; see `RunResult.raise_for_status`."""
        if self.status == "Completed":
            return self
        error: Mapping[str, Any] = self.error or {}
        code = error.get("code") or RunFailed.code
        kind = RunFailed
        if self.status == "Canceled":
            kind = RunCanceled
        elif code == RunTimedOut.code:
            kind = RunTimedOut
        raise kind(
            error.get("message") or f"run {self.run_id} is {self.status}",
            node=error.get("node"),
            result=self,
            code=code,
            hint=error.get("hint") or "",
        )

    def __repr__(self) -> str:
        from .pages import duration

        parts = [f"{self.status} in {duration(self.duration_ms)}", self.runtime]
        if self.error:
            parts.append(f"{self.error.get('code')}: {self.error.get('message')}")
        elif self.outputs:
            parts.append(_short(self.outputs))
        return f"<Run {self.run_id}: {', '.join(parts)}>"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from .pages import result_html

        return {"text/plain": repr(self), "text/html": result_html(self)}


def _ordered(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nodes in the order of the flow file."""
    nodes = dict(document.get("nodes") or {})
    flow = document.get("flow") or {}
    names = [node["name"] for node in flow.get("nodes", ())]
    ordered = {name: nodes.pop(name) for name in names if name in nodes}
    return {**ordered, **nodes}


def node_result(name: str, raw: Mapping[str, Any]) -> NodeResult:
    """Return what a NODE of the worker's protocol says."""
    return NodeResult(
        name=name,
        status=raw.get("status") or "NotStarted",
        inputs=raw.get("inputs"),
        output=raw.get("output"),
        duration_ms=raw.get("duration_ms"),
        logs=dict(raw.get("logs") or {}),
        error=raw.get("error"),
        started_at=raw.get("started_at"),
        ended_at=raw.get("ended_at"),
        cached_run_id=raw.get("cached_run_id"),
    )


def _short(outputs: Mapping[str, Any], width: int = 60) -> str:
    text = ", ".join(f"{name}={value!r:.40}" for name, value in outputs.items())
    return text if len(text) <= width else text[: width - 1] + "…"
