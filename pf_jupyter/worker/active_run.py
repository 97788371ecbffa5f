"""What control knows of one run while it goes, and the result when nobody else can say.

Normally the executor answers. When it crashed or was killed, the answer is composed
here from what it had said until then: completed nodes keep their results.
"""

from __future__ import annotations

import datetime
import time
from typing import Any, Callable, Dict, List, Optional

from . import protocol, wire
from .bounded_text import BoundedText
from .scrubbing import secrets_of

DEFAULT_LOG_LIMIT = 256 * 1024
_ENDS = {
    "node_completed": "Completed",
    "node_failed": "Failed",
    "node_bypassed": "Bypassed",
    "node_canceled": "Canceled",
}


def now() -> str:
    """Return the time as events carry it: UTC, ISO 8601."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def failure(
    code: str, message: str, hint: str, *, node: Optional[str] = None
) -> Dict[str, Any]:
    """Return an ERROR for a condition that only control can see."""
    codes = ["UserError", code]
    if code == "internal":
        codes = ["SystemError", code]
    return {
        "code": code,
        "codes": codes,
        "message": message,
        "hint": hint,
        "node": node,
        "traceback": "",
        "frames": [],
    }


class _Logs:
    """What one node printed. ``direct`` holds what went around Python's streams."""

    def __init__(self, limit: int) -> None:
        self.all = {"stdout": BoundedText(limit), "stderr": BoundedText(limit)}
        self.direct = {"stdout": BoundedText(limit), "stderr": BoundedText(limit)}
        self.has_direct = False
        self.shown = 0

    def to_dict(self) -> Dict[str, Any]:
        texts = {stream: text.text() for stream, text in self.all.items()}
        dropped = sum(text.dropped_bytes for text in self.all.values())
        return {**texts, "dropped_bytes": dropped}


class ActiveRun:
    """One run or inspection that was asked for and not answered yet.

    Parameters
    ----------
    request
        The host's message, decoded.
    body
        The same message as it came.
    is_short
        Whether ``body`` names the flow by its key alone.
    """

    batch: Any = None
    """The batch that this is an executor's part in; None for a run of its own."""

    def __init__(
        self, request: Dict[str, Any], body: bytes, is_short: bool = False
    ) -> None:
        self.is_short = is_short
        self.id = request["id"]
        # Secrets are for the executor alone; here they serve to keep them out of what
        # is printed around it, and only while the run goes on.
        self.secrets = secrets_of(request.pop("connections", None))
        self._scrubbers: Dict[str, Any] = {}
        self.request = request
        self.body = body
        self.is_inspection = request["op"] == "inspect"
        self.timeout: Optional[float] = request.get("timeout")
        self.on_hold = bool(request.get("held"))
        self.listens = request.get("listens", True)
        self.told = False
        self.untold: List[Callable[[], bytes]] = []
        self.ending: Optional[str] = None
        self.answered = False
        self.pid: Optional[int] = None
        self.crash_text = BoundedText(64 * 1024)
        self._limit = int(request.get("log_limit") or DEFAULT_LOG_LIMIT)
        self._began = time.monotonic()
        self._started_at = now()
        self._running: Dict[str, Any] = {}
        self._ended: Dict[str, str] = {}
        self._kept: Dict[str, bytes] = {}
        self._logs: Dict[Optional[str], _Logs] = {}

    def whole_body(self) -> bytes:
        """Return the host's message with the flow in it."""
        if not self.is_short:
            return self.body
        return wire.dumps({**wire.loads(self.body), "flow": self.request["flow"]})

    def forget(self) -> None:
        """Let go of the host's message once it was passed on."""
        self.body = b""

    def scrub_output(self, stream: str, text: bytes, *, last: bool = False) -> bytes:
        """Return what can be shown of printed bytes; what is held back comes later."""
        if not self.secrets:
            return text
        if stream not in self._scrubbers:
            self._scrubbers[stream] = self.secrets.byte_stream()
        scrubber = self._scrubbers[stream]
        shown: bytes = scrubber.feed(text)
        return shown + scrubber.finish() if last else shown

    # ---- what is seen -------------------------------------------------------

    def see_node(self, event: str, node: str) -> None:
        """Take note that a node started or ended."""
        if event == "node_started":
            self._running[node] = (time.monotonic(), now())
        elif event in _ENDS:
            self._running.pop(node, None)
            self._ended[node] = _ENDS[event]

    def keep(self, node: str, result: bytes) -> None:
        """Keep what a node did, for the case that the run cannot tell any more."""
        self._kept[node] = result

    @property
    def only_node(self) -> Optional[str]:
        """The node that runs now, if exactly one does."""
        return next(iter(self._running)) if len(self._running) == 1 else None

    def see_log(
        self, node: Optional[str], stream: str, text: bytes, *, direct: bool
    ) -> bool:
        """Take note of printed text; False when the host has seen enough of it."""
        logs = self._logs.get(node)
        if logs is None:
            logs = self._logs[node] = _Logs(self._limit)
        logs.all[stream].add(text)
        if direct:
            logs.has_direct = True
            logs.direct[stream].add(text)
            if stream == "stderr":
                self.crash_text.add(text)
        logs.shown += len(text)
        return logs.shown - len(text) < self._limit

    @property
    def has_direct_output(self) -> bool:
        """Whether something went to the file descriptors around Python's streams."""
        return any(logs.has_direct for logs in self._logs.values())

    # ---- what is answered ---------------------------------------------------

    def add_direct_output(self, result: Dict[str, Any]) -> None:
        """Put into a RESULT what only control has seen of the nodes' output."""
        for node, logs in self._logs.items():
            if not logs.has_direct:
                continue
            entry = result.get("nodes", {}).get(node) if node else result
            if entry is None:
                entry = result
            kept = entry.setdefault(
                "logs", {"stdout": "", "stderr": "", "dropped_bytes": 0}
            )
            for stream, text in logs.direct.items():
                kept[stream] = kept.get(stream, "") + text.text()
                kept["dropped_bytes"] += text.dropped_bytes

    def compose(self, status: str, error: Dict[str, Any], host: str) -> Dict[str, Any]:
        """Return a RESULT with ``error`` from what was seen.

        Nodes that were running are Canceled, or Failed when they are to blame: the only
        one that ran when the process crashed.
        """
        ended_at = now()
        nodes: Dict[str, Any] = {}
        for node in self._node_names():
            if node in self._kept:
                nodes[node] = wire.loads(self._kept[node])
            else:
                nodes[node] = self._unfinished(node, status, error, ended_at)
        result = {
            "status": status,
            "outputs": None,
            "nodes": nodes,
            "metrics": {},
            "error": error,
            "started_at": self._started_at,
            "ended_at": ended_at,
            "duration_ms": round((time.monotonic() - self._began) * 1000, 3),
            "pid": self.pid,
            "hostname": host,
            "aggregation_inputs": {},
        }
        run_logs = self._logs.get(None)
        if run_logs is not None:
            result["logs"] = run_logs.to_dict()
        for node in self._kept:
            logs = self._logs.get(node)
            if logs is not None and logs.has_direct:
                for stream, text in logs.direct.items():
                    nodes[node]["logs"][stream] += text.text()
                    nodes[node]["logs"]["dropped_bytes"] += text.dropped_bytes
        return result

    def _node_names(self) -> List[str]:
        names = [node["name"] for node in self.request["flow"].get("nodes", [])]
        seen = [*self._kept, *self._ended, *self._running]
        if self.request.get("mode") in ("node", "from_node"):
            names = [name for name in names if name in seen]
        return [*names, *(name for name in seen if name not in names)]

    def _unfinished(
        self, node: str, status: str, error: Dict[str, Any], ended_at: str
    ) -> Dict[str, Any]:
        state = self._ended.get(node, "NotStarted")
        began, started_at = self._running.get(node, (None, None))
        node_error = None
        if began is not None:
            blamed = status == "Failed" and error["node"] == node
            state = "Failed" if blamed and not self.ending else "Canceled"
            node_error = error
        logs = self._logs.get(node)
        empty = {"stdout": "", "stderr": "", "dropped_bytes": 0}
        return {
            "status": state,
            "inputs": None,
            "output": None,
            "duration_ms": (
                None if began is None else round((time.monotonic() - began) * 1000, 3)
            ),
            "started_at": started_at,
            "ended_at": None if began is None else ended_at,
            "logs": logs.to_dict() if logs else empty,
            "error": node_error,
        }

    def closing_events(self, error: Dict[str, Any]) -> List[Dict[str, Any]]:
        """Return the events that nodes which still run would have sent."""
        events = []
        for node, (began, _started_at) in self._running.items():
            if error["node"] == node and not self.ending:
                elapsed = round((time.monotonic() - began) * 1000, 3)
                event = {"event": "node_failed", "duration_ms": elapsed, "error": error}
            else:
                event = {"event": "node_canceled"}
            events.append({**event, "node": node, "time": now()})
        return events

    def first_frame(self) -> bytes:
        """Return the frame that tells the host of the beginning."""
        event = {"event": "run_started", "time": self._started_at, "pid": self.pid}
        return self.frame("event", event=event)

    def frame(self, kind: str, **fields: Any) -> bytes:
        """Return a frame for the host that answers or accompanies this run."""
        return protocol.encode({"type": kind, "id": self.id, **fields})
