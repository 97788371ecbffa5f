"""What a mapping probably means, by names: for forms to fill and hints of errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import UsageError
from ...flow.fields import nearest
from ...flow.model import FlowInput
from .data import LINE_NUMBER, Rows

DATA = "data"


def suggest(
    flow_inputs: Mapping[str, FlowInput],
    columns: Mapping[str, Iterable[str]] | Iterable[str],
) -> dict[str, str]:
    """Suggest a mapping by names: the same, the same but for case, or nearly so.

    Parameters
    ----------
    flow_inputs
        The inputs to fill.
    columns
        Columns by source (``data``, ``run.outputs``, ``run.inputs``), the preferred
        source first; or the columns of the data.

    Returns
    -------
    dict
        Input to reference, for the inputs that have a likely column.
    """
    sources = columns if isinstance(columns, Mapping) else {DATA: columns}
    names = [
        (source, column)
        for source, found in sources.items()
        for column in found
        if column != LINE_NUMBER
    ]
    suggested = {}
    for name in flow_inputs:
        for alike in (_same, _same_letters, _near):
            found = next(((s, c) for s, c in names if alike(name, c)), None)
            if found:
                suggested[name] = "${" + ".".join(found) + "}"
                break
    return suggested


def _same(name: str, column: str) -> bool:
    return name == column


def _same_letters(name: str, column: str) -> bool:
    def plain(text: str) -> str:
        return "".join(letter for letter in text.casefold() if letter.isalnum())

    return plain(name) == plain(column)


def _near(name: str, column: str) -> bool:
    return nearest(name, [column], 0.75) is not None


def not_found(
    missing: Mapping[str, str],
    whole: Mapping[str, Any],
    given: Mapping[str, Any],
    flow_inputs: Mapping[str, FlowInput],
    sources: Mapping[str, Rows],
) -> UsageError:
    """Return the error for references that lead nowhere, all of them at once.

    Parameters
    ----------
    missing
        Input to what stands in its braces.
    whole, given
        The mapping with and without what is implicit.
    flow_inputs, sources
        What there is.
    """
    columns = {name: rows.columns for name, rows in sources.items()}
    likely = suggest(flow_inputs, columns)
    problems = []
    for name, text in missing.items():
        source = _source_of(text, columns)
        if source is None:
            head = text.split(".")[0]
            why = "an empty name" if not text else f"there is no source {head!r}"
            near = nearest(head, columns)
            hint = f"did you mean '{near}'?" if near else ""
        else:
            column = text[len(source) + 1 :]
            why = f"{source} has no column {column!r}"
            near = nearest(column, columns[source])
            hint = f"did you mean '${{{source}.{near}}}'?" if near else ""
        asked = "" if name in given else f", which input {name!r} is taken from"
        if not hint and name in likely:
            hint = f"--map {name}='{likely[name]}'"
        if not hint and name not in given:
            hint = f"--map {name}=…"
        problems.append(
            {
                "input": name,
                "code": "ApplyInputMappingError",
                "message": f"{whole[name]}: {why}{asked}",
                "hint": hint,
            }
        )
    there = "; ".join(f"{name} has {', '.join(c)}" for name, c in columns.items())
    hints = list(dict.fromkeys(p["hint"] for p in problems if p["hint"]))
    return UsageError(
        "; ".join(problem["message"] for problem in problems),
        code="ApplyInputMappingError",
        hint="; ".join([*hints, there]),
        details={"problems": problems},
    )


def _source_of(text: str, columns: Mapping[str, Any]) -> str | None:
    parts = text.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in columns), None)
