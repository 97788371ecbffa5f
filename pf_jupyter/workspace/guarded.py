"""A workspace as one person has it: every verb asks for its right before anything
else happens, and what may not be seen is not there."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..access.access import hidden
from ..access.roles import Thing
from ..connections.stored import visible
from ..errors import AlreadyExists, NotFound
from ..runs.artifacts import sees_files
from ..runtimes.identity import acting
from .api import (
    CheckResult,
    Connection,
    Connections,
    Environments,
    Scope,
    Workspace,
)
from .guarded_computes import GuardedComputes
from .guarded_environments import GuardedEnvironments
from .guarded_roles import GuardedRoles
from .guarded_runs import GuardedRuns
from .guarded_runtimes import GuardedRuntimes

if TYPE_CHECKING:
    from ..store.records import ConnectionRecord
    from .local import LocalWorkspace


class GuardedWorkspace(Workspace):
    """The workspace of this process, for one person.

    Parameters
    ----------
    inner
        It.
    principal
        The person.
    """

    def __init__(self, inner: LocalWorkspace, principal: str) -> None:
        self.inner = inner
        self.principal = principal
        self.name = inner.name
        self.runtimes = GuardedRuntimes(self)
        self.flows = inner.flows
        self.runs = GuardedRuns(self)
        self.computes = GuardedComputes(self)
        self.connections = GuardedConnections(self)
        self.environments = cast(Environments, GuardedEnvironments(self))
        self.roles = GuardedRoles(self)

    def doctor(self, *, fix: bool = False) -> list[CheckResult]:
        """Check what the workspace needs; mending it is a right of its own."""
        right = "workspace.update" if fix else "workspace.list"
        with self.may(right, Thing("workspace")):
            return self.inner.doctor(fix=fix)

    def close(self) -> None:
        """Leave the workspace to the others who have it."""

    @contextmanager
    def may(self, right: str, thing: Thing) -> Iterator[None]:
        """Refuse, or do what follows in this person's name.

        Raises
        ------
        Refused, NotFound
            See `Access.require`.
        """
        self.inner.roles.access.require(self.principal, right, thing)
        who, sight = acting.set(self.principal), visible.set(self._may_use)
        files = sees_files.set(False)
        try:
            yield
        finally:
            acting.reset(who)
            visible.reset(sight)
            sees_files.reset(files)

    def sees(self, thing: Thing) -> bool:
        """Tell whether this person may know of a thing."""
        return self.inner.roles.access.sees(self.principal, thing)

    def sight(self) -> Callable[[Thing], bool]:
        """Return what tells which things this person may know of at this moment.

        It is for lists, for which rights are read once.
        """
        holding = self.inner.roles.access.holding(self.principal)
        return lambda thing: holding.decide(f"{thing.kind}.list", thing).allowed

    def thing(self, kind: str, name: str) -> Thing:
        """Return a thing that this person may know of (NotFound)."""
        try:
            found = self.inner.roles.thing(kind, name)
        except NotFound:
            # in the very words that are said of what is there and hidden
            raise hidden(Thing(kind, name)) from None
        if not self.sees(found):
            raise hidden(found)
        return found

    def _may_use(self, record: ConnectionRecord) -> bool:
        thing = connection_thing(record.name, record.owner, record.scope)
        access = self.inner.roles.access
        return access.decide(self.principal, "connection.use", thing).allowed

    def __repr__(self) -> str:
        return f"<Workspace {self.name} of {self.principal}>"


def connection_thing(name: str, owner: str, scope: str) -> Thing:
    """Return a connection as rights see it."""
    return Thing("connection", name, owner, scope == "workspace")


class GuardedConnections(Connections):
    """The connections that one person may see.

    Parameters
    ----------
    workspace
        Theirs.
    """

    def __init__(self, workspace: GuardedWorkspace) -> None:
        self._workspace = workspace

    def list(self) -> builtins.list[Connection]:
        """Return all connections, by name."""
        sees = self._workspace.sight()
        return [item for item in self._inner.list() if sees(_thing(item))]

    def names(self) -> Sequence[str]:
        """Return the names of all."""
        return [item.name for item in self.list()]

    def show(self, name: str) -> Connection:
        """Return one connection (NotFound)."""
        self._workspace.thing("connection", name)
        return self._inner.show(name)

    def create(
        self,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
        scope: Scope = "personal",
        ask: Callable[[str], str] | None = None,
    ) -> Connection:
        """Remember a new connection; see `Connections.create`."""
        with self._workspace.may("connection.create", Thing("connection")):
            try:
                return self._inner.create(
                    source, name=name, settings=settings, scope=scope, ask=ask
                )
            except AlreadyExists as error:
                wanted = str(name or (settings or {}).get("name") or "")
                raise taken("connection", wanted, self.names(), error) from None

    def update(
        self,
        name: str,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        scope: Scope | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> Connection:
        """Change the fields that are given; see `Connections.update`."""
        thing = self._workspace.thing("connection", name)
        with self._workspace.may("connection.update", thing):
            return self._inner.update(
                name, source, settings=settings, scope=scope, ask=ask
            )

    def delete(self, name: str) -> None:
        """Forget a connection and its secrets (NotFound)."""
        thing = self._workspace.thing("connection", name)
        with self._workspace.may("connection.delete", thing):
            self._inner.delete(name)

    @property
    def _inner(self) -> Connections:
        return self._workspace.inner.connections


def _thing(item: Connection) -> Thing:
    return connection_thing(item.name, item.owner, item.scope)


def taken(
    kind: str, name: str, seen: Sequence[str], error: AlreadyExists
) -> AlreadyExists:
    """Return the error for a name that is taken, maybe by something hidden."""
    if name in seen:
        return error
    return AlreadyExists(
        f"the name {name!r} is taken",
        hint=f"choose another name for your {kind}",
    )
