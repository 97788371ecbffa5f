"""The workspace as a whole: that it is here, its computes, its health, its tokens."""

from __future__ import annotations

import dataclasses
from typing import Any

from ... import __version__
from ...workspace.remote_wire import check_to_json
from .. import models
from ..verb import Ask, verb


@verb("status.show", answer=models.StatusAnswer)
def _status(ask: Ask) -> Any:
    return models.StatusAnswer(
        version=__version__,
        workspace=ask.workspace.name,
        home=str(ask.served.folder.parent),
        principal=ask.principal,
        started_at=ask.served.started_at,
    )


@verb("status.events")
def _events(ask: Ask) -> Any:
    return ask.served.news


@verb("doctor.check", answer=models.ChecksAnswer)
def _doctor(ask: Ask) -> Any:
    return _checks(ask, fix=False)


@verb("doctor.fix", body=models.Nothing, answer=models.ChecksAnswer)
def _doctor_fix(ask: Ask) -> Any:
    return _checks(ask, fix=True)


def _checks(ask: Ask, *, fix: bool) -> models.ChecksAnswer:
    checks = [check_to_json(check) for check in ask.workspace.doctor(fix=fix)]
    return models.ChecksAnswer.model_validate({"checks": checks})


@verb("tokens.list", answer=models.TokensAnswer)
def _tokens(ask: Ask) -> Any:
    found = [
        dataclasses.asdict(grant)
        for grant in ask.served.tokens.all()
        if grant.principal == ask.principal
    ]
    return models.TokensAnswer.model_validate({"tokens": found})


@verb("tokens.create", body=models.CreateToken, answer=models.NewTokenAnswer)
def _make_token(ask: Ask) -> Any:
    token = ask.served.tokens.make(ask.body.kernel, ask.principal)
    grant = ask.served.tokens.find(token)
    assert grant is not None
    return models.NewTokenAnswer(token=token, id=grant.id, expires_at=grant.expires_at)


@verb("tokens.revoke")
def _revoke(ask: Ask) -> None:
    mine = {g.id for g in ask.served.tokens.all() if g.principal == ask.principal}
    key = ask.path["id"]
    ask.served.tokens.revoke(key if key in mine else "")
