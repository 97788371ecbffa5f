"""The runtimes that one person may see, each verb behind its right."""

from __future__ import annotations

import builtins
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..access.roles import Thing
from ..errors import AlreadyExists, NotFound, UsageError
from ..flow.fields import did_you_mean
from ..runtimes.seats import shown
from .api import (
    BatchRun,
    Capture,
    CheckResult,
    Installation,
    Kind,
    OnCheck,
    OnPhase,
    Package,
    RunEvent,
    RunResult,
    Runtime,
    RuntimeLimits,
    Runtimes,
    RuntimeState,
    Validation,
)
from .guarded_instead import GuardedInstead
from .guarded_updates import GuardedUpdates
from .seated import Seated, as_listed, as_seen
from .several_api import names_of

if TYPE_CHECKING:
    from ..store.records import RuntimeRecord
    from .guarded import GuardedWorkspace

_USABLE = ("ready", "busy")


class GuardedRuntimes(GuardedInstead, Runtimes):
    """Makes and finds runtimes for one person.

    Parameters
    ----------
    workspace
        Theirs.
    """

    def __init__(self, workspace: GuardedWorkspace) -> None:
        self._workspace = workspace

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
        from .guarded import taken

        with (
            self._workspace.may("runtime.create", Thing("runtime")),
            self._workspace.may("compute.use", self._place(compute)),
        ):
            try:
                made = self._inner.create(
                    name,
                    environment=environment,
                    compute=compute,
                    kind=kind,
                    limits=limits,
                    network=network,
                    idle_minutes=idle_minutes,
                    writable=writable,
                    on_phase=on_phase,
                )
            except AlreadyExists as error:
                raise taken("runtime", name, self.names(), error) from None
        return GuardedRuntime(self._workspace, made)

    def adopt(
        self,
        container: str,
        *,
        name: str | None = None,
        compute: str | None = None,
        on_check: OnCheck | None = None,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        """Make a runtime of a container, which may be anybody's on that machine."""
        from .guarded import taken

        with (
            self._workspace.may("runtime.create", Thing("runtime")),
            self._workspace.may("workspace.update", Thing("workspace")),
            self._workspace.may("compute.use", self._place(compute)),
        ):
            try:
                made = self._inner.adopt(
                    container,
                    name=name,
                    compute=compute,
                    on_check=on_check,
                    on_phase=on_phase,
                )
            except AlreadyExists as error:
                wanted = name or container
                raise taken("runtime", wanted, self.names(), error) from None
        return GuardedRuntime(self._workspace, made)

    def _place(self, compute: str | None) -> Thing:
        if compute is None:
            return Thing("compute", "", None, True)
        try:
            return self._workspace.thing("compute", compute)
        except NotFound:
            names = self._workspace.computes.names()
            raise UsageError(
                f"there is no compute {compute!r}",
                code="unknown_compute",
                hint=did_you_mean(compute, names, f"one of {', '.join(names)}"),
            ) from None

    def get(self, name: str) -> Runtime:
        """Return the runtime (NotFound)."""
        self._workspace.thing("runtime", name)
        return GuardedRuntime(self._workspace, self._inner.get(name))

    def described(self) -> builtins.list[dict[str, Any]]:
        """Return each runtime that may be seen; see `LocalRuntimes.described`."""
        sees = self._workspace.sight()
        inner: Any = self._inner
        found = inner.described(lambda record: sees(_thing(record)))
        return [as_listed(self._workspace, one) for one in found]

    def list(self) -> builtins.list[Runtime]:
        """Return all runtimes, by name, their states checked against the engines."""
        names = self.names()
        return [
            GuardedRuntime(self._workspace, runtime)
            for runtime in self._inner.list()
            if runtime.name in names
        ]

    def names(self) -> Sequence[str]:
        """Return the names of all runtimes from the records alone."""
        sees = self._workspace.sight()
        return [
            record.name
            for record in shown(self._workspace.inner.core.store.runtimes())
            if sees(_thing(record))
        ]

    def use(self, name: str | None) -> Runtime | None:
        """Make a runtime the current one of this person."""
        runtime = None if name is None else self.get(name)
        key = current_setting(self._workspace.principal)
        self._workspace.inner.core.store.remember(key, name)
        return runtime

    def current(self) -> Runtime | None:
        """Return the runtime in use, or None."""
        key = current_setting(self._workspace.principal)
        name = self._workspace.inner.core.store.setting(key)
        if name is None:
            return None
        try:
            return self.get(name)
        except NotFound:
            return None

    def ensure(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Return a ready runtime: the current one, or this person's own session."""
        runtime = self.current()
        if runtime is None:
            slug = re.sub(r"[^a-z0-9_-]+", "-", self._workspace.principal.lower())
            name = f"session-{slug}"[:63]
            try:
                runtime = self.get(name)
            except NotFound:
                return self.create(name, kind="session", on_phase=on_phase)
        if runtime.state not in _USABLE:
            runtime.start(on_phase=on_phase)
        return runtime

    @property
    def _inner(self) -> Runtimes:
        return self._workspace.inner.runtimes


class GuardedRuntime(Seated, GuardedUpdates, Runtime):
    """A runtime as one person has it.

    Parameters
    ----------
    workspace
        The person's.
    inner
        The runtime itself.
    """

    def __init__(self, workspace: GuardedWorkspace, inner: Runtime) -> None:
        self._workspace = workspace
        self._inner = inner
        self.name = inner.name

    @property
    def id(self) -> str:
        """Identity that no other runtime ever had."""
        return str(getattr(self._inner, "id", self.name))

    @property
    def state(self) -> RuntimeState:
        """Where it is in its life."""
        return cast("RuntimeState", self._seated(self._inner).state)

    def to_dict(self) -> dict[str, Any]:
        """Return the record; see `Runtime.to_dict`."""
        found = self._inner.to_dict()
        if not self._is_others(found):
            return found
        return as_seen(found, self._seat(), self._workspace.principal)

    def start(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Bring it to ready; whoever may use it may have it started.

        In a shared runtime of somebody else that is their own instance.
        """
        with self._may("runtime.use"):
            if self._is_others(self._inner.to_dict()):
                self._sit_down(on_phase)
            else:
                self._inner.start(on_phase=on_phase)
        return self

    def stop(self) -> Runtime:
        """Stop it; its record and environment stay."""
        with self._may("runtime.update"):
            self._inner.stop()
        return self

    def restart(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Stop and start."""
        with self._may("runtime.update"):
            self._inner.restart(on_phase=on_phase)
        return self

    def delete(self) -> None:
        """Remove it and everything it had on the engine."""
        with self._may("runtime.delete"):
            self._inner.delete()

    def logs(self, *, tail: int | None = 200, follow: bool = False) -> Iterator[str]:
        """Yield the lines of its log; what code prints is for those who run it."""
        with self._may("runtime.use"):
            pass
        mine = self._seated(None)
        return iter(()) if mine is None else mine.logs(tail=tail, follow=follow)

    def stats(self) -> dict[str, Any]:
        """Return what it uses; see `Runtime.stats`."""
        with self._may("runtime.list"):
            mine: dict[str, Any] = self._seated(None, needed=True).stats()
            return mine

    def check(self) -> list[CheckResult]:
        """Return the health of engine, instance, worker and environment."""
        with self._may("runtime.list"):
            mine: builtins.list[CheckResult] = self._seated(self._inner).check()
            return mine

    def run(self, flow: str | Path, **options: Any) -> RunResult:
        """Run a flow once in this runtime; see `Runtime.run`."""
        upstream = options.get("upstream")
        if upstream is not None:
            self._workspace.thing("run", upstream)
        with self._may("run.create"), self._may("runtime.use"):
            return self._inner.run(flow, **options)

    async def arun(self, flow: str | Path, **options: Any) -> RunResult:
        """Do what `run` does without blocking the running event loop."""
        with self._may("run.create"), self._may("runtime.use"):
            return await self._inner.arun(flow, **options)

    async def stream(self, flow: str | Path, **options: Any) -> AsyncIterator[RunEvent]:
        """Yield the events of a run as they happen; see `Runtime.stream`."""
        with self._may("run.create"), self._may("runtime.use"):
            events = self._inner.stream(flow, **options)
            async for event in events:
                yield event

    def validate(self, flow: str | Path, *, node: str | None = None) -> Validation:
        """Check a flow's file and its code in the runtime."""
        with self._may("runtime.use"):
            return self._inner.validate(flow, node=node)

    def batch(
        self, flow: str | Path | None = None, data: Any = None, **options: Any
    ) -> BatchRun:
        """Run a flow over rows; see `RunsBatches.batch`."""
        self._check_runs(options.get("source_run"), options.get("resume_from"))
        self._check_others(options)
        with self._may("run.create"), self._may("runtime.use"):
            return self._inner.batch(flow, data, **options)

    def evaluate(self, run: Any, *given: Any, **options: Any) -> Any:
        """Judge a batch run; see `EvaluatesRuns.evaluate`."""
        self._check_runs(run, options.get("against"), options.get("resume_from"))
        self._check_others(options)
        with self._may("run.create"), self._may("runtime.use"):
            return self._inner.evaluate(run, *given, **options)

    def _check_others(self, options: dict[str, Any]) -> None:
        """Ask for the further runtimes of a batch what is asked for this one."""
        names = names_of(options.get("runtimes"))
        earlier = options.get("resume_from")
        if names is None and earlier is not None:
            run = self._workspace.inner.runs.batch(
                str(getattr(earlier, "run_id", earlier))
            )
            names = tuple(one["name"] for one in run.runtimes)
        for name in names or ():
            if name != self.name:
                self._workspace.thing("runtime", name)
                other = GuardedRuntime(self._workspace, self._inner_of(name))
                with other._may("runtime.use"):
                    pass

    def _inner_of(self, name: str) -> Runtime:
        return self._workspace.inner.runtimes.get(name)

    def _check_runs(self, *runs: Any) -> None:
        for run in runs:
            if run is not None:
                self._workspace.thing("run", str(getattr(run, "run_id", run)))

    def install(
        self,
        *packages: str,
        requirements: str | Path | None = None,
        upgrade: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Installation:
        """Install packages into this runtime now; see `HasPackages.install`."""
        with self._may("runtime.update"):
            return self._inner.install(
                *packages, requirements=requirements, upgrade=upgrade, on_phase=on_phase
            )

    def reset(self) -> Runtime:
        """Take off all that was installed by hand: it is its definition again."""
        with self._may("runtime.update"):
            self._inner.reset()
        return self

    def packages(self) -> list[Package]:
        """Return what is installed, by name, each with its version and source."""
        with self._may("runtime.list"):
            return self._inner.packages()

    def capture(self, name: str, **options: Any) -> Capture:
        """Make an environment of what was installed; see `HasPackages.capture`."""
        with self._may("runtime.use"), self._may("environment.create"):
            return self._inner.capture(name, **options)

    def layers(self) -> list[dict[str, Any]]:
        """Return the layers over the environment; see `HasPackages.layers`."""
        with self._may("runtime.list"):
            return self._inner.layers()

    def __repr__(self) -> str:
        return repr(self._inner)

    def _may(self, right: str) -> Any:
        if not right.startswith("runtime."):
            return self._workspace.may(right, Thing(right.partition(".")[0]))
        record = self.to_dict()
        shared = record["kind"] == "shared"
        thing = Thing("runtime", self.name, record["owner"], shared)
        return self._workspace.may(right, thing)


def current_setting(principal: str) -> str:
    """Return where the name of the runtime that a person uses is remembered."""
    return f"current_runtime:{principal}"[:100]


def _thing(record: RuntimeRecord) -> Thing:
    return Thing("runtime", record.name, record.owner, record.kind == "shared")
