"""Other values than a flow's file says, for one run.

Rules: flow-format section 1.7. Two ways to name what is another: ``node.input``, and a
path into the flow such as ``nodes.answer.activate.is`` or ``inputs.question.default``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import FlowInvalid, UsageError
from ..flow.check import check_graph
from ..flow.definition import build_flow
from ..flow.documents import with_documents
from ..flow.fields import did_you_mean
from ..flow.model import Flow, Node
from ..flow.reader import Collector
from ..flow.snapshot import LoadedFlow
from ..flow.sources import check_sources
from ..worker.protocol import pack_value

_STEP = re.compile(r"[^.\[\]]+")
_PARTS = ("nodes", "inputs", "outputs", "environment_variables", "message_format")


def applied(
    flow: Flow,
    overrides: Mapping[str, Any] | None,
    loaded: LoadedFlow,
    python: tuple[int, int] | None = None,
) -> Flow:
    """Return the flow with other values, checked as the flow file is.

    Parameters
    ----------
    flow
        The flow, its variants and other connections applied; it is not changed.
    overrides
        What is another: its name to the value that a flow file would hold there.
    loaded
        Where the flow comes from, to find its files and places.
    python
        Version of Python that will run it.

    Raises
    ------
    UsageError
        InvalidFlowError: a name that means nothing in this flow.
    FlowInvalid
        The flow has problems with these values.
    """
    if not overrides:
        return flow
    if flow.kind != "dag":
        raise _invalid(
            f"a {flow.kind} flow has no nodes whose values could be others",
            "give inputs=… or init=… instead",
        )
    raw = _as_written(flow)
    for name, value in overrides.items():
        _check_value(name, value)
        _set(raw, flow, name, value)
    raw["nodes"] = list(raw["nodes"].values())
    report = Collector(loaded.file, loaded.positions, raw)
    changed, places = build_flow(raw, flow.name, report)
    changed = replace(changed, node_variants=flow.node_variants)
    files = loaded.snapshot.files if loaded.snapshot else []
    changed = with_documents(changed, files, report)
    check_graph(changed, places, report)
    check_sources(changed, places, report, {f.path: f for f in files}, python)
    if report.problems:
        count = len(report.problems)
        raise FlowInvalid(
            f"flow '{loaded.folder.name}' with the values given for this run has "
            f"{count} problem{'' if count == 1 else 's'}",
            problems=[problem.to_dict() for problem in report.problems],
        )
    return changed


def _as_written(flow: Flow) -> dict[str, Any]:
    """Return a flow in the form of its file, its nodes by name."""
    plain = flow.to_dict()
    raw = {key: plain[key] for key in (*_PARTS, "additional_includes", "language")}
    raw["inputs"] = {k: _filled(port) for k, port in raw["inputs"].items()}
    raw["nodes"] = {}
    for node in plain["nodes"]:
        written = _filled(node)
        if "source" in written:
            written["source"] = _filled(written["source"])
        if "activate" in written:
            condition = written["activate"]
            written["activate"] = {"when": condition["when"], "is": condition["is_"]}
        raw["nodes"].setdefault(node["name"], written)
    return raw


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _set(raw: dict[str, Any], flow: Flow, name: str, value: Any) -> None:
    steps = _STEP.findall(name) if isinstance(name, str) else []
    node = flow.node(steps[0]) if len(steps) == 2 else None
    if node is not None:
        steps = _in_node(node, steps[1])
    elif len(steps) == 2 and steps[0] not in _PARTS:
        raise _no_node(flow, steps[0])
    elif not steps or steps[0] not in _PARTS:
        raise _invalid(
            f"'{name}' names nothing of a flow that a run may have otherwise",
            "write node.input, or a path such as nodes.NODE.inputs.INPUT; these begin "
            f"with {', '.join(_PARTS)}",
        )
    elif steps[0] == "nodes" and (len(steps) < 3 or flow.node(steps[1]) is None):
        raise _no_node(flow, steps[1] if len(steps) > 1 else "")
    place: Any = raw
    for at, step in enumerate(steps[:-1]):
        place = _step(place, step, name, steps[:at])
    _put(place, steps[-1], value, name)


def _in_node(node: Node, key: str) -> list[str]:
    if key == "connection" and node.connection:
        return ["nodes", node.name, "connection"]
    return ["nodes", node.name, "inputs", key]


def _step(place: Any, step: str, name: str, before: list[str]) -> Any:
    """Return what is found one step on; a mapping is made where there is nothing."""
    if isinstance(place, dict):
        if place.get(step) is None:
            place[step] = {}
        return place[step]
    if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
        return place[int(step)]
    raise _nothing_inside(name, before)


def _put(place: Any, step: str, value: Any, name: str) -> None:
    if isinstance(place, dict):
        place[step] = value
    elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
        place[int(step)] = value
    else:
        raise _nothing_inside(name, [])


def _check_value(name: str, value: Any) -> None:
    try:
        pack_value(value)
    except (TypeError, RecursionError):
        raise UsageError(
            f"the value for '{name}' is a {type(value).__name__}, which cannot be sent",
            code="bad_value",
            hint="give text, numbers, lists and dictionaries",
        ) from None


def _no_node(flow: Flow, name: str) -> UsageError:
    names = [node.name for node in flow.nodes]
    return _invalid(
        f"the flow has no node '{name}', which is to have other values",
        did_you_mean(name, names, f"it has {', '.join(names) or 'none'}"),
    )


def _nothing_inside(name: str, before: list[str]) -> UsageError:
    where = ".".join(before)
    return _invalid(
        f"'{name}' leads nowhere" + (f": {where} holds no such thing" if where else ""),
        "write node.input, or a path such as nodes.NODE.inputs.INPUT",
    )


def _invalid(message: str, hint: str) -> UsageError:
    return UsageError(message, code="InvalidFlowError", hint=hint)
