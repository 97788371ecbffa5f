"""One batch on a Dask cluster: lines in chunks that take about a second each."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Callable, Deque, Dict, List, Optional

from .. import protocol
from .connection import Connected
from .pacing import Size

LOST_SECONDS = 60.0
_SURVEY_SECONDS = 1.0
_POLL_SECONDS = 0.2
_LEAVE_SECONDS = 5.0
_AHEAD = 2
_ATTEMPTS = 3
_FETCHERS = 4

Send = Callable[[bytes], None]


class _Chunk:
    def __init__(self, lines: List[Any], attempts: int) -> None:
        self.lines = lines
        self.attempts = attempts
        self.workers: List[str] = []
        self.future: Any = None


class ClusterBatch:
    """A batch that the host has opened and that is not answered yet.

    Parameters
    ----------
    request
        BATCH of the protocol.
    connected
        The cluster.
    known
        What sessions need besides BATCH, see `chunks.Session`.
    send
        Sends a frame to the host, from any thread.
    closed
        Called when it has been answered.
    """

    def __init__(
        self,
        request: Dict[str, Any],
        connected: Connected,
        known: Dict[str, Any],
        send: Send,
        closed: Callable[["ClusterBatch"], None],
    ) -> None:
        self.id = request["id"]
        self._cluster = connected
        self._send = send
        self._closed = closed
        self._most = request.get("workers")
        drop = ("op", "id", "snapshot", "aggregation")
        body = {key: value for key, value in request.items() if key not in drop}
        self._known = {**known, "body": {**body, "aggregation": False}}
        # Keys and names are seen by everybody: they say which run, and nothing else.
        self.name = f"pf-{request['run_id']}-{self.id}"
        self._lines: Deque[Any] = deque()
        self._chunks: Dict[str, _Chunk] = {}
        self._workers: Dict[str, int] = {}
        self._all_sent = False
        self._opened = False
        self._number = 0
        self._size = Size()
        self._attempts: Dict[int, int] = {}
        self._inbox: "queue.SimpleQueue[Callable[[], None]]" = queue.SimpleQueue()
        self._over = threading.Event()
        self._fetchers = ThreadPoolExecutor(_FETCHERS)
        for target in (self._run, self._survey):
            threading.Thread(target=target, daemon=True).start()

    # ---- asked by the host --------------------------------------------------

    def lines(self, lines: List[Any], last: bool) -> None:
        """Take lines; ``last`` when no more will come."""
        self._inbox.put(partial(self._add, lines, last))

    def recall(self, most: int, answer: Callable[[List[int]], None]) -> None:
        """Give back lines that nobody has begun."""
        self._inbox.put(partial(self._recall, most, answer))

    def cancel(self) -> None:
        """End everything; lines without a result stay without one."""
        self._inbox.put(partial(self._end, "Canceled", _CANCELED))

    # ---- the batch's own thread ---------------------------------------------

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                try:
                    self._inbox.get(timeout=_POLL_SECONDS)()
                    while not self._over.is_set():
                        self._inbox.get_nowait()()
                except queue.Empty:
                    pass
                self._submit()
                if self._all_sent and not self._lines and not self._chunks:
                    self._end("Completed", None)
        except Exception as error:
            self._end("Failed", _failed(f"{type(error).__name__}: {error}"))

    def _add(self, lines: List[Any], last: bool) -> None:
        self._lines.extend(lines)
        self._all_sent = self._all_sent or last

    def _recall(self, most: int, answer: Callable[[List[int]], None]) -> None:
        taken: List[int] = []
        while self._lines and len(taken) < most:
            taken.append(self._lines.pop()[0])
        answer(taken)

    def _submit(self) -> None:
        threads = sum(self._workers.values())
        while self._lines and len(self._chunks) < _AHEAD * threads:
            # The last lines are shared out, so that all end at about one time.
            share = -(-len(self._lines) // (_AHEAD * threads))
            count = max(1, min(self._size.value, share, len(self._lines)))
            self._start([self._lines.popleft() for _ in range(count)])

    def _start(self, lines: List[Any]) -> None:
        self._number += 1
        numbers = ",".join(str(line[0]) for line in lines).encode("ascii")
        digest = hashlib.sha256(numbers).hexdigest()[:12]
        key = f"{self.name}-{digest}-{self._number}"
        chunk = _Chunk(lines, max(self._attempts.pop(line[0], 0) for line in lines))
        chunk.workers = list(self._workers)
        chunks = self._cluster.chunks
        text = json.dumps(lines, separators=(",", ":"))
        chunk.future = self._cluster.client.submit(
            chunks.run_chunk,
            self.name,
            chunks.Sealed(text, f"{len(lines)} lines"),
            key=key,
            workers=chunk.workers,
            pure=False,
        )
        self._chunks[key] = chunk
        chunk.future.add_done_callback(partial(self._ended, key))

    def _ended(self, key: str, future: Any) -> None:
        if not self._over.is_set():
            self._fetchers.submit(self._fetch, key, future)

    def _fetch(self, key: str, future: Any) -> None:
        value, problem = None, None
        try:
            value = future.result().value
        except BaseException as error:
            problem = error
        self._inbox.put(partial(self._take, key, value, problem))

    def _take(
        self,
        key: str,
        value: Optional[Dict[str, Any]],
        problem: Optional[BaseException],
    ) -> None:
        chunk = self._chunks.pop(key, None)
        if chunk is None:
            return
        if value is None:
            self._again(chunk, problem)
        elif "failed" in value:
            self._end("Failed", value["failed"])
        elif "lacks" in value:
            self._workers.pop(value["lacks"], None)
            self._requeue(chunk.lines)
        elif "lines" in value:
            self._size.see(value["count"], value["seconds"])
            self._put(
                '{"event":"batch_lines","lines":[' + value["lines"] + "]}",
            )
        else:
            self._requeue(chunk.lines)

    def _again(self, chunk: _Chunk, problem: Optional[BaseException]) -> None:
        """Try lines once more that were lost with their worker."""
        attempts = chunk.attempts + 1
        if attempts >= _ATTEMPTS:
            kind = type(problem).__name__
            self._end("Failed", _failed(f"lines were lost {attempts} times: {kind}"))
            return
        for line in chunk.lines:
            self._attempts[line[0]] = attempts
        self._requeue(chunk.lines)

    def _requeue(self, lines: List[Any]) -> None:
        self._lines.extendleft(reversed(lines))

    def _put(self, event: str) -> None:
        text = f'{{"type":"event","id":{self.id},"event":{event}}}'
        body = text.encode("utf-8", "surrogatepass")
        self._send(len(body).to_bytes(4, "big") + body)

    def _tell(self, event: str, **facts: Any) -> None:
        self._put(json.dumps({"event": event, **facts}))

    # ---- workers --------------------------------------------------------------

    def _survey(self) -> None:
        """Look after the cluster's workers, in a thread of its own: it may block."""
        answered = time.monotonic()
        refused: Dict[str, str] = {}
        while not self._over.is_set():
            try:
                now = self._cluster.threads()
                answered = time.monotonic()
                new = [
                    address
                    for address in now
                    if address not in self._workers and address not in refused
                ]
                if new:
                    good, bad = self._cluster.fitting(new)
                    refused.update({a: "" for a in new if a not in good and bad})
                    for text in bad:
                        self._tell("batch_note", text=text)
                    self._open_sessions(good, now)
                self._inbox.put(partial(self._see, now))
            except Exception as error:
                if time.monotonic() - answered > LOST_SECONDS:
                    text = f"the scheduler does not answer: {type(error).__name__}"
                    self._inbox.put(partial(self._end, "Failed", _failed(text)))
                    return
            self._over.wait(_SURVEY_SECONDS)

    def _open_sessions(self, addresses: List[str], threads: Dict[str, int]) -> None:
        if not addresses:
            return
        known = self._known
        if self._most is not None:
            each = max(1, self._most // max(1, len(threads)))
            addresses = addresses[: max(0, self._most // each - len(self._workers))]
            known = {**known, "body": {**known["body"], "workers": each}}
        chunks = self._cluster.chunks
        answers = self._cluster.client.run(
            chunks.open_session,
            self.name,
            chunks.Sealed(known),
            workers=addresses,
            on_error="return",
        )
        opened = {a: n for a, n in answers.items() if isinstance(n, int)}
        self._inbox.put(partial(self._workers.update, opened))

    def _see(self, now: Dict[str, int]) -> None:
        gone = [address for address in self._workers if address not in now]
        for address in gone:
            del self._workers[address]
        for key, chunk in list(self._chunks.items()):
            if not any(address in now for address in chunk.workers):
                # Nobody that it may run on is left: others take it.
                del self._chunks[key]
                chunk.future.cancel()
                self._requeue(chunk.lines)
        if gone:
            text = f"lost {', '.join(gone)}; what it had is done elsewhere"
            self._tell("batch_note", text=text)
        if self._workers and not self._opened:
            self._opened = True
            self._tell("batch_opened", executors=sum(self._workers.values()))

    # ---- the end --------------------------------------------------------------

    def _end(self, status: str, error: Optional[Dict[str, Any]]) -> None:
        if self._over.is_set():
            return
        self._over.set()
        leaving = threading.Thread(target=self._leave, daemon=True)
        leaving.start()
        leaving.join(_LEAVE_SECONDS)
        value = {"status": status, "error": error, "aggregation": None}
        self._send(protocol.encode({"type": "result", "id": self.id, "value": value}))
        self._closed(self)

    def _leave(self) -> None:
        client = self._cluster.client
        futures = [chunk.future for chunk in self._chunks.values()]
        self._chunks.clear()
        try:
            if futures:
                client.cancel(futures, force=True)
            client.run(self._cluster.chunks.close_session, self.name, on_error="ignore")
        except Exception:
            pass  # sessions without a client end by themselves
        self._fetchers.shutdown(wait=False)


_CANCELED = {
    "code": "canceled",
    "message": "the batch was stopped",
    "hint": "resume it",
}


def _failed(text: str) -> Dict[str, Any]:
    return {
        "code": "cluster_failed",
        "message": f"the cluster cannot go on: {text}",
        "hint": "look at its dashboard and logs, then resume the run: what was done "
        "is kept",
    }
