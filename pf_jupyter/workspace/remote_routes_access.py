"""The routes about who may do what; a part of the table in `remote_routes`."""

from __future__ import annotations

from .route import call, gone

ACCESS_ROUTES = (
    call("roles.list", "GET roles", "List who has which role on what"),
    call("roles.assign", "POST roles", "Give a role", status=201),
    call("roles.revoke", "POST roles/revoke", "Take a role back"),
    call("roles.check", "POST roles/check", "Tell whether somebody may do something"),
    call("roles.mine", "GET rights", "Tell what you may do, and who can grant it"),
    call("roles.audit", "GET audit", "List what was asked, the newest first"),
    call("roles.groups", "GET groups", "List groups, and who was last seen in them"),
    # roles of the workspace's own
    call("roles.definitions", "GET role-definitions", "List the roles that there are"),
    call(
        "roles.create",
        "POST role-definitions",
        "Define a role",
        status=201,
        location="roles.show",
    ),
    call("roles.show", "GET role-definitions/{name}", "Show what a role gives"),
    call("roles.update", "PATCH role-definitions/{name}", "Change a role"),
    gone("roles.delete", "DELETE role-definitions/{name}", "Forget a role"),
    # asking for access
    call("access.list", "GET access-requests", "List what was asked for"),
    call("access.ask", "POST access-requests", "Ask for a role", status=201),
    call("access.grant", "POST access-requests/{id}/grant", "Give what was asked for"),
    call("access.refuse", "POST access-requests/{id}/refuse", "Refuse it"),
)
