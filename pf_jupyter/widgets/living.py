"""The state of a living graph: events in, what changed out.

However many events come, a front end is told of each node once per message, of its
newest state; text that streams is carried along. What the messages say is also kept
whole, for those who come later.
"""

from __future__ import annotations

import datetime
import hashlib
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .elements import Element, Markup, h

if TYPE_CHECKING:
    from ..workspace.api import NodeResult, RunEvent, RunResult

TEXT_CHARACTERS = 200
"""How much of the text that streams out of a node its box may show."""

_ENDS = {
    "node_completed": "Completed",
    "node_failed": "Failed",
    "node_bypassed": "Bypassed",
    "node_canceled": "Canceled",
}
_BLANK: Mapping[str, Any] = {"status": "NotStarted", "duration_ms": None, "note": ""}


class LivingGraph:
    """What a graph shows of a run, of a batch, or of nothing yet.

    Parameters
    ----------
    key
        What the browser knows the part by; one of its own in each panel.
    nodes
        Names of the nodes.
    entry
        The one box of a flow without nodes, which fares as the run does.

    Attributes
    ----------
    events
        How many events were taken into account.
    """

    def __init__(self, key: str, nodes: Iterable[str] = (), entry: str = "") -> None:
        self.key = key
        self._entry = entry
        names = [*nodes, *filter(None, [entry])]
        self.nodes: dict[str, dict[str, Any]] = {n: dict(_BLANK) for n in names}
        self.timeline: list[tuple[float, str, dict[str, Any]]] = []
        self.length_ms: float | None = None
        self.events = 0
        self._seq = 0
        self._changed: dict[str, dict[str, Any]] = {}
        self._began: float | None = None

    def apply(self, event: RunEvent) -> None:
        """Take an event of a single run into account."""
        self.events += 1
        kind = str(event.get("event"))
        node = str(event.get("node") or "")
        if self._began is None:
            self._began = time.monotonic()
        if kind == "run_started" and self._entry:
            node, kind = self._entry, "node_started"
        if kind == "node_started":
            now = time.time() * 1000
            self._set(node, status="Running", since=now, text="", note="", tokens=None)
        elif kind in _ENDS and node:
            error = event.get("error") or {}
            self._set(
                node,
                status=_ENDS[kind],
                since=None,
                duration_ms=event.get("duration_ms"),
                note=str(error.get("code") or ""),
                cached=bool(event.get("cached_run_id")),
                tokens=event.get("tokens"),
            )
        elif kind == "chunk":
            name = node or self._entry
            before = str(self.nodes.get(name, {}).get("text") or "")
            text = (before + str(event.get("text") or ""))[-TEXT_CHARACTERS:]
            self._set(name, text=text)

    def progress(self, event: RunEvent) -> None:
        """Take an event of a batch into account: how often each node ended how."""
        self.events += 1
        for name, node in (event.get("nodes") or {}).items():
            facts = {
                "counts": dict(node.get("statuses") or {}),
                "mean_ms": node.get("mean_ms"),
                "bins": list(node.get("bins") or ()),
            }
            known = self.nodes.get(name, {})
            if any(known.get(key) != value for key, value in facts.items()):
                self._set(name, **facts)

    def finish(self, result: RunResult) -> None:
        """Take the result, which knows better than events, and make its timeline."""
        if self._entry:
            self._set(
                self._entry,
                status=result.status,
                duration_ms=result.duration_ms,
                since=None,
            )
        tokens = tokens_by_node(result)
        for name, node in result.nodes.items():
            error = node.error or {}
            self._set(
                name,
                status=node.status,
                duration_ms=node.duration_ms,
                since=None,
                note=str(error.get("code") or ""),
                cached=bool(node.cached_run_id),
                tokens=tokens.get(name),
            )
        self._forget_texts()
        self.length_ms = result.duration_ms
        self.timeline = timeline_of(result.nodes, self.nodes, result.duration_ms)

    def abandon(self, status: str) -> None:
        """Mark what still runs as ended in this way; no result will come."""
        self._forget_texts()
        for name, state in self.nodes.items():
            if state.get("status") == "Running":
                self._set(name, status=status, since=None)

    def take(self) -> dict[str, Any] | None:
        """Return what changed since the last time, as a message; None for nothing."""
        if not self._changed:
            return None
        changed, self._changed = self._changed, {}
        self._seq += 1
        return {"part": self.key, "seq": self._seq, "nodes": changed}

    def whole(self) -> dict[str, Any]:
        """Return all that is known, for who has seen no message."""
        state: dict[str, Any] = {"seq": self._seq, "nodes": self.nodes}
        if self.timeline:
            state["timeline"] = self.timeline
            state["length"] = self.length_ms
        return state

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        """The states in the form that pictures take."""
        shown = {}
        for name, state in self.nodes.items():
            counts = state.get("counts")
            if counts:
                status = "Failed" if counts.get("Failed") else "Completed"
                told = ", ".join(f"{n} {key.lower()}" for key, n in counts.items())
                mean = state.get("mean_ms")
                shown[name] = {"status": status, "note": told, "duration_ms": mean}
            else:
                note = "from the cache" if state.get("cached") else state.get("note")
                shown[name] = {
                    "status": state.get("status"),
                    "duration_ms": state.get("duration_ms"),
                    "note": note,
                }
        return shown

    def _forget_texts(self) -> None:
        """What streamed is whole now, and has a place of its own."""
        for name in [n for n, state in self.nodes.items() if state.get("text")]:
            self._set(name, text="")

    def _set(self, name: str, **facts: Any) -> None:
        if not name:
            return
        self.nodes.setdefault(name, dict(_BLANK)).update(facts)
        self._changed.setdefault(name, {}).update(facts)


def graph(living: LivingGraph, picture: str, chosen: str | None = None) -> Element:
    """Return a living graph as a part of a page.

    Parameters
    ----------
    living
        What it shows.
    picture
        The flow's picture without states, as SVG.
    chosen
        The node whose details are open.
    """
    return h(
        "div",
        class_="pf-graph",
        data_part="graph",
        data_part_id=living.key,
        data_key=f"graph:{living.key}",
        data_picture=hashlib.sha256(picture.encode()).hexdigest()[:12],
        data_svg=picture,
        data_state=living.whole(),
        data_chosen=chosen or "",
        data_opaque=True,
    )


def still(picture: str) -> Element:
    """Return a picture with its states where nothing moves."""
    return h("div", Markup(picture), class_="pf-graph")


def tokens_by_node(result: RunResult) -> dict[str, int]:
    """Return how many tokens each node's calls of models took, where there are any."""
    found = {}
    for span in result.trace.root.children:
        total = (span.tokens or {}).get("total_tokens")
        if span.node and total:
            found[span.node] = int(total)
    return found


def timeline_of(
    nodes: Mapping[str, NodeResult],
    states: Mapping[str, Mapping[str, Any]],
    length_ms: float | None,
) -> list[tuple[float, str, dict[str, Any]]]:
    """Return when what happened: milliseconds since the first node began, node, state.

    The clock of a record has a resolution of its own: nothing ends after the run did.
    """
    began = {name: _moment(node.started_at) for name, node in nodes.items()}
    moments = [moment for moment in began.values() if moment is not None]
    if not moments:
        return []
    first = min(moments)
    steps: list[tuple[float, str, dict[str, Any]]] = []
    for name, node in nodes.items():
        start = began[name]
        if start is None:
            ended = _moment(node.ended_at)
            if ended is not None or node.status == "Bypassed":
                at = max((ended or first) - first, 0.0)
                steps.append((at, name, {"status": node.status}))
            continue
        at = start - first
        end = at + (node.duration_ms or 0.0)
        last = {k: v for k, v in states.get(name, {}).items() if k not in ("text",)}
        steps.append((at, name, {"status": "Running"}))
        steps.append((end, name, last))
    limit = length_ms or max(at for at, _, _ in steps)
    steps.sort(key=lambda step: step[0])
    return [(round(min(at, limit), 3), name, state) for at, name, state in steps]


def _moment(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return datetime.datetime.fromisoformat(text).timestamp() * 1000
    except ValueError:
        return None
