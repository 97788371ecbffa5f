"""What the server does with runs."""

from __future__ import annotations

from typing import Any

from ...errors import RunFailed, UsageError
from ...workspace.api import BatchRun, RunEvent
from ...workspace.remote_wire import pack, run_to_json, unpack
from ...workspace.serving import record_of
from .. import models
from ..paths import flow_path
from ..verb import Ask, verb
from .batches import batch_answer
from .runtimes import on_phase


@verb("runs.list", query=models.ListRuns, answer=models.RunsAnswer)
def _list(ask: Ask) -> Any:
    asked: models.ListRuns = ask.query
    found = ask.workspace.runs.list(
        limit=asked.limit,
        tags=asked.tags or None,
        archived=asked.archived,
        before=asked.before,
    )
    return models.RunsAnswer.model_validate({"runs": found})


def _what_came_of_it(ask: Ask, run_id: str | None) -> Any:
    """Return a run that ended with its server; code is never run twice unasked."""
    if run_id is None:
        raise RunFailed(
            "the server was ended before the run began",
            code="server_restarted",
            hint="run it again",
        )
    result = ask.workspace.runs.get(run_id)
    return models.RecordAnswer.model_validate(run_to_json(record_of(result)))


@verb(
    "runs.create",
    body=models.CreateRun,
    answer=models.RecordAnswer,
    resume=_what_came_of_it,
)
def _create(ask: Ask) -> Any:
    body: models.CreateRun = ask.body
    path = flow_path(ask, body.flow)
    operation = ask.long
    runs = ask.workspace.runs

    def listen(event: RunEvent) -> None:
        run_id = event.get("run_id")
        if operation.run_id is None and run_id:
            operation.runs(str(run_id))
        operation.tell("run", pack(dict(event)))

    def cancel() -> None:
        if operation.run_id is not None:
            runs.cancel(operation.run_id)

    operation.on_cancel = cancel
    runtimes = ask.workspace.runtimes
    if body.runtime is None:
        runtime = runtimes.ensure(on_phase=on_phase(ask))
    else:
        runtime = runtimes.get(body.runtime)
    result = runtime.run(
        path,
        inputs=unpack(body.inputs),
        node=body.node,
        variant=body.variant,
        environment_variables=body.environment_variables,
        timeout=body.timeout,
        connections=None if body.connections is None else unpack(body.connections),
        init=None if body.init is None else unpack(body.init),
        from_node=body.from_node,
        upstream=body.upstream,
        cache=body.cache,
        overrides=None if body.overrides is None else unpack(body.overrides),
        on_event=listen,
    )
    return models.RecordAnswer.model_validate(run_to_json(record_of(result)))


@verb("runs.show", answer=models.SomeRunAnswer)
def _show(ask: Ask) -> Any:
    found = ask.workspace.runs.get(ask.path["run_id"])
    if isinstance(found, BatchRun):
        return batch_answer(ask, found)
    return models.RunAnswer.model_validate(pack(found.to_dict()))


@verb("runs.record", answer=models.RecordAnswer)
def _record(ask: Ask) -> Any:
    result = ask.workspace.runs.get(ask.path["run_id"])
    return models.RecordAnswer.model_validate(run_to_json(record_of(result)))


@verb("runs.trace", answer=models.TraceAnswer)
def _trace(ask: Ask) -> Any:
    found = ask.workspace.runs.get(ask.path["run_id"])
    if isinstance(found, BatchRun):
        raise UsageError(
            f"run {found.run_id} is a batch: its lines have what happened in each",
            code="is_a_batch",
            hint=f"GET runs/{found.run_id}/lines",
        )
    return models.TraceAnswer.model_validate(pack(found.trace.to_dict()))


@verb("runs.cancel", body=models.Nothing, answer=models.CanceledAnswer)
def _cancel(ask: Ask) -> Any:
    run_id = ask.path["run_id"]
    ask.workspace.runs.cancel(run_id)
    return models.CanceledAnswer(run_id=run_id, canceled=True)
