"""What is known of one node: what it was given, what it gave, its lines, its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.wording import milliseconds
from .elements import Child, Element, h
from .parts import badge, button, card, text
from .shown import dismissible, facts, log, pre, source, tabs
from .values import shown_value, shown_values

if TYPE_CHECKING:
    from ..workspace.api import FlowInfo, NodeResult, Problem

SOURCE_CHARACTERS = 100_000


def node_card(
    info: FlowInfo,
    name: str,
    *,
    result: NodeResult | None,
    state: Mapping[str, Any],
    source_text: str | None,
    lines: Sequence[str] = (),
    problems: Sequence[Problem] = (),
    busy: str | None = None,
    can_rerun: bool = False,
    opened: str = "",
) -> Element:
    """Return the card of a node.

    Parameters
    ----------
    result
        What came of it in the last run, if there was one.
    state
        Where it is in the run that goes on.
    source_text
        Its source, None while it is read.
    lines
        What it printed so far, when there is no result yet.
    problems
        What is wrong in its source.
    busy
        Why nothing can be run now.
    can_rerun
        Whether there is a run whose values it can be run with again.
    opened
        The page to open first.
    """
    node = next((n for n in info.nodes if n["name"] == name), {})
    status = result.status if result else str(state.get("status") or "NotStarted")
    reason = busy or (None if can_rerun else "run the flow once first")
    return card(
        h(
            "div",
            badge(status),
            h("span", milliseconds(result.duration_ms if result else None)),
            h("span", str(node.get("type") or ""), class_="pf-mu"),
            h("span", "from the cache", class_="pf-mu")
            if result and result.cached_run_id
            else None,
            class_="pf-row",
        ),
        h(
            "div",
            button(
                "Run from here",
                "rerun",
                icon="play",
                reason=reason,
                node=name,
                alone=False,
            ),
            button(
                "Run it alone",
                "rerun",
                icon="box",
                reason=reason,
                node=name,
                alone=True,
            ),
            class_="pf-row",
        ),
        tabs(
            "node",
            [
                ("result", "Result", _result(result)),
                ("inputs", "Inputs", _inputs(result, node)),
                ("logs", "Logs", _logs(name, result, lines)),
                ("source", "Source", _source(node, source_text, problems)),
            ],
            opened=opened,
        ),
        title=name,
        actions=[dismissible("close_node")],
        key=f"node:{name}",
    )


def read_source(info: FlowInfo, name: str) -> str:
    """Return the text of a node's source, or why there is none; reads a file."""
    node = next((n for n in info.nodes if n["name"] == name), None)
    file = str((node or {}).get("source") or "")
    if not file:
        return ""
    folder = info.path if info.path.is_dir() else info.path.parent
    path = Path(folder, file)
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:SOURCE_CHARACTERS]
    except OSError:
        return ""  # a tool of a package: it has no file in the folder


def _result(result: NodeResult | None) -> Child:
    if result is None:
        return text("It has not run yet.", quiet=True)
    if result.error:
        return error_text(result.error)
    if result.status != "Completed":
        return text(f"It gave nothing: {result.status.lower()}.", quiet=True)
    return shown_value(result.output)


def error_text(error: Mapping[str, Any]) -> Element:
    """Return an error of a node: what happened, where, and what to do."""
    return h(
        "div",
        h("p", error.get("message"), " ", h("code", error.get("code"), class_="pf-mu")),
        h("p", h("b", "What to do: "), error["hint"]) if error.get("hint") else None,
        pre(str(error["traceback"]), label="traceback")
        if error.get("traceback")
        else None,
        class_="pf-column",
    )


def _inputs(result: NodeResult | None, node: Mapping[str, Any]) -> Child:
    if result is not None and result.inputs:
        return shown_values(result.inputs)
    given = node.get("inputs") or {}
    if not given:
        return text("It takes no inputs.", quiet=True)
    return facts((name, h("code", str(value))) for name, value in given.items())


def _logs(name: str, result: NodeResult | None, lines: Sequence[str]) -> Child:
    if result is not None:
        lines = [
            line
            for stream in ("stdout", "stderr")
            for line in str(result.logs.get(stream) or "").splitlines()
        ]
    if not lines:
        return text("It printed nothing.", quiet=True)
    return log(lines, key=f"log:{name}", label=f"what {name} printed")


def _source(
    node: Mapping[str, Any], text_of_it: str | None, problems: Sequence[Problem]
) -> Child:
    file = str(node.get("source") or "")
    if not text_of_it:
        words = f"{file} is no file of the flow's folder." if file else "It has none."
        return text(words, quiet=True)
    marks = {p.line: p.message for p in problems if p.line and p.file.endswith(file)}
    return h(
        "div",
        h(
            "div",
            h("code", file, class_="pf-mu"),
            button("Validate", "validate", icon="check"),
            class_="pf-row",
        ),
        source(text_of_it, marks=marks),
        class_="pf-column",
    )
