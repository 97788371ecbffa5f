"""The runtimes of a local workspace."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import AlreadyExists, NotFound, PfError, Unreachable
from ..flow.fields import did_you_mean
from ..runtimes.seats import shown
from ..store.records import RuntimeRecord
from .adoption_api import OnCheck
from .api import Kind, OnPhase, Runtime, RuntimeLimits, Runtimes
from .choice import Choice, bound_runtime
from .instead import copied, ways_on
from .instead_api import Instead
from .runtime import LocalRuntime, describe

if TYPE_CHECKING:
    from .local import LocalWorkspace

_CURRENT = "current_runtime"


class LocalRuntimes(Runtimes):
    """Makes, finds and chooses runtimes.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace
        self._choice = Choice()

    def create(
        self,
        name: str,
        *,
        environment: str = "default",
        compute: str | None = None,
        kind: Kind = "personal",
        limits: RuntimeLimits | None = None,
        network: Literal["open", "none"] = "open",
        idle_minutes: float | None = None,
        writable: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        """Make a runtime and bring it to ready; see `Runtimes.create`."""
        from ..runtimes.wish import Wish

        core = self._workspace.core
        core.arrive()
        wish = Wish(
            name=name,
            environment=environment,
            compute=compute,
            kind=kind,
            limits=limits,
            network=network,
            idle_minutes=idle_minutes,
            writable=writable,
        )
        return self._wrap(core.life.lifecycle.create(wish, on_phase))

    def adopt(
        self,
        container: str,
        *,
        name: str | None = None,
        compute: str | None = None,
        on_check: OnCheck | None = None,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        """Make a runtime of a container; see `AdoptsContainers.adopt`."""
        from ..runtimes.adopting import AdoptWish

        core = self._workspace.core
        core.arrive()
        wish = AdoptWish(container, name or "", compute)
        return self._wrap(core.life.adopter.adopt(wish, on_check, on_phase))

    def instead(self, name: str, *, digest: str = "") -> Instead:
        """Return the ways on from a runtime; see `OffersInstead.instead`."""
        return ways_on(self._workspace.core, name, digest, lambda _right, _one: True)

    def copy(
        self, source: str, name: str, *, on_phase: OnPhase | None = None
    ) -> Runtime:
        """Make a runtime like another; see `OffersInstead.copy`."""
        self.get(source)  # it must be there
        core = self._workspace.core
        record = core.store.runtime(source)
        assert record is not None
        return self._wrap(copied(core, record, name, on_phase))

    def get(self, name: str) -> Runtime:
        """Return the runtime; see `Runtimes.get`."""
        core = self._workspace.core
        core.arrive()
        record = core.store.runtime(name)
        if record is None or record.seat_of:
            names = [other.name for other in shown(core.store.runtimes())]
            fallback = "%pfruntime list shows those that there are"
            if not names:
                fallback = f"%pfruntime create {name} makes it"
            raise NotFound(
                f"there is no runtime {name!r}",
                hint=did_you_mean(name, names, fallback),
            )
        return self._wrap(core.life.reconciler.one(record))

    def list(self) -> list[Runtime]:
        """Return all runtimes; see `Runtimes.list`."""
        core = self._workspace.core
        core.arrive()
        return [self._wrap(record) for record in shown(core.life.reconciler.all())]

    def described(
        self, keep: Callable[[RuntimeRecord], bool] = lambda _: True
    ) -> builtins.list[dict[str, Any]]:
        """Return what `list` and then `Runtime.to_dict` give, and the ``id`` of each.

        Everything is read once for all of them.

        Parameters
        ----------
        keep
            Tells which are wanted.
        """
        core = self._workspace.core
        core.arrive()
        every = shown(core.life.reconciler.all())
        records = [record for record in every if keep(record)]
        known = core.versions.all_known(records)
        return [
            {"id": record.id, **describe(core, record, record.state, known[record.id])}
            for record in records
        ]

    def names(self) -> Sequence[str]:
        """Return the names of all runtimes from the records alone: no engine waits."""
        records = shown(self._workspace.core.store.runtimes())
        return [record.name for record in records]

    def use(self, name: str | None) -> Runtime | None:
        """Make a runtime the current one of this process, and of those to come.

        A process that chose one of its own keeps that.
        """
        runtime = None if name is None else self.get(name)
        self._workspace.core.store.remember(_CURRENT, name)
        self._choice.make(name)
        return runtime

    def current(self) -> Runtime | None:
        """Return the runtime in use, or None."""
        store = self._workspace.core.store
        choice = self._choice
        name = choice.name if choice.made else store.setting(_CURRENT)
        if name is None or store.runtime(name) is None:
            return None
        return self.get(name)

    def ensure(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Return a ready runtime; see `Runtimes.ensure`."""
        runtime = self.current()
        if runtime is not None:
            return _started(runtime, on_phase)
        bound = bound_runtime()
        if bound is not None:
            return self.get(bound)  # it is gone, which is to be told
        from ..runtimes.sessions import FALLBACK_NAME, SESSION_NAME

        try:
            return self._session(SESSION_NAME, on_phase)
        except PfError as error:
            if error.exit_code != Unreachable.exit_code:
                raise
            # its engine is gone for now; what can be reached is taken meanwhile
            return self._session(FALLBACK_NAME, on_phase)

    def ensure_for(
        self, flow: str | Path, *, on_phase: OnPhase | None = None
    ) -> Runtime:
        """Return a ready runtime for a flow; see `Runtimes.ensure_for`."""
        from .flow_session import requirements_of, session_name, version_of

        path = self._workspace.flows.resolve(flow)
        if self.current() is not None:
            return self.ensure(on_phase=on_phase)
        wanted = requirements_of(path)
        version = version_of(path, self._workspace.core.store)
        if wanted is None and version is None:
            return self.ensure(on_phase=on_phase)
        name = session_name(path, wanted, version.digest if version else "")
        environment = f"{version.name}:{version.version}" if version else "default"
        runtime = self._session(name, on_phase, environment)
        record = self._workspace.core.store.runtime(runtime.name)
        if (
            wanted is not None
            and record is not None
            and not any(layer["source"] == "flow" for layer in record.layers or ())
        ):
            installer = self._workspace.core.life.installer
            installer.install(record.id, wanted, source="flow", on_phase=on_phase)
        return runtime

    def _session(
        self, name: str, on_phase: OnPhase | None, environment: str = "default"
    ) -> Runtime:
        try:
            runtime = self.get(name)
        except NotFound:
            try:
                return self.create(
                    name, environment=environment, kind="session", on_phase=on_phase
                )
            except AlreadyExists:
                # another process made it in the meantime
                runtime = self.get(name)
        return _started(runtime, on_phase)

    def _wrap(self, record: RuntimeRecord) -> LocalRuntime:
        return LocalRuntime(self._workspace, record)


def _started(runtime: Runtime, on_phase: OnPhase | None) -> Runtime:
    if runtime.state not in ("ready", "busy"):
        runtime.start(on_phase=on_phase)
    return runtime
