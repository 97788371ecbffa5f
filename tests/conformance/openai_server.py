"""A local HTTP server that speaks the OpenAI protocol, for tests.

Standard library only and deterministic: ids count from 1, time stands still, tokens are
words. What it answers is scripted per case, what it was asked is recorded.

Script: {"replies": [REPLY, …]}; the last reply repeats. Without a script every chat
answers ``echo: `` and the last message's text.
REPLY, all keys optional:
    text            the assistant's text (or the completion's)
    tool_calls      [{"name", "arguments"}] instead of, or beside, the text
    function_call   {"name", "arguments"}: the older form
    status          an HTTP status other than 200, with
    type, code, message   … of the error body, and
    headers         … extra headers such as Retry-After
    delay           seconds before the answer begins
    pause           seconds between two chunks of a stream
    break_after     close the connection after that many chunks of a stream
    finish_reason   "stop" unless given
    body            a whole response body instead
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from .request_limit import RequestLimit

CREATED = 1_700_000_000
KEPT_HEADERS = ("authorization", "api-key", "openai-organization", "content-type")


def words(text: str) -> list[str]:
    """Cut ``text`` into the pieces a stream sends; joined they are the text."""
    pieces = text.split(" ")
    return [piece if i == 0 else f" {piece}" for i, piece in enumerate(pieces)]


def text_of(content: Any) -> str:
    """Return the text of a message's content, whatever its form."""
    if isinstance(content, list):
        parts = [
            part.get("text", "<image>") if isinstance(part, dict) else str(part)
            for part in content
        ]
        return "|".join(parts)
    return "" if content is None else str(content)


class OpenAIServer:
    """The server; use it as a context manager, or `start` and `stop`."""

    def __init__(
        self,
        script: dict[str, Any] | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        limit: RequestLimit | None = None,
    ) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._script = script or {}
        self._seen: list[dict[str, Any]] = []
        self._host = host
        self._http = ThreadingHTTPServer((host, port), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def address(self) -> str:
        """The server's root, without a trailing slash and without ``/v1``."""
        return f"http://{self._host}:{self._http.server_address[1]}"

    def start(self) -> OpenAIServer:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> OpenAIServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def reset(self, script: dict[str, Any] | None = None) -> None:
        """Forget what was asked and take another script."""
        with self._lock:
            self._script = script or {}
            self._seen = []

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked since the last `reset`, in order of arrival."""
        with self._lock:
            return json.loads(json.dumps(self._seen))  # type: ignore[no-any-return]

    def _next(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self._seen.append(request)
            replies = self._script.get("replies") or [{}]
            number = len(self._seen)
            return number, dict(replies[min(number, len(replies)) - 1])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

            def do_GET(self) -> None:
                models = [{"id": "local", "object": "model", "owned_by": "tests"}]
                self._send(200, {"object": "list", "data": models})

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                parts = urlsplit(self.path)
                body = json.loads(raw or b"{}")
                number, reply = server._next(
                    {
                        "path": parts.path,
                        "query": {k: v[0] for k, v in parse_qs(parts.query).items()},
                        "headers": {
                            name: self.headers[name]
                            for name in KEPT_HEADERS
                            if self.headers.get(name)
                        },
                        "body": body,
                    }
                )
                if server._limit is not None:
                    taken, told = server._limit.take()
                    reply["headers"] = {**reply.get("headers", {}), **told}
                    if not taken:
                        reply |= {"status": 429, "delay": 0}
                time.sleep(reply.get("delay", 0))
                try:
                    self._answer(parts.path, number, body, reply)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def _answer(
                self,
                path: str,
                number: int,
                body: dict[str, Any],
                reply: dict[str, Any],
            ) -> None:
                status = reply.get("status", 200)
                if status != 200:
                    error = {
                        "message": reply.get("message", f"scripted {status}"),
                        "type": reply.get("type", "scripted"),
                        "param": None,
                        "code": reply.get("code"),
                    }
                    self._send(status, {"error": error}, reply.get("headers"))
                elif "body" in reply:
                    self._send(200, reply["body"], reply.get("headers"))
                elif path.endswith("/embeddings"):
                    self._send(200, embeddings(body))
                elif body.get("stream"):
                    chat = path.endswith("/chat/completions")
                    make = chat_chunks if chat else completion_chunks
                    self._stream(make(number, body, reply), reply)
                elif path.endswith("/chat/completions"):
                    answer = chat_answer(number, body, reply)
                    self._send(200, answer, reply.get("headers"))
                elif path.endswith("/completions"):
                    self._send(200, completion_answer(number, body, reply))
                else:
                    self._send(404, {"error": {"message": f"no such path {path}"}})

            def _send(
                self, status: int, body: Any, headers: dict[str, str] | None = None
            ) -> None:
                data = json.dumps(body).encode("utf-8")
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, chunks: list[Any], reply: dict[str, Any]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for i, chunk in enumerate(chunks):
                    if i == reply.get("break_after"):
                        self.close_connection = True
                        self.connection.close()
                        return
                    self._piece(f"data: {json.dumps(chunk)}\n\n")
                    time.sleep(reply.get("pause", 0))
                self._piece("data: [DONE]\n\n")
                self.wfile.write(b"0\r\n\r\n")

            def _piece(self, text: str) -> None:
                data = text.encode("utf-8")
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

        return Handler


def _reply_text(body: dict[str, Any], reply: dict[str, Any]) -> str | None:
    if "text" in reply:
        return str(reply["text"])
    if "tool_calls" in reply or "function_call" in reply:
        return None
    if "messages" in body:
        messages = body["messages"] or [{}]
        return "echo: " + text_of(messages[-1].get("content"))
    return "echo: " + text_of(body.get("prompt"))


def _usage(body: dict[str, Any], text: str | None) -> dict[str, int]:
    asked = [text_of(m.get("content")) for m in body.get("messages") or []]
    asked = asked or [text_of(body.get("prompt"))]
    prompt = sum(len(piece.split()) for piece in asked)
    completion = len((text or "").split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _calls(reply: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": call["name"], "arguments": call["arguments"]},
        }
        for i, call in enumerate(reply["tool_calls"], 1)
    ]


def chat_answer(
    number: int, body: dict[str, Any], reply: dict[str, Any]
) -> dict[str, Any]:
    """Return the body of a chat answer that is not streamed."""
    text = _reply_text(body, reply)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if "tool_calls" in reply:
        message["tool_calls"] = _calls(reply)
    if "function_call" in reply:
        message["function_call"] = reply["function_call"]
    ending = "tool_calls" if "tool_calls" in reply else "stop"
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body.get("model") or "local",
        "choices": [
            {
                "index": i,
                "message": message,
                "finish_reason": reply.get("finish_reason", ending),
                "logprobs": None,
            }
            for i in range(body.get("n") or 1)
        ],
        "usage": _usage(body, text),
    }


def chat_chunks(
    number: int, body: dict[str, Any], reply: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the chunks of a streamed chat answer."""
    base = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body.get("model") or "local",
    }
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    text = _reply_text(body, reply)
    deltas += [{"content": piece} for piece in words(text or "") if text is not None]
    if "tool_calls" in reply:
        for i, call in enumerate(_calls(reply)):
            deltas.append({"tool_calls": [{"index": i, **call}]})
    chunks = [
        {**base, "choices": [{"index": 0, "delta": d, "finish_reason": None}]}
        for d in deltas
    ]
    ending = reply.get("finish_reason", "stop")
    chunks.append(
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": ending}]}
    )
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**base, "choices": [], "usage": _usage(body, text)})
    return chunks


def completion_answer(
    number: int, body: dict[str, Any], reply: dict[str, Any]
) -> dict[str, Any]:
    """Return the body of a completion that is not streamed."""
    text = _reply_text(body, reply)
    return {
        "id": f"cmpl-{number}",
        "object": "text_completion",
        "created": CREATED,
        "model": body.get("model") or "local",
        "choices": [
            {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
        ],
        "usage": _usage(body, text),
    }


def completion_chunks(
    number: int, body: dict[str, Any], reply: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the chunks of a streamed completion."""
    return [
        {
            "id": f"cmpl-{number}",
            "object": "text_completion",
            "created": CREATED,
            "model": body.get("model") or "local",
            "choices": [
                {"index": 0, "text": piece, "finish_reason": None, "logprobs": None}
            ],
        }
        for piece in words(_reply_text(body, reply) or "")
    ]


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """Return one small vector per text: its length, its vowels, its words."""
    given = body.get("input")
    texts = given if isinstance(given, list) else [given]
    data = [
        {
            "object": "embedding",
            "index": i,
            "embedding": [
                float(len(str(text))),
                float(sum(c in "aeiou" for c in str(text))),
                float(len(str(text).split())),
            ],
        }
        for i, text in enumerate(texts)
    ]
    count = sum(len(str(text).split()) for text in texts)
    return {
        "object": "list",
        "data": data,
        "model": body.get("model") or "local",
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }
