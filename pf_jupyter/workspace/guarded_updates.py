"""The versions of a runtime as one person has it, each verb behind its right."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..access.roles import Thing
from ..errors import IllegalState
from .update_api import REHEARSED_RUNS, HasUpdates, Rehearsal, Update, VersionCheck

if TYPE_CHECKING:
    from .api import OnPhase, Runtime
    from .guarded import GuardedWorkspace


class GuardedUpdates(HasUpdates):
    """The part of `GuardedRuntime` that knows versions.

    A rehearsal repeats only runs that the person may see, and is for those who may
    change the runtime: code runs again in it.
    """

    _workspace: GuardedWorkspace
    _inner: Runtime

    @abstractmethod
    def _may(self, right: str) -> Any:
        """Refuse, or do what follows in this person's name."""

    def check_version(self, *, fresh: bool = True) -> VersionCheck:
        """Look whether there is something newer; see `HasUpdates.check_version`."""
        with self._may("runtime.list"):
            return self._inner.check_version(fresh=fresh)

    def known_version(self) -> VersionCheck | None:
        """Return what the last check found; asks nobody."""
        with self._may("runtime.list"):
            return self._inner.known_version()

    def rehearse(
        self,
        to: str | None = None,
        *,
        runs: int | Sequence[str] = REHEARSED_RUNS,
        on_phase: OnPhase | None = None,
    ) -> Rehearsal:
        """Repeat recorded runs here and beside; see `HasUpdates.rehearse`."""
        with self._may("runtime.update"), self._may("run.create"):
            seen = self._seen(runs)
            return self._inner.rehearse(to, runs=seen, on_phase=on_phase)

    def last_rehearsal(self) -> Rehearsal | None:
        """Return the last rehearsal if this person may see all runs in it."""
        with self._may("runtime.list"):
            found = self._inner.last_rehearsal()
        if found is None:
            return None
        named = [str(run["run_id"]) for run in found.runs]
        return found if self._visible(named) == named else None

    def update(
        self,
        to: str | None = None,
        *,
        rehearse: bool = False,
        runs: int | Sequence[str] = REHEARSED_RUNS,
        accept: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Update:
        """Let it stand on a newer version; see `HasUpdates.update`."""
        with self._may("runtime.update"), self._may("run.create"):
            seen = self._seen(runs) if rehearse else runs
            if to is None and self._inner.check_version().to_dict()["kind"] == "base":
                # a new version of the environment is built and published for it
                with self._may("environment.create"):
                    pass
            try:
                return self._inner.update(
                    to, rehearse=rehearse, runs=seen, accept=accept, on_phase=on_phase
                )
            except IllegalState as error:
                raise self._told(error) from None

    def rollback(self, *, on_phase: OnPhase | None = None) -> Update:
        """Go back to before the last update; see `HasUpdates.rollback`."""
        with self._may("runtime.update"):
            return self._inner.rollback(on_phase=on_phase)

    def _told(self, error: IllegalState) -> IllegalState:
        """Return a refusal without runs that this person may not see."""
        against = error.details.get("rehearsal")
        if against is None:
            return error
        named = [str(run["run_id"]) for run in against["runs"]]
        if self._visible(named) == named:
            return error
        return IllegalState(
            f"runs of other people differ in the newer version, so {self.name} stays",
            code=error.code,
            hint=f"%pfruntime check {self.name} --rehearse looks at your own runs; an "
            "owner of the workspace sees all of them",
        )

    def _seen(self, runs: int | Sequence[str]) -> Sequence[str]:
        if not isinstance(runs, int):
            for run in runs:
                self._workspace.thing("run", run)
            return runs
        from .update_work import repeatable

        core = self._workspace.inner.core
        key = str(getattr(self._inner, "id", ""))
        named = [run.run_id for run in repeatable(core, key)]
        return self._visible(named)[: max(runs, 0)]

    def _visible(self, runs: Sequence[str]) -> list[str]:
        owners = self._workspace.inner.core.store.run_owners(runs)
        sees = self._workspace.sees
        return [run for run in runs if sees(Thing("run", run, owners.get(run)))]
