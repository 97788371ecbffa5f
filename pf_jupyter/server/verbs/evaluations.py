"""What the server does to judge runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...workspace.remote_judging import comparison_to_json
from ...workspace.remote_wire import pack
from .. import models
from ..paths import flow_path
from ..verb import Ask, verb
from .batches import (
    batch_answer,
    batch_of,
    go_on,
    hooks,
    options_of,
    rows_of,
    runtime_for,
)


def _evaluate(ask: Ask) -> Any:
    body: models.CreateEvaluation = ask.body
    path, rows = flow_path(ask, body.flow), rows_of(ask, body)
    source = ask.workspace.runs.batch(body.run)
    run = runtime_for(ask, body.runtime or source.runtime).evaluate(
        source.run_id,
        path,
        rows,
        against=body.against,
        stop_when_settled=body.stop_when_settled,
        error=body.error,
        smallest=body.smallest,
        scale=body.scale,
        **options_of(body),
        **hooks(ask),
    )
    return batch_answer(ask, run)


verb(
    "evaluations.create",
    body=models.CreateEvaluation,
    answer=models.BatchAnswer,
    resume=lambda ask, run_id: go_on(ask, run_id, _evaluate),
    keeps_body=True,
)(_evaluate)


@verb("comparisons.create", body=models.CompareRuns, answer=models.ComparisonAnswer)
def _compare(ask: Ask) -> Any:
    first, *others = ask.body.runs
    found = ask.workspace.runs.compare(first, *others)
    return models.ComparisonAnswer.model_validate(pack(comparison_to_json(found)))


@verb("runs.estimates", answer=models.EstimatesAnswer)
def _estimates(ask: Ask) -> Any:
    run = batch_of(ask)
    found = {name: estimate.to_dict() for name, estimate in run.estimates.items()}
    return models.EstimatesAnswer.model_validate(
        {"run_id": run.run_id, "estimates": pack(found)}
    )


@verb("runs.sources", answer=models.SourcesAnswer)
def _sources(ask: Ask) -> Any:
    run = batch_of(ask)
    found = {name: asdict(source) for name, source in run.sources.items()}
    return models.SourcesAnswer.model_validate({"run_id": run.run_id, "sources": found})


@verb("runs.judgement", answer=models.JudgementAnswer)
def _judgement(ask: Ask) -> Any:
    run = batch_of(ask)
    before = ask.workspace.runs.previous_evaluation(run)
    verdict = run.verdict
    document = {
        "run_id": run.run_id,
        "evaluations": [other.run_id for other in run.evaluations],
        "previous": None if before is None else before.run_id,
        "environments": dict(run.environments),
        "verdict": None if verdict is None else verdict.to_dict(),
        "beaten": run.beaten,
    }
    return models.JudgementAnswer.model_validate(pack(document))
