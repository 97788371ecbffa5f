"""A stand-in for a model: a small local server that speaks the OpenAI protocol.

For trying llm nodes without a key and without a network, in tutorials for instance. It
is no model: it finds the sentence in a prompt that shares most words with the question,
or says what it was told and asked; asked for a grade, it counts shared words. The same
request always gives the same answer.

    python -m pf_jupyter.standin --port 8123
"""

from __future__ import annotations

import argparse
import hmac
import json
import re
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .workspace.api import Runtime

KEY = "opens-nothing"
"""The key it takes. It guards nothing: whoever can reach the server may read this."""

MODEL = "stand-in"
LOCAL = "127.0.0.1"
_HOST_NAME = "host.docker.internal"
_CREATED = 1_700_000_000
_SHORT_WORDS = 3
_DIMENSIONS = 64
_LARGEST_REQUEST = 16 * 1024 * 1024

_WHERE = {
    "flow.dag.yaml": """\
inputs: {}
outputs:
  address:
    type: string
    reference: ${where.output}
nodes:
- name: where
  type: python
  source:
    type: code
    path: where.py
  inputs: {}
""",
    "where.py": f'''\
import socket
from promptflow.core import tool


@tool
def where() -> str:
    """Return the address of the machine that this container runs on."""
    try:
        return socket.gethostbyname("{_HOST_NAME}")
    except OSError:
        return ""
''',
}


class StandIn:
    """The server; a context manager, or `start` and `stop`.

    Parameters
    ----------
    key
        The only key that it takes; any other is answered by status 401.
    pause
        Seconds between two words of a stream.
    host, port
        Where it listens; port 0 takes a free one.
    name
        What clients call the host, where that is not ``host``.

    Attributes
    ----------
    base_url
        For the ``base_url`` of an OpenAI connection.
    """

    def __init__(
        self,
        key: str = KEY,
        *,
        pause: float = 0.05,
        host: str = LOCAL,
        port: int = 0,
        name: str = "",
    ) -> None:
        self._key = key
        self._pause = pause
        self._http = ThreadingHTTPServer((host, port), self._handler())
        self._http.daemon_threads = True
        self._thread: threading.Thread | None = None
        self.base_url = f"http://{name or host}:{self._http.server_address[1]}/v1"

    @classmethod
    def for_runtime(
        cls, runtime: Runtime, key: str = KEY, *, pause: float = 0.05
    ) -> StandIn:
        """Return a server, started, that code in this runtime can reach.

        For a process it listens on this machine's own address alone. For a container it
        listens where the container finds this machine, on the engine's own network,
        which other machines do not see.

        Raises
        ------
        UsageError
            The runtime has no network, or runs on another machine.
        """
        if runtime.to_dict().get("engine") == "process":
            return cls(key, pause=pause).start()
        with tempfile.TemporaryDirectory(prefix="pf-where-") as folder:
            for file, text in _WHERE.items():
                (Path(folder) / file).write_text(text, encoding="utf-8")
            found = runtime.run(folder).raise_for_status().outputs or {}
        address = str(found.get("address") or "")
        if not address:
            from .errors import UsageError

            raise UsageError(
                f"runtime {runtime.name} does not know the way to this machine",
                code="no_way_to_host",
                hint="use one on the local engine with --network open, or a process",
            )
        try:
            return cls(key, pause=pause, host=address).start()
        except OSError:
            # Docker Desktop: the address is its own, and leads to this machine's.
            return cls(key, pause=pause, name=_HOST_NAME).start()

    def start(self) -> StandIn:
        """Begin to answer."""
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()

    def __enter__(self) -> StandIn:
        return self if self._thread is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<StandIn at {self.base_url}: no model, it only answers like one>"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        key, pause = self._key, self._pause

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent: the notebook's output is no log."""

            def do_GET(self) -> None:
                self._send(200, {"object": "list", "data": [{"id": MODEL}]})

            def do_POST(self) -> None:
                body = self._body()
                given = self.headers.get("authorization", "").removeprefix("Bearer ")
                if body is None:
                    self._refuse(400, "the request is no JSON object", "bad_request")
                elif not hmac.compare_digest(given.encode(), key.encode()):
                    self._refuse(
                        401, "the key that was sent is not mine", "invalid_api_key"
                    )
                elif self.path.endswith("/chat/completions"):
                    self._answer(body, chat_answer(body.get("messages") or []), True)
                elif self.path.endswith("/embeddings"):
                    self._send(200, embeddings(body))
                elif self.path.endswith("/completions"):
                    self._answer(body, answer("", str(body.get("prompt")), 0), False)
                else:
                    self._refuse(404, f"there is no {self.path} here", "not_found")

            def _body(self) -> dict[str, Any] | None:
                try:
                    length = int(self.headers.get("content-length") or 0)
                    raw = self.rfile.read(min(length, _LARGEST_REQUEST))
                    found = json.loads(raw)
                except ValueError:
                    return None
                return found if isinstance(found, dict) else None

            def _answer(self, body: Mapping[str, Any], text: str, chat: bool) -> None:
                if not body.get("stream"):
                    self._send(200, _whole(body, text, chat))
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    for piece in _pieces(body, text, chat):
                        self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
                        self.wfile.flush()
                        time.sleep(pause)
                    self.wfile.write(b"data: [DONE]\n\n")
                except OSError:
                    pass  # the run was stopped: nobody listens any more

            def _refuse(self, status: int, message: str, code: str) -> None:
                kind = "invalid_request_error"
                error = {"message": message, "type": kind, "param": None, "code": code}
                self._send(status, {"error": error})

            def _send(self, status: int, body: Mapping[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler


def chat_answer(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return what the stand-in says to these messages."""
    told = " ".join(_text(m) for m in messages if m.get("role") == "system")
    said = [_text(m) for m in messages if m.get("role") != "system"]
    return answer(told, said[-1] if said else "", max(len(said) - 1, 0))


def answer(told: str, asked: str, before: int) -> str:
    """Return the sentence that fits the question, or what was told and asked.

    Parameters
    ----------
    told
        What the system messages say.
    asked
        The last message.
    before
        How many messages of the conversation came before it.
    """
    if scale := re.search(r"number from (\d+) to (\d+)", told):
        return str(grade(asked, int(scale[1]), int(scale[2])))
    words = _words(asked)
    sentences = re.split(r"(?<=[.!?])\s+|\n+", told)
    scores = [len(words & _words(sentence)) for sentence in sentences]
    if (best := max(scores)) > 1:
        return sentences[scores.index(best)].strip(" #-*")
    first = sentences[0].strip()
    parts = ["I am a stand-in, no model."]
    if first:
        parts.append(f"I was told: {first}")
    parts.append(f"You said: {asked.strip()}")
    if before:
        parts.append(f"({before} messages came before.)")
    return " ".join(parts)


def grade(asked: str, low: int, high: int) -> int:
    """Return the grade of what stands below ``Answer:``, on a scale that was told.

    The more of its words the rest of the message has, the higher.
    """
    rest, _, given = asked.rpartition("Answer:\n")
    words = _words(given.partition("\n\nYour grade")[0])
    share = len(words & _words(rest)) / len(words) if words else 0.0
    return low + round(share * (high - low))


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return vectors of texts: the more words two share, the nearer theirs are."""
    given = body.get("input") or ""
    texts = [given] if isinstance(given, str) else [str(text) for text in given]
    vectors = []
    for index, text in enumerate(texts):
        vector = [0.0] * _DIMENSIONS
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % _DIMENSIONS] += 1.0
        vectors.append({"object": "embedding", "index": index, "embedding": vector})
    words = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "data": vectors,
        "model": body.get("model") or MODEL,
        "usage": {"prompt_tokens": words, "total_tokens": words},
    }


def _words(text: str) -> set[str]:
    found = re.findall(r"\w+", text.lower())
    return {word[:5] for word in found if len(word) > _SHORT_WORDS}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content)
    return str(content or "")


def _usage(body: Mapping[str, Any], text: str) -> dict[str, int]:
    sent = [_text(m) for m in body.get("messages") or ()] or [str(body.get("prompt"))]
    asked, said = sum(len(one.split()) for one in sent), len(text.split())
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
    }


def _head(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    model = body.get("model") or MODEL
    return {"id": "stand-in-1", "object": kind, "created": _CREATED, "model": model}


def _whole(body: Mapping[str, Any], text: str, chat: bool) -> dict[str, Any]:
    said: dict[str, Any] = (
        {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    )
    kind = "chat.completion" if chat else "text_completion"
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, **said}
    return {**_head(body, kind), "choices": [choice], "usage": _usage(body, text)}


def _pieces(body: Mapping[str, Any], text: str, chat: bool) -> Iterator[dict[str, Any]]:
    head = _head(body, "chat.completion.chunk" if chat else "text_completion")
    for piece in re.findall(r"\s*\S+", text):
        said = {"delta": {"content": piece}} if chat else {"text": piece}
        yield {**head, "choices": [{"index": 0, "finish_reason": None, **said}]}
    end: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
    yield {**head, "choices": [{"index": 0, "finish_reason": "stop", **end}]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage(body, text)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer until the keyboard says stop."""
    parser = argparse.ArgumentParser(
        prog="python -m pf_jupyter.standin",
        description="A stand-in for a model that speaks the OpenAI protocol.",
    )
    parser.add_argument("--host", default=LOCAL, help="where it listens")
    parser.add_argument("--port", type=int, default=8123, help="0 takes a free one")
    parser.add_argument("--key", default=KEY, help="the only key that it takes")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds per word")
    chosen = parser.parse_args(arguments)
    server = StandIn(
        chosen.key, pause=chosen.pause, host=chosen.host, port=chosen.port
    ).start()
    sys.stdout.write(
        f"no model, only a stand-in for one, at {server.base_url}\n"
        "a connection to it: jupyter pf connection create --type open_ai --name "
        f"stand-in --set api_key={chosen.key} base_url={server.base_url}\n"
        "Ctrl-C ends it\n"
    )
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
