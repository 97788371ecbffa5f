"""The connections of a local workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .api import Connection, Connections, Scope

if TYPE_CHECKING:
    from ..connections.stored import StoredConnections
    from ..store.records import ConnectionRecord
    from .local import LocalWorkspace


class LocalConnections(Connections):
    """Keeps connections in the store of this process.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    def list(self) -> list[Connection]:
        """Return all connections, by name."""
        return [_shown(record) for record in self._stored.all()]

    def names(self) -> Sequence[str]:
        """Return the names of all."""
        return self._stored.names()

    def show(self, name: str) -> Connection:
        """Return one connection (NotFound names the nearest)."""
        return _shown(self._stored.record(name))

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
        from ..runtimes.identity import user

        record = self._stored.create(
            read_source(source),
            settings or {},
            name=name,
            scope=scope,
            owner=user(),
            ask=ask,
        )
        return _shown(record)

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
        record = self._stored.update(
            name, read_source(source), settings or {}, scope=scope, ask=ask
        )
        return _shown(record)

    def delete(self, name: str) -> None:
        """Forget a connection and its secrets (NotFound)."""
        self._stored.delete(name)

    @property
    def _stored(self) -> StoredConnections:
        return self._workspace.core.connections


def read_source(source: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what a file of the public form says, or what was given instead."""
    from ..connections.definition import read_file

    if source is None:
        return {}
    return source if isinstance(source, Mapping) else read_file(source)


def _shown(record: ConnectionRecord) -> Connection:
    from ..connections.stored import shown

    return Connection(**shown(record))
