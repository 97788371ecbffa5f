"""What the server does with connections: secrets go in, and never come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import UsageError
from .. import models
from ..verb import Ask, verb


@verb("connections.list", answer=models.ConnectionsAnswer)
def _list(ask: Ask) -> Any:
    found = [item.to_dict() for item in ask.workspace.connections.list()]
    return models.ConnectionsAnswer.model_validate({"connections": found})


@verb("connections.show", answer=models.ConnectionAnswer)
def _show(ask: Ask) -> Any:
    found = ask.workspace.connections.show(ask.path["name"])
    return models.ConnectionAnswer.model_validate(found.to_dict())


@verb(
    "connections.create", body=models.CreateConnection, answer=models.ConnectionAnswer
)
def _create(ask: Ask) -> Any:
    body: models.CreateConnection = ask.body
    made = ask.workspace.connections.create(
        body.source,
        name=body.name,
        settings=body.settings,
        scope=body.scope,
        ask=_typed(body),
    )
    return models.ConnectionAnswer.model_validate(made.to_dict())


@verb(
    "connections.update", body=models.UpdateConnection, answer=models.ConnectionAnswer
)
def _update(ask: Ask) -> Any:
    body: models.UpdateConnection = ask.body
    made = ask.workspace.connections.update(
        ask.path["name"],
        body.source,
        settings=body.settings,
        scope=body.scope,
        ask=_typed(body),
    )
    return models.ConnectionAnswer.model_validate(made.to_dict())


@verb("connections.delete")
def _delete(ask: Ask) -> None:
    ask.workspace.connections.delete(ask.path["name"])


def _typed(body: models.ConnectionFields) -> Callable[[str], str] | None:
    """Return what answers for the person, who is at the other end."""
    if body.typed is None:
        return None
    typed = body.typed

    def answer(what: str) -> str:
        if what in typed:
            return typed[what].get_secret_value()
        raise UsageError(
            f"{what} is to be typed",
            code="secret_needed",
            hint="give it in the field typed, under exactly that name",
            details={"typed": what},
        )

    return answer
