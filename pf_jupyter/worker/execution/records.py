"""What is remembered of each node, and how values become plain JSON.

Rules: flow-format sections 2.6 (last point), 7 and 9 item 1.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Dict, Optional, Tuple

from pf_jupyter.worker.execution.artifacts import Encode, encode, with_texts
from pf_jupyter.worker.execution.interface import connection_class
from pf_jupyter.worker.execution.logs import NodeLog

PLAIN = (str, int, float, bool, type(None))
_PREVIEW_CHARS = 200


_second: Tuple[int, str] = (0, "")


def now_text() -> str:
    """Return the time in UTC, ISO 8601 with microseconds."""
    global _second
    second, rest = divmod(time.time_ns() // 1000, 1_000_000)
    known = _second
    if known[0] != second:
        # formatted once a second: every event and every node asks several times
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        known = _second = (second, text)
    return f"{known[1]}.{rest:06d}+00:00"


Moment = Tuple[float, str]
"""A point in time: `time.perf_counter()` and UTC in ISO 8601."""


def moment() -> Moment:
    """Return the current moment."""
    return time.perf_counter(), now_text()


def to_json(value: Any, encode: Encode = encode, texts: bool = False) -> Any:
    """Return ``value`` as plain JSON data.

    Tuples become lists and keys become text, the last of equal ones wins.

    Parameters
    ----------
    value
        Any value.
    encode
        Returns what stands for a value that JSON has no words for, or raises TypeError.
    texts
        Whether annotated texts are written as mappings.

    Raises
    ------
    TypeError, ValueError, RecursionError
        The value has no JSON form.
    """
    if type(value) in PLAIN:
        return value
    if texts:
        value = with_texts(value)
    return json.loads(json.dumps(value, default=encode))


def to_json_or_text(value: Any, encode: Encode = encode, texts: bool = False) -> Any:
    """Return ``value`` as plain JSON data, or the nearest text there is of it.

    The parameters are those of `to_json`. Connections are recorded by name, iterators
    by ``str``, all else by ``repr``.
    """
    if type(value) in PLAIN:
        return value
    if connection_class(type(value)):
        return getattr(value, "name", None) or type(value).__name__
    if isinstance(value, (Iterator, AsyncIterator)):
        return str(value)
    try:
        return to_json(value, encode, texts)
    except Exception:  # also whatever the value's own methods raise
        try:
            return repr(value)
        except Exception:
            return f"<{type(value).__name__} without a readable text>"


def preview(value: Any) -> str:
    """Return a short text of a value that is JSON already."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _PREVIEW_CHARS else text[:_PREVIEW_CHARS] + "…"


class NodeRecord:
    """One node's part in a run; `to_dict` gives the NODE of the protocol."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = "NotStarted"
        self.inputs: Optional[Dict[str, Any]] = None
        self.output: Any = None
        self.started_at: Optional[str] = None
        self.ended_at: Optional[str] = None
        self.duration_ms: Optional[float] = None
        self.error: Optional[Dict[str, Any]] = None
        self.log: Optional[NodeLog] = None
        self.logs: Dict[str, Any] = {"stdout": "", "stderr": "", "dropped_bytes": 0}
        self.clock = 0.0
        self.noted_at = 0.0
        self.output_is_text = False
        self.cached_run_id: Optional[str] = None

    @property
    def running(self) -> bool:
        """Whether the node has begun and not ended."""
        return self.status == "Running"

    def start(
        self,
        inputs: Dict[str, Any],
        log: NodeLog,
        plain: Encode,
        started_at: Optional[str] = None,
    ) -> None:
        """Note that the node begins."""
        self.inputs = {name: plain(value) for name, value in inputs.items()}
        self.log = log
        self.started_at = started_at or now_text()
        self.clock = time.perf_counter()
        self.noted_at = time.monotonic()
        self.status = "Running"

    def end(
        self,
        status: str,
        error: Optional[Dict[str, Any]] = None,
        ended: Optional[Moment] = None,
    ) -> None:
        """Note that the node is over: Completed, Failed, Bypassed or Canceled."""
        clock, self.ended_at = ended or moment()
        if self.started_at is None:
            self.started_at = self.ended_at
            self.duration_ms = 0.0
        elif self.duration_ms is None:
            self.duration_ms = round((clock - self.clock) * 1000, 3)
        self.status = status
        self.error = error
        if self.log is not None:
            self.logs = self.log.close()

    def to_dict(self) -> Dict[str, Any]:
        """Return the NODE of the protocol."""
        shown = {
            "status": self.status,
            "inputs": self.inputs,
            "output": self.output,
            "duration_ms": self.duration_ms,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "logs": self.logs,
            "error": self.error,
        }
        if self.output_is_text:
            shown["output_is_text"] = True
        if self.cached_run_id is not None:
            shown["cached_run_id"] = self.cached_run_id
        if self.log is not None and self.log.model_calls:
            from pf_jupyter.worker.execution.model_calls import summary

            shown["model"] = summary(self.log.model_calls)
        return shown
