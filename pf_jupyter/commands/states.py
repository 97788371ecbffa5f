"""Where a run is: events in, states of nodes out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .wording import seconds

if TYPE_CHECKING:
    from ..workspace.api import RunEvent, RunResult

LOG_LINES = 200
CHUNK_CHARACTERS = 20_000

# Recorded lines begin with the time; while they are watched it only takes room.
_STAMP = re.compile(r"^\[\d{4}-\d\d-\d\d[ T][\d:.]+ ?[+-]\d{2}:?\d{2}\] ")
_STATUS = {
    "node_started": "Running",
    "node_running": "Running",
    "node_completed": "Completed",
    "node_failed": "Failed",
    "node_bypassed": "Bypassed",
    "node_canceled": "Canceled",
}


class RunStates:
    """The state of each node, the last log lines and the text streamed so far.

    Parameters
    ----------
    nodes
        Names in the order of the flow file.
    entry
        The one box of a flow without nodes, which fares as the run does.

    Attributes
    ----------
    finished
        Names of nodes that have ended, in the order in which they did.
    log
        The last lines as ``(node, stream, text)``.
    dropped_lines
        How many log lines came before those.
    chunks
        Text streamed so far for each flow output, its beginning cut off when long.
    result
        What came of the run, once it is there.
    """

    def __init__(self, nodes: Iterable[str] = (), entry: str = "") -> None:
        self.nodes: dict[str, dict[str, Any]] = {
            name: {"status": "NotStarted", "duration_ms": None, "note": ""}
            for name in (*nodes, *filter(None, [entry]))
        }
        self._entry = entry
        self.run_id: str | None = None
        self.result: RunResult | None = None
        self.status = "NotStarted"
        self.duration_ms: float | None = None
        self.finished: list[str] = []
        self.log: list[tuple[str, str, str]] = []
        self.dropped_lines = 0
        self.chunks: dict[str, str] = {}
        self._since: dict[str, float] = {}

    def apply(self, event: RunEvent) -> None:
        """Take one event of :mod:`pf_jupyter.worker.protocol` into account."""
        kind = str(event["event"])
        self.run_id = event.get("run_id") or self.run_id
        if kind == "run_started":
            self.status = "Running"
            if self._entry:
                self._set(self._entry, "Running", event)
        elif kind == "log":
            self._add_log(event)
        elif kind == "chunk":
            name = str(event.get("output") or event.get("node"))
            text = self.chunks.get(name, "") + str(event["text"])
            self.chunks[name] = text[-CHUNK_CHARACTERS:]
        elif kind in _STATUS and event.get("node"):
            self._set(str(event["node"]), _STATUS[kind], event)

    def finish(self, result: RunResult) -> None:
        """Take the final result, which knows better than any event lost on the way."""
        self.result = result
        self.status = result.status
        self.run_id = result.run_id
        self.duration_ms = result.duration_ms
        if self._entry:
            self.nodes[self._entry].update(
                status=result.status, duration_ms=result.duration_ms, note=""
            )
        for name, node in result.nodes.items():
            state = self.nodes.setdefault(name, {})
            state.update(
                status=node.status,
                duration_ms=node.duration_ms,
                note=_note(node.error, node.cached_run_id),
            )
            if node.status != "NotStarted" and name not in self.finished:
                self.finished.append(name)
        self._since.clear()

    def abandon(self, status: str) -> None:
        """Mark what still runs as ended in this way; the run gave no result."""
        self.status = status
        for state in self.nodes.values():
            if state["status"] == "Running":
                state.update(status=status, note="")
        self._since.clear()

    def tick(self) -> bool:
        """Bring the times of running nodes up to date; whether there are any."""
        now = time.monotonic()
        for name, since in self._since.items():
            self.nodes[name]["note"] = seconds(now - since)
        return bool(self._since)

    @property
    def running(self) -> list[str]:
        """Names of nodes that run now."""
        return [n for n, state in self.nodes.items() if state["status"] == "Running"]

    def _set(self, name: str, status: str, event: Mapping[str, Any]) -> None:
        state = self.nodes.setdefault(name, {"duration_ms": None, "note": ""})
        state["status"] = status
        if status == "Running":
            self._since.setdefault(name, time.monotonic())
            return
        self._since.pop(name, None)
        state["duration_ms"] = event.get("duration_ms")
        state["note"] = _note(event.get("error"), event.get("cached_run_id"))
        if name not in self.finished:
            self.finished.append(name)

    def _add_log(self, event: Mapping[str, Any]) -> None:
        node, stream = str(event.get("node") or ""), str(event.get("stream"))
        for line in str(event["text"]).splitlines():
            line = _STAMP.sub("", line)
            self.log.append((node, stream, line))
        if len(self.log) > LOG_LINES:
            self.dropped_lines += len(self.log) - LOG_LINES
            del self.log[:-LOG_LINES]


def _note(error: Mapping[str, Any] | None, source: str | None) -> str:
    if source:
        return f"from run {source}"
    return str(error.get("code") or "") if error else ""
