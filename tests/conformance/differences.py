"""The differences from the published package that are wanted, each with its reason.

A case names (``differs=``) those it shows; one that it does not need any more is an
error. The few of `EVERYWHERE` concern what is recorded of a node and need not be named.
Users read about them in docs/differences.md.
"""

from __future__ import annotations

from typing import Any

from .compare import Difference, equal

ALLOWED: dict[str, tuple[tuple[str, ...], str]] = {
    "crash": (
        ("error", "status"),
        "The original stops at a plain KeyError, TypeError or the like; we refuse the"
        " flow with a problem that has a place.",
    ),
    "exit": (
        ("error",),
        "SystemExit and its kin escape from the original and end the caller; here the"
        " node, or the script that is imported, fails.",
    ),
    "late-failure": (
        ("error", "node "),
        "A generator that fails while it is joined escapes as the raw exception; here"
        " the node that made it fails.",
    ),
    "unprintable": (
        ("error",),
        "An exception whose own text cannot be made crashes the original.",
    ),
    "main-module": (
        ("status", "node ", "outputs", "error"),
        "The original does not register a tool's module, so pickling and dataclasses"
        " with text annotations fail in it.",
    ),
    "node-run-property": (
        ("status", "node ", "outputs", "error"),
        "In a node run the original keeps a property that was given as one flat key"
        " and then cannot find it.",
    ),
    "node-run-merge": (
        ("outputs", "node "),
        "In a node run the original writes a value given for a property into the one"
        " that was given for the whole output; here each input gets its own.",
    ),
    "outside-flow": (
        ("status", "node ", "outputs", "error"),
        "A source outside of the flow's folder is refused: only the folder and its"
        " additional includes are sent to the runtime.",
    ),
    "all-problems": (
        ("error",),
        "The flow file is checked as a whole before any tool is loaded, so what the"
        " original reports first may be another of several problems.",
    ),
    "more-precise": (
        ("error",),
        "Where the original says UserErrorException, or stumbles over a consequence,"
        " we name the condition.",
    ),
    "assistant-record": (
        ("node ",),
        "The original records an assistant definition as the text of an object; here"
        " its fields are recorded.",
    ),
    "mutated-inputs": (
        ("node ",),
        "A tool that changes its argument in place changes what the original records as"
        " the node's inputs; we record what it was given.",
    ),
    "timestamp-class": (
        ("node ",),
        "A date with a time is recorded under the class name of the YAML library.",
    ),
    "dataclass-output": (
        ("outputs",),
        "A flex flow's dataclass stays an object in the original's line result; here"
        " the outputs are its fields, as they are in its run info.",
    ),
    "init-default": (
        ("outputs",),
        "A default of a class's constructor reaches it as text in the original.",
    ),
    "class-without-init": (
        ("status", "outputs", "error"),
        "A class without a constructor of its own stops the original's metadata with an"
        " AttributeError; here it is simply made.",
    ),
    "connection-object": (
        ("outputs",),
        "A connection as an output of the flow stays an object in the original's own"
        " process; here its name is given, as in the original's records.",
    ),
    "scrubbed": (
        ("outputs", "node "),
        "The original writes **data_scrubbed** into logs and leaves secrets in outputs;"
        " here they are ***** everywhere.",
    ),
    "role-in-mapping": (
        ("outputs", "requests"),
        "A prompty of the original guards against roles in texts, not in what mappings"
        " hold; here both are guarded.",
    ),
    "override-reference": (
        ("outputs", "node "),
        "In the original a text that is given for `node.input` stays text; here it is a"
        " reference where it is written as one, as in a flow file.",
    ),
    "called-flow-log": (
        ("node ",),
        "What nodes print of a flow that code calls is lost in the original; here it is"
        " in the log of the node that called.",
    ),
    "streaming-async": (
        ("status", "error", "outputs", "node "),
        "A coroutine function with `streaming_option_parameter` that feeds an output is"
        " never awaited in the original; here it is.",
    ),
    "override-variant": (
        ("outputs", "node "),
        "What is given for `node.input` of a node that uses variants is lost in the"
        " original; here it counts.",
    ),
    "legacy-tools": (
        ("error",),
        "Inline tool metadata is obsolete in the original as well; the class differs.",
    ),
}


def everywhere(difference: Difference, theirs: Any, ours: Any) -> str | None:
    """Return the id of the difference that is allowed in every case, if it is one."""
    if " inputs" in difference.aspect and isinstance(difference.theirs, dict):
        kept = dict(difference.theirs)
        hidden = kept.pop("_inputs_to_escape", None)
        if hidden is not None and equal(kept, difference.ours):
            return "hidden-input"
    if " output" in difference.aspect or " inputs" in difference.aspect:
        if " object at 0x" in str(difference.theirs) or " object f at 0x" in str(
            difference.theirs
        ):
            return "iterator-record"
        if "generator object" in str(difference.theirs):
            return "iterator-record"
    if difference.aspect == "outputs" and "generator object" in str(difference.ours):
        return "iterator-record"
    if (
        difference.aspect == "error"
        and "[SystemError,TypeError]" in difference.theirs
        and difference.ours.startswith("InvalidReferenceProperty")
    ):
        return "index-into-nothing"
    if difference.aspect.endswith(" status"):
        unresolved = {
            "InvalidReferenceProperty",
            "UnsupportedReference",
            "InputNotFound",
            "TypeError",
        }
        name = difference.aspect.split(" ")[1]
        node = (ours.get("nodes") or {}).get(name) or {}
        error = theirs.get("error") or node.get("error") or {}
        if (difference.theirs, difference.ours) == ("NotStarted", "Failed") and (
            error.get("class") in unresolved
        ):
            return "unresolved-node"
    return None


EVERYWHERE = {
    "index-into-nothing": "A bracket on what has no items is a bare TypeError in the"
    " original; here InvalidReferenceProperty.",
    "hidden-input": "The original records `_inputs_to_escape` among a node's inputs.",
    "iterator-record": "For an iterator the original records its address, which never"
    " is the same twice; we record the chunks once it was read.",
    "unresolved-node": "A node whose inputs cannot be resolved has no record in the"
    " original; here it is the one that failed.",
}


def judge(
    allowed: tuple[str, ...], found: list[Difference], theirs: Any, ours: Any
) -> tuple[list[Difference], set[str]]:
    """Take away what is allowed.

    Returns
    -------
    tuple
        The differences that remain; the ids of those that were allowed and seen.
    """
    remaining, used = [], set()
    for difference in found:
        common = everywhere(difference, theirs, ours)
        named = [
            name for name in allowed if difference.aspect.startswith(ALLOWED[name][0])
        ]
        if common:
            used.add(common)
        elif named:
            used.update(named)
        else:
            remaining.append(difference)
    return remaining, used
