"""The computes of a workspace, as one person has them."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..access.roles import Thing
from ..errors import AlreadyExists, NotFound, Refused
from .compute_api import CheckResult, Computes, Occupants, Victims

if TYPE_CHECKING:
    from .computes import LocalComputes
    from .guarded import GuardedWorkspace

_SAFE = ("tcp://", "https://")


class GuardedComputes(Computes):
    """The computes that one person may see.

    Parameters
    ----------
    workspace
        Theirs.
    """

    def __init__(self, workspace: GuardedWorkspace) -> None:
        self._workspace = workspace

    def list(self) -> builtins.list[dict[str, Any]]:
        """Return what each compute is and whether it answers."""
        return self._inner.described(self.names())

    def names(self) -> Sequence[str]:
        """Return the names of all computes: no engine is asked."""
        roles = self._workspace.inner.roles
        return [
            name
            for name in self._inner.names()
            if self._workspace.sees(roles.thing("compute", name))
        ]

    def show(self, name: str) -> dict[str, Any]:
        """Return what `list` tells of one (NotFound)."""
        self._thing(name)
        return self._inner.show(name)

    def add(
        self,
        name: str,
        address: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        scope: str = "personal",
        days: float | None = None,
    ) -> dict[str, Any]:
        """Add a compute whose engine answers now; see `Computes.add`.

        Raises
        ------
        Refused
            Its address is a socket of the server's machine, or not spoken to over
            TLS.
        """
        from .guarded import taken

        with self._workspace.may("compute.create", Thing("compute")):
            if not address.startswith(_SAFE) or not certificates:
                # the server's user may use sockets that its people must not
                raise Refused(
                    f"over a server, a compute at {address} cannot be added",
                    code="compute_address_refused",
                    hint="give a tcp:// address and its certificates; who runs the "
                    "server can add others there: jupyter pf compute add",
                )
            try:
                return self._inner.add(
                    name, address, certificates=certificates, scope=scope, days=days
                )
            except AlreadyExists as error:
                raise taken("compute", name, self.names(), error) from None

    def auth(
        self,
        name: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        days: float | None = None,
    ) -> dict[str, Any]:
        """Sign in again; see `Computes.auth`."""
        with self._workspace.may("compute.update", self._thing(name)):
            return self._inner.auth(name, certificates=certificates, days=days)

    def ps(self, name: str) -> Occupants:
        """Return what lives on a compute now, others' only as a number."""
        owner = self._thing(name).owner
        found = self._inner.ps(name)
        mine = owner == self._workspace.principal
        shown = [
            one
            for one in found.shown
            if (self._sees(one.name) if one.kind == "runtime" else mine)
        ]
        hidden = Counter(one.kind for one in found.shown if one not in shown)
        return replace(found, shown=shown, hidden=dict(hidden))

    def check(self, name: str) -> builtins.list[CheckResult]:
        """Check a compute: sign-in, certificate, engine, machine, leftovers."""
        self._thing(name)
        return self._inner.check(name)

    def victims(self, name: str) -> Victims:
        """Return what `remove` would take along (NotFound)."""
        with self._workspace.may("compute.delete", self._thing(name)):
            return self._seen(self._inner.victims(name))

    def remove(self, name: str, *, runtimes: bool = False) -> Victims:
        """Forget a compute; see `Computes.remove`."""
        with self._workspace.may("compute.delete", self._thing(name)):
            return self._seen(self._inner.remove(name, runtimes=runtimes))

    def _seen(self, victims: Victims) -> Victims:
        names = [
            name if self._sees(name) else "(somebody else's)"
            for name in victims.runtimes
        ]
        return Victims(names, victims.runs)

    def _sees(self, runtime: str) -> bool:
        try:
            self._workspace.thing("runtime", runtime)
        except NotFound:
            return False
        return True

    def _thing(self, name: str) -> Thing:
        return self._workspace.thing("compute", name)

    @property
    def _inner(self) -> LocalComputes:
        return self._workspace.inner.computes
