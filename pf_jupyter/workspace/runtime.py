"""A runtime of a local workspace."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import IllegalState, NotFound
from ..runtimes.states import ON_THE_WAY, USABLE
from ..store.records import LifeLine, RuntimeRecord, moment
from .api import (
    CheckResult,
    EnvironmentInfo,
    OnEvent,
    OnPhase,
    RunEvent,
    RunResult,
    Runtime,
    RuntimeState,
    Validation,
)
from .batching import LocalBatching
from .packages import LocalPackages
from .seated import people
from .updates import LocalUpdates, told_versions

if TYPE_CHECKING:
    from ..runs.request import Request
    from ..runtimes.installing import Installer
    from .core import Core
    from .local import LocalWorkspace
    from .result import LocalRunResult

_FOLLOW_SECONDS = 0.3
_PING_SECONDS = 5.0


class LocalRuntime(LocalBatching, LocalPackages, LocalUpdates, Runtime):
    """A runtime whose engine this process talks to.

    Parameters
    ----------
    workspace
        The one it belongs to.
    record
        As it was when it was asked for; every attribute reads it anew.
    """

    def __init__(self, workspace: LocalWorkspace, record: RuntimeRecord) -> None:
        self._workspace = workspace
        self._seen = record
        self.name = record.name

    @property
    def id(self) -> str:
        """Identity that no other runtime ever had."""
        return self._seen.id

    @property
    def state(self) -> RuntimeState:
        """Where it is in its life."""
        record = self._record()
        return "deleted" if record is None else record.state  # type: ignore[return-value]

    def to_dict(self) -> dict[str, Any]:
        """Return the record; see `Runtime.to_dict`."""
        record = self._record()
        state = "deleted" if record is None else record.state
        record = record or self._seen
        check = self._core.versions.known(record)
        return describe(self._core, record, state, check)

    def start(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Bring it to ready, from stopped or failed; one that is ready stays so."""
        self._seen = self._life.lifecycle.start(self.id, on_phase)
        return self

    def stop(self) -> Runtime:
        """Stop it; its record and environment stay."""
        self._seen = self._life.lifecycle.stop(self.id)
        self._life.seats.stop(self.id)
        return self

    def restart(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Stop and start."""
        self._life.seats.stop(self.id)
        self._seen = self._life.lifecycle.restart(self.id, on_phase)
        return self

    def delete(self) -> None:
        """Remove it and everything it had on the engine."""
        last = self._record() or self._seen
        self._life.seats.remove(self.id)
        self._life.lifecycle.delete(self.id)
        self._life.pruner.after(last)

    def logs(self, *, tail: int | None = 200, follow: bool = False) -> Iterator[str]:
        """Yield the lines of its life-cycle log, then its instance's output."""
        store = self._workspace.core.store
        last = 0
        for number, line in store.life(self.id, tail=tail):
            last = number
            yield _log_line(line)
        while follow and self._require().state in ON_THE_WAY:
            time.sleep(_FOLLOW_SECONDS)
            for number, line in store.life(self.id, after=last):
                last = number
                yield _log_line(line)
        record = self._require()
        if record.instance:
            engine = self._life.computes.engine(record.compute)
            yield from engine.logs(
                record.instance, tail=tail, follow=follow and record.state in USABLE
            )

    def stats(self) -> dict[str, Any]:
        """Return what it uses; see `Runtime.stats`."""
        record = self._require()
        if record.state not in USABLE or not record.instance:
            raise IllegalState(
                f"runtime {self.name!r} is {record.state} and uses nothing",
                hint=f"%pfruntime start {self.name} starts it",
            )
        engine = self._life.computes.engine(record.compute)
        used = engine.stats(record.instance)
        channel = self._life.channels.get(record, engine)
        worker = channel.request("stats").result(_PING_SECONDS)
        return {
            "cpu": used.cpu,
            "memory": used.memory,
            "memory_limit": used.memory_limit,
            "pids": used.pids,
            "processes": worker.get("processes", []),
            "runs": worker.get("runs", []),
        }

    def check(self) -> list[CheckResult]:
        """Return the health of engine, instance, worker and environment."""
        from .health import check_runtime

        return check_runtime(self._life, self._require())

    def run(
        self,
        flow: str | Path,
        *,
        inputs: Mapping[str, Any] | None = None,
        node: str | None = None,
        variant: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        timeout: float | None = None,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        overrides: Mapping[str, Any] | None = None,
        init: Mapping[str, Any] | None = None,
        from_node: str | None = None,
        upstream: str | None = None,
        cache: bool | None = None,
        on_event: OnEvent | None = None,
        raise_on_failure: bool = False,
        **input_values: Any,
    ) -> RunResult:
        """Run a flow once in this runtime and wait for its end; see `Runtime.run`."""
        request = self._request(
            flow,
            inputs=inputs,
            node=node,
            variant=variant,
            environment_variables=environment_variables,
            timeout=timeout,
            connections=connections,
            overrides=overrides,
            init=init,
            from_node=from_node,
            upstream=upstream,
            cache=cache,
            **input_values,
        )
        record = self._workspace.core.executor.run(self.id, request, on_event)
        return _finished(self._result(record), raise_on_failure)

    async def arun(self, flow: str | Path, **options: Any) -> RunResult:
        """Do what `run` does without blocking the running event loop."""
        from .running import BackgroundRun

        on_event = options.pop("on_event", None)
        raise_on_failure = options.pop("raise_on_failure", False)
        run = BackgroundRun(
            self._workspace.core.executor, self.id, self._request(flow, **options)
        )
        record = await run.wait(on_event)
        return _finished(self._result(record), raise_on_failure)

    async def stream(self, flow: str | Path, **options: Any) -> AsyncIterator[RunEvent]:
        """Yield the events of a run as they happen.

        The last one is ``{"event": "result", "run_id", "time", "status", "outputs",
        "result": RunResult}``. Leaving the loop earlier cancels the run.
        """
        from .running import BackgroundRun

        on_event = options.pop("on_event", None)
        raise_on_failure = options.pop("raise_on_failure", False)
        run = BackgroundRun(
            self._workspace.core.executor, self.id, self._request(flow, **options)
        )
        async for event in run.events(on_event):
            yield event
        result = _finished(self._result(run.record), raise_on_failure)
        yield {
            "event": "result",
            "run_id": result.run_id,
            "time": run.record.ended_at,
            "status": result.status,
            "outputs": result.outputs,
            "result": result,
        }

    def validate(self, flow: str | Path, *, node: str | None = None) -> Validation:
        """Check a flow's file on this side and its code in the runtime."""
        from ..runs.validate import check_code
        from .flows import problem_from

        core = self._workspace.core
        began = time.monotonic()
        path = self._workspace.flows.resolve(flow)
        where = core.life.seats.take(self._require())
        found = check_code(core.executor, core.store, where.id, path, node)
        return Validation(
            problems=[problem_from(problem) for problem in found.problems],
            tools=found.tools,
            duration_ms=(time.monotonic() - began) * 1000,
            runtime=self.name,
            warnings=[problem_from(warning) for warning in found.warnings],
        )

    def __repr__(self) -> str:
        record = self._record() or self._seen
        parts = [record.state, record.engine, str(_environment(record) or "")]
        return f"<Runtime {self.name}: {', '.join(part for part in parts if part)}>"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from .pages import runtime_html

        return {"text/plain": repr(self), "text/html": runtime_html(self.to_dict())}

    @property
    def _core(self) -> Core:
        return self._workspace.core

    @property
    def _life(self) -> Any:
        return self._workspace.core.life

    @property
    def _installer(self) -> Installer:
        installer: Installer = self._life.installer
        return installer

    def _record(self) -> RuntimeRecord | None:
        record = self._workspace.core.store.runtime_by_id(self.id)
        if record is not None and record.revision == self._seen.revision:
            # what was seen may know more: that this process cannot reach the engine
            return self._seen if self._seen.state == "failed" else record
        return record

    def _require(self) -> RuntimeRecord:
        record = self._record()
        if record is None:
            raise NotFound(
                f"runtime {self.name!r} was deleted",
                hint=f"%pfruntime create {self.name} makes a new one",
            )
        return record

    def _request(
        self,
        flow: str | Path,
        *,
        inputs: Mapping[str, Any] | None = None,
        node: str | None = None,
        variant: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        timeout: float | None = None,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        overrides: Mapping[str, Any] | None = None,
        init: Mapping[str, Any] | None = None,
        from_node: str | None = None,
        upstream: str | None = None,
        cache: bool | None = None,
        **input_values: Any,
    ) -> Request:
        from ..runs.request import Request

        return Request(
            path=self._workspace.flows.resolve(flow),
            inputs={**(inputs or {}), **input_values},
            node=node,
            variant=variant,
            environment_variables=environment_variables,
            timeout=timeout,
            connections=connections,
            overrides=overrides,
            init=init,
            from_node=from_node,
            upstream=upstream,
            cache=cache,
        )

    def _result(self, record: Any) -> LocalRunResult:
        from .result import LocalRunResult

        return LocalRunResult(record)


def _finished(result: LocalRunResult, raise_on_failure: bool) -> LocalRunResult:
    if raise_on_failure:
        result.raise_for_status()
    return result


def describe(
    core: Core, record: RuntimeRecord, state: str, check: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what `Runtime.to_dict` tells of a record.

    Parameters
    ----------
    core
        Of its workspace.
    record, state
        The runtime, and where it is in its life.
    check
        What is known of newer versions.
    """
    environment = _environment(record)
    error = record.error if state == "failed" else None
    return {
        "name": record.name,
        "state": state,
        "phase": record.phase,
        "elapsed": _elapsed(record) if state in ON_THE_WAY else None,
        "kind": record.kind,
        "compute": record.compute,
        "engine": record.engine,
        "environment": environment
        and {
            "name": environment.name,
            "version": environment.version,
            "digest": environment.digest,
        },
        "container_id": record.instance if record.isolated else None,
        "isolated": record.isolated,
        "profile": record.profile,
        "owner": record.owner,
        "created_at": record.created_at,
        **told_versions(check, record),
        "error": error
        and {key: error.get(key) for key in ("code", "message", "hint", "phase")},
        "limits": {
            "cpus": record.cpus,
            "memory": record.memory,
            "pids": record.pids,
        },
        "layers": [
            {key: layer[key] for key in ("name", "source", "requirements")}
            for layer in record.layers or ()
        ],
        "network": record.network,
        "python": record.python,
        "hostname": record.hostname,
        "started_at": record.started_at,
        "last_used_at": record.last_used_at,
        "idle_minutes": record.idle_minutes,
        "people": people(core, record),
    }


def _environment(record: RuntimeRecord) -> EnvironmentInfo | None:
    if not record.environment_digest:
        return None
    return EnvironmentInfo(
        record.environment_name, record.environment_version, record.environment_digest
    )


def _elapsed(record: RuntimeRecord) -> float | None:
    if record.phase_since is None:
        return None
    return round((datetime.now(UTC) - moment(record.phase_since)).total_seconds(), 3)


def _log_line(line: LifeLine) -> str:
    took = "" if line.elapsed is None else f" in {line.elapsed:.2f} s"
    words = {"text": "", "state": "is "}.get(line.kind, f"{line.kind}{took}  ")
    return f"{line.time[:19]}Z  {line.phase:<9}  {words}{line.text}".rstrip()
