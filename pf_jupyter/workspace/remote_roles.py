"""Who may do what in the workspace of a server."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .moments import read_moment
from .role_api import (
    AccessRequest,
    Answer,
    Assignment,
    AuditLine,
    Revocation,
    RoleDefinition,
    Roles,
)

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
        body = {"principal": principal, "role": role, "on": on, "until": _here(until)}
        return Assignment(**self._client.call("roles.assign", body=body))

    def revoke(
        self, principal: str, role: str, *, on: str = "workspace", cancel: bool = False
    ) -> Revocation:
        """Take a role back; see `Roles.revoke`."""
        body = {"principal": principal, "role": role, "on": on, "cancel": cancel}
        found = self._client.call("roles.revoke", body=body)
        runs = {key: tuple(found[key]) for key in ("running", "canceled")}
        return Revocation(principal, role, on, **runs)

    def check(self, principal: str, right: str, *, on: str | None = None) -> Answer:
        """Return whether somebody may do something, without trying."""
        body = {"principal": principal, "right": right, "on": on}
        found = self._client.call("roles.check", body=body)
        given = found["assignment"]
        assignment = None if given is None else Assignment(**given)
        ask = tuple(found["ask"])
        return Answer(**{**found, "ask": ask, "assignment": assignment})

    def audit(
        self,
        *,
        limit: int = 100,
        principal: str | None = None,
        right: str | None = None,
        on: str | None = None,
        allowed: bool | None = None,
        since: str | None = None,
    ) -> builtins.list[AuditLine]:
        """Return what was asked; see `Roles.audit`."""
        wanted: dict[str, Any] = {
            "limit": limit,
            "principal": principal,
            "right": right,
            "on": on,
            "allowed": None if allowed is None else str(allowed).lower(),
            "since": since,
        }
        query = {key: value for key, value in wanted.items() if value is not None}
        lines = self._client.call("roles.audit", query=query)["lines"]
        return [AuditLine(**line) for line in lines]

    def definitions(self) -> builtins.list[RoleDefinition]:
        """Return all roles that there are, the five first."""
        found = self._client.call("roles.definitions")["roles"]
        return [_definition(item) for item in found]

    def get(self, name: str) -> RoleDefinition:
        """Return a role (NotFound)."""
        return _definition(self._client.call("roles.show", {"name": name}))

    def create(self, name: str, **fields: Any) -> RoleDefinition:
        """Define a role; see `Roles.create`."""
        body = {"name": name, **_plain(fields)}
        return _definition(self._client.call("roles.create", body=body))

    def update(self, name: str, **changes: Any) -> RoleDefinition:
        """Change a role; see `Roles.update`."""
        found = self._client.call("roles.update", {"name": name}, body=_plain(changes))
        return _definition(found)

    def delete(self, name: str, *, revoke: bool = False) -> None:
        """Forget a role; see `Roles.delete`."""
        query = {"revoke": "true"} if revoke else {}
        self._client.call("roles.delete", {"name": name}, query=query)

    def groups(self) -> dict[str, builtins.list[str]]:
        """Return each group that is known, and who was last seen in it."""
        found: dict[str, builtins.list[str]] = self._client.call("roles.groups")[
            "groups"
        ]
        return found

    def ask(
        self, role: str, *, on: str = "workspace", reason: str = ""
    ) -> AccessRequest:
        """Ask for a role; see `Roles.ask`."""
        body = {"role": role, "on": on, "reason": reason}
        return AccessRequest(**self._client.call("access.ask", body=body))

    def requests(self, *, answered: bool = False) -> builtins.list[AccessRequest]:
        """Return what was asked for; see `Roles.requests`."""
        query = {"answered": "true"} if answered else {}
        found = self._client.call("access.list", query=query)["requests"]
        return [AccessRequest(**item) for item in found]

    def grant(
        self, request: str, *, role: str | None = None, until: str | None = None
    ) -> Assignment:
        """Give what was asked for; see `Roles.grant`."""
        body = {"role": role, "until": _here(until)}
        return Assignment(
            **self._client.call("access.grant", {"id": request}, body=body)
        )

    def refuse(self, request: str) -> AccessRequest:
        """Refuse what was asked for; see `Roles.refuse`."""
        return AccessRequest(**self._client.call("access.refuse", {"id": request}))


def _here(until: str | None) -> str | None:
    """Return a moment with its zone: a clock is read where the person is."""
    return None if until is None else read_moment(until)


def _definition(found: Mapping[str, Any]) -> RoleDefinition:
    lists = {key: tuple(found[key]) for key in ("actions", "exclusions", "scopes")}
    return RoleDefinition(**{**found, **lists})


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, str) else list(value)
        for key, value in fields.items()
    }
