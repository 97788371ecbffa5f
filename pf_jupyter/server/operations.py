"""Long work: it goes on when its caller leaves, and tells what happens to whoever asks.

What is told is kept in a bounded buffer for each operation, so that a reader that was
cut off takes it up where it was, and one that is slow costs nobody anything: what it
missed for good is told to it as a gap.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..errors import IllegalState, InternalError, NotFound, PfError
from ..workspace.remote_wire import error_to_json
from .journal import Entry, Journal

MAX_EVENTS = 4_000
MAX_BYTES = 4_000_000
MAX_RUNNING = 512
MAX_ENDED = 200
MAX_RESULT_BYTES = 64_000_000


class Told(NamedTuple):
    """One event; ``data`` is JSON."""

    id: int
    name: str
    data: str


class Operation:
    """One piece of long work.

    Parameters
    ----------
    key
        Its id.
    verb
        The route that began it.
    target
        What it is about, for people.
    principal
        Who began it.
    """

    def __init__(self, key: str, verb: str, target: str, principal: str) -> None:
        self.id = key
        self.verb = verb
        self.target = target
        self.principal = principal
        self.started_at = _now()
        self.ended_at: str | None = None
        self.run_id: str | None = None
        self.result: Any = None
        self.error: dict[str, Any] | None = None
        self.raised: PfError | None = None
        self.begun = threading.Event()
        self.on_cancel: Callable[[], None] | None = None
        self._guard = threading.Lock()
        self._unwanted = False
        self._events: deque[Told] = deque()
        self._bytes = 0
        # numbers go on growing over restarts, so that a reader knows what is new
        self._base = self._last = self._trimmed = int(time.time() * 1000)
        self.on_run: Callable[[str], None] | None = None
        self._wakers: set[Callable[[], None]] = set()

    @property
    def state(self) -> str:
        """``running``, ``done`` or ``failed``."""
        if self.ended_at is None:
            return "running"
        return "done" if self.error is None else "failed"

    @property
    def unwanted(self) -> bool:
        """Whether somebody asked for its end."""
        return self._unwanted

    def tell(self, name: str, data: Any) -> None:
        """Tell what happens; called from any thread, waits for nobody."""
        told = json.dumps(data, separators=(",", ":"), default=str)
        with self._guard:
            self._last += 1
            self._events.append(Told(self._last, name, told))
            self._bytes += len(told)
            while len(self._events) > 1 and (
                len(self._events) > MAX_EVENTS or self._bytes > MAX_BYTES
            ):
                gone = self._events.popleft()
                self._bytes -= len(gone.data)
                self._trimmed = gone.id
            wakers = list(self._wakers)
        self.begun.set()
        for wake in wakers:
            wake()

    def plans(self, run_id: str) -> None:
        """Write down which run it is about to begin, before anything else does."""
        if self.on_run is not None:
            self.on_run(run_id)

    def runs(self, run_id: str) -> None:
        """Tell which run it began, and end that if it is not wanted any more."""
        self.run_id = run_id
        self.plans(run_id)
        self.tell("begun", {"run_id": run_id})
        with self._guard:
            unwanted = self._unwanted
        if unwanted:
            self.end_now()

    def cancel(self) -> None:
        """Ask for its end.

        Raises
        ------
        IllegalState
            It has ended, or cannot be ended.
        """
        if self.ended_at is not None:
            raise IllegalState(
                f"operation {self.id} has ended",
                code="operation_ended",
                hint="look at what came of it",
            )
        if self.on_cancel is None:
            raise IllegalState(
                f"{self.verb} cannot be ended once it has begun",
                code="not_cancelable",
                hint="wait for its end",
            )
        with self._guard:
            self._unwanted = True
        self.end_now()

    def end_now(self) -> None:
        """End what it does, as far as that can be ended."""
        try:
            if self.on_cancel is not None:
                self.on_cancel()
        except PfError:
            pass  # it ends by itself in this very moment

    def end(self, result: Any, error: PfError | None) -> None:
        """Take what came of it."""
        self.raised = error
        self.error = None if error is None else error_to_json(error)
        self.result = result
        self.ended_at = _now()
        self.tell("end", {"result": result, "error": self.error})

    def after(self, last: int, most: int = 200) -> list[Told]:
        """Return what was told after an event, the oldest first.

        What is not kept any more is one event ``gap`` that says how much it was.
        """
        with self._guard:
            if not self._events or self._last <= last:
                return []
            trimmed = self._trimmed
            found = [told for told in self._events if told.id > last][:most]
        if trimmed > max(last, self._base):
            lost = json.dumps({"dropped": trimmed - max(last, self._base)})
            found.insert(0, Told(trimmed, "gap", lost))
        return found

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have a function called whenever there is news; return what ends that."""
        with self._guard:
            self._wakers.add(wake)

        def leave() -> None:
            with self._guard:
                self._wakers.discard(wake)

        return leave

    def to_json(self) -> dict[str, Any]:
        """Return where it is."""
        return {
            "id": self.id,
            "verb": self.verb,
            "target": self.target,
            "state": self.state,
            "principal": self.principal,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "run_id": self.run_id,
            "result": self.result,
            "error": self.error,
        }


class Operations:
    """The operations of one server; safe to use from any thread.

    Parameters
    ----------
    journal
        Where they are written down until they end.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._guard = threading.Lock()
        self._known: OrderedDict[str, Operation] = OrderedDict()

    def begin(
        self, operation: Operation, work: Callable[[], Any], entry: Entry
    ) -> tuple[Operation, bool]:
        """Begin an operation in a thread of its own.

        Parameters
        ----------
        operation, work
            What is to be done.
        entry
            What is written down of it.

        Returns
        -------
        The operation, and whether it is new: the same id begins nothing twice.

        Raises
        ------
        IllegalState
            Too much is going on.
        NotFound
            The id is somebody else's.
        """
        with self._guard:
            known = self._known.get(operation.id)
            if known is not None:
                if known.principal != operation.principal:
                    raise _unknown(operation.id)
                return known, False
            if sum(1 for o in self._known.values() if not o.ended_at) >= MAX_RUNNING:
                raise IllegalState(
                    f"{MAX_RUNNING} operations are going on",
                    code="too_many_operations",
                    hint="try again when some of them have ended",
                )
            self._known[operation.id] = operation
            self._forget_old()
        key = operation.id
        self.journal.begun(entry)
        operation.on_run = lambda run_id: self.journal.runs(key, run_id)

        def go() -> None:
            _work(operation, work)
            self.journal.ended(key)

        threading.Thread(target=go, name="pf-operation", daemon=True).start()
        return operation, True

    def get(self, key: str, principal: str) -> Operation:
        """Return an operation of that principal (NotFound)."""
        with self._guard:
            found = self._known.get(key)
        if found is None or found.principal != principal:
            raise _unknown(key)
        return found

    def of_run(self, run_id: str, principal: str) -> Operation:
        """Return the operation that a run is part of (NotFound)."""
        for found in self.all(principal):
            if found.run_id == run_id:
                return found
        raise NotFound(
            f"run {run_id} is no work of yours that this server does now",
            code="operation_not_found",
            hint=f"GET runs/{run_id} tells what became of it",
        )

    def all(self, principal: str) -> list[Operation]:
        """Return the operations of a principal, newest first."""
        with self._guard:
            return [
                o for o in reversed(self._known.values()) if o.principal == principal
            ]

    def _forget_old(self) -> None:
        ended = [key for key, o in self._known.items() if o.ended_at is not None]
        for key in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self._known[key]


def _work(operation: Operation, work: Callable[[], Any]) -> None:
    result, error = None, None
    try:
        result = work()
    except PfError as raised:
        error = raised
    except BaseException as raised:
        from .log import log

        log.exception("%s failed", operation.verb)
        error = InternalError(f"{type(raised).__name__}: {raised}")
    operation.end(result, error)


def _unknown(key: str) -> NotFound:
    return NotFound(
        f"there is no operation {key!r}",
        code="operation_not_found",
        hint="the server may have been started anew since; its records know the rest",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
