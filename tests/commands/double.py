"""A workspace in memory: the interface, with nothing behind it but a small script.

Flows are listed in `FLOWS`; running one replays events and returns a result.
"""

from __future__ import annotations

import builtins
import dataclasses
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pf_jupyter.errors import (
    AlreadyExists,
    FlowInvalid,
    IllegalState,
    NotFound,
    RunCanceled,
    RunFailed,
    RuntimeFailed,
    Unreachable,
)
from pf_jupyter.runs.traces import TraceSpan
from pf_jupyter.workspace.api import (
    Answer,
    Assignment,
    AuditLine,
    CheckResult,
    Computes,
    Connection,
    Connections,
    Environment,
    EnvironmentBuild,
    EnvironmentDiff,
    EnvironmentInfo,
    Environments,
    FlowInfo,
    Flows,
    NodeResult,
    OnCheck,
    OnPhase,
    Package,
    PackageChange,
    PhaseEvent,
    Picture,
    Problem,
    Roles,
    RunEvent,
    RunResult,
    Runs,
    Runtime,
    Runtimes,
    RuntimeState,
    Validation,
    Workspace,
)
from pf_jupyter.workspace.compute_api import Occupant, Occupants, Victims
from pf_jupyter.workspace.instead_api import Instead
from pf_jupyter.workspace.role_api import AccessRequest, Revocation, RoleDefinition
from pf_jupyter.workspace.traces import Trace

from .double_batch import DoubleBatching, DoubleBatchRecords
from .double_packages import DoublePackages
from .double_updates import DoubleUpdates

DIGEST = "sha256:3f9c0d1e2b4a5566778899aabbccddeeff"
ENVIRONMENT = EnvironmentInfo("default", "1", DIGEST)
PHASES = (("check", ""), ("create", "already here"), ("start", ""), ("handshake", ""))


class DoubleResult(RunResult):
    """A finished run."""

    def __init__(
        self,
        run_id: str,
        status: str,
        outputs: dict[str, Any] | None,
        nodes: dict[str, NodeResult],
        error: dict[str, Any] | None,
        runtime: str,
    ) -> None:
        self.run_id, self.outputs, self.nodes = run_id, outputs, nodes
        self.status = status  # type: ignore[assignment]
        self.metrics, self.error, self.duration_ms = {}, error, 12.5
        self.runtime, self.environment, self.hostname = runtime, ENVIRONMENT, "double"

    def __repr__(self) -> str:
        return f"<RunResult {self.run_id} {self.status}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": "<b>its page</b>"}

    def to_dict(self) -> dict[str, Any]:
        nodes = {
            n.name: {
                "status": n.status,
                "output": n.output,
                "duration_ms": n.duration_ms,
                "logs": n.logs,
                "error": n.error,
            }
            for n in self.nodes.values()
        }
        return {
            "status": self.status,
            "run_id": self.run_id,
            "outputs": self.outputs,
            "nodes": nodes,
            "metrics": self.metrics,
            "runtime": self.runtime,
            "environment": str(self.environment),
            "duration_ms": self.duration_ms,
            "error": self.error,
        }

    @property
    def trace(self) -> Trace:
        root = TraceSpan("double", "Flow", status=self.status, began=0.0)
        root.children = [TraceSpan(n, "Node", node=n) for n in self.nodes]
        return Trace(root, self.run_id)

    def raise_for_status(self) -> RunResult:
        if self.status == "Canceled":
            raise RunCanceled(f"run {self.run_id} was canceled", result=self)
        if self.error is not None:
            raise RunFailed(
                self.error["message"],
                code=self.error["code"],
                node=self.error["node"],
                hint=self.error["hint"],
                result=self,
            )
        return self


class DoubleRuntime(DoubleBatching, DoublePackages, DoubleUpdates, Runtime):
    """A runtime that is ready at once."""

    def __init__(self, workspace: DoubleWorkspace, name: str, **record: Any) -> None:
        self.workspace, self.name = workspace, name
        self._state: RuntimeState = "creating"
        self.record = record

    @property
    def state(self) -> RuntimeState:
        return self._state

    def __repr__(self) -> str:
        return f"<Runtime {self.name} {self.state}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": "<b>its page</b>"}

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state,
            "phase": None,
            "kind": self.record.get("kind", "personal"),
            "compute": "local",
            "engine": "double",
            "environment": {"name": "default", "version": "1", "digest": DIGEST},
            "container_id": "c0ffee",
            "isolated": False,
            "owner": "me",
            "created_at": "2026-11-21T10:00:00Z",
            "update": None,
            "error": None,
            "limits": {"cpus": 2.0, "memory": 4 * 1024**3, "pids": 512},
            "network": "open",
            "python": "3.11.7",
        }

    def start(self, *, on_phase: OnPhase | None = None) -> Runtime:
        if self._state not in ("ready", "busy"):
            for phase, detail in PHASES:
                for status in ("started", "done"):
                    if on_phase is not None:
                        on_phase(
                            PhaseEvent(self.name, phase, status, 0.1, detail)  # type: ignore[arg-type]
                        )
            self._state = "ready"
        return self

    def stop(self) -> Runtime:
        self._state = "stopped"
        return self

    def restart(self, *, on_phase: OnPhase | None = None) -> Runtime:
        return self.stop().start(on_phase=on_phase)

    def delete(self) -> None:
        del self.workspace.runtimes.known[self.name]
        self._state = "deleted"

    def logs(self, *, tail: int | None = 200, follow: bool = False) -> Iterator[str]:
        del follow
        yield from ["one", "two", "three"][-(tail or 0) :]

    def stats(self) -> dict[str, Any]:
        return {
            "cpu": 0.5,
            "memory": 2**20,
            "memory_limit": 2**30,
            "pids": 3,
            "processes": [],
            "runs": [],
        }

    def check(self) -> list[CheckResult]:
        return [CheckResult("engine", "pass", "it answers")]

    def run(
        self,
        flow: str | Path,
        *,
        inputs: Mapping[str, Any] | None = None,
        on_event: Callable[[RunEvent], None] | None = None,
        **options: Any,
    ) -> RunResult:
        self.workspace.ran.append((str(flow), dict(inputs or {}), options))
        run_id = f"run-{len(self.workspace.ran)}"
        self.workspace.canceled[run_id] = threading.Event()
        info = self.workspace.flows.show(flow)

        def tell(event: str, **facts: Any) -> None:
            if on_event is not None:
                on_event({"event": event, "run_id": run_id, **facts})

        tell("run_started", pid=1)
        nodes = {}
        error = None
        for node in (str(n["name"]) for n in info.nodes):
            tell("node_started", node=node)
            tell("log", node=node, stream="stdout", text="printed by it\n")
            if info.name == "slow":
                tell("chunk", node=node, output="answer", text="so far")
                self.workspace.canceled[run_id].wait(60)
                tell("node_canceled", node=node)
                nodes[node] = NodeResult(node, "Canceled")
                result = DoubleResult(run_id, "Canceled", None, nodes, None, self.name)
                self.workspace.done[run_id] = result
                return result
            if info.name == "broken":
                error = {
                    "code": "ToolExecutionError",
                    "message": f"Execution failure in '{node}': "
                    "(ValueError) no such page",
                    "hint": "",
                    "node": node,
                    "traceback": "",
                    "frames": [{"file": "/flow/fetch.py", "line": 3, "name": node}],
                }
                tell("node_failed", node=node, duration_ms=1.0, error=error)
                nodes[node] = NodeResult(node, "Failed", error=error)
                break
            tell("node_completed", node=node, duration_ms=2.0)
            nodes[node] = NodeResult(
                node,
                "Completed",
                output="HELLO!",
                duration_ms=2.0,
                logs={"stdout": "printed by it\n", "stderr": "", "dropped_bytes": 0},
            )
        outputs = None if error else {"greeting": "HELLO!"}
        status = "Failed" if error else "Completed"
        result = DoubleResult(run_id, status, outputs, nodes, error, self.name)
        self.workspace.done[run_id] = result
        return result

    async def arun(self, flow: str | Path, **options: Any) -> RunResult:
        return self.run(flow, **options)

    async def stream(self, flow: str | Path, **options: Any) -> AsyncIterator[RunEvent]:
        events: list[RunEvent] = []
        self.run(flow, on_event=events.append, **options)
        for event in events:
            yield event

    def validate(self, flow: str | Path, *, node: str | None = None) -> Validation:
        return self.workspace.flows.validate(flow, runtime=self.name, node=node)


class DoubleRuntimes(Runtimes):
    def instead(self, name: str, *, digest: str = "") -> Instead:
        return Instead(name, False, "demo", "sha256:1", ["demo"], ["demo"])

    def copy(
        self, source: str, name: str, *, on_phase: OnPhase | None = None
    ) -> Runtime:
        return self.create(name, on_phase=on_phase)

    def __init__(self, workspace: DoubleWorkspace) -> None:
        self.workspace = workspace
        self.known: dict[str, DoubleRuntime] = {}
        self._current: Runtime | None = None

    def create(  # type: ignore[override]
        self, name: str, *, on_phase: OnPhase | None = None, **options: Any
    ) -> Runtime:
        if options.get("compute") == "away":
            raise Unreachable("away does not answer", hint="start it")
        if name == "doomed":
            self.known[name] = DoubleRuntime(self.workspace, name)
            self.known[name]._state = "failed"
            raise RuntimeFailed("it fell", phase="start", hint="read its log")
        if name in self.known:
            raise AlreadyExists(f"runtime '{name}' exists", hint="use it")
        self.known[name] = DoubleRuntime(self.workspace, name, **options)
        return self.known[name].start(on_phase=on_phase)

    def adopt(
        self,
        container: str,
        *,
        name: str | None = None,
        compute: str | None = None,
        on_check: OnCheck | None = None,
        on_phase: OnPhase | None = None,
    ) -> Runtime:
        bad = container == "bad"
        status: Literal["pass", "fail"] = "fail" if bad else "pass"
        checks = [
            CheckResult("container", "pass", f"{container} is running"),
            CheckResult(
                "python", status, "Python 3.7" if bad else "Python 3.12", "mend"
            ),
        ]
        for check in checks:
            if on_check is not None:
                on_check(check)
        if bad:
            raise IllegalState("bad cannot be adopted", code="not_adoptable")
        return self.create(name or container, on_phase=on_phase)

    def get(self, name: str) -> Runtime:
        if name not in self.known:
            raise NotFound(f"no runtime is called '{name}'", hint="make it")
        return self.known[name]

    def list(self) -> list[Runtime]:
        return [self.known[name] for name in sorted(self.known)]

    def use(self, name: str | None) -> Runtime | None:
        self._current = self.get(name) if name is not None else None
        return self._current

    def current(self) -> Runtime | None:
        return self._current

    def ensure(self, *, on_phase: OnPhase | None = None) -> Runtime:
        if self._current is not None:
            return self._current.start(on_phase=on_phase)
        return self.known.get("session") or self.create("session", on_phase=on_phase)


def _flow(name: str, *nodes: str) -> FlowInfo:
    return FlowInfo(
        name=name,
        path=Path("/examples") / name,
        inputs=[
            {
                "name": "text",
                "type": "string",
                "default": "hi",
                "is_chat_input": True,
            },
            {"name": "times", "type": "int", "default": 1},
        ],
        outputs=[
            {
                "name": "greeting",
                "type": "string",
                "reference": f"${{{nodes[0]}.output}}",
            }
        ],
        nodes=[
            {
                "name": n,
                "type": "python",
                "source": f"{n}.py",
                "inputs": {"service": "theirs", "text": "${inputs.text}"},
                "depends_on": [],
            }
            for n in nodes
        ],
        variants={nodes[0]: ["plain", "loud"]},
    )


class DoubleFlows(Flows):
    def __init__(self) -> None:
        self.known = {
            "hello": _flow("hello", "greet", "shout"),
            "web-classification": _flow("web-classification", "fetch", "classify"),
            "slow": _flow("slow", "wait"),
            "broken": _flow("broken", "fetch"),
        }

    def show(self, flow: str | Path) -> FlowInfo:
        name = Path(flow).name
        if name == "wrong":
            raise FlowInvalid("wrong has 1 problem", problems=[_PROBLEM.to_dict()])
        if name not in self.known:
            if (Path(flow) / "flow.dag.yaml").is_file():
                return _flow(name, name)
            raise NotFound(f"no flow at {flow}", hint="list them")
        return self.known[name]

    def validate(
        self,
        flow: str | Path,
        *,
        runtime: str | None = None,
        code: bool = True,
        node: str | None = None,
    ) -> Validation:
        del node
        if Path(flow).name == "wrong":
            return Validation([_PROBLEM], {}, 1.0)
        info = self.show(flow)
        tool = {
            "name": "shout",
            "inputs": {
                "text": {"type": ["string"]},
                "times": {"type": ["int"], "default": 1},
            },
            "output": "string",
            "duration_ms": 18.0,
        }
        tools = {str(n["name"]): tool for n in info.nodes} if code and runtime else {}
        return Validation([], tools, 18.0, runtime)

    def list(self, root: str | Path = ".") -> list[FlowInfo]:
        del root
        return list(self.known.values())

    def picture(
        self,
        flow: str | Path,
        states: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        folded: Any = (),
    ) -> Picture:
        del folded
        names = [str(n["name"]) for n in self.show(flow).nodes]
        words = [f"[{n} {(states or {}).get(n, {}).get('status', '')}]" for n in names]
        return Picture(f"<svg>{' '.join(words)}</svg>", " ".join(words))

    def resolve(self, flow: str | Path) -> Path:
        return self.show(flow).path


_PROBLEM = Problem(
    "NodeReferenceNotFound",
    "node 'report': ${sumarise.output} names no node",
    "flow.dag.yaml",
    14,
    13,
    "did you mean 'summarise'?",
)


class DoubleRuns(DoubleBatchRecords, Runs):
    def __init__(self, workspace: DoubleWorkspace) -> None:
        self.workspace = workspace

    def list(self, *, limit: int = 100, **_wanted: Any) -> list[dict[str, Any]]:
        return [
            {
                "run_id": r.run_id,
                "status": r.status,
                "flow": "hello",
                "runtime": r.runtime,
                "created_at": "2026-11-21T10:00:00Z",
            }
            for r in reversed(self.workspace.done.values())
        ][:limit]

    def get(self, run_id: str) -> RunResult:
        if run_id not in self.workspace.done:
            raise NotFound(f"no run is called '{run_id}'")
        return self.workspace.done[run_id]

    def cancel(self, run_id: str) -> None:
        if run_id not in self.workspace.canceled:
            raise NotFound(f"no run '{run_id}' goes on here")
        self.workspace.canceled[run_id].set()


class DoubleComputes(Computes):
    def list(self) -> list[dict[str, Any]]:
        return [
            {
                "name": "local",
                "engine": "double",
                "isolated": False,
                "reachable": True,
                "detail": "in memory",
                "cpus": 2.0,
                "memory": 4 * 1024**3,
            },
            *self.added.values(),
        ]

    def __init__(self) -> None:
        self.added: dict[str, dict[str, Any]] = {}
        self.options: dict[str, Any] = {}
        self.on_it = Victims([], [])
        self.add("added", "tcp://added:2376")

    def show(self, name: str) -> dict[str, Any]:
        for item in self.list():
            if item["name"] == name:
                return item
        raise NotFound(f"there is no compute {name!r}", hint="look at the list")

    def add(self, name: str, address: str, **options: Any) -> dict[str, Any]:
        self.options = options
        self.added[name] = {**self.list()[0], "name": name, "address": address}
        return self.added[name]

    def auth(self, name: str, **options: Any) -> dict[str, Any]:
        self.options = options
        return self.show(name)

    def ps(self, name: str) -> Occupants:
        shown = [Occupant("runtime", "demo", "me", "running", "image", 1)]
        return Occupants(name, shown, {"foreign": 2})

    def check(self, name: str) -> builtins.list[CheckResult]:
        return [CheckResult("engine", "pass", f"{name} answers")]

    def victims(self, name: str) -> Victims:
        self.show(name)
        return self.on_it

    def remove(self, name: str, *, runtimes: bool = False) -> Victims:
        if self.on_it.runtimes and not runtimes:
            raise IllegalState("it has runtimes", code="compute_in_use", hint="--yes")
        del self.added[name]
        return self.on_it


class DoubleConnections(Connections):
    def __init__(self) -> None:
        self.known: dict[str, Connection] = {}
        self.typed: dict[str, str] = {}
        self.create(None, name="mine", settings={"type": "open_ai", "api_key": "k"})

    def list(self) -> list[Connection]:
        return [self.known[name] for name in self.names()]

    def names(self) -> list[str]:
        return sorted(self.known)

    def show(self, name: str) -> Connection:
        if name not in self.known:
            raise NotFound(f"no connection is called '{name}'")
        return self.known[name]

    def create(  # type: ignore[override]
        self,
        source: Any = None,
        *,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
        scope: str = "personal",
        ask: Callable[[str], str] | None = None,
    ) -> Connection:
        values = dict(settings or {})
        kind = values.pop("type", "custom")
        for key, value in values.items():
            if value == "<user-input>" and ask is not None:
                self.typed[key] = ask(f"{key} of {name}")
        made = Connection(
            name=name or str(source),
            type=kind,
            configs={},
            secrets=dict.fromkeys(values, "*****"),
            scope=scope,  # type: ignore[arg-type]
            owner="me",
            created_at="2026-11-21T10:00:00Z",
            changed_at="2026-11-21T10:00:00Z",
        )
        self.known[made.name] = made
        return made

    def update(  # type: ignore[override]
        self, name: str, source: Any = None, **options: Any
    ) -> Connection:
        self.show(name)
        options["scope"] = options.get("scope") or "personal"
        return self.create(source, name=name, **options)

    def delete(self, name: str) -> None:
        self.show(name)
        del self.known[name]


class DoubleEnvironments(Environments):
    """Two versions of one environment."""

    def __init__(self) -> None:
        packages = (Package("jinja2", "3.1.6", "base"), Package("six", "1.16", "env"))
        self.known = [
            Environment(
                "my-env",
                number,
                DIGEST,
                f"my-env:{number}",
                "ana",
                "2026-01-01",
                packages=packages,
                base="default",
                base_digest=DIGEST,
                size=1024,
            )
            for number in ("1", "2")
        ]

    def init(self, name: str, *, to: Any = None, base: str = "") -> Path:
        return Path(to or name)

    def build(self, source: Any, **options: Any) -> EnvironmentBuild:
        event = PhaseEvent("my-env", "build", "done", 0.1, "120 MB")
        options["on_phase"](event)
        one = self.known[0]
        return EnvironmentBuild(
            str(source),
            one.image,
            DIGEST,
            DIGEST,
            "default",
            DIGEST,
            1024,
            "3.11.7",
            one.packages,
            False,
            12.5,
        )

    def publish(self, source: Any, **options: Any) -> Environment:
        return self.known[-1]

    def list(self, *, archived: bool = False) -> Any:
        return self.known

    def names(self) -> Any:
        return ["default", "my-env", "my-env:1", "my-env:2"]

    def get(self, reference: str) -> Environment:
        name, _, version = reference.partition(":")
        for one in reversed(self.known):
            if one.name == name and version in ("", one.version):
                return one
        raise NotFound(f"there is no environment {reference!r}")

    def diff(self, before: str, after: str) -> EnvironmentDiff:
        change = PackageChange("six", "1.15", "1.16")
        return EnvironmentDiff(before, after, (change,), ())

    def check(self, reference: str, **options: Any) -> Any:
        return [CheckResult("image", "pass", "it is here")]

    def describe(self, reference: str, **options: Any) -> Environment:
        return self.get(reference)

    def archive(self, reference: str) -> Any:
        return [reference]

    def restore(self, reference: str) -> Any:
        return [reference]

    def export(self, reference: str, to: Any, **options: Any) -> Path:
        path = Path(to)
        path.write_text("an environment")
        return path

    def import_(self, source: Any, **options: Any) -> Environment:
        return self.known[0]


class DoubleRoles(Roles):
    def __init__(self) -> None:
        self.known: list[Assignment] = []
        self.own = {"runner": RoleDefinition("runner", "runner", actions=("run.*",))}
        self.asked = [AccessRequest("r1", "bo", "reader", "runtime:demo", "x", "now")]

    def list(self) -> list[Assignment]:
        return self.known

    def assign(
        self,
        principal: str,
        role: str,
        *,
        on: str = "workspace",
        until: str | None = None,
    ) -> Assignment:
        made = Assignment(principal, role, on, "me", "2026-11-21T10:00:00Z", until)
        self.known.append(made)
        return made

    def revoke(
        self, principal: str, role: str, *, on: str = "workspace", cancel: bool = False
    ) -> Revocation:
        self.known = [a for a in self.known if a.principal != principal]
        return Revocation(principal, role, on, () if cancel else ("run-1",))

    def check(self, principal: str, right: str, *, on: str | None = None) -> Answer:
        return Answer(True, principal, right, on or "", "Owner on workspace")

    def audit(self, *, limit: int = 100, **wanted: Any) -> Any:
        return [AuditLine("2026-11-21T10:00:00Z", "me", "run.create", "run", "", True)]

    def definitions(self) -> Any:
        rights = {"runtime.use": "own shared", "run.create": "yes"}
        owner = RoleDefinition("owner", "Owner", rights=rights, builtin=True)
        return [owner, *self.own.values()]

    def get(self, name: str) -> RoleDefinition:
        return self.own[name]

    def create(self, name: str, **fields: Any) -> RoleDefinition:
        self.own[name] = RoleDefinition(name, name, **fields)
        return self.own[name]

    def update(self, name: str, **changes: Any) -> RoleDefinition:
        return dataclasses.replace(self.own[name], **changes)

    def delete(self, name: str, *, revoke: bool = False) -> None:
        del self.own[name]

    def groups(self) -> Any:
        return {"analysts": ["ana"]}

    def ask(
        self, role: str, *, on: str = "workspace", reason: str = ""
    ) -> AccessRequest:
        return AccessRequest("r2", "me", role, on, reason, "now")

    def requests(self, *, answered: bool = False) -> Any:
        return self.asked

    def grant(
        self, request: str, *, role: str | None = None, until: str | None = None
    ) -> Assignment:
        return self.assign("bo", role or "reader", on="runtime:demo", until=until)

    def refuse(self, request: str) -> AccessRequest:
        return dataclasses.replace(self.asked[0], state="refused")


class DoubleWorkspace(Workspace):
    """The whole of it; ``ran`` records what was asked to run."""

    def __init__(self) -> None:
        self.name = "double"
        self.ran: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self.done: dict[str, DoubleResult] = {}
        self.canceled: dict[str, threading.Event] = {}
        self.runtimes: DoubleRuntimes = DoubleRuntimes(self)
        self.flows: DoubleFlows = DoubleFlows()
        self.runs = DoubleRuns(self)
        self.computes = DoubleComputes()
        self.connections: DoubleConnections = DoubleConnections()
        self.environments: DoubleEnvironments = DoubleEnvironments()
        self.roles: DoubleRoles = DoubleRoles()
        self.closed = False

    def doctor(self, *, fix: bool = False) -> list[CheckResult]:
        del fix
        return [
            CheckResult("store", "pass", "it can be written"),
            CheckResult("engine", "fail", "no Docker answers", "start Docker"),
        ]

    def close(self) -> None:
        self.closed = True


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.01)
