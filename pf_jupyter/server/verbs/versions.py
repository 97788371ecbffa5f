"""What the server does with the versions of runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...workspace.api import REHEARSED_RUNS
from .. import models
from ..verb import Ask, verb
from .runtimes import on_phase, runtime_of


@verb("versions.show", answer=models.NewerAnswer)
def _show(ask: Ask) -> Any:
    runtime = runtime_of(ask)
    known, rehearsal = runtime.known_version(), runtime.last_rehearsal()
    return models.NewerAnswer(
        check=None if known is None else known.to_dict(),
        rehearsal=None if rehearsal is None else rehearsal.to_dict(),
        previous=runtime.to_dict().get("previous"),
    )


@verb("versions.check", body=models.CheckVersion, answer=models.VersionCheckAnswer)
def _check(ask: Ask) -> Any:
    found = runtime_of(ask).check_version(fresh=ask.body.fresh)
    return models.VersionCheckAnswer(check=found.to_dict())


@verb("versions.rehearse", body=models.Rehearse, answer=models.RehearsalAnswer)
def _rehearse(ask: Ask) -> Any:
    body: models.Rehearse = ask.body
    done = runtime_of(ask).rehearse(body.to, runs=_runs(body), on_phase=on_phase(ask))
    return models.RehearsalAnswer(rehearsal=done.to_dict())


@verb("versions.update", body=models.MakeUpdate, answer=models.UpdateAnswer)
def _update(ask: Ask) -> Any:
    body: models.MakeUpdate = ask.body
    done = runtime_of(ask).update(
        body.to,
        rehearse=body.rehearse,
        runs=_runs(body),
        accept=body.accept,
        on_phase=on_phase(ask),
    )
    return models.UpdateAnswer(update=done.to_dict())


@verb("versions.rollback", body=models.Nothing, answer=models.UpdateAnswer)
def _rollback(ask: Ask) -> Any:
    done = runtime_of(ask).rollback(on_phase=on_phase(ask))
    return models.UpdateAnswer(update=done.to_dict())


def _runs(body: models.Rehearse) -> int | Sequence[str]:
    if body.runs is not None:
        return body.runs
    return REHEARSED_RUNS if body.last is None else body.last
