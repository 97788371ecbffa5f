"""The runtime in use."""

from __future__ import annotations

from typing import Any

from .. import models
from ..verb import Ask, verb
from .runtimes import on_phase, runtime_answer


@verb("current.show", answer=models.CurrentAnswer)
def _show(ask: Ask) -> Any:
    found = ask.workspace.runtimes.current()
    return models.CurrentAnswer(
        runtime=None if found is None else runtime_answer(found)
    )


@verb("current.use", body=models.UseRuntime, answer=models.CurrentAnswer)
def _use(ask: Ask) -> Any:
    found = ask.workspace.runtimes.use(ask.body.name)
    return models.CurrentAnswer(
        runtime=None if found is None else runtime_answer(found)
    )


@verb(
    "current.ensure",
    body=models.Nothing,
    answer=models.RuntimeAnswer,
    resume=lambda ask, run_id: _ensure(ask),
)
def _ensure(ask: Ask) -> Any:
    return runtime_answer(ask.workspace.runtimes.ensure(on_phase=on_phase(ask)))
