"""The computes of a server; certificates are read on this side."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .compute_api import (
    CheckResult,
    Computes,
    Occupant,
    Occupants,
    Victims,
    read_certificates,
)
from .remote_wire import check_from_json

if TYPE_CHECKING:
    from .remote import RemoteWorkspace


class RemoteComputes(Computes):
    """The computes that a server reaches.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._workspace = workspace

    def list(self) -> builtins.list[dict[str, Any]]:
        """Return what each compute is and whether it answers."""
        return builtins.list(self._workspace.client.call("computes.list")["computes"])

    def names(self) -> Sequence[str]:
        """Return the names of all computes: no engine is asked."""
        return builtins.list(self._workspace.client.call("computes.names")["names"])

    def show(self, name: str) -> dict[str, Any]:
        """Return what `list` tells of one (NotFound)."""
        return self._call("computes.show", name)

    def add(
        self,
        name: str,
        address: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        scope: str = "personal",
        days: float | None = None,
    ) -> dict[str, Any]:
        """Add a compute whose engine answers now; see `Computes.add`."""
        body = {
            "name": name,
            "address": address,
            "certificates": read_certificates(certificates) or None,
            "scope": scope,
            "days": days,
        }
        return dict(self._workspace.client.call("computes.add", body=body))

    def auth(
        self,
        name: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        days: float | None = None,
    ) -> dict[str, Any]:
        """Sign in again; see `Computes.auth`."""
        body = {"certificates": read_certificates(certificates) or None, "days": days}
        return self._call("computes.auth", name, body)

    def ps(self, name: str) -> Occupants:
        """Return what lives on a compute now (NotFound, Unreachable)."""
        found = self._call("computes.ps", name)
        shown = [Occupant(**item) for item in found["shown"]]
        return Occupants(found["compute"], shown, found["hidden"])

    def check(self, name: str) -> builtins.list[CheckResult]:
        """Check a compute: sign-in, certificate, engine, machine, leftovers."""
        found = self._call("computes.check", name)
        return [check_from_json(item) for item in found["checks"]]

    def victims(self, name: str) -> Victims:
        """Return what `remove` would take along (NotFound)."""
        return Victims(**self._call("computes.victims", name))

    def remove(self, name: str, *, runtimes: bool = False) -> Victims:
        """Forget a compute; see `Computes.remove`."""
        body = {"runtimes": runtimes}
        return Victims(**self._call("computes.remove", name, body))

    def _call(
        self, route: str, name: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return dict(self._workspace.client.call(route, {"name": name}, body=body))
