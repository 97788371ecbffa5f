"""What one person sees of a noun, as a mark: whether it changed for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..access.roles import Thing
from .guarded_runtimes import current_setting

if TYPE_CHECKING:
    from ..store.records import EnvironmentRecord, EnvironmentVersionRecord
    from .guarded import GuardedWorkspace

_NEWEST = 200


def mark(workspace: GuardedWorkspace, noun: str) -> str:
    """Return a mark of all that a person sees of a noun; no engine is asked.

    What others do to things of theirs does not change it.

    Parameters
    ----------
    workspace
        The person's.
    noun
        One of those that the event stream tells of.
    """
    found = hashlib.sha1(usedforsecurity=False)
    for item in _SEEN[noun](workspace):
        found.update(repr(item).encode())
    return found.hexdigest()


def seen_environments(workspace: GuardedWorkspace) -> set[str]:
    """Return the names of the environments that a person sees."""
    sees = workspace.sight()
    rows = workspace.inner.core.store.environments
    published = {one.name for one in rows.versions()}
    things = [Thing("environment", "default", None, True)]
    things += [
        Thing("environment", one.name, one.owner, one.name in published)
        for one in rows.all()
    ]
    return {thing.name for thing in things if sees(thing)}


def _runtimes(workspace: GuardedWorkspace) -> Iterable[Any]:
    sees = workspace.sight()
    for one in workspace.inner.core.store.runtimes():
        if sees(Thing("runtime", one.name, one.owner, one.kind == "shared")):
            yield one.id, one.revision, one.state, one.phase
    yield workspace.inner.core.store.setting(current_setting(workspace.principal))


def _runs(workspace: GuardedWorkspace) -> Iterable[Any]:
    sees = workspace.sight()
    for one in workspace.inner.core.store.summaries.runs(_NEWEST):
        if sees(Thing("run", one.run_id, one.owner)):
            yield one.run_id, one.status, one.ended_at


def _environments(workspace: GuardedWorkspace) -> Iterable[Any]:
    rows = workspace.inner.core.store.environments
    names = seen_environments(workspace)
    every: list[EnvironmentRecord | EnvironmentVersionRecord]
    every = [*rows.all(), *rows.versions()]
    for one in every:
        if one.name in names:
            yield one.name, one.changed_at


def _connections(workspace: GuardedWorkspace) -> Iterable[Any]:
    for one in workspace.connections.list():
        yield one.to_dict()


def _computes(workspace: GuardedWorkspace) -> Iterable[Any]:
    return workspace.computes.names()


def _roles(workspace: GuardedWorkspace) -> Iterable[Any]:
    return workspace.roles.list()


_SEEN = {
    "runtimes": _runtimes,
    "runs": _runs,
    "environments": _environments,
    "connections": _connections,
    "computes": _computes,
    "roles": _roles,
}
