"""A run's trace: the flow, its nodes, and what happened inside of them, as one tree.

The worker tells only what nodes did inside; flow and nodes are read from the result.
Names and attributes: flow-format section 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..store.records import RunRecord, moment

TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")


@dataclass
class TraceSpan:
    """One piece of work in a run.

    Parameters
    ----------
    name
        Of the flow, the node, or the function.
    kind
        ``Flow``, ``Node``, ``Function``, ``LLM``, ``Embedding``, ``Retrieval`` …
    node
        The node it belongs to; None for the flow.
    status
        ``Completed``, ``Failed``, … as of nodes; ``Running`` if its end is not known.
    began
        Seconds since the epoch, None when it is not known.
    duration_ms
        None when it is not known.
    inputs, output
        Plain data; large ones are cut.
    error
        ``{"type", "message"}`` or None.
    usage
        The tokens of this call of a model alone.
    attributes
        Further facts, named as in flow-format section 7.
    cached_run_id
        The run whose result was taken instead of doing it again.
    """

    name: str
    kind: str
    node: str | None = None
    status: str = "Completed"
    began: float | None = None
    duration_ms: float | None = None
    inputs: Any = None
    output: Any = None
    error: Mapping[str, Any] | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    cached_run_id: str | None = None
    children: list[TraceSpan] = field(default_factory=list)

    @property
    def tokens(self) -> dict[str, int]:
        """The tokens of this call and of all below it; empty when there are none."""
        total: dict[str, int] = {}
        for span in self.walk():
            for name in TOKENS:
                if name in span.usage:
                    total[name] = total.get(name, 0) + span.usage[name]
        return total

    def walk(self) -> Iterator[TraceSpan]:
        """Yield it and all below it, each before its children."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_dict(self) -> dict[str, Any]:
        """Return it with all below it as plain data; times as in flow-format 7."""
        ended = None
        if self.began is not None and self.duration_ms is not None:
            ended = self.began + self.duration_ms / 1000
        return {
            "name": self.name,
            "type": self.kind,
            "node_name": self.node,
            "status": self.status,
            "start_time": self.began,
            "end_time": ended,
            "duration_ms": self.duration_ms,
            "inputs": self.inputs,
            "output": self.output,
            "error": dict(self.error) if self.error else None,
            "system_metrics": {
                "duration": None
                if self.duration_ms is None
                else round(self.duration_ms / 1000, 6),
                **self.tokens,
            },
            "attributes": dict(self.attributes),
            "cached_run_id": self.cached_run_id,
            "children": [child.to_dict() for child in self.children],
        }


def trace_of(record: RunRecord) -> TraceSpan:
    """Return the trace of a run.

    Parameters
    ----------
    record
        The run with its document.
    """
    document = record.document or {}
    root = TraceSpan(
        name=record.flow,
        kind="Flow",
        status=record.status,
        began=_seconds(document.get("started_at") or record.created_at),
        duration_ms=document.get("duration_ms") or record.duration_ms,
        inputs=record.inputs,
        output=document.get("outputs"),
        error=_error(document.get("error") or record.error),
    )
    nodes: dict[str, TraceSpan] = {}
    for name, raw in (document.get("nodes") or {}).items():
        if raw.get("status") in (None, "NotStarted"):
            continue
        nodes[name] = _node_span(name, raw)
    by_number: dict[Any, TraceSpan] = {}
    told = document.get("trace") or []
    for raw in told:
        by_number[raw["id"]] = _inner_span(raw)
    for raw in told:
        above = by_number.get(raw.get("parent")) or nodes.get(raw.get("node") or "")
        (above or root).children.append(by_number[raw["id"]])
    root.children = [*nodes.values(), *root.children]
    root.children.sort(key=lambda span: span.began or 0.0)
    return root


def tokens_of(record: RunRecord) -> dict[str, int]:
    """Return the tokens of a run; empty when no model was called."""
    if not (record.document or {}).get("trace"):
        return {}
    return trace_of(record).tokens


def _node_span(name: str, raw: Mapping[str, Any]) -> TraceSpan:
    return TraceSpan(
        name=name,
        kind="Node",
        node=name,
        status=str(raw["status"]),
        began=_seconds(raw.get("started_at")),
        duration_ms=raw.get("duration_ms"),
        inputs=raw.get("inputs"),
        output=raw.get("output"),
        error=_error(raw.get("error")),
        cached_run_id=raw.get("cached_run_id"),
    )


def _inner_span(raw: Mapping[str, Any]) -> TraceSpan:
    status = "Completed"
    if raw.get("error"):
        status = "Failed"
    elif raw.get("duration_ms") is None:
        status = "Running"
    return TraceSpan(
        name=str(raw["name"]),
        kind=str(raw["kind"]),
        node=raw.get("node"),
        status=status,
        began=_seconds(raw.get("started_at")),
        duration_ms=raw.get("duration_ms"),
        inputs=raw.get("inputs"),
        output=raw.get("output"),
        error=_error(raw.get("error")),
        usage=dict(raw.get("usage") or {}),
        attributes=dict(raw.get("attributes") or {}),
    )


def _error(raw: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not raw:
        return None
    kind = raw.get("type") or raw.get("code") or "error"
    return {"type": kind, "message": raw.get("message") or ""}


def _seconds(text: Any) -> float | None:
    try:
        return moment(str(text)).timestamp() if text else None
    except ValueError:
        return None
