"""Sends traces of finished runs to a collector, in OpenTelemetry's own form.

Only when the user says where to: the variables are those of OpenTelemetry. Spans go
out as OTLP over HTTP in JSON, in the background, and no run waits for that or fails
with it. Names and attributes: flow-format section 7.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import queue
import threading
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from .. import __version__
from ..store.records import RunRecord
from .traces import TraceSpan, trace_of

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_WAITING = 200
_SECONDS = 10.0
_IDLE_SECONDS = 30.0
_log = logging.getLogger(__name__)


def endpoint(environment: Mapping[str, str] | None = None) -> str | None:
    """Return where traces go, None for nowhere.

    Parameters
    ----------
    environment
        Variables; those of this process by default.
    """
    given = os.environ if environment is None else environment
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if given.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    exact, general = given.get(TRACES_ENDPOINT), given.get(ENDPOINT)
    address = exact or (general and f"{general.rstrip('/')}/v1/traces")
    if not address:
        return None
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        return None
    return address


class TraceExporter:
    """Sends traces one after the other from a thread of its own."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[str, RunRecord]] = queue.Queue(_WAITING)
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._complained = ""

    def offer(self, record: RunRecord) -> None:
        """Have a run's trace sent if there is somewhere to send it to."""
        address = endpoint()
        if address is None:
            return
        try:
            self._waiting.put_nowait((address, record))
        except queue.Full:
            self._complain(address, "too many traces wait to be sent")
            return
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="pf_jupyter traces", daemon=True
                )
                self._thread.start()

    def flush(self, seconds: float = 3.0) -> bool:
        """Wait until all is sent; False when that takes longer than ``seconds``."""
        end = time.monotonic() + seconds
        while self._waiting.unfinished_tasks:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def _work(self) -> None:
        while True:
            try:
                address, record = self._waiting.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._guard:
                    if self._waiting.empty():
                        self._thread = None
                        return
                continue
            try:
                send(address, to_otlp(record))
            except Exception as error:
                self._complain(address, f"{type(error).__name__}: {error}")
            else:
                self._complained = ""
            finally:
                self._waiting.task_done()

    def _complain(self, address: str, why: str) -> None:
        if self._complained != address:  # once, not for each run
            self._complained = address
            place = urllib.parse.urlsplit(address)
            _log.warning("traces cannot be sent to %s: %s", place.hostname, why)


def send(address: str, document: Mapping[str, Any]) -> None:
    """Post spans to a collector (OSError when it does not take them)."""
    import urllib.request  # slow, and of no use where nothing is sent

    headers = {"Content-Type": "application/json"}
    for name in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
        for pair in os.environ.get(name, "").split(","):
            key, equals, value = pair.partition("=")
            if equals:
                headers[key.strip()] = urllib.parse.unquote(value.strip())
    # `endpoint` gives addresses of http and https alone
    body = json.dumps(document).encode()
    request = urllib.request.Request(address, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        answer.read()


def to_otlp(record: RunRecord) -> dict[str, Any]:
    """Return a run's trace as an ExportTraceServiceRequest in JSON."""
    spans: list[dict[str, Any]] = []
    _add(spans, record, trace_of(record), None)
    resource = {"service.name": "promptflow", "service.version": __version__}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [
                    {
                        "scope": {"name": "promptflow", "version": __version__},
                        "spans": spans,
                    }
                ],
            }
        ]
    }


def _add(
    spans: list[dict[str, Any]],
    record: RunRecord,
    span: TraceSpan,
    parent: Mapping[str, Any] | None,
) -> None:
    began = span.began if span.began is not None else 0.0
    if parent is not None and span.began is None:
        began = int(parent["startTimeUnixNano"]) / 1e9
    start = int(began * 1e9)
    shown: dict[str, Any] = {
        "traceId": _hex(record.run_id, 32),
        "spanId": _hex(f"{record.run_id} {len(spans)}", 16),
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int((span.duration_ms or 0.0) * 1e6)),
        "attributes": _attributes(_facts(record, span)),
        "status": {"code": 2 if span.error else 1},
    }
    if parent is not None:
        shown["parentSpanId"] = parent["spanId"]
    if span.error:
        shown["status"]["message"] = str(span.error["message"])
        facts = {
            "exception.type": span.error["type"],
            "exception.message": span.error["message"],
        }
        shown["events"] = [
            {
                "name": "exception",
                "timeUnixNano": shown["endTimeUnixNano"],
                "attributes": _attributes(facts),
            }
        ]
    spans.append(shown)
    for child in span.children:
        _add(spans, record, child, shown)


def _facts(record: RunRecord, span: TraceSpan) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "framework": "promptflow",
        "span_type": "Function" if span.kind == "Node" else span.kind,
        "function": span.name,
        "line_run_id": record.run_id,
        "inputs": _written(span.inputs),
        "output": _written(span.output),
    }
    if span.node is not None:
        facts["node_name"] = span.node
    if span.cached_run_id:
        facts["cached_run_id"] = span.cached_run_id
    facts.update(span.attributes)
    for name, count in span.usage.items():
        facts[f"llm.usage.{name}"] = count
    for name, count in span.tokens.items():
        kind = name.removesuffix("_tokens")
        facts[f"__computed__.cumulative_token_count.{kind}"] = count
    return facts


def _attributes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": _value(value)}
        for key, value in facts.items()
        if value is not None
    ]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else _written(value)}


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _hex(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
