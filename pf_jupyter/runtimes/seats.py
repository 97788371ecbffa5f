"""A shared runtime is one record and one environment, and an instance for each person.

Whose it is works in its own instance. Everybody else gets a seat: a runtime of their
own that is made from it, is in no list, and goes when nobody uses it. A seat is named
after all that it was made from: when that changes, the next use makes another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import AlreadyExists, PfError
from ..store.records import RuntimeRecord
from ..store.store import Store
from .failing import failure_of
from .identity import user
from .model import OnPhase
from .wish import DEFAULT_IDLE_MINUTES, another

if TYPE_CHECKING:
    from .lifecycle import Lifecycle

SEAT = "seat"
"""Kind of the runtimes that stand behind a shared one."""

_MADE_FROM = (
    *("environment_digest", "base_digest", "image", "layer_names", "profile"),
    *("compute", "network", "cpus", "memory", "pids"),
)


class Seats:
    """Finds and makes the instances of the people in shared runtimes.

    Parameters
    ----------
    store, lifecycle
        What it works with.
    """

    def __init__(self, store: Store, lifecycle: Lifecycle) -> None:
        self._store = store
        self._lifecycle = lifecycle

    def mine(self, record: RuntimeRecord) -> RuntimeRecord | None:
        """Return where the person who is worked for is, in a runtime.

        Returns
        -------
        The runtime itself unless it is shared and somebody else's; None when they have
        no seat in it yet.
        """
        return self.of(record, user())

    def of(self, record: RuntimeRecord, person: str) -> RuntimeRecord | None:
        """Return where somebody is in a runtime; see `mine`."""
        if record.kind != "shared" or record.owner == person:
            return record
        return self._store.runtime(seat_name(record, person))

    def take(
        self, record: RuntimeRecord, on_phase: OnPhase | None = None
    ) -> RuntimeRecord:
        """Return where the person who is worked for runs; a seat is made if need be.

        Raises
        ------
        RuntimeFailed
            The shared runtime itself never came up, or the seat does not.
        """
        if record.kind != "shared" or record.owner == user():
            return record
        # what a seat is made from must be what it is now, not what somebody remembers
        record = self._store.runtime_by_id(record.id) or record
        found = self.mine(record)
        if found is not None and found.state == "failed" and found.kind == SEAT:
            self._lifecycle.delete(found.id)
            found = None
        if found is not None:
            return found
        if not record.environment_digest:
            if record.state == "failed":
                raise failure_of(record)
            record = self._lifecycle.start(record.id, on_phase)
        self.tidy(record)
        try:
            return self._lifecycle.found(_seat(record, user()), on_phase)
        except AlreadyExists:
            made = self.mine(record)  # another request of theirs was faster
            if made is None:
                raise
            return made

    def all(self, key: str) -> list[RuntimeRecord]:
        """Return the seats in a shared runtime."""
        return [one for one in self._store.runtimes() if one.seat_of == key]

    def stop(self, key: str) -> None:
        """Stop every seat in a shared runtime, and what runs there."""
        for seat in self.all(key):
            if seat.state not in ("stopped", "failed"):
                self._lifecycle.stop(seat.id)

    def remove(self, key: str) -> None:
        """Remove every seat in a shared runtime, and what runs there."""
        for seat in self.all(key):
            self._lifecycle.delete(seat.id)

    def tidy(self, record: RuntimeRecord) -> None:
        """Remove the seats that were made from what a runtime was, where nothing runs.

        Whoever has a run there keeps it to its end.
        """
        for seat in outdated([record, *self.all(record.id)]):
            with contextlib.suppress(PfError):
                self._lifecycle.delete_unused(seat)


def outdated(records: Sequence[RuntimeRecord]) -> list[RuntimeRecord]:
    """Return the seats whose shared runtime is another one by now, or is gone."""
    shared = {one.id: one for one in records if one.kind == "shared"}
    return [
        one
        for one in records
        if one.kind == SEAT
        and one.state != "busy"
        and (
            one.seat_of not in shared
            or one.name != seat_name(shared[one.seat_of], one.owner)
        )
    ]


def shown(records: Iterable[RuntimeRecord]) -> list[RuntimeRecord]:
    """Return the runtimes that people see."""
    return [one for one in records if one.kind != SEAT]


def seat_name(record: RuntimeRecord, person: str) -> str:
    """Return the name of a person's seat; no runtime that people make can have it."""
    made_from = [record.id, person, *(getattr(record, name) for name in _MADE_FROM)]
    mark = hashlib.sha256(repr(made_from).encode()).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9]+", "-", person.lower()).strip("-")[:16]
    return f"{record.name[:32]}@{slug or 'person'}.{mark}"


def _seat(record: RuntimeRecord, person: str) -> RuntimeRecord:
    return another(
        record,
        name=seat_name(record, person),
        kind=SEAT,
        owner=person,
        seat_of=record.id,
        idle_minutes=record.idle_minutes or DEFAULT_IDLE_MINUTES,
    )
