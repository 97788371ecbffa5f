"""What the server does with batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from ...errors import NotFound, UsageError
from ...workspace import parcels
from ...workspace.api import BatchRun, Runtime
from ...workspace.remote_batch_wire import (
    batch_to_json,
    encoded_lines,
    line_to_json,
    outputs_place,
)
from ...workspace.remote_wire import pack, run_to_json, unpack
from ...workspace.serving import forget_planned, record_of
from .. import models
from ..content import LINES, Content, content_of
from ..paths import flow_path
from ..taken import taken
from ..verb import Ask, verb
from .runtimes import on_phase


def batch_answer(ask: Ask, run: BatchRun) -> models.BatchAnswer:
    """Return a batch as it is now."""
    document = batch_to_json(run)
    place = outputs_place(run)
    if place is not None and ask.served.team:
        place["path"] = None  # where the server keeps things is its own
    document["outputs"] = place
    return models.BatchAnswer.model_validate(document)


def batch_of(ask: Ask) -> BatchRun:
    """Return the batch that the path names."""
    return ask.workspace.runs.batch(ask.path["run_id"])


def runtime_for(ask: Ask, name: str | None) -> Runtime:
    """Return the runtime of that name, else the one in use, made ready."""
    runtimes = ask.workspace.runtimes
    if name is None:
        return runtimes.ensure(on_phase=on_phase(ask))
    return runtimes.get(name)


def rows_of(ask: Ask, body: models.RowsAsked) -> Any:
    """Return the data of a batch, None without any of its own."""
    if body.rows is not None:
        return unpack(body.rows)
    return None if body.data is None else taken(ask, body.data, parcels.files_in)


def options_of(body: models.RowsAsked) -> dict[str, Any]:
    """Return what batches and evaluations share."""
    if body.on is not None and "?" in body.on:
        # The files would be the server's, which are not for everybody to name.
        raise UsageError(
            "certificates of a cluster are not named over HTTP",
            code="bad_cluster",
            hint="let Dask's configuration in the runtime name them",
        )
    packed = {
        name: None if value is None else unpack(value)
        for name in ("mapping", "connections", "overrides", "init")
        for value in (getattr(body, name),)
    }
    plain = ("variant", "environment_variables", "workers", "line_timeout")
    named = ("name", "description", "tags")
    more = ("batch_timeout", "resume_from", "runtimes", "on")
    known = {name: getattr(body, name) for name in (*plain, *named, *more)}
    return {**packed, **known}


def told(ask: Ask) -> Callable[[Mapping[str, Any]], None]:
    """Return what tells an operation's readers how a batch goes."""
    operation, runs = ask.long, ask.workspace.runs

    def cancel() -> None:
        if operation.run_id is not None:
            runs.cancel(operation.run_id)

    operation.on_cancel = cancel

    def tell(event: Mapping[str, Any]) -> None:
        operation.tell("batch", pack(dict(event)))
        if operation.unwanted:
            operation.end_now()

    return tell


def hooks(ask: Ask) -> dict[str, Any]:
    """Return what hears of a batch: that it will be, that it is, and how it goes."""
    return {
        "on_event": told(ask),
        "on_plan": ask.long.plans,
        "on_begin": ask.long.runs,
    }


def go_on(ask: Ask, run_id: str | None, anew: Callable[[Ask], Any]) -> Any:
    """Go on with a batch that a server which is gone had begun."""
    if run_id is None:
        return anew(ask)
    try:
        run = ask.workspace.runs.batch(run_id)
    except NotFound:
        # it was about to be recorded: what was written for it goes
        forget_planned(ask.served.workspace, run_id)
        return anew(ask)
    if run.status != "Interrupted":
        return batch_answer(ask, run)
    ask.long.runs(run_id)
    return batch_answer(ask, run.resume(on_event=told(ask)))


def _create(ask: Ask) -> Any:
    body: models.CreateBatch = ask.body
    path = None if body.flow is None else flow_path(ask, body.flow)
    rows = rows_of(ask, body)
    name = body.runtime
    if name is None and body.resume_from is not None:
        name = ask.workspace.runs.batch(body.resume_from).runtime
    run = runtime_for(ask, name).batch(
        path,
        rows,
        source_run=body.source_run,
        from_node=body.from_node,
        **options_of(body),
        **hooks(ask),
    )
    return batch_answer(ask, run)


verb(
    "batches.create",
    body=models.CreateBatch,
    answer=models.BatchAnswer,
    resume=lambda ask, run_id: go_on(ask, run_id, _create),
    keeps_body=True,
)(_create)


def _resume(ask: Ask) -> Any:
    body: models.ResumeBatch = ask.body
    run = batch_of(ask)
    ask.long.runs(run.run_id)
    done = run.resume(failed=body.failed, workers=body.workers, on_event=told(ask))
    return batch_answer(ask, done)


def _resume_again(ask: Ask, run_id: str | None) -> Any:
    del run_id
    run = batch_of(ask)
    return batch_answer(ask, run) if run.status != "Interrupted" else _resume(ask)


verb(
    "runs.resume",
    body=models.ResumeBatch,
    answer=models.BatchAnswer,
    resume=_resume_again,
    keeps_body=True,
)(_resume)


@verb("runs.lines", query=models.Page, answer=models.LinesPage)
def _lines(ask: Ask) -> Any:
    query: models.Page = ask.query
    run = batch_of(ask)
    found = [
        pack(line_to_json(line))
        for line in islice(
            (
                line
                for line in run.lines(status=query.status)
                if query.after is None or line.line_number > query.after
            ),
            query.limit + 1,
        )
    ]
    page, more = found[: query.limit], len(found) > query.limit
    document = {
        "run_id": run.run_id,
        "status": run.status,
        "lines": page,
        "next": page[-1]["line_number"] if more else None,
    }
    return models.LinesPage.model_validate(document)


@verb("runs.line", answer=models.LineResultAnswer)
def _line(ask: Ask) -> Any:
    found = batch_of(ask).line(_number(ask))
    return models.LineResultAnswer.model_validate(pack(line_to_json(found)))


@verb("runs.results", query=models.Which)
def _results(ask: Ask) -> Content:
    run = batch_of(ask)
    pieces = encoded_lines(run, ask.query.status, ask.query.after)
    return Content(f"{run.run_id}.jsonl", LINES, pieces)


@verb("runs.outputs", query=models.From)
def _outputs(ask: Ask) -> Content:
    run = batch_of(ask)
    if not run.outputs_path.is_file():
        raise NotFound(
            f"run {run.run_id} has no outputs yet",
            code="outputs_not_found",
            hint="wait for its end, or take its results as they come: runs/ID/results",
        )
    name = f"{run.run_id}-output.jsonl"
    return content_of(run.outputs_path, name, LINES, ask.query.offset)


@verb("runs.enter", body=models.RunLineAlone, answer=models.RecordAnswer)
def _enter(ask: Ask) -> Any:
    body: models.RunLineAlone = ask.body
    entered = batch_of(ask).line(_number(ask)).enter(body.node)
    changes = unpack(body.changes)
    if body.inputs is not None:
        entered.inputs = unpack(body.inputs)
    ask.long.tell("entered", {"node": entered.node})
    run = entered.run_line if body.whole else entered.run
    return models.RecordAnswer.model_validate(run_to_json(record_of(run(**changes))))


@verb("runs.export", body=models.Nothing, answer=models.MadeFile)
def _export(ask: Ask) -> Any:
    run = batch_of(ask)
    ask.long.tell("export", {"run_id": run.run_id})
    files = ask.served.files
    place = files.workplace()
    try:
        folder = ask.workspace.runs.export(run.run_id, place / run.run_id)
        whole = place / "whole.tar"
        with whole.open("wb") as stream:
            parcels.pack(parcels.files_in(folder), stream)
        digest, size = files.add(ask.principal, whole)
    finally:
        files.discard(place)
    return models.MadeFile(digest=digest, size=size, name=f"{run.run_id}.tar")


@verb("runs.archive", body=models.Nothing, answer=models.ArchivedAnswer)
def _archive(ask: Ask) -> Any:
    ask.workspace.runs.archive(ask.path["run_id"])
    return models.ArchivedAnswer(run_id=ask.path["run_id"], archived=True)


@verb("runs.restore", body=models.Nothing, answer=models.ArchivedAnswer)
def _restore(ask: Ask) -> Any:
    ask.workspace.runs.restore(ask.path["run_id"])
    return models.ArchivedAnswer(run_id=ask.path["run_id"], archived=False)


@verb("runs.delete")
def _delete(ask: Ask) -> None:
    ask.workspace.runs.delete(ask.path["run_id"])


@verb("runs.events")
def _events(ask: Ask) -> Any:
    run_id = ask.path["run_id"]
    ask.workspace.runs.get(run_id)
    return ask.served.operations.of_run(run_id, ask.principal)


def _number(ask: Ask) -> int:
    text = ask.path["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NotFound(
            f"{text!r} is no line", code="line_not_found", hint="lines are numbered"
        )
    return int(text)
