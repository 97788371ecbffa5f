"""Who may do what."""

from __future__ import annotations

from typing import Any

from .. import models
from ..verb import Ask, verb


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


@verb("roles.audit", query=models.ListAudit, answer=models.AuditAnswer)
def _audit(ask: Ask) -> Any:
    lines = [
        line.to_dict() for line in ask.workspace.roles.audit(limit=ask.query.limit)
    ]
    return models.AuditAnswer.model_validate({"lines": lines})
