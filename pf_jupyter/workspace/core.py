"""What a workspace is made of, put together when it is first needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..connections.stored import StoredConnections
from ..engines.api import Engine, Progress
from ..errors import PfError
from ..runs.execute import Executor
from ..runs.interrupted import mark_interrupted
from ..runtimes.channels import Opener
from ..runtimes.computes import EngineFactory
from ..runtimes.life import Life
from ..runtimes.lifecycle import Resolve, Resolved
from ..runtimes.newer import Newer
from ..runtimes.sessions import Clock, now
from ..runtimes.version_checks import VersionChecks
from ..store.store import Store

if TYPE_CHECKING:
    from ..access.access import Access
    from ..runs.batch.engine import BatchRunner
    from ..runtimes.channel import WorkerChannel

_HANDSHAKE_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Core:
    """Store, runtimes and runs of one workspace in one process.

    Parameters
    ----------
    home
        The workspace's folder.
    engines
        Name of each compute and what opens its engine.
    resolve
        Makes sure that the default environment is on an engine; None means the real
        one.
    opener
        Starts a worker in an instance; None means the real one.
    clock
        Tells the present moment.
    store_url
        The database of its records; None means what `Store` takes then.
    """

    def __init__(
        self,
        home: Path,
        engines: Mapping[str, EngineFactory] | None = None,
        resolve: Resolve | None = None,
        opener: Opener | None = None,
        clock: Clock = now,
        store_url: str | None = None,
    ) -> None:
        self.store = Store(home, url=store_url)
        self.resolve = resolve or _resolver(home)
        self.life = Life(
            self.store,
            engines if engines is not None else installed_engines(home),
            self.resolve,
            opener or open_worker,
            prepare=prepare_worker if opener is None else (lambda: None),
            clock=clock,
        )
        newer = Newer(
            self.store,
            self.life.computes,
            peek=_peek if resolve is None else None,
        )
        self.versions = VersionChecks(self.store, newer)
        self.executor = Executor(self.life)
        self.connections = StoredConnections(self.store)
        self._guard = threading.Lock()
        self._arrived = False

    @cached_property
    def access(self) -> Access:
        """Who may do what."""
        from ..access.access import Access

        return Access(self.store.access)

    @cached_property
    def batches(self) -> BatchRunner:
        """Runs batches; what that needs is loaded when the first one is asked for."""
        from ..runs.batch.engine import BatchRunner

        return BatchRunner(self.executor, self.life)

    def cancel(self, run_id: str) -> None:
        """Cancel a run or a batch of this process (NotFound, IllegalState)."""
        if "batches" in vars(self) and self.batches.cancel(run_id):
            return
        self.executor.cancel(run_id)

    def arrive(self) -> None:
        """Tidy up after processes that are gone, once for each process.

        Runs that they left are marked as interrupted, idle sessions are removed.
        """
        with self._guard:
            if self._arrived:
                return
            self._arrived = True
        try:
            mark_interrupted(self.store)
            self.life.sessions.sweep()
            self.life.leftovers.sweep()
        except PfError as error:
            _log.warning("cannot tidy up: %s", error.message)

    def close(self) -> None:
        """Let go of everything; runtimes live on."""
        self.executor.traces.flush()
        self.life.close()
        self.store.close()


def installed_engines(home: Path) -> dict[str, EngineFactory]:
    """Return what opens each installed engine on this machine.

    Parameters
    ----------
    home
        Where the process engine keeps what it knows.
    """
    from ..engines.registry import engine_names, open_engine

    def opener(name: str) -> EngineFactory:
        options = {"home": home} if name == "process" else {}
        return lambda: open_engine(name, **options)

    return {name: opener(name) for name in engine_names()}


def open_worker(
    engine: Engine, instance: str, layers: Sequence[str] = ()
) -> WorkerChannel:
    """Start a worker in an instance and return the channel to it.

    It begins with these layers if all of them are there; its hello tells.

    Raises
    ------
    RuntimeFailed
        No Python, or the worker did not say hello in time.
    Unreachable
        The engine does not answer.
    """
    from ..runtimes import bundle
    from ..runtimes.channel import WorkerChannel

    command = bundle.command(engine.python(instance))
    channel = WorkerChannel(engine.open_stream(instance, [*command, *layers]))
    try:
        channel.handshake(_HANDSHAKE_SECONDS)
    except BaseException:
        channel.close()
        raise
    return channel


def prepare_worker() -> object:
    """Pack the worker's code, which the next `open_worker` sends."""
    from ..runtimes import bundle, bytecode

    return bundle.bundle(), bytecode.archive()


def _peek(engine: Engine) -> Resolved | None:
    from ..environments.default import expected_default

    return expected_default(engine)


def _resolver(home: Path) -> Resolve:
    def resolve(engine: Engine, progress: Progress) -> Resolved:
        from ..environments.default import resolve_default

        return resolve_default(engine, progress, home=home)

    return resolve
