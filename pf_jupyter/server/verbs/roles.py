"""Who may do what."""

from __future__ import annotations

from typing import Any

from .. import models
from ..verb import Ask, verb

_SHOWN = tuple(
    f"{noun}.{verb}"
    for noun in ("runtime", "environment", "compute", "run", "connection")
    for verb in ("create", "use", "update", "delete")
    if f"{noun}.{verb}" != "run.use"
)
"""The rights that buttons are about."""


@verb("roles.list", answer=models.AssignmentsAnswer)
def _list(ask: Ask) -> Any:
    found = [item.to_dict() for item in ask.workspace.roles.list()]
    return models.AssignmentsAnswer.model_validate({"assignments": found})


@verb("roles.assign", body=models.AssignRole, answer=models.AssignmentAnswer)
def _assign(ask: Ask) -> Any:
    body: models.AssignRole = ask.body
    made = ask.workspace.roles.assign(
        body.principal, body.role, on=body.on, until=body.until
    )
    return models.AssignmentAnswer.model_validate(made.to_dict())


@verb("roles.revoke", body=models.RevokeRole, answer=models.RevocationAnswer)
def _revoke(ask: Ask) -> Any:
    body: models.RevokeRole = ask.body
    found = ask.workspace.roles.revoke(
        body.principal, body.role, on=body.on, cancel=body.cancel
    )
    return models.RevocationAnswer.model_validate(found.to_dict())


@verb("roles.check", body=models.CheckRole, answer=models.DecisionAnswer)
def _check(ask: Ask) -> Any:
    body: models.CheckRole = ask.body
    found = ask.workspace.roles.check(body.principal, body.right, on=body.on)
    return models.DecisionAnswer.model_validate(found.to_dict())


@verb("roles.mine", query=models.WhatAbout, answer=models.RightsAnswer)
def _mine(ask: Ask) -> Any:
    on = ask.query.on or None
    if not ask.served.team:
        # one person's own server: nobody is asked
        everything = {right: models.RightAnswer(allowed=True) for right in _SHOWN}
        return models.RightsAnswer(principal=ask.principal, on=on, rights=everything)
    found = {}
    for right in _SHOWN:
        if on is not None and (
            right.endswith(".create") or not on.startswith(right.split(".")[0] + ":")
        ):
            continue
        answer = ask.workspace.roles.check(ask.principal, right, on=on)
        found[right] = models.RightAnswer(
            allowed=answer.allowed, needs=answer.needs, ask=list(answer.ask)
        )
    return models.RightsAnswer(principal=ask.principal, on=on, rights=found)


@verb("roles.audit", query=models.ListAudit, answer=models.AuditAnswer)
def _audit(ask: Ask) -> Any:
    wanted = ask.query.model_dump()
    lines = [line.to_dict() for line in ask.workspace.roles.audit(**wanted)]
    return models.AuditAnswer.model_validate({"lines": lines})


@verb("roles.groups", answer=models.GroupsAnswer)
def _groups(ask: Ask) -> Any:
    return models.GroupsAnswer(groups=ask.workspace.roles.groups())


@verb("roles.definitions", answer=models.RolesAnswer)
def _definitions(ask: Ask) -> Any:
    found = [role.to_dict() for role in ask.workspace.roles.definitions()]
    return models.RolesAnswer.model_validate({"roles": found})


@verb("roles.create", body=models.CreateRole, answer=models.RoleAnswer)
def _create(ask: Ask) -> Any:
    given = ask.body.model_dump(exclude_none=True)
    made = ask.workspace.roles.create(given.pop("name"), **given)
    return models.RoleAnswer.model_validate(made.to_dict())


@verb("roles.show", answer=models.RoleAnswer)
def _show(ask: Ask) -> Any:
    found = ask.workspace.roles.get(ask.path["name"])
    return models.RoleAnswer.model_validate(found.to_dict())


@verb("roles.update", body=models.RoleFields, answer=models.RoleAnswer)
def _update(ask: Ask) -> Any:
    given = ask.body.model_dump(exclude_none=True)
    made = ask.workspace.roles.update(ask.path["name"], **given)
    return models.RoleAnswer.model_validate(made.to_dict())


@verb("roles.delete", query=models.DeleteRole)
def _delete(ask: Ask) -> None:
    ask.workspace.roles.delete(ask.path["name"], revoke=ask.query.revoke)


@verb("access.list", query=models.ListAccess, answer=models.AccessRequestsAnswer)
def _asked(ask: Ask) -> Any:
    found = ask.workspace.roles.requests(answered=ask.query.answered)
    requests = [one.to_dict() for one in found]
    return models.AccessRequestsAnswer.model_validate({"requests": requests})


@verb("access.ask", body=models.AskAccess, answer=models.AccessRequestAnswer)
def _ask(ask: Ask) -> Any:
    body: models.AskAccess = ask.body
    made = ask.workspace.roles.ask(body.role, on=body.on, reason=body.reason)
    return models.AccessRequestAnswer.model_validate(made.to_dict())


@verb("access.grant", body=models.GrantAccess, answer=models.AssignmentAnswer)
def _grant(ask: Ask) -> Any:
    body: models.GrantAccess = ask.body
    made = ask.workspace.roles.grant(ask.path["id"], role=body.role, until=body.until)
    return models.AssignmentAnswer.model_validate(made.to_dict())


@verb("access.refuse", answer=models.AccessRequestAnswer)
def _refuse(ask: Ask) -> Any:
    done = ask.workspace.roles.refuse(ask.path["id"])
    return models.AccessRequestAnswer.model_validate(done.to_dict())
