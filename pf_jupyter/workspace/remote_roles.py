"""Who may do what in the workspace of a server."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from .api import Answer, Assignment, AuditLine, Roles

if TYPE_CHECKING:
    from .remote_client import Client


class RemoteRoles(Roles):
    """The roles of a server's workspace.

    Parameters
    ----------
    client
        Asks the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> builtins.list[Assignment]:
        """Return the assignments that hold now."""
        found = self._client.call("roles.list")["assignments"]
        return [Assignment(**item) for item in found]

    def assign(
        self,
        principal: str,
        role: str,
        *,
        on: str = "workspace",
        until: str | None = None,
    ) -> Assignment:
        """Give a role, at once; see `Roles.assign`."""
        body = {"principal": principal, "role": role, "on": on, "until": until}
        return Assignment(**self._client.call("roles.assign", body=body))

    def revoke(self, principal: str, role: str, *, on: str = "workspace") -> None:
        """Take a role back; see `Roles.revoke`."""
        body = {"principal": principal, "role": role, "on": on}
        self._client.call("roles.revoke", body=body)

    def check(self, principal: str, right: str, *, on: str | None = None) -> Answer:
        """Return whether somebody may do something, without trying."""
        body = {"principal": principal, "right": right, "on": on}
        found = self._client.call("roles.check", body=body)
        return Answer(**{**found, "ask": tuple(found["ask"])})

    def audit(self, *, limit: int = 100) -> builtins.list[AuditLine]:
        """Return what was asked, the newest first."""
        lines = self._client.call("roles.audit", query={"limit": limit})["lines"]
        return [AuditLine(**line) for line in lines]
