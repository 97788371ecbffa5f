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


@verb("roles.revoke", body=models.RevokeRole)
def _revoke(ask: Ask) -> None:
    ask.workspace.roles.revoke(ask.body.principal, ask.body.role, on=ask.body.on)


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
    lines = [
        line.to_dict() for line in ask.workspace.roles.audit(limit=ask.query.limit)
    ]
    return models.AuditAnswer.model_validate({"lines": lines})
