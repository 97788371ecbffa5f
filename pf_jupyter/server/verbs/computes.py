"""What the server does with computes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...workspace.remote_wire import check_to_json
from .. import models
from ..verb import Ask, verb


@verb("computes.list", answer=models.ComputesAnswer)
def _list(ask: Ask) -> Any:
    found = ask.workspace.computes.list()
    return models.ComputesAnswer.model_validate({"computes": found})


@verb("computes.names", answer=models.NamesAnswer)
def _names(ask: Ask) -> Any:
    return models.NamesAnswer(names=list(ask.workspace.computes.names()))


@verb("computes.show", answer=models.ComputeAnswer)
def _show(ask: Ask) -> Any:
    return _answer(ask.workspace.computes.show(ask.path["name"]))


@verb("computes.add", body=models.AddCompute, answer=models.ComputeAnswer)
def _add(ask: Ask) -> Any:
    body: models.AddCompute = ask.body
    made = ask.workspace.computes.add(
        body.name,
        body.address,
        certificates=_texts(body),
        scope=body.scope,
        days=body.days,
    )
    return _answer(made)


@verb("computes.auth", body=models.SignIn, answer=models.ComputeAnswer)
def _auth(ask: Ask) -> Any:
    body: models.SignIn = ask.body
    found = ask.workspace.computes.auth(
        ask.path["name"], certificates=_texts(body), days=body.days
    )
    return _answer(found)


@verb("computes.ps", answer=models.OccupantsAnswer)
def _ps(ask: Ask) -> Any:
    found = ask.workspace.computes.ps(ask.path["name"])
    return models.OccupantsAnswer.model_validate(asdict(found))


@verb("computes.check", answer=models.ChecksAnswer)
def _check(ask: Ask) -> Any:
    found = ask.workspace.computes.check(ask.path["name"])
    checks = [check_to_json(check) for check in found]
    return models.ChecksAnswer.model_validate({"checks": checks})


@verb("computes.victims", answer=models.VictimsAnswer)
def _victims(ask: Ask) -> Any:
    found = ask.workspace.computes.victims(ask.path["name"])
    return models.VictimsAnswer.model_validate(asdict(found))


@verb("computes.remove", body=models.RemoveCompute, answer=models.VictimsAnswer)
def _remove(ask: Ask) -> Any:
    body: models.RemoveCompute = ask.body
    found = ask.workspace.computes.remove(ask.path["name"], runtimes=body.runtimes)
    return models.VictimsAnswer.model_validate(asdict(found))


def _answer(found: dict[str, Any]) -> models.ComputeAnswer:
    return models.ComputeAnswer.model_validate(found)


def _texts(body: models.SignIn) -> dict[str, str] | None:
    given = body.certificates
    if given is None:
        return None
    parts = {"ca": given.ca, "cert": given.cert, "key": given.key}
    return {part: text.get_secret_value() for part, text in parts.items()}
