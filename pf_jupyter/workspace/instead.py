"""Finds what to take instead of a runtime that may not be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import IllegalState
from ..runtimes.identity import check_name, user
from ..runtimes.seats import shown
from ..runtimes.wish import another
from ..store.records import RuntimeRecord
from .instead_api import Instead

if TYPE_CHECKING:
    from .api import OnPhase
    from .core import Core

May = Callable[[str, RuntimeRecord], bool]
"""Tells whether a right is there on a runtime."""


def ways_on(core: Core, name: str, digest: str, may: May) -> Instead:
    """Return the ways on from a runtime, as far as whoever asks may know them.

    Parameters
    ----------
    name
        Of the runtime.
    digest
        Of its environment, where that is known; empty when it is not.
    may
        Whoever asks.
    """
    seen = [one for one in shown(core.store.runtimes()) if may("runtime.list", one)]
    usable = [one for one in seen if may("runtime.use", one)]
    named = next((one for one in seen if one.name == name), None)
    if named is not None:
        digest = named.environment_digest
    same = [one for one in usable if digest and one.environment_digest == digest]
    like = [one for one in seen if digest and one.environment_digest == digest]
    others = [*same, *(one for one in usable if one not in same)]
    return Instead(
        name=name,
        usable=named in usable,
        like=like[0].name if like else "",
        digest=digest if like else "",
        others=[one.name for one in others if one.name != name],
        same=[one.name for one in same if one.name != name],
    )


def copied(
    core: Core, source: RuntimeRecord, name: str, on_phase: OnPhase | None
) -> RuntimeRecord:
    """Make a personal runtime that stands on the very environment of another.

    Raises
    ------
    UsageError, AlreadyExists, IllegalState, RuntimeFailed
        A bad name, one that is taken, nothing to copy, or it failed on its way.
    """
    check_name(name)
    if not source.environment_digest or source.profile == "adopted":
        raise IllegalState(
            f"runtime {source.name!r} has no environment that can be made again",
            hint=f"%pfruntime create {name} makes one with the default environment",
        )
    record = another(
        source, name=name, kind="personal", owner=user(), seat_of="", idle_minutes=None
    )
    return core.life.lifecycle.found(record, on_phase)
