"""Compares our answer with the oracle's: status, outputs, nodes, metrics, error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Files of images in records have such names, never the same twice."""

SAME_ERROR: dict[str, frozenset[str]] = {
    # The original's class says only that the user is at fault; ours says at what.
    "UserErrorException": frozenset(
        {
            "missing_input",
            "bad_inputs",
            "flow_not_found",
            "unknown_node",
            "empty_file",
            "UserError",
            "include_not_found",
            "InvalidFlowError",
        }
    ),
    "ValidationException": frozenset({"ambiguous_flow", "ValidationError"}),
    # A batch that cannot start; the original says what is wrong in its message alone.
    "BulkRunException": frozenset(
        {
            "ApplyInputMappingError",
            "EmptyInputsData",
            "InputMappingError",
            "InputNotFound",
            "InvalidUserData",
        }
    ),
    "SystemErrorException": frozenset({"SystemError"}),
    # Not errors of the original but of the YAML library it uses.
    "DuplicateKeyError": frozenset({"duplicate_key", "yaml_syntax"}),
    "ComposerError": frozenset({"yaml_syntax"}),
    "ParserError": frozenset({"yaml_syntax"}),
    "ScannerError": frozenset({"yaml_syntax"}),
}
"""Error class of the original to those of our codes that mean the same."""

CRASHES = frozenset(
    {"KeyError", "TypeError", "ValueError", "AttributeError", "NotImplementedError"}
)
"""Raised bare where the original meant an error of its own (see `plain-crash`)."""


@dataclass(frozen=True)
class Difference:
    """One aspect in which two answers differ."""

    aspect: str
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.aspect}: theirs {self.theirs!r}, ours {self.ours!r}"


def error_names(error: dict[str, Any]) -> list[str]:
    """Return the names under which an error may be known, the most precise first."""
    names = [error.get("inner") if error.get("class") == "ResolveToolError" else None]
    names += [error.get("class"), *reversed(error.get("codes") or [])[:1]]
    return [name for name in dict.fromkeys(names) if name]


def same_error(theirs: dict[str, Any], ours: dict[str, Any], checked: bool) -> bool:
    """Tell whether two errors are of one class.

    A flow that does not pass the check is refused with all its problems; the one that
    the original reports first must be among them.
    """
    wanted = {theirs["class"], *(theirs.get("codes") or [])[-1:]}
    if theirs["class"] == "ResolveToolError":
        wanted = {theirs["inner"], *(theirs.get("codes") or [])[-1:]}
    for name in list(wanted):
        wanted |= SAME_ERROR.get(name, frozenset())
    have = set(ours["codes"]) if checked else {ours["class"], *ours["codes"][-1:]}
    return bool(wanted & have)


def compare(theirs: dict[str, Any], ours: dict[str, Any]) -> list[Difference]:
    """Return every aspect in which ``ours`` is not what ``theirs`` is."""
    found: list[Difference] = []

    def check(aspect: str, first: Any, second: Any) -> None:
        if not equal(first, second):
            found.append(Difference(aspect, first, second))

    check("status", theirs["status"], ours["status"])
    first, second = theirs.get("error"), ours.get("error")
    if second and second.get("unexpected"):
        found.append(Difference("escaped exception", brief(first), brief(second)))
    elif first and second:
        checked = len(second["codes"]) > 1 or bool(second.get("checked"))
        if not same_error(first, second, checked):
            found.append(Difference("error", brief(first), brief(second)))
    elif first or second:
        found.append(Difference("error", brief(first), brief(second)))
    if theirs["status"] == ours["status"] == "Completed":
        check("outputs", theirs["outputs"], ours["outputs"])
    if not (first and first.get("raised")) and not (second and not ours["nodes"]):
        names = {*theirs["nodes"], *ours["nodes"]}
        for name in sorted(names):
            compare_node(name, theirs, ours, check)
    check("metrics", theirs["metrics"], ours["metrics"])
    if "requests" in theirs and "requests" in ours:
        check("requests", theirs["requests"], ours["requests"])
    return found


def compare_node(
    name: str, theirs: dict[str, Any], ours: dict[str, Any], check: Any
) -> None:
    """Compare one node's record; a node that never started has none in the original."""
    missing = {"status": "NotStarted"}
    first = theirs["nodes"].get(name, missing)
    second = ours["nodes"].get(name, missing)
    if theirs["status"] != "Completed" and racing(first, second):
        return
    check(f"node {name} status", first["status"], second["status"])
    if first["status"] == second["status"] != "NotStarted":
        if first["status"] == "Completed":
            check(f"node {name} output", first["output"], second["output"])
        check(f"node {name} inputs", first["inputs"], second["inputs"])
        check(f"node {name} stdout", first["stdout"], second["stdout"])


def racing(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two states of a node of a failed line differ only by who was faster."""
    undecided = {"NotStarted", "Canceled", "Running", "Completed", "Bypassed"}
    return {first["status"], second["status"]} <= undecided


def brief(error: dict[str, Any] | None) -> str:
    """Return an error in one line."""
    if not error:
        return "no error"
    inner = f"/{error['inner']}" if error.get("inner") else ""
    codes = ",".join(str(code) for code in error["codes"][-3:])
    return f"{error['class']}{inner} [{codes}] {error['message'][:160]}"


def equal(first: Any, second: Any) -> bool:
    """Compare JSON values, telling true from 1 but not 1 from 1.0's exact twin."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, str) and isinstance(second, str):
        return UUID.sub("<uuid>", first) == UUID.sub("<uuid>", second)
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(
            equal(first[key], second[key]) for key in first
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(equal, first, second))
    return type(first) is type(second) and bool(first == second)
