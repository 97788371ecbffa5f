"""What nodes print: told apart by node, stamped, sent live in batches, kept bounded.

``sys.stdout`` and ``sys.stderr`` become proxies that ask a context variable which node
is printing. Each line gets the prefix ``[2026-11-21 19:40:01 +0000]``
(flow-format section 7), in the events as in what is kept.
"""

from __future__ import annotations

import io
import sys
import threading
import time
from collections import deque
from contextvars import ContextVar
from typing import Any, Callable, Deque, Dict, List, Optional

from pf_jupyter.worker.execution.ticker import FLUSH_SECONDS, ticker
from pf_jupyter.worker.scrubbing import NONE, Secrets

DEFAULT_LIMIT = 1024 * 1024
_SETTLE_CHARS = 64 * 1024
_EVENT_CHARS = 32 * 1024

EmitLog = Callable[[Optional[str], str, str], None]
"""Receives (node or None, "stdout" or "stderr", text)."""


class KeptText:
    """The beginning and the end of a text, within a limit of bytes."""

    def __init__(self, limit: int) -> None:
        self._head = bytearray()
        self._head_limit = limit // 2
        self._tail: Deque[bytes] = deque()
        self._tail_limit = limit - self._head_limit
        self._tail_size = 0
        self.dropped = 0

    def add(self, text: str) -> None:
        """Append ``text``; the middle of the whole is dropped when it gets too long."""
        data = text.encode("utf-8", "replace")
        room = self._head_limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail_size > self._tail_limit:
            first = self._tail.popleft()
            excess = self._tail_size - self._tail_limit
            if excess < len(first):
                self._tail.appendleft(first[excess:])
            gone = min(excess, len(first))
            self._tail_size -= gone
            self.dropped += gone

    def text(self) -> str:
        """Return what is kept, with a note where the middle is missing."""
        head = self._head.decode("utf-8", "ignore")
        tail = b"".join(self._tail).decode("utf-8", "ignore")
        if not self.dropped:
            whole = bytes(self._head) + b"".join(self._tail)
            return whole.decode("utf-8", "ignore")
        return f"{head}\n[… {self.dropped} bytes not kept …]\n{tail}"


class StreamLog:
    """One stream of one node."""

    def __init__(
        self,
        node: Optional[str],
        stream: str,
        limit: int,
        emit: EmitLog,
        secrets: Secrets = NONE,
    ) -> None:
        self.kept = KeptText(limit)
        self._scrubber = secrets.stream()
        self._node = node
        self._stream = stream
        self._emit = emit
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._pending: Deque[str] = deque()
        self._size = 0
        self._second = 0
        self._prefix = ""
        self._at_line_start = True
        self._unsent: List[str] = []
        self._unsent_lost = 0
        self._sent_at = 0.0
        self._quiet_until = 0.0
        self._held = self._hurried = False

    def write(self, text: str) -> None:
        """Add text as the program wrote it."""
        now = time.time()
        if now < self._quiet_until and self._hurried and self._size < _SETTLE_CHARS:
            # A flood passes here: a deque takes it without a lock, in a microsecond.
            self._pending.append(text)
            self._size += len(text)
            return
        due = hold = hurry = False
        with self._lock:
            second = int(now)
            if second != self._second:
                self._settle()
                self._second = second
                stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
                self._prefix = f"[{stamp} +0000] "
            self._pending.append(text)
            self._size += len(text)
            if self._size >= _SETTLE_CHARS:
                self._settle()
            if now - self._sent_at >= FLUSH_SECONDS or now < self._sent_at:
                # A lone piece of a line waits for its newline; a progress bar does not.
                due = text[-1:] == "\n" or "\r" in text
                hold = not due and not self._held
                self._held = self._held or hold
            elif not self._hurried:
                hold = not self._held
                self._held = self._hurried = hurry = True
        if due:
            self._send(now)
        if hold:
            ticker.hold(self)
        if hurry:
            ticker.hurry()

    def flush_late(self) -> None:
        """Send what waits (called by the ticker)."""
        with self._lock:
            self._held = self._hurried = False
        self._send(time.time())

    def close(self) -> str:
        """Send what waits and return what is kept."""
        if self._scrubber is not None:
            with self._lock:
                self._settle(last=True)
        self.flush_late()
        with self._lock:
            return self.kept.text()

    def _send(self, now: float) -> None:
        # The order of pieces holds only when taking and sending are one step.
        with self._sending:
            with self._lock:
                text = self._take(now)
            if text:
                self._emit(self._node, self._stream, text)

    def _take(self, now: float) -> str:
        self._settle()
        text, lost = "".join(self._unsent), self._unsent_lost
        self._unsent.clear()
        self._unsent_lost = 0
        self._sent_at = now
        self._quiet_until = min(now + FLUSH_SECONDS, self._second + 1)
        if lost or len(text) > _EVENT_CHARS:
            half = min(_EVENT_CHARS, len(text)) // 2
            lost += max(0, len(text) - 2 * half)
            text = f"{text[:half]}\n[… {lost} characters not sent …]\n{text[-half:]}"
        return text

    def _settle(self, last: bool = False) -> None:
        """Stamp what was written in the second that is over, and keep it."""
        pending = self._pending
        text = "".join([pending.popleft() for _ in range(len(pending))])
        self._size = 0
        if self._scrubber is not None:
            text = self._scrubber.feed(text)
            if last:
                text += self._scrubber.finish()
        if not text:
            return
        ends = text[-1] == "\n"
        body = text[:-1] if ends else text
        body = body.replace("\n", "\n" + self._prefix)
        if self._at_line_start:
            body = self._prefix + body
        self._at_line_start = ends
        stamped = body + "\n" if ends else body
        self.kept.add(stamped)
        self._unsent.append(stamped)
        while len(self._unsent) > 2 and len(self._unsent[1]) > _EVENT_CHARS:
            # Between two events only the first and the last piece are worth holding.
            self._unsent_lost += len(self._unsent.pop(1))


class NodeLog:
    """Both streams of one node, or of a run outside its nodes (``node`` None).

    ``model_calls`` are the calls of models that were made meanwhile, ``spans`` those of
    functions under ``@trace``.
    """

    def __init__(
        self,
        node: Optional[str],
        limit: int,
        emit: EmitLog,
        secrets: Secrets = NONE,
    ) -> None:
        self.node = node
        self.closed = False
        self.model_calls: List[Any] = []
        self.spans: List[Any] = []
        self.spans_dropped = 0
        self._limit = max(limit // 2, 1)
        self._emit = emit
        self._secrets = secrets
        self._streams: Dict[str, StreamLog] = {}

    def stream(self, name: str) -> StreamLog:
        """Return the log of ``stdout`` or ``stderr``."""
        log = self._streams.get(name)
        if log is None:
            log = StreamLog(self.node, name, self._limit, self._emit, self._secrets)
            log = self._streams.setdefault(name, log)
        return log

    def close(self) -> Dict[str, Any]:
        """Send what waits and return NODE's ``logs``."""
        self.closed = True
        if not self._streams:
            return {"stdout": "", "stderr": "", "dropped_bytes": 0}
        kept: Dict[str, Any] = {"stdout": "", "stderr": "", "dropped_bytes": 0}
        for name, log in list(self._streams.items()):
            kept[name] = log.close()
            kept["dropped_bytes"] += log.kept.dropped
        return kept


current_log: ContextVar[Optional[NodeLog]] = ContextVar("pf_node_log", default=None)

Owner = Callable[[], Optional[NodeLog]]
_owners: List[Owner] = []


def add_owner(owner: Owner) -> None:
    """Let a run say whose the output of unknown threads is."""
    _owners.append(owner)


def remove_owner(owner: Owner) -> None:
    """Undo `add_owner`."""
    _owners.remove(owner)


def log_here() -> Optional[NodeLog]:
    """Return whose the doings of this context are; None outside of runs."""
    log = current_log.get()
    if log is None or log.closed:
        return _owners[-1]() if _owners else None
    return log


class ProxyStream(io.TextIOBase):
    """Stands for ``sys.stdout`` or ``sys.stderr``."""

    def __init__(self, name: str) -> None:
        self.name = f"<{name}>"
        self._stream = name
        self.fallback: Any = None
        self.buffer = _ProxyBytes(self)

    encoding = "utf-8"
    errors = "replace"

    def write(self, text: str) -> int:
        """Write to the log of the node that runs in this context."""
        if not isinstance(text, str):
            raise TypeError(f"write() needs a str, not {type(text).__name__}")
        log = current_log.get()  # as `log_here`, without a call for each print
        if log is None or log.closed:
            log = _owners[-1]() if _owners else None
        if log is not None:
            log.stream(self._stream).write(text)
        elif self.fallback is not None:
            self.fallback.write(text)
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False: nobody types here."""
        return False

    def fileno(self) -> int:
        """Return the descriptor of the stream behind."""
        if self.fallback is None:
            raise io.UnsupportedOperation("fileno")
        return int(self.fallback.fileno())

    def flush(self) -> None:
        """Flush the stream behind; node logs are sent by time."""
        if self.fallback is not None and not getattr(self.fallback, "closed", False):
            self.fallback.flush()

    def close(self) -> None:
        """Do nothing: the stream outlives every tool that closes it."""


class _ProxyBytes(io.RawIOBase):
    """The ``buffer`` of a proxy: bytes are read as UTF-8."""

    def __init__(self, text: ProxyStream) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raw = bytes(data)
        self._text.write(raw.decode("utf-8", "replace"))
        return len(raw)

    def close(self) -> None:
        pass


_stdout, _stderr = ProxyStream("stdout"), ProxyStream("stderr")


def install() -> None:
    """Put the proxies into :mod:`sys` unless they are there already."""
    if sys.stdout is not _stdout:
        _stdout.fallback = sys.stdout
        sys.stdout = _stdout
    if sys.stderr is not _stderr:
        _stderr.fallback = sys.stderr
        sys.stderr = _stderr


def uninstall() -> None:
    """Put the streams back that `install` found."""
    if sys.stdout is _stdout:
        sys.stdout = _stdout.fallback
    if sys.stderr is _stderr:
        sys.stderr = _stderr.fallback
