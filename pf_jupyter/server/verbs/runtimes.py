"""What the server does with runtimes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...workspace.api import PhaseEvent, Runtime, RuntimeLimits
from ...workspace.remote_wire import check_to_json, phase_to_json, validation_to_json
from ...workspace.serving import described_runtimes
from .. import models
from ..paths import flow_path
from ..verb import Ask, verb


def runtime_answer(runtime: Runtime) -> models.RuntimeAnswer:
    """Return a runtime as it is now."""
    record = runtime.to_dict()
    key = getattr(runtime, "id", runtime.name)
    return models.RuntimeAnswer.model_validate({"id": key, **record})


def on_phase(ask: Ask) -> Any:
    """Return what tells an operation's readers of a runtime's steps."""

    def tell(event: PhaseEvent) -> None:
        ask.long.tell("phase", phase_to_json(event))

    return tell


def runtime_of(ask: Ask) -> Runtime:
    """Return the runtime that the path names."""
    return ask.workspace.runtimes.get(ask.path["name"])


def _go_on(ask: Ask, run_id: str | None) -> Any:
    """Bring a runtime to ready that a server which is gone had on its way."""
    del run_id
    return runtime_answer(runtime_of(ask).start(on_phase=on_phase(ask)))


def _go_on_creating(ask: Ask, run_id: str | None) -> Any:
    """Go on with a runtime that may be recorded already, or not yet."""
    del run_id
    if ask.body.name not in ask.workspace.runtimes.names():
        return _create(ask)
    runtime = ask.workspace.runtimes.get(ask.body.name)
    return runtime_answer(runtime.start(on_phase=on_phase(ask)))


@verb("runtimes.list", answer=models.RuntimesAnswer)
def _list(ask: Ask) -> Any:
    found = described_runtimes(ask.workspace)
    return models.RuntimesAnswer.model_validate({"runtimes": found})


@verb("runtimes.instead", query=models.WhichEnvironment, answer=models.InsteadAnswer)
def _instead(ask: Ask) -> Any:
    found = ask.workspace.runtimes.instead(ask.path["name"], digest=ask.query.digest)
    return models.InsteadAnswer.model_validate(found.to_dict())


@verb("runtimes.copy", body=models.CopyRuntime, answer=models.RuntimeAnswer)
def _copy(ask: Ask) -> Any:
    source, name = ask.path["name"], ask.body.name
    made = ask.workspace.runtimes.copy(source, name, on_phase=on_phase(ask))
    return runtime_answer(made)


@verb("runtimes.names", answer=models.NamesAnswer)
def _names(ask: Ask) -> Any:
    return models.NamesAnswer(names=list(ask.workspace.runtimes.names()))


@verb(
    "runtimes.create",
    body=models.CreateRuntime,
    answer=models.RuntimeAnswer,
    resume=_go_on_creating,
    keeps_body=True,
)
def _create(ask: Ask) -> Any:
    body: models.CreateRuntime = ask.body
    made = ask.workspace.runtimes.create(
        body.name,
        environment=body.environment,
        compute=body.compute,
        kind=body.kind,
        limits=RuntimeLimits(body.limits.cpus, body.limits.memory, body.limits.pids),
        network=body.network,
        idle_minutes=body.idle_minutes,
        writable=body.writable,
        on_phase=on_phase(ask),
    )
    return runtime_answer(made)


@verb("runtimes.show", answer=models.RuntimeAnswer)
def _show(ask: Ask) -> Any:
    return runtime_answer(runtime_of(ask))


@verb("runtimes.delete")
def _delete(ask: Ask) -> None:
    runtime_of(ask).delete()


@verb(
    "runtimes.start",
    body=models.Nothing,
    answer=models.RuntimeAnswer,
    resume=_go_on,
)
def _start(ask: Ask) -> Any:
    return runtime_answer(runtime_of(ask).start(on_phase=on_phase(ask)))


@verb("runtimes.stop", body=models.Nothing, answer=models.RuntimeAnswer)
def _stop(ask: Ask) -> Any:
    return runtime_answer(runtime_of(ask).stop())


@verb(
    "runtimes.restart",
    body=models.Nothing,
    answer=models.RuntimeAnswer,
    resume=_go_on,
)
def _restart(ask: Ask) -> Any:
    return runtime_answer(runtime_of(ask).restart(on_phase=on_phase(ask)))


@verb("runtimes.check", answer=models.ChecksAnswer)
def _check(ask: Ask) -> Any:
    checks = [check_to_json(check) for check in runtime_of(ask).check()]
    return models.ChecksAnswer.model_validate({"checks": checks})


@verb("runtimes.stats", answer=models.StatsAnswer)
def _stats(ask: Ask) -> Any:
    return models.StatsAnswer.model_validate(runtime_of(ask).stats())


@verb("runtimes.logs", query=models.Tail, answer=models.LinesAnswer)
def _logs(ask: Ask) -> Any:
    return models.LinesAnswer(lines=list(runtime_of(ask).logs(tail=ask.query.tail)))


@verb("runtimes.follow", query=models.Tail, answer=models.LineAnswer)
def _follow(ask: Ask) -> Iterator[Any]:
    runtime = runtime_of(ask)
    return (
        models.LineAnswer(line=line)
        for line in runtime.logs(tail=ask.query.tail, follow=True)
    )


@verb("runtimes.validate", body=models.CheckFlow, answer=models.ValidationAnswer)
def _validate(ask: Ask) -> Any:
    runtime, path = runtime_of(ask), flow_path(ask, ask.body.flow)
    ask.long.tell("checking", {})
    found = runtime.validate(path, node=ask.body.node)
    return models.ValidationAnswer.model_validate(validation_to_json(found))
