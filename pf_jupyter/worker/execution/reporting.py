"""Tells the caller what happens, in events of the protocol, and keeps the records."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from pf_jupyter.worker.execution.artifacts import Artifacts
from pf_jupyter.worker.execution.failures import FlowFailure, describe
from pf_jupyter.worker.execution.logs import DEFAULT_LIMIT, NodeLog
from pf_jupyter.worker.execution.records import (
    PLAIN,
    Moment,
    NodeRecord,
    now_text,
    preview,
    to_json_or_text,
)
from pf_jupyter.worker.scrubbing import NONE, Secrets

Emit = Callable[[Dict[str, Any]], None]
DEFAULT_INTERVAL = 60.0


class Reporter:
    """Records and events of one run.

    Parameters
    ----------
    emit
        Receives events, from any thread.
    folder
        The flow's folder.
    log_limit
        Bytes that a node's log may keep; None is 1 MB.
    secrets
        What to keep out of everything that is told.
    """

    def __init__(
        self,
        emit: Emit,
        folder: str,
        log_limit: Optional[int] = None,
        secrets: Secrets = NONE,
    ) -> None:
        self.records: Dict[str, NodeRecord] = {}
        self.cache: Any = None
        self.artifacts = Artifacts()
        self.secrets = secrets
        self._emit = secrets.emitting(emit)
        self._folder = folder
        self._limit = DEFAULT_LIMIT if log_limit is None else log_limit
        self._log = NodeLog(None, self._limit, self._send_log, secrets)
        self._interval = _interval()
        self.poll_seconds = max(0.01, min(1.0, self._interval / 4))
        self._lock = threading.Lock()

    def plain(self, value: Any) -> Any:
        """Return a value as it is recorded: plain JSON data, images as their paths."""
        if type(value) in PLAIN:
            return value
        artifacts = self.artifacts
        return to_json_or_text(value, artifacts.record, artifacts.vision)

    def event(self, event: str, **facts: Any) -> None:
        """Send one event; ``time`` is now unless it is among the facts."""
        if "time" not in facts:
            facts["time"] = now_text()
        self._emit({"event": event, **facts})

    def declare(self, names: Sequence[str]) -> None:
        """Make a record for each node, so that the result names all of them."""
        for name in names:
            self.records.setdefault(name, NodeRecord(name))

    def started(self, node: str, inputs: Dict[str, Any], runs: bool = True) -> NodeLog:
        """Report that a node begins; return the log that its output goes to.

        One that does not run itself, since its result is known, is only recorded.
        """
        log = NodeLog(node, self._limit, self._send_log, self.secrets)
        record = self.records[node]
        now = now_text()
        if runs:
            self.event("node_started", time=now, node=node)
        record.start(inputs, log, self.plain, now)
        return log

    def completed(
        self,
        node: str,
        value: Any,
        ended: Optional[Moment] = None,
        cached_run_id: Optional[str] = None,
        last: bool = False,
    ) -> None:
        """Report that a node gave ``value``, at ``ended`` or just now.

        ``cached_run_id`` is the run that gave it, if the node itself did not run.
        After the ``last`` one nothing of the flow runs any more.
        """
        record = self.records[node]
        shown = self.plain(value)
        record.output_is_text = isinstance(shown, str) and not isinstance(value, str)
        # here already: a preview could cut a secret, so that it is not found any more
        record.output = self.secrets.scrub_value(shown)
        record.cached_run_id = cached_run_id
        record.end("Completed", None, ended)
        event: Dict[str, Any] = {"last": True} if last else {}
        if cached_run_id is not None:
            event["cached_run_id"] = cached_run_id
        result = record.to_dict()
        if "model" in result:
            event["tokens"] = result["model"]["usage"].get("total_tokens")
        self.event(
            "node_completed",
            time=record.ended_at,
            node=node,
            duration_ms=record.duration_ms,
            output_preview=preview(record.output),
            node_result=result,
            **event,
        )

    def failed(
        self, node: str, error: BaseException, ended: Optional[Moment] = None
    ) -> None:
        """Report that a node failed, at ``ended`` or just now."""
        record = self.records[node]
        described = self.describe(error)
        record.end("Failed", described, ended)
        self.event(
            "node_failed",
            node=node,
            duration_ms=record.duration_ms,
            error=described,
            node_result=record.to_dict(),
        )

    def bypassed(self, node: str) -> None:
        """Report that a node is bypassed."""
        record = self.records[node]
        record.end("Bypassed")
        self.event("node_bypassed", node=node, node_result=record.to_dict())

    def cancel_running(self, reason: str) -> None:
        """Report every node that still runs as canceled."""
        for record in list(self.records.values()):
            if not record.running:
                continue
            error = FlowFailure(
                "ToolCanceledError",
                f"node '{record.name}' was canceled: {reason}",
                node=record.name,
            )
            record.end("Canceled", self.describe(error))
            self.event("node_canceled", node=record.name, node_result=record.to_dict())

    def describe(self, error: BaseException) -> Dict[str, Any]:
        """Return an exception as ERROR."""
        described: Dict[str, Any] = describe(error, self._folder, self.secrets)
        return described

    def warn(self, text: str) -> None:
        """Add a line to the run's own log."""
        self._log.stream("stderr").write(f"warning: {text}\n")

    def owner(self) -> NodeLog:
        """Return whose the output of an unknown thread is.

        The only running node if there is just one, else the run itself.
        """
        running = [r.log for r in list(self.records.values()) if r.running and r.log]
        return running[0] if len(running) == 1 else self._log

    def poll(self, now: float) -> None:
        """Note nodes that run for long (flow-format section 2.2)."""
        for record in list(self.records.values()):
            if record.running and now - record.noted_at >= self._interval:
                record.noted_at = now
                seconds = round(time.perf_counter() - record.clock)
                self.event(
                    "node_running",
                    node=record.name,
                    seconds=seconds,
                    text=f"{record.name} has been running for {seconds} seconds.",
                )

    def results(self) -> Dict[str, Any]:
        """Return the NODE of every node."""
        return {name: record.to_dict() for name, record in self.records.items()}

    def logs(self) -> List[NodeLog]:
        """Return the logs of all nodes that began, and the run's own."""
        nodes = [record.log for record in self.records.values() if record.log]
        return [*nodes, self._log]

    def close(self) -> None:
        """Send what the run's own log still holds."""
        self._log.close()

    def own_log(self) -> Optional[Dict[str, Any]]:
        """Return what was printed outside of nodes, as ``logs`` of NODE, or None."""
        kept = self._log.close()
        return kept if kept["stdout"] or kept["stderr"] else None

    def _send_log(self, node: Optional[str], stream: str, text: str) -> None:
        self.event("log", node=node, stream=stream, text=text)


def _interval() -> float:
    text = os.environ.get("PF_LONG_RUNNING_LOGGING_INTERVAL")
    if not text:
        return DEFAULT_INTERVAL
    try:
        seconds = float(text)
    except ValueError:
        return DEFAULT_INTERVAL
    return seconds if seconds > 0 else DEFAULT_INTERVAL
