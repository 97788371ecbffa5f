"""The part of the workspace interface that is about connections.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Scope = Literal["personal", "workspace"]


@dataclass(frozen=True)
class Connection:
    """What a flow needs to reach another service; secrets are shown as ``*****``.

    ``custom_type`` names the class of a custom strong type, which is in ``module``.
    """

    name: str
    type: str
    configs: Mapping[str, str]
    secrets: Mapping[str, str]
    scope: Scope
    owner: str
    created_at: str
    changed_at: str
    module: str = "promptflow.connections"
    custom_type: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON; there is no secret in it."""
        return {
            "name": self.name,
            "type": self.type,
            "custom_type": self.custom_type,
            "module": self.module,
            "configs": dict(self.configs),
            "secrets": dict(self.secrets),
            "scope": self.scope,
            "owner": self.owner,
            "created_at": self.created_at,
            "changed_at": self.changed_at,
        }

    def __repr__(self) -> str:
        kind = self.custom_type or self.type
        return f"<Connection {self.name}: {kind}, {self.scope}>"


class Connections(ABC):
    """The connections of a workspace. No method gives a secret away."""

    @abstractmethod
    def list(self) -> list[Connection]:
        """Return all connections, by name."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the names of all."""

    @abstractmethod
    def show(self, name: str) -> Connection:
        """Return one connection (NotFound names the nearest)."""

    @abstractmethod
    def create(
        self,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
        scope: Scope = "personal",
        ask: Callable[[str], str] | None = None,
    ) -> Connection:
        """Remember a new connection.

        Parameters
        ----------
        source
            A YAML file of the public form, or the same as a mapping
            (flow-format section 5).
        name
            Wins over the one in ``source``.
        settings
            Further fields, which win; ``configs.k`` and ``secrets.k`` for custom
            connections.
        scope
            ``personal``, or ``workspace`` for everybody in it.
        ask
            Asked for each secret that is to be typed (``<user-input>``).

        Raises
        ------
        AlreadyExists, UsageError
        """

    @abstractmethod
    def update(
        self,
        name: str,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        scope: Scope | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> Connection:
        """Change the fields that are given, as `create` takes them; the others stay.

        Raises
        ------
        NotFound, UsageError, IllegalState
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Forget a connection and its secrets (NotFound)."""


def connection_types() -> list[dict[str, Any]]:
    """Return what connections there can be, for forms.

    Each is ``{"name", "fields"}``, each field ``{"name", "secret", "required",
    "default"}``; custom ones have no fields, their keys are the user's own.
    """
    from ..connections.types import TYPES

    return [
        {"name": kind.name, "fields": [asdict(field) for field in kind.fields]}
        for kind in TYPES.values()
    ]
