"""The one transport between host and worker: length-prefixed JSON messages.

A frame is a 4-byte big-endian length followed by that many bytes of UTF-8 JSON. The
host sends *requests*, each with an ``id`` of its own choosing and an ``op``; the worker
answers each with exactly one ``result`` or ``error`` of the same id, preceded by any
number of ``event`` messages of that id. Unasked, the worker sends one ``hello`` first.

Worker to host
    {"type": "hello", "protocol": 1, "python": "3.11.7", "implementation": "cpython",
     "pid", "hostname", "user", "uid", "cwd", "features": ["fork", "jinja2", …],
     "layers": [folder, …]}
    {"type": "event", "id", "event": {…}}            see EVENTS
    {"type": "result", "id", "value": …}
    {"type": "error", "id", "error": {"code", "message", "hint", …}}

    {"type": "ask", "id": id of a run, "question": {"op": "cache.get", "node",
     "inputs": digest} → null or {"run_id", "output"}}
    {… "question": {"op": "cache.put", "node", "inputs": digest, "output"} → null}
        asked by an executor while it runs, answered by the operation ``answer``; only
        for nodes that RUN names under "cache"

Host to worker (``op``)
    ping            {} → {"time"}
    snapshot.open   {"snapshot", "files": [{"path", "digest", "size", "mode"}]}
                    → {"missing": [digest, …]}; empty when the folder is complete
    snapshot.fill   {"snapshot", "blobs": {digest: base64}} → {"missing": [digest, …]}
                    repeated, in messages of about 1 MB, until nothing is missing
    run             RUN → RESULT. Fails with code ``snapshot_missing`` when the snapshot
                    is not there (a new container, say): open it, then ask again
    go              {"target": id of a held run}, not answered: it may begin
    inspect         {"snapshot", "flow", "nodes": [name, …] or null, "timeout"}
                    → {"tools": {node: TOOL}, "problems": [PROBLEM, …]}
    cancel          {"target": id of a run} → {"canceled": bool}
    batch           BATCH → {"status": "Completed" | "Failed" | "Canceled", "error": why
                    none of the lines could run, "aggregation": AGGREGATION or null,
                    "duration_ms"}; when nothing of the batch is there any more
    batch.lines     {"target": id of a batch, "lines": [[line, number, inputs], …],
                    "last": bool} → {"taken"}; after its event ``batch_opened``;
                    ``line`` counts from 0, ``number`` is what the data calls it
    batch.recall    {"target", "most"} → {"lines": [line, …]}: at most so many that
                    nobody has begun; they are not the worker's any more
    batch.rows      {"target", "rows": [[inputs, aggregation inputs], …], "last": bool}
                    → {"taken"}; after ``batch_lines_over``, the completed lines in
                    order (of a flex flow [null, outputs])
    answer          {"target": id of a run, "value"} → {"taken": bool}
                    the answer to that run's "ask"; an executor asks one at a time
    layers.use      {"layers": [folder, …]} → {"missing": [folder, …]}: everything that
                    begins from now on has these layers, the uppermost first; what
                    runs keeps its own. Nothing changes while one is missing
    layers.examine  {"layers": [folder, …], "check": [distribution, …], "timeout"}
                    → {"missing": [folder, …], "python": {…}, "installed":
                    [{"name", "version", "requires", "location"}], "checked": [{"name",
                    "version", "modules", "error"}]}, or {"missing", "failed": text}
    stats           {} → {"processes": [{"pid", "kind", "snapshot", "rss"}],
                          "runs": [id]}
    shutdown        {} → {}; then the worker ends everything it started and exits

When the worker's own code is not there yet, its first message, before the hello, is
{"type": "bundle", "digest", "magic"}; the host answers with the length (4 bytes,
big-endian) and the bytes of the archive that :mod:`pf_jupyter.runtimes.bundle` makes,
with bytecode if ``magic``, the worker's pyc format in hex, is the host's own.

When the stream closes the worker ends everything it started and exits.

RUN: {"op": "run", "id", "run_id", "snapshot", "flow": Flow.to_dict(), "inputs": {},
      "mode": "flow" | "node" | "from_node", "node": name or null,
      "dependency_outputs": {node: value}, "init": {name: value} or null,
      "connections": {name: execution dict},
      "environment_variables": {name: text}, "line_number": int or null,
      "cache"?: [names of nodes that may take results of earlier runs],
      "source_run_id"?, "bypassed"?: [names]: with "dependency_outputs", the run that
      they are from and the nodes that were bypassed there,
      "timeout": seconds or null, "concurrency": 16, "aggregation": true,
      "flow_key"?: what the host calls this flow; one of the last 64 that were sent with
      their keys may be left out. Fails with code ``flow_missing`` when it is not there,
      "held"?: true: get everything ready, and wait for ``go``; limits count from here,
      "listens"?: false: nobody looks, events that the result overtakes are left out,
      "stream"?: true: chunks are shown, so that llm nodes with ``stream: true``
      which feed an output send them while the model answers,
      "log_limit": bytes a node's log may keep}

BATCH: as RUN, with "op": "batch", without "inputs", "mode" and what is for parts;
       "workers": most lines at once or null, "line_timeout": seconds for a line or
       null, "executors"?: most processes that run lines, "node_concurrency": 2,
       "aggregation": whether there is something to do after all lines
LINE: {"line", "status": "Completed" | "Failed", "outputs", "nodes": {name: NODE without
       what is as usual: "error", "logs" and "ended_at"}, "started_at", "duration_ms",
       "error"?, "aggregation_inputs"?, "logs"?, "trace"?, "artifacts"?}
AGGREGATION: {"metrics", "nodes", "error": ERROR or null, "logs", "trace"?}

RESULT: {"status": "Completed" | "Failed" | "Canceled", "outputs": {…} or null,
         "nodes": {name: NODE}, "metrics": {}, "error": ERROR or null,
         "started_at", "ended_at", "duration_ms", "pid", "hostname",
         "artifacts"?: {relative path: base64 of an image that the result names},
         "aggregation_inputs": {…}, "logs"? as in NODE: what was printed by the process
         while not exactly one node ran (by subprocesses, by modules while loading),
         "trace"? [SPAN]: what nodes did inside; absent when there is nothing to tell}
SPAN: {"id", "parent": id of a SPAN or null, "node": name or null (outside of nodes),
       "name", "kind": "Function" | "LLM" | "Embedding" | "Retrieval" | …, "started_at",
       "duration_ms" (null while it goes on), "inputs", "output", "error": {"type",
       "message"} or null, "usage"?: {"prompt_tokens", …}, "attributes"?: {…}}.
       The spans of the flow and of its nodes are not among them: "nodes" has all that.
NODE: {"status": "Completed" | "Failed" | "Bypassed" | "Canceled" | "NotStarted",
       "inputs", "output", "duration_ms", "started_at", "ended_at",
       "logs": {"stdout", "stderr", "dropped_bytes"}, "error": ERROR or null,
       "cached_run_id"?: the run whose result was taken instead of running,
       "output_is_text"?: true when the value has no JSON form: "output" describes it,
       "model"?: where it called models: {"name", "provider", "api", "calls", "retries",
       "usage": {"prompt_tokens", "completion_tokens", "total_tokens"},
       "usages"?: that of each model where there were several,
       "usage_estimated", "first_token_ms", "duration_ms", "finish_reason"}}
ERROR: {"code": public class name, "codes": the public chain, "message", "hint",
        "node": name or null, "traceback": the user's own frames or "",
        "frames": [{"file", "line", "name"}]}
TOOL: {"name", "type",
       "inputs": {name: {"type": [..], "default"?, "required", "enum"?}},
       "output": type, "is_async", "is_generator", "file", "line", "duration_ms"}
PROBLEM: {"code", "message", "node", "file", "line", "column", "hint"}

EVENTS, each with "event" and "time" (UTC ISO 8601):
    run_started      {"pid"}                       node_started   {"node"}
    node_completed   {"node", "duration_ms", "output_preview",
                      "cached_run_id"?: the run whose result was taken,
                      "tokens"?: total of its calls of models}
    node_failed      {"node", "duration_ms", "error"}
    node_bypassed    {"node"}                      node_canceled  {"node"}
    node_running     {"node", "seconds"}           still going; same text as F98 in logs
    log              {"node" or null, "stream": "stdout" | "stderr", "text"}
    chunk            {"node", "output" (flow output name), "text"}
    batch_opened     {"executors": most that there will be}; lines can be sent
    batch_lines      {"lines": [LINE, …]}, never dropped
    batch_lines_over {}: every line has a result; rows to aggregate can be sent
"""

from __future__ import annotations

import base64
import datetime
import json
import struct
from typing import Any, Dict, Optional

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 512 * 1024 * 1024

_HEADER = struct.Struct(">I")
_TAG = "$pf"
UPSTREAM = "$pf_upstream"
"""Among the inputs of a batch's line that runs from a node on: ``node``,
``dependency_outputs``, ``bypassed`` and ``source_run_id`` of RUN."""
_TAG_BYTES = _TAG.encode()
# json.dumps makes one for each call
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class ProtocolError(Exception):
    """The bytes on the stream are not frames of this protocol."""


def pack_value(value: Any) -> Any:
    """Return ``value`` in a form that JSON keeps exactly; inverse of `unpack_value`.

    Parameters
    ----------
    value
        Nested dict, list, tuple, str, int, float, bool, None, bytes, date, datetime.
        Keys that are not text, and dictionaries that look like our tags, are wrapped.

    Raises
    ------
    TypeError
        A value of any other type.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, dict):
        if _TAG in value or not all(type(key) is str for key in value):
            pairs = [[pack_value(k), pack_value(v)] for k, v in value.items()]
            return {_TAG: "map", "value": pairs}
        return {key: pack_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack_value(item) for item in value]
    if isinstance(value, datetime.datetime):
        return {_TAG: "datetime", "value": value.isoformat()}
    if isinstance(value, datetime.date):
        return {_TAG: "date", "value": value.isoformat()}
    if isinstance(value, (bytes, bytearray)):
        text = base64.b64encode(bytes(value)).decode("ascii")
        return {_TAG: "bytes", "value": text}
    raise TypeError(f"cannot send a {type(value).__name__} to the worker")


def unpack_value(value: Any) -> Any:
    """Undo `pack_value`."""
    if isinstance(value, list):
        return [unpack_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get(_TAG)
    if tag is None:
        return {key: unpack_value(item) for key, item in value.items()}
    if tag == "map":
        return {_as_key(unpack_value(k)): unpack_value(v) for k, v in value["value"]}
    if tag == "datetime":
        return datetime.datetime.fromisoformat(value["value"])
    if tag == "date":
        return datetime.date.fromisoformat(value["value"])
    if tag == "bytes":
        return base64.b64decode(value["value"])
    raise ProtocolError(f"unknown value tag {tag!r}")


def _as_key(value: Any) -> Any:
    # a tuple travels as a list, which cannot be a key
    return tuple(map(_as_key, value)) if isinstance(value, list) else value


class PlainResult(Dict[str, Any]):
    """A result as it came, in which `unpack_value` has nothing to do.

    ``text`` is its JSON where that is plain ASCII, else None.
    """

    text: Optional[str] = None


def plain_result(message: Dict[str, Any], body: bytes) -> Any:
    """Return the value of a ``result``, as a `PlainResult` where it is one.

    Parameters
    ----------
    message
        What `decode` made of ``body``.
    body
        The frame's body.
    """
    value = message["value"]
    if type(value) is not dict or _TAG_BYTES in body:
        return value
    plain = PlainResult(value)
    begin = b'{"type":"result","id":%d,"value":' % message["id"]
    if body.isascii() and body.startswith(begin):
        plain.text = body[len(begin) : -1].decode("ascii")
    return plain


def encode(message: Dict[str, Any]) -> bytes:
    """Return ``message`` as one frame; its values must be JSON already.

    Raises
    ------
    ProtocolError
        The frame would be larger than `MAX_FRAME_BYTES`.
    """
    body = _JSON.encode(message).encode("utf-8", "surrogatepass")
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"message of {len(body)} bytes is too large")
    return _HEADER.pack(len(body)) + body


class Decoder:
    """Turns a byte stream that arrives in arbitrary pieces into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes that were read from the stream."""
        self._buffer += data

    def next(self) -> Optional[Dict[str, Any]]:
        """Return the next complete message, or None when more bytes are needed.

        Raises
        ------
        ProtocolError
            The stream does not hold frames; nothing after this can be trusted.
        """
        body = self.next_body()
        return None if body is None else decode(body)

    def next_body(self) -> Optional[bytes]:
        """Return the next complete message as it came, for `decode`; None as `next`.

        Raises
        ------
        ProtocolError
            A frame of an impossible size was announced.
        """
        if len(self._buffer) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._buffer)
        if length > MAX_FRAME_BYTES:
            raise ProtocolError(f"a frame of {length} bytes was announced")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return body


def decode(body: bytes) -> Dict[str, Any]:
    """Return the message in a frame's body.

    Raises
    ------
    ProtocolError
        It is not a JSON object.
    """
    try:
        message = json.loads(body.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise ProtocolError("a frame is not a JSON object")
    return message
