"""A request to a worker that was sent, and what came of it."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import errors

if TYPE_CHECKING:
    from ..flow.contents import Snapshot
    from .channel import WorkerChannel

OnEvent = Callable[[dict[str, Any]], None]
OnAsk = Callable[[dict[str, Any]], Any]
# Where a waiting thread does not notice Ctrl-C by itself, it wakes up to look.
_SLICE_SECONDS = 0.2 if os.name == "nt" else None
_LONGEST = threading.TIMEOUT_MAX


@dataclass
class Upload:
    """What to send again once the snapshot is there."""

    snapshot: Snapshot
    op: str
    fields: dict[str, Any]


class Pending:
    """A request that was sent.

    Parameters
    ----------
    on_event
        Called from the reading thread with each event; it must be quick, since all
        other answers wait meanwhile. Without it, events are kept for `events`.
    """

    def __init__(
        self, channel: WorkerChannel, number: int, on_event: OnEvent | None
    ) -> None:
        self.id = number
        self._channel = channel
        self._on_event = on_event
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._settled = False
        # open once it is settled: a condition takes three locks to wait and to wake
        self._gate = threading.Lock()
        self._gate.acquire()
        self.sending = threading.Lock()
        self._callbacks: list[Callable[[Pending], None]] = []
        self._lock = threading.Lock()
        self._value: Any = None
        self._error: errors.PfError | None = None
        self.upload: Upload | None = None
        self.on_ask: OnAsk | None = None
        self.stopped = False
        self.may_begin = False

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._settled

    @property
    def events(self) -> Iterator[dict[str, Any]]:
        """Yield events as they come, until the answer is there."""
        while (event := self._next_event()) is not None:
            yield event
        # Whoever asks again finds the end again.
        self._events.put(None)

    def _next_event(self) -> dict[str, Any] | None:
        while True:
            try:
                return self._events.get(timeout=_SLICE_SECONDS)
            except queue.Empty:
                continue

    def result(self, timeout: float | None = None) -> Any:
        """Return the answer.

        Parameters
        ----------
        timeout
            Seconds to wait; None waits for ever.

        Raises
        ------
        PfError
            What the worker answered, or RuntimeFailed when the stream ended.
        TimeoutError
            There is no answer yet; the request goes on.
        """
        if timeout is not None or _SLICE_SECONDS is None:
            if not self._wait(timeout):
                raise TimeoutError(f"no answer within {timeout} seconds")
        else:
            while not self._wait(_SLICE_SECONDS):
                pass
        if self._error is not None:
            raise self._error
        return self._value

    def _wait(self, timeout: float | None) -> bool:
        if not self._settled:
            limit = -1 if timeout is None else min(max(timeout, 0.0), _LONGEST)
            if not self._gate.acquire(timeout=limit):
                return False
            self._gate.release()
        return True

    def go(self) -> None:
        """Let a run begin that was sent as one that is held.

        Raises
        ------
        RuntimeFailed
            The stream has ended.
        """
        # while the run itself is on its way a second time this would overtake it
        with self.sending:
            self.may_begin = True
            self._channel.go(self)

    def cancel(self, timeout: float = 5.0) -> bool:
        """End the run in the worker; its result then says Canceled.

        Returns whether the worker still had something to end.
        """
        if self.done:
            return False
        self.stopped = True
        try:
            answer = self._channel.request("cancel", target=self.id).result(timeout)
        except (errors.RuntimeFailed, TimeoutError):
            # Then the run ends with the worker.
            return False
        return bool(answer["canceled"])

    def add_done_callback(self, call: Callable[[Pending], None]) -> None:
        """Call, from whatever thread, as soon as the answer is there."""
        with self._lock:
            if not self._settled:
                self._callbacks.append(call)
                return
        call(self)

    def notify(self, event: dict[str, Any]) -> None:
        """Take an event (called by the channel)."""
        if self._on_event is None:
            self._events.put(event)
        else:
            self._on_event(event)

    def settle(self, value: Any, error: errors.PfError | None) -> None:
        """Take the answer, the first one only (called by the channel)."""
        with self._lock:
            if self._settled:
                return
            self._value, self._error = value, error
            self._settled = True
            callbacks, self._callbacks = self._callbacks, []
        self._gate.release()
        self._events.put(None)
        for call in callbacks:
            call(self)


def to_exception(error: dict[str, Any]) -> errors.PfError:
    """Return the exception for an error that a worker answered."""
    code = str(error.get("code", "error"))
    message, hint = str(error.get("message", "")), str(error.get("hint", ""))
    if code == errors.RuntimeFailed.code:
        return errors.RuntimeFailed(message, phase="run", hint=hint)
    kinds: dict[str, type[errors.PfError]] = {
        kind.code: kind
        for kind in (
            errors.UsageError,
            errors.NotFound,
            errors.AlreadyExists,
            errors.IllegalState,
            errors.Refused,
            errors.Unreachable,
        )
    }
    known = {"code", "message", "hint"}
    details = {key: value for key, value in error.items() if key not in known}
    kind = kinds.get(code, errors.PfError)
    return kind(message, code=code, hint=hint, details=details)


def once_more(cause: errors.PfError) -> errors.RuntimeFailed:
    """Return a fresh error that says the same as the one that ended a channel."""
    phase, log = "run", ""
    if isinstance(cause, errors.RuntimeFailed):
        phase, log = cause.phase, cause.log
    return errors.RuntimeFailed(
        cause.message, phase=phase, log=log, code=cause.code, hint=cause.hint
    )
