"""Everything that is wrong with a flow: with its file, and with its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..connections.stored import StoredConnections
from ..errors import RuntimeFailed
from ..flow.model import Flow
from ..flow.snapshot import LoadedFlow, load
from ..runtimes.model import OnPhase
from ..store.store import Store
from ..worker.protocol import pack_value, unpack_value
from . import connections, overrides
from . import inputs as given_inputs
from .execute import Executor, version_of
from .inputs import unknown_node
from .needs import Tools, missing_connections

_INSPECT_SECONDS = 60.0
_GRACE_SECONDS = 20.0


@dataclass
class Findings:
    """What was found.

    Parameters
    ----------
    problems
        Dictionaries of interface.md's form, in the order of the files.
    tools
        TOOL of the worker's protocol by node; empty when no runtime was asked.
    warnings
        What looks unintended and stops no run, and connections that are not there.
    """

    problems: list[dict[str, Any]]
    tools: dict[str, dict[str, Any]]
    warnings: list[dict[str, Any]] = field(default_factory=list)


def check_file(
    path: Path, stored: Callable[[], StoredConnections] | None = None
) -> Findings:
    """Check a flow's file alone; ``stored`` gives the connections, if one is named."""
    loaded = load(path)
    problems = _sorted(loaded, _of_file(loaded))
    return Findings(problems, {}, _warnings(loaded, stored, {}))


def refuse(path: Path, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is wrong with a flow's file, or raise for what a run is given.

    Parameters
    ----------
    path
        Flow folder or file.
    options
        See `Flows.check_run`.

    Raises
    ------
    UsageError
        Inputs are missing or do not fit.
    """
    loaded = load(path, variant=options.get("variant"))
    if loaded.problems or loaded.flow is None:
        return _sorted(loaded, _of_file(loaded))
    if options.get("from_node") or options.get("upstream"):
        return []  # an earlier run may have what is not given
    flow = connections.overridden(loaded.flow, options.get("connections"))
    flow = overrides.applied(flow, options.get("overrides"), loaded)
    given = options.get("inputs") or {}
    if options.get("node"):
        given_inputs.for_node(flow, options["node"], given)
    else:
        given_inputs.for_flow(flow, given)
    return []


def check_code(
    executor: Executor,
    store: Store,
    runtime_id: str,
    path: Path,
    node: str | None = None,
    on_phase: OnPhase | None = None,
) -> Findings:
    """Check a flow's file here and its code in a runtime.

    Parameters
    ----------
    executor, store
        What reaches the runtime.
    runtime_id
        Where the code is loaded.
    path
        Flow folder or file.
    node
        Check this node's code alone.
    on_phase
        Told when the runtime has to be started first.

    Raises
    ------
    RuntimeFailed
        The runtime cannot be brought to ready, or the code ended its worker.
    """
    start = store.runtime_by_id(runtime_id)
    loaded = load(path, python=version_of(start) if start is not None else None)
    problems = _of_file(loaded)
    flow, snapshot = loaded.flow, loaded.snapshot
    if flow is None or snapshot is None:
        return Findings(_sorted(loaded, problems), {})
    if node is not None and flow.node(node) is None:
        raise unknown_node(flow, node)
    record, channel = executor.ready(runtime_id, on_phase, start)
    body = {
        "flow": flow.to_dict(),
        "nodes": None if node is None else [node],
        "timeout": _INSPECT_SECONDS,
    }
    pending = channel.inspect(snapshot, pack_value(body))
    try:
        answer = unpack_value(pending.result(_INSPECT_SECONDS + _GRACE_SECONDS))
    except TimeoutError:
        raise RuntimeFailed(
            f"runtime {record.name!r} did not check the code in time",
            phase="run",
            code="worker_hung",
            hint=f"%pfruntime restart {record.name} brings it back",
        ) from None
    except RuntimeFailed as error:
        if channel.alive:
            raise
        raise executor.why(record) from error
    store.touch_runtime(record.id)
    problems += [_of_code(loaded, flow, found) for found in answer["problems"]]
    tools = dict(answer["tools"])
    warnings = _warnings(loaded, lambda: StoredConnections(store), tools)
    return Findings(_sorted(loaded, problems), tools, warnings)


def _of_file(loaded: LoadedFlow) -> list[dict[str, Any]]:
    return [problem.to_dict() for problem in loaded.problems]


def _warnings(
    loaded: LoadedFlow, stored: Callable[[], StoredConnections] | None, tools: Tools
) -> list[dict[str, Any]]:
    found = [warning.to_dict() for warning in loaded.warnings]
    if stored is not None:
        found += missing_connections(loaded, stored, tools)
    return _sorted(loaded, found)


def _of_code(
    loaded: LoadedFlow, flow: Flow, found: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a problem of the worker with its place: in the code, else at its node."""
    file, line = found.get("file") or "", found.get("line") or 0
    column = found.get("column") or 0
    node = found.get("node") or ""
    if not file or not line:
        index = next((i for i, n in enumerate(flow.nodes) if n.name == node), None)
        path: tuple[Any, ...] = tuple(found.get("path") or ())
        if index is not None:
            path = ("nodes", index)
        line, column = loaded.positions.value(path)
        file = loaded.file
    return {
        "code": found["code"],
        "message": found["message"],
        "file": file,
        "line": line,
        "column": column or (1 if line else 0),
        "hint": found.get("hint") or "",
        "node": node,
    }


def _sorted(loaded: LoadedFlow, problems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order by place, the flow file first; what was found twice is told once."""
    once: dict[tuple[Any, ...], dict[str, Any]] = {}
    for problem in problems:
        key = tuple(problem.get(k) for k in ("code", "file", "line", "column"))
        once.setdefault((*key, problem.get("node") or problem["message"]), problem)
    flow_file = loaded.file
    return sorted(
        once.values(),
        key=lambda p: (p["file"] != flow_file, p["file"], p["line"], p["column"]),
    )
