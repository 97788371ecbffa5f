"""The workspace of a server, with the same objects and verbs as a local one."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..errors import NotFound, PfError, UsageError
from .api import (
    CheckResult,
    Connection,
    Connections,
    Kind,
    OnCheck,
    OnPhase,
    RunResult,
    Runs,
    Runtime,
    RuntimeLimits,
    Runtimes,
    Scope,
    Workspace,
)
from .choice import Choice, bound_runtime
from .flows import LocalFlows
from .instead_api import Instead
from .remote_batches import RemoteBatchRecords
from .remote_capture import tell_checks
from .remote_client import Client
from .remote_computes import RemoteComputes
from .remote_environments import RemoteEnvironments
from .remote_operations import Work
from .remote_roles import RemoteRoles
from .remote_runtime import USABLE, RemoteRuntime
from .remote_wire import check_from_json, run_from_json
from .result import LocalRunResult


class RemoteWorkspace(Workspace):
    """A workspace that a server holds.

    Parameters
    ----------
    client
        Asks the server.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.name = "server"
        self.closed = False
        self.runtimes: RemoteRuntimes = RemoteRuntimes(self)
        self.flows: RemoteFlows = RemoteFlows(self)
        self.runs: RemoteRuns = RemoteRuns(self)
        self.computes: RemoteComputes = RemoteComputes(self)
        self.connections: RemoteConnections = RemoteConnections(self)
        self.roles: RemoteRoles = RemoteRoles(client)
        self.core = _Known(self.connections)
        self.environments: RemoteEnvironments = RemoteEnvironments(client)

    def doctor(self, *, fix: bool = False) -> list[CheckResult]:
        """Have the server check everything that it needs."""
        found = self.client.call("doctor.fix" if fix else "doctor.check")
        checks = [check_from_json(check) for check in found["checks"]]
        line = f"{self.client.address.now()} answers; what follows is seen from there"
        return [CheckResult("server", "pass", line), *checks]

    def close(self) -> None:
        """Let go of the connection; what the server does goes on."""
        self.closed = True
        self.client.close()

    def __repr__(self) -> str:
        return f"<Workspace of the server at {self.client.address.now()}>"


class RemoteRuntimes(Runtimes):
    """The runtimes of a server.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._workspace = workspace
        self._choice = Choice()

    def create(
        self,
        name: str,
        *,
        environment: str = "default",
        compute: str | None = None,
        kind: Kind = "personal",
        limits: RuntimeLimits | None = None,
        network: Literal["open", "none"] = "open",
        idle_minutes: float | None = None,
        writable: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        """Make a runtime and bring it to ready; see `Runtimes.create`."""
        bounds = limits or RuntimeLimits()
        body = {
            "name": name,
            "environment": environment,
            "compute": compute,
            "kind": kind,
            "limits": {
                "cpus": bounds.cpus,
                "memory": bounds.memory,
                "pids": bounds.pids,
            },
            "network": network,
            "idle_minutes": idle_minutes,
            "writable": writable,
        }
        work = Work(self._workspace.client, "runtimes.create", body=body)
        return self._wrap(work.result(on_phase=on_phase))

    def adopt(
        self,
        container: str,
        *,
        name: str | None = None,
        compute: str | None = None,
        on_check: OnCheck | None = None,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        """Make a runtime of a container; see `AdoptsContainers.adopt`."""
        body = {"container": container, "name": name, "compute": compute}
        work = Work(self._workspace.client, "runtimes.adopt", body=body)
        try:
            found = work.result(on_phase=on_phase)
        except PfError as error:
            tell_checks(error.details.get("checks") or (), on_check)
            raise
        tell_checks(found["checks"], on_check)
        return self._wrap(found["runtime"])

    def instead(self, name: str, *, digest: str = "") -> Instead:
        """Return the ways on from a runtime; see `OffersInstead.instead`."""
        query = {"digest": digest} if digest else {}
        call = self._workspace.client.call
        return Instead(**call("runtimes.instead", {"name": name}, query=query))

    def copy(
        self, source: str, name: str, *, on_phase: OnPhase | None = None
    ) -> Runtime:
        """Make a runtime like another; see `OffersInstead.copy`."""
        client, body = self._workspace.client, {"name": name}
        work = Work(client, "runtimes.copy", path={"name": source}, body=body)
        return self._wrap(work.result(on_phase=on_phase))

    def get(self, name: str) -> Runtime:
        """Return the runtime; see `Runtimes.get`."""
        return self._wrap(self._workspace.client.call("runtimes.show", {"name": name}))

    def list(self) -> list[Runtime]:
        """Return all runtimes; see `Runtimes.list`."""
        found = self._workspace.client.call("runtimes.list")["runtimes"]
        return [self._wrap(record) for record in found]

    def names(self) -> Sequence[str]:
        """Return the names of all runtimes from the records alone: no engine waits."""
        return list(self._workspace.client.call("runtimes.names")["names"])

    def use(self, name: str | None) -> Runtime | None:
        """Make a runtime the current one of this process, and of those to come."""
        body = {"name": name}
        record = self._workspace.client.call("current.use", body=body)["runtime"]
        self._choice.make(name)
        return None if record is None else self._wrap(record)

    def current(self) -> Runtime | None:
        """Return the runtime in use, or None."""
        if self._choice.made:
            name = self._choice.name
            if name is None:
                return None
            try:
                return self.get(name)
            except NotFound:
                return None
        record = self._workspace.client.call("current.show")["runtime"]
        return None if record is None else self._wrap(record)

    def ensure(self, *, on_phase: OnPhase | None = None) -> Runtime:
        """Return a ready runtime; see `Runtimes.ensure`."""
        runtime = self.current()
        if runtime is not None:
            if runtime.state not in USABLE:
                runtime.start(on_phase=on_phase)
            return runtime
        bound = bound_runtime()
        if bound is not None:
            return self.get(bound)  # it is gone, which is to be told
        work = Work(self._workspace.client, "current.ensure", body={})
        return self._wrap(work.result(on_phase=on_phase))

    def _wrap(self, record: Mapping[str, Any]) -> RemoteRuntime:
        return RemoteRuntime(self._workspace, record)


class _Known:
    """Names what a flow may name, for the checks that need no runtime."""

    def __init__(self, connections: RemoteConnections) -> None:
        self.connections = connections


class RemoteFlows(LocalFlows):
    """The flow folders of this machine; their code is checked where runtimes are."""

    def __init__(self, workspace: RemoteWorkspace) -> None:
        super().__init__(workspace)  # type: ignore[arg-type]


class RemoteRuns(RemoteBatchRecords, Runs):
    """The recorded runs of a server.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._workspace = workspace

    def list(
        self,
        *,
        limit: int = 100,
        tags: Mapping[str, str] | None = None,
        archived: bool = False,
        before: str | None = None,
    ) -> builtins.list[dict[str, Any]]:
        """Return the newest runs; see `Runs.list`."""
        query: dict[str, Any] = {"limit": limit, "before": before}
        query |= {"tags": json.dumps(dict(tags))} if tags else {}
        query |= {"archived": "true"} if archived else {}
        known = {name: value for name, value in query.items() if value is not None}
        found = self._workspace.client.call("runs.list", query=known)
        return list(found["runs"])

    def get(self, run_id: str) -> RunResult:
        """Return a recorded run (NotFound); for a batch, what `batch` returns."""
        record = self._workspace.client.call("runs.record", {"run_id": run_id})
        if record.get("mode") == "batch":
            return self.batch(run_id)  # type: ignore[return-value]
        return LocalRunResult(run_from_json(record))

    def cancel(self, run_id: str) -> None:
        """Cancel a run that the server started (NotFound, IllegalState)."""
        self._workspace.client.call("runs.cancel", {"run_id": run_id})


class RemoteConnections(Connections):
    """The connections of a server; files and typed secrets are read on this side.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._workspace = workspace

    def list(self) -> builtins.list[Connection]:
        """Return all connections, by name."""
        found = self._workspace.client.call("connections.list")["connections"]
        return [Connection(**item) for item in found]

    def names(self) -> Sequence[str]:
        """Return the names of all."""
        return [item.name for item in self.list()]

    def hint_for_missing(self, name: str) -> str:
        """Return what to do about a connection that is not there."""
        there = ", ".join(self.names())
        create = f"%pfconnection create --file connection.yaml --name {name}"
        return f"{f'there are {there}; ' if there else ''}{create} makes one"

    def show(self, name: str) -> Connection:
        """Return one connection (NotFound names the nearest)."""
        return Connection(
            **self._workspace.client.call("connections.show", {"name": name})
        )

    def create(
        self,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
        scope: Scope = "personal",
        ask: Callable[[str], str] | None = None,
    ) -> Connection:
        """Remember a new connection; see `Connections.create`."""
        body = {"name": name, "scope": scope, **_given(source, settings)}
        return self._answered("connections.create", body, ask)

    def update(
        self,
        name: str,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        scope: Scope | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> Connection:
        """Change the fields that are given; see `Connections.update`."""
        body = {"scope": scope, **_given(source, settings)}
        return self._answered("connections.update", body, ask, {"name": name})

    def delete(self, name: str) -> None:
        """Forget a connection and its secrets (NotFound)."""
        self._workspace.client.call("connections.delete", {"name": name})

    def _answered(
        self,
        route: str,
        body: dict[str, Any],
        ask: Callable[[str], str] | None,
        path: Mapping[str, str] | None = None,
    ) -> Connection:
        """Ask once more with what a person typed, for each secret that is to be."""
        typed: dict[str, str] = {}
        while True:
            try:
                found = self._workspace.client.call(
                    route, path, body={**body, "typed": typed}
                )
            except UsageError as error:
                what = error.details.get("typed")
                if ask is None or what is None or what in typed:
                    raise
                typed[what] = ask(what)
            else:
                return Connection(**found)


def _given(
    source: str | Path | Mapping[str, Any] | None, settings: Mapping[str, Any] | None
) -> dict[str, Any]:
    from .connections import read_source

    return {"source": dict(read_source(source)), "settings": dict(settings or {})}
