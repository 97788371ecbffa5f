"""A runtime that a server holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NotFound
from ..runs.artifacts import with_bytes
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
from .remote_batches import RemoteBatches
from .remote_flows import SentFlow
from .remote_operations import Work
from .remote_packages import RemotePackages
from .remote_updates import RemoteUpdates
from .remote_wire import (
    check_from_json,
    pack,
    run_from_json,
    validation_from_json,
)
from .result import LocalRunResult

if TYPE_CHECKING:
    from .remote import RemoteWorkspace

USABLE = ("ready", "busy")


class RemoteRuntime(RemoteBatches, RemotePackages, RemoteUpdates, Runtime):
    """A runtime whose engine a server talks to.

    Parameters
    ----------
    workspace
        The one it belongs to.
    record
        As the server told it; every attribute asks anew.
    """

    def __init__(self, workspace: RemoteWorkspace, record: Mapping[str, Any]) -> None:
        self._workspace = workspace
        self._client = workspace.client
        self._seen = dict(record)
        self.name = str(record["name"])
        self._path = {"name": self.name}

    @property
    def id(self) -> str:
        """Identity that no other runtime ever had."""
        return str(self._seen["id"])

    @property
    def state(self) -> RuntimeState:
        """Where it is in its life."""
        state: RuntimeState = self._record()["state"]
        return state

    def to_dict(self) -> dict[str, Any]:
        """Return the record; see `Runtime.to_dict`."""
        return {key: value for key, value in self._record().items() if key != "id"}

    def start(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Bring it to ready, from stopped or failed; one that is ready stays so."""
        return self._worked("runtimes.start", on_phase)

    def stop(self) -> Runtime:
        """Stop it; its record and environment stay."""
        self._require()
        self._seen = self._client.call("runtimes.stop", self._path)
        return self

    def restart(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Stop and start."""
        return self._worked("runtimes.restart", on_phase)

    def delete(self) -> None:
        """Remove it and everything it had on the engine."""
        self._require()
        self._client.call("runtimes.delete", self._path)

    def logs(self, *, tail: int | None = 200, follow: bool = False) -> Iterator[str]:
        """Yield the lines of its life-cycle log, then its instance's output."""
        query = {"tail": tail}
        if not follow:
            found = self._client.call("runtimes.logs", self._path, query=query)
            yield from found["lines"]
            return
        for event in self._client.events("runtimes.follow", self._path, query=query):
            yield event.data["line"]

    def stats(self) -> dict[str, Any]:
        """Return what it uses; see `Runtime.stats`."""
        return dict(self._client.call("runtimes.stats", self._path))

    def check(self) -> list[CheckResult]:
        """Return the health of engine, instance, worker and environment."""
        found = self._client.call("runtimes.check", self._path)
        return [check_from_json(check) for check in found["checks"]]

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
        init: Mapping[str, Any] | None = None,
        from_node: str | None = None,
        upstream: str | None = None,
        cache: bool | None = None,
        overrides: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
        raise_on_failure: bool = False,
        **input_values: Any,
    ) -> RunResult:
        """Run a flow once in this runtime and wait for its end; see `Runtime.run`."""
        work = self._run(
            flow,
            inputs={**(inputs or {}), **input_values},
            node=node,
            variant=variant,
            environment_variables=environment_variables,
            timeout=timeout,
            connections=connections,
            init=init,
            from_node=from_node,
            upstream=upstream,
            cache=cache,
            overrides=overrides,
        )
        try:
            record = work.result(on_event=on_event)
        except (KeyboardInterrupt, SystemExit):
            # whoever waits gives up, so the code must end, as it does without a server
            work.cancel()
            raise
        return _finished(record, raise_on_failure)

    async def arun(self, flow: str | Path, **options: Any) -> RunResult:
        """Do what `run` does without blocking the running event loop."""
        on_event = options.pop("on_event", None)
        raise_on_failure = options.pop("raise_on_failure", False)
        started = _Started(self, flow, options, on_event)
        try:
            record = await asyncio.shield(started.done)
        except asyncio.CancelledError:
            started.cancel()
            raise
        return _finished(record, raise_on_failure)

    async def stream(self, flow: str | Path, **options: Any) -> AsyncIterator[RunEvent]:
        """Yield the events of a run as they happen.

        The last one is ``{"event": "result", "run_id", "time", "status", "outputs",
        "result": RunResult}``. Leaving the loop earlier cancels the run.
        """
        listener = options.pop("on_event", None)
        raise_on_failure = options.pop("raise_on_failure", False)
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[RunEvent | None] = asyncio.Queue()

        def listen(event: RunEvent) -> None:
            _call(loop, queue.put_nowait, event)
            if listener is not None:
                listener(event)

        started = _Started(self, flow, options, listen)
        started.done.add_done_callback(lambda _: queue.put_nowait(None))
        ended = False
        try:
            while (event := await queue.get()) is not None:
                yield event
            ended = True
            record = started.done.result()
        finally:
            if not ended:
                started.cancel()
        result = _finished(record, raise_on_failure)
        yield {
            "event": "result",
            "run_id": result.run_id,
            "time": record["ended_at"],
            "status": result.status,
            "outputs": result.outputs,
            "result": result,
        }

    def validate(self, flow: str | Path, *, node: str | None = None) -> Validation:
        """Check a flow's file and its code in the runtime."""
        path = self._workspace.flows.resolve(flow)
        work = Work(
            self._client,
            "runtimes.validate",
            body={"node": node},
            path=self._path,
            flow=SentFlow(self._client, path),
        )
        return validation_from_json(work.result())

    def __repr__(self) -> str:
        record = self._record()
        environment = record.get("environment")
        shown = str(EnvironmentInfo(**environment)) if environment else ""
        parts = [record["state"], record["engine"], shown]
        return f"<Runtime {self.name}: {', '.join(part for part in parts if part)}>"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from .pages import runtime_html

        return {"text/plain": repr(self), "text/html": runtime_html(self.to_dict())}

    def _record(self) -> dict[str, Any]:
        """Return the record as it is now; of one that is gone, the last that was."""
        try:
            found = self._client.call("runtimes.show", self._path)
        except NotFound:
            found = None
        if found is None or found["id"] != self.id:
            return {**self._seen, "state": "deleted"}
        self._seen = dict(found)
        return self._seen

    def _require(self) -> dict[str, Any]:
        record = self._record()
        if record["state"] == "deleted":
            raise NotFound(
                f"runtime {self.name!r} was deleted",
                hint=f"%pfruntime create {self.name} makes a new one",
            )
        return record

    def _worked(self, route: str, on_phase: OnPhase | None) -> RemoteRuntime:
        self._require()
        work = Work(self._client, route, path=self._path)
        self._seen = work.result(on_phase=on_phase)
        return self

    def _run(self, flow: str | Path, **options: Any) -> Work:
        path = self._workspace.flows.resolve(flow)
        sent = SentFlow(self._client, path)
        inputs = dict(options.get("inputs") or {})
        if sent.flow is not None and options.get("node") is None:
            # the files that they name are of this machine
            inputs = with_bytes(sent.flow, inputs)
        options["inputs"] = pack(inputs)
        options["init"] = pack(dict(options.get("init") or {})) or None
        options["overrides"] = pack(_plain(options.get("overrides")))
        options["connections"] = pack(_plain(options.get("connections")))
        options["environment_variables"] = _plain(options.get("environment_variables"))
        body = {"runtime": self.name, **options}
        return Work(self._client, "runs.create", body=body, flow=sent)


class _Started:
    """A run in a thread of its own, whose end a coroutine can wait for."""

    def __init__(
        self,
        runtime: RemoteRuntime,
        flow: str | Path,
        options: dict[str, Any],
        on_event: OnEvent | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._guard = threading.Lock()
        self._work: Work | None = None
        self._unwanted = False
        known = {key: options.pop(key) for key in list(options) if key in _OPTIONS}
        known["inputs"] = {**(known.get("inputs") or {}), **options}

        def finish(record: Any, error: BaseException | None) -> None:
            if self.done.cancelled():
                return
            if error is not None:
                self.done.set_exception(error)
            else:
                self.done.set_result(record)

        def work() -> None:
            try:
                begun = runtime._run(flow, **known)
                with self._guard:
                    self._work = begun
                    unwanted = self._unwanted
                if unwanted:
                    begun.cancel()
                record = begun.result(on_event=on_event)
            except BaseException as error:
                _call(loop, finish, None, error)
            else:
                _call(loop, finish, record, None)

        threading.Thread(target=work, name="pf-run", daemon=True).start()

    def cancel(self) -> None:
        """Ask for the run's end without waiting for an answer."""
        with self._guard:
            self._unwanted = True
            work = self._work
        if work is not None:
            threading.Thread(target=work.cancel, daemon=True).start()


_OPTIONS = frozenset(
    {
        *("inputs", "node", "variant", "environment_variables", "timeout"),
        *("connections", "init", "from_node", "upstream", "cache", "overrides"),
    }
)


def _plain(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in value.items()}


def _finished(record: Mapping[str, Any], raise_on_failure: bool) -> LocalRunResult:
    result = LocalRunResult(run_from_json(record))
    if raise_on_failure:
        result.raise_for_status()
    return result


def _call(loop: asyncio.AbstractEventLoop, function: Any, *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        pass  # the loop is closed: nobody waits any more
