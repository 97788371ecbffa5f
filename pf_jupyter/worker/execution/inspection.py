"""Looks at a flow's tools without running them, and finds all that is wrong."""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Optional, Sequence

from pf_jupyter.errors import PfError
from pf_jupyter.flow.reference import Literal, parse_reference
from pf_jupyter.worker.execution.failures import describe
from pf_jupyter.worker.execution.literals import convert_literal
from pf_jupyter.worker.execution.loading import Tool
from pf_jupyter.worker.execution.prepared import (
    PreparedFlow,
    PreparedNode,
    prepared_flow,
)
from pf_jupyter.worker.execution.surroundings import flow_environment

FLOW_FILE = "flow.dag.yaml"


def inspect_nodes(
    flow: Dict[str, Any], folder: str, names: Optional[Sequence[str]] = None
) -> Dict[str, Any]:
    """Return ``{"tools": {node: TOOL}, "problems": [PROBLEM]}``.

    Parameters
    ----------
    flow, folder
        ``Flow.to_dict()`` and where its files are.
    names
        Nodes to look at; None means all.
    """
    environment = flow_environment(flow.get("environment_variables") or {}, {})
    prepared = prepared_flow(flow, folder, environment)
    if prepared.entry is not None:
        return _inspect_entry(prepared)
    tools: Dict[str, Any] = {}
    problems: List[Dict[str, Any]] = []
    if prepared.failure is not None:
        problems.append(_problem_of(prepared.failure, prepared, None))
    for node in prepared.nodes.values():
        if names is not None and node.name not in names:
            continue
        if node.tool is not None:
            tools[node.name] = _tool_dict(node.tool)
            problems += _input_problems(node, node.tool)
            if node.failure is not None and not _is_literal_problem(node.failure):
                problems.append(_problem_of(node.failure, prepared, node.name))
        elif node.failure is not None:
            problems.append(_problem_of(node.failure, prepared, node.name))
    return {"tools": tools, "problems": problems}


def _inspect_entry(prepared: PreparedFlow) -> Dict[str, Any]:
    entry = prepared.entry
    problems = [_problem_of(failure, prepared, None) for failure in entry.failures]
    for problem, failure in zip(problems, entry.failures):
        problem["path"] = list(getattr(failure, "path", ()))
    tools = {} if entry.failures else {entry.name: entry.tool()}
    return {"tools": tools, "problems": problems}


def _tool_dict(tool: Tool) -> Dict[str, Any]:
    return {
        "name": tool.name,
        "type": tool.type,
        "inputs": {
            name: parameter.to_dict()
            for name, parameter in tool.interface.parameters.items()
        },
        "output": tool.interface.output,
        "is_async": tool.is_async,
        "is_generator": tool.is_generator,
        "file": tool.file,
        "line": tool.line,
        "duration_ms": round(tool.duration_ms, 3),
    }


def _is_literal_problem(failure: PfError) -> bool:
    """These are found one by one, all of them, by `_input_problems`."""
    codes = list(getattr(failure, "codes", ()))
    return "NodeInputValidationError" in codes or "MissingRequiredInputs" in codes


def _input_problems(node: PreparedNode, tool: Tool) -> List[Dict[str, Any]]:
    problems: List[Dict[str, Any]] = []
    parameters = tool.interface.parameters
    given = {
        name
        for name, value in node.node.inputs.items()
        if tool.type == "prompt" or not (value is None or value == "")
    }
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.required and name not in given
    ]
    unknown: List[str] = []
    if not tool.interface.takes_any:
        unknown = [name for name in node.node.inputs if name not in parameters]
    for name in unknown:
        close = difflib.get_close_matches(name, missing or list(parameters), 1, 0.5)
        takes = ", ".join(parameters) or "no inputs"
        problems.append(
            _problem(
                "unknown_input",
                f"node '{node.name}' gives '{name}', which '{tool.name}' does not take",
                node.name,
                f"did you mean '{close[0]}'?" if close else f"it takes {takes}",
            )
        )
    for name in missing:
        problems.append(
            _problem(
                "missing_input",
                f"node '{node.name}' lacks the input '{name}' of '{tool.name}'",
                node.name,
                f"add {name} to the node's inputs",
            )
        )
    if tool.type == "prompt":
        return problems
    for name, raw in node.node.inputs.items():
        reference, parameter = parse_reference(raw), parameters.get(name)
        if parameter is None or name not in given:
            continue
        if not isinstance(reference, Literal) or parameter.is_connection:
            continue
        try:
            convert_literal(node.name, parameter, reference.value)
        except PfError as error:
            problems.append(
                _problem(
                    "NodeInputValidationError", error.message, node.name, error.hint
                )
            )
    return problems


def _problem_of(
    failure: PfError, prepared: PreparedFlow, node: Optional[str]
) -> Dict[str, Any]:
    described = describe(failure, prepared.folder)
    last = described["frames"][-1] if described["frames"] else {}
    codes = described["codes"]
    wrapped = described["code"] == "ResolveToolError" and codes
    problem = _problem(
        codes[-1] if wrapped else described["code"],
        described["message"],
        node,
        described["hint"],
    )
    problem["file"] = getattr(failure, "file", "") or last.get("file") or FLOW_FILE
    problem["line"] = getattr(failure, "line", None)
    if problem["line"] is None and last.get("file") == problem["file"]:
        problem["line"] = last.get("line")
    elif problem["line"] is None and last:
        problem["file"], problem["line"] = last["file"], last["line"]
    if problem["line"] is not None:
        problem["column"] = 1
    return problem


def _problem(code: str, message: str, node: Optional[str], hint: str) -> Dict[str, Any]:
    return {
        "code": code,
        "message": message,
        "node": node,
        "file": FLOW_FILE,
        "line": None,
        "column": None,
        "hint": hint,
    }
