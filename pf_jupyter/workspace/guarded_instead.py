"""The ways on from a runtime that may not be used, as one person may know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..access.roles import Thing
from ..errors import AlreadyExists
from .instead import ways_on
from .instead_api import Instead, OffersInstead

if TYPE_CHECKING:
    from ..store.records import RuntimeRecord
    from .api import OnPhase, Runtime
    from .guarded import GuardedWorkspace


class GuardedInstead(OffersInstead):
    """The part of `GuardedRuntimes` that offers something else."""

    _workspace: GuardedWorkspace

    def instead(self, name: str, *, digest: str = "") -> Instead:
        """Return the ways on from a runtime; see `OffersInstead.instead`."""
        held = self._workspace.inner.roles.access.holding(self._workspace.principal)

        def may(right: str, one: RuntimeRecord) -> bool:
            thing = Thing("runtime", one.name, one.owner, one.kind == "shared")
            return held.decide(right, thing).allowed

        return ways_on(self._workspace.inner.core, name, digest, may)

    def copy(
        self, source: str, name: str, *, on_phase: OnPhase | None = None
    ) -> Runtime:
        """Make a runtime like another that this person may see."""
        from .guarded import taken
        from .guarded_runtimes import GuardedRuntime

        self._workspace.thing("runtime", source)
        with self._workspace.may("runtime.create", Thing("runtime")):
            try:
                made = self._workspace.inner.runtimes.copy(
                    source, name, on_phase=on_phase
                )
            except AlreadyExists as error:
                raise taken(
                    "runtime", name, self._workspace.runtimes.names(), error
                ) from None
        return GuardedRuntime(self._workspace, made)
