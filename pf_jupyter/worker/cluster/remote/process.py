"""A worker of ours in a Dask worker, spoken to over its stdin and stdout."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import time
from typing import Any, Dict, List, Optional

_START_SECONDS = 60.0
_POLL_SECONDS = 0.25
_LENGTH = struct.Struct(">I")
_READ_BYTES = 1 << 16


class Gone(Exception):
    """The process of a session has ended."""


class Process:
    """A worker of ours, spoken to over its stdin and stdout.

    Parameters
    ----------
    known
        See `Session`.
    changed
        Notified when something came; held while results are taken.
    take
        Receives results.
    """

    def __init__(
        self, known: Dict[str, Any], changed: threading.Condition, take: Any
    ) -> None:
        self._known = known
        self._changed = changed
        self._take = take
        self._answers: Dict[int, Dict[str, Any]] = {}
        self._number = 0
        self._writing = threading.Lock()
        self._greeted = threading.Event()
        self._opened = threading.Event()
        self.ended = False
        self.refusal: Optional[Dict[str, Any]] = None
        self._words = b""
        command = [sys.executable, *known["command"]]
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=os.name != "nt",
        )
        self._batch = 0
        for target in (self._read, self._listen, self._begin):
            threading.Thread(target=target, daemon=True).start()

    def give(self, lines: List[Any]) -> None:
        """Send lines as soon as the batch is open."""
        end = time.monotonic() + _START_SECONDS
        while not self._opened.wait(_POLL_SECONDS):
            if self.ended or self.refusal is not None:
                return
            if time.monotonic() > end:
                self.close()
                return
        self._ask("batch.lines", target=self._batch, lines=lines, last=False)

    def last_words(self) -> str:
        """Return the end of what it wrote to stderr."""
        return self._words.decode("utf-8", "replace").strip()[-300:] or "without a word"

    def close(self) -> None:
        """End it; it ends everything that it started when its stdin is closed."""
        try:
            if self._child.stdin is not None:
                self._child.stdin.close()
        except OSError:
            pass
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    # ---- starting ---------------------------------------------------------------

    def _begin(self) -> None:
        known = self._known
        # Until its hello it may read the bytes of an archive, and nothing else.
        while not self._greeted.wait(_POLL_SECONDS):
            if self.ended:
                return
        try:
            asked = self._ask(
                "snapshot.open", snapshot=known["snapshot"], files=known["files"]
            )
            missing = self._answer(asked)["missing"]
            for digest in missing:
                blobs = {digest: known["blobs"][digest]}
                asked = self._ask(
                    "snapshot.fill", snapshot=known["snapshot"], blobs=blobs
                )
                self._answer(asked)
            # Lines are never said to be over: chunks come as long as there are some.
            self._batch = self._number + 1
            self._ask("batch", snapshot=known["snapshot"], **known["body"])
        except (Gone, KeyError):
            return

    def _ask(self, op: str, **fields: Any) -> int:
        with self._writing:
            self._number += 1
            number = self._number
            body = {"op": op, "id": number, **fields}
            self._write(json.dumps(body, separators=(",", ":")).encode("utf-8"))
        return number

    def _write(self, body: bytes) -> None:
        stream = self._child.stdin
        assert stream is not None
        try:
            stream.write(_LENGTH.pack(len(body)) + body)
            stream.flush()
        except (OSError, ValueError):
            pass  # the thread that reads tells of the end

    def _answer(self, number: int) -> Dict[str, Any]:
        with self._changed:
            while number not in self._answers:
                if self.ended:
                    raise Gone(self.last_words())
                self._changed.wait(_POLL_SECONDS)
            message = self._answers.pop(number)
        if message["type"] == "error":
            self._refuse(message["error"])
            raise Gone(str(message["error"].get("code")))
        return message["value"]  # type: ignore[no-any-return]

    def _refuse(self, error: Dict[str, Any]) -> None:
        with self._changed:
            self.refusal = error
            self._changed.notify_all()

    # ---- reading ------------------------------------------------------------------

    def _read(self) -> None:
        stream = self._child.stdout
        assert stream is not None
        try:
            while True:
                head = stream.read(_LENGTH.size)
                if len(head) < _LENGTH.size:
                    break
                body = stream.read(_LENGTH.unpack(head)[0])
                self._hear(json.loads(body.decode("utf-8", "surrogatepass")))
        except (OSError, ValueError):
            pass
        self._child.wait()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _hear(self, message: Dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "bundle":
            archive = self._known["archive"]
            with self._writing:
                self._write(archive)
            return
        if kind == "hello":
            self._greeted.set()
            return
        if kind == "event":
            self._event(message["event"])
            return
        if kind not in ("result", "error"):
            return
        if message["id"] == self._batch:
            # A batch whose lines are not over ends only when it cannot run.
            error = message.get("error") or (message.get("value") or {}).get("error")
            self._refuse(error or {"code": "canceled", "message": "it was ended"})
            return
        with self._changed:
            if kind == "error" or "missing" in (message.get("value") or {}):
                self._answers[message["id"]] = message
            self._changed.notify_all()

    def _event(self, event: Dict[str, Any]) -> None:
        if event["event"] == "batch_opened":
            self._opened.set()
        elif event["event"] == "batch_lines":
            with self._changed:
                for line in event["lines"]:
                    self._take(line)
                self._changed.notify_all()

    def _listen(self) -> None:
        stream = self._child.stderr
        assert stream is not None
        while True:
            text = stream.read1(_READ_BYTES) if hasattr(stream, "read1") else b""
            if not text:
                return
            self._words = (self._words + text)[-2000:]
