"""Keeps an eye on the engines, so that a lost runtime shows within a second."""

from __future__ import annotations

import logging
import threading

from ..engines.api import Engine, InstanceEvent, Subscription
from ..errors import PfError
from ..store.records import LifeLine, RuntimeRecord, timestamp
from ..store.store import Store
from .channels import Channels
from .failing import Failures
from .identity import ID, WORKSPACE
from .states import USABLE

_log = logging.getLogger(__name__)


class Watch:
    """Watches the engines on which this process has open channels.

    Parameters
    ----------
    store
        The workspace's records.
    channels
        Those of this process.
    failures
        Told of every runtime that is lost.
    """

    def __init__(self, store: Store, channels: Channels, failures: Failures) -> None:
        self._store = store
        self._channels = channels
        self._failures = failures
        self._guard = threading.Lock()
        self._subscriptions: dict[str, Subscription] = {}

    def engine(self, compute: str, engine: Engine) -> None:
        """Watch an engine from now on; one that is watched already stays so."""
        with self._guard:
            if compute in self._subscriptions:
                return

            def tell(event: InstanceEvent) -> None:
                try:
                    self.notice(compute, engine, event)
                except PfError as error:
                    _log.warning("cannot record %s: %s", event.kind, error.message)

            self._subscriptions[compute] = engine.watch(tell)

    def notice(self, compute: str, engine: Engine, event: InstanceEvent) -> None:
        """Act on something that happened on an engine."""
        if event.kind == "engine_lost":
            self._engine_lost(compute, engine)
            return
        record = self._record(event)
        if record is None:
            return
        if event.kind in ("died", "oom", "removed") and record.state in USABLE:
            state = engine.inspect(event.id)
            if state.status not in ("running", "paused"):
                self._failures.lost(record, state)
                return
        remark = _REMARKS.get(event.kind)
        if remark:
            line = LifeLine(timestamp(), event.kind, "run", remark)
            self._store.log(record.id, [line])

    def close(self) -> None:
        """Stop watching."""
        with self._guard:
            subscriptions = list(self._subscriptions.values())
            self._subscriptions = {}
        for subscription in subscriptions:
            subscription.close()

    def _record(self, event: InstanceEvent) -> RuntimeRecord | None:
        if event.labels.get(WORKSPACE, self._store.id) != self._store.id:
            return None
        key = event.labels.get(ID)
        if key:
            record = self._store.runtime_by_id(key)
        else:
            found = [r for r in self._store.runtimes() if r.instance == event.id]
            record = found[0] if found else None
        # an event of an instance that was replaced says nothing of the new one
        return record if record is not None and record.instance == event.id else None

    def _engine_lost(self, compute: str, engine: Engine) -> None:
        # a runtime without an open channel may be on another engine of that name
        for record in self._store.runtimes():
            here = record.compute == compute and self._channels.holds(record.id)
            if here and record.state in USABLE:
                self._failures.record(
                    record,
                    phase="run",
                    code="engine_lost",
                    cause=f"runtime {record.name!r} is gone: the {engine.name} engine "
                    "stopped answering",
                    hint=f"when it answers again, %pfruntime start {record.name} "
                    "brings it back",
                )


_REMARKS = {
    "oom": "something in it was ended because its memory was used up",
    "paused": "paused from outside: runs wait until it goes on",
    "unpaused": "goes on",
}
