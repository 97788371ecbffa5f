"""Everything around the runtimes of one workspace, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..engines.api import Engine
from ..store.records import RuntimeRecord
from ..store.store import Store
from .adopting import Adopter
from .channels import Channels, Opener
from .computes import Computes, EngineFactory
from .failing import Failures
from .installing import Installer
from .leftover import Leftovers
from .lifecycle import Lifecycle, Resolve
from .moving import Mover
from .named import Logins, NamedEnvironments
from .pruning import Pruner
from .reconcile import Reconciler
from .seats import Seats
from .sessions import Clock, Sessions, now
from .stored_computes import StoredComputes
from .turns import Turns
from .watching import Watch

if TYPE_CHECKING:
    from .channel import WorkerChannel


class Life:
    """The life of a workspace's runtimes.

    Parameters
    ----------
    store
        The records.
    engines
        Name of each compute and what opens its engine.
    resolve
        Makes sure that the default environment is on an engine.
    opener
        Starts a worker in an instance.
    prepare
        Gets ready what the opener needs, while an instance starts.
    clock
        Tells the present moment.
    logins
        Gives the login for a registry.
    """

    def __init__(
        self,
        store: Store,
        engines: Mapping[str, EngineFactory],
        resolve: Resolve,
        opener: Opener,
        prepare: Callable[[], object] = lambda: None,
        clock: Clock = now,
        logins: Logins = lambda _: None,
    ) -> None:
        self.store = store
        self.computes = Computes(engines, StoredComputes(store))
        self.turns = Turns(store.folder / "turns")
        self.channels = Channels(opener, self._opened, self._furnish, store.running_in)
        self.leftovers = Leftovers(store, self.computes, self.turns)
        self.failures = Failures(store, self.channels)
        self.watch = Watch(store, self.channels, self.failures)
        self.named = NamedEnvironments(store, logins)
        self.lifecycle = Lifecycle(
            store,
            self.computes,
            self.channels,
            self.failures,
            self.turns,
            resolve,
            prepare,
            self.named,
        )
        self.seats = Seats(store, self.lifecycle)
        self.installer = Installer(
            store, self.computes, self.channels, self.turns, self.lifecycle.start
        )
        self.mover = Mover(
            store,
            self.computes,
            self.channels,
            self.turns,
            self.installer,
            self.lifecycle,
            self.leftovers,
        )
        self.pruner = Pruner(store, self.computes, self.turns)
        self.adopter = Adopter(store, self.computes, self.turns, self.lifecycle, opener)
        self.reconciler = Reconciler(store, self.computes, self.failures, self.turns)
        self.sessions = Sessions(store, self.lifecycle, clock)

    def close(self) -> None:
        """Let go of engines, channels and threads; runtimes live on."""
        self.sessions.close()
        self.leftovers.close()
        self.watch.close()
        self.channels.close()
        self.computes.close()

    def _furnish(
        self, record: RuntimeRecord, engine: Engine, channel: WorkerChannel
    ) -> None:
        self.installer.bring(record, engine, channel)

    def _opened(self, record: RuntimeRecord, engine: Engine) -> None:
        # a process with an open channel lives for a while: it looks after the rest
        self.watch.engine(record.compute, engine)
        self.sessions.watch()
