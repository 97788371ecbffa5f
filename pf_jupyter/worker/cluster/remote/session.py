"""One batch in one Dask worker: a worker of ours beside it, and who waits for what.

It keeps the limits of lines, outlives code that crashes, and ends when nobody wants its
lines any more: when its client is gone, too.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .process import Gone, Process

IDLE_SECONDS = 60.0
_ATTEMPTS = 3
_POLL_SECONDS = 0.25


class Unwanted(Exception):
    """Nobody waits for a chunk any more."""


class Refusal(Exception):
    """None of the lines can run; ``error`` is ERROR of the protocol."""

    def __init__(self, error: Dict[str, Any]) -> None:
        super().__init__(str(error.get("code")))
        self.error = error


class _Chunk:
    """Lines that one task waits for."""

    def __init__(self, lines: List[Any]) -> None:
        self.missing: Dict[int, Any] = {line[0]: line for line in lines}
        self.results: List[str] = []


class Session:
    """One batch in one Dask worker.

    Parameters
    ----------
    known
        ``{"command", "archive", "snapshot", "files", "blobs", "body", "executors"}``:
        the worker's program and code, the flow's folder, BATCH of the protocol.
    forget
        Takes it out of the sessions of this Dask worker, and closes it.
    """

    def __init__(self, known: Dict[str, Any], forget: Callable[[], Any]) -> None:
        self._forget = forget
        self._known = known
        self._changed = threading.Condition()
        self._process: Optional[Process] = None
        self._chunks: List[_Chunk] = []
        self._owner: Dict[int, _Chunk] = {}
        self._closed = False
        self._used_at = time.monotonic()
        threading.Thread(target=self._watch, daemon=True).start()

    def run(self, lines: List[Any], wanted: Any) -> List[str]:
        """Return the results of lines, each a JSON text, in no order."""
        chunk = _Chunk(lines)
        with self._changed:
            self._chunks.append(chunk)
            for line in lines:
                self._owner[line[0]] = chunk
        attempts, done, last = 0, 0, None
        try:
            while chunk.missing:
                process = self._running()
                if process is not last:
                    last = process
                    process.give(list(chunk.missing.values()))
                try:
                    self._wait(chunk, process, wanted)
                except Gone as gone:
                    attempts = 0 if len(chunk.results) > done else attempts + 1
                    done = len(chunk.results)
                    if attempts >= _ATTEMPTS:
                        raise RuntimeError(f"the worker ended: {gone}") from None
            return chunk.results
        finally:
            with self._changed:
                self._chunks.remove(chunk)
                for index in chunk.missing:
                    self._owner.pop(index, None)
                self._used_at = time.monotonic()

    def _wait(self, chunk: _Chunk, process: Process, wanted: Any) -> None:
        while True:
            with self._changed:
                if not chunk.missing:
                    return
                if self._closed:
                    raise Unwanted
                if process.refusal is not None:
                    raise Refusal(process.refusal)
                if process.ended:
                    raise Gone(process.last_words())
                self._changed.wait(_POLL_SECONDS)
            if not wanted():
                self._give_up(chunk)
                raise Unwanted

    def _give_up(self, chunk: _Chunk) -> None:
        """End what runs when nobody waits for anything of it."""
        with self._changed:
            alone = self._chunks == [chunk]
        if alone:
            self._forget()

    def _running(self) -> Process:
        with self._changed:
            if self._closed:
                raise Unwanted
            if self._process is None or self._process.ended:
                self._process = Process(self._known, self._changed, self._take)
            return self._process

    def _take(self, line: Dict[str, Any]) -> None:
        """Keep a result, if somebody waits for it (called under the lock)."""
        chunk = self._owner.pop(line["line"], None)
        if chunk is not None and chunk.missing.pop(line["line"], None) is not None:
            chunk.results.append(json.dumps(line, separators=(",", ":")))

    def _watch(self) -> None:
        while not self._closed:
            time.sleep(1.0)
            with self._changed:
                idle = time.monotonic() - self._used_at
                if self._chunks:
                    self._used_at = time.monotonic()
                    idle = 0.0
            if idle > IDLE_SECONDS:
                self._forget()
                return

    def close(self) -> None:
        """End the process and everything that it started; forget what was known."""
        with self._changed:
            self._closed = True
            process, self._process = self._process, None
            self._known = {}
            self._changed.notify_all()
        if process is not None:
            process.close()
