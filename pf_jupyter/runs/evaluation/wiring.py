"""From what an evaluation takes to what the run and the data have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...flow.model import FlowInput
from ..batch.data import LINE_NUMBER, Rows, open_rows
from ..batch.mapping import RUN_INPUTS, RUN_OUTPUTS, parse_mapping
from ..batch.suggesting import DATA, suggest

ANSWERS = ("answer", "prediction", "response", "output")


def wired(
    mapping: Mapping[str, Any] | Iterable[str] | None,
    flow_inputs: Mapping[str, FlowInput],
    data_columns: Iterable[str] | None,
    outputs: Rows | None,
    inputs: Rows | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Complete a mapping by names; an input that is in the data stays out of it.

    Where exactly one output of the run is left, it is the one input that is left, or
    the one that is called after what a flow answers.

    Parameters
    ----------
    mapping
        What the user gave; it always wins.
    flow_inputs
        What the evaluation takes.
    data_columns
        Of further data, if there is any.
    outputs, inputs
        Of the run that is judged.

    Returns
    -------
    tuple
        The mapping, and the part of it that was guessed.
    """
    given = parse_mapping(mapping)
    open_inputs = {
        name: declared
        for name, declared in flow_inputs.items()
        if declared.default is None and name not in given
    }
    columns: dict[str, list[str]] = {}
    if data_columns is not None:
        columns[DATA] = list(data_columns)
    for source, found in ((RUN_OUTPUTS, outputs), (RUN_INPUTS, inputs)):
        if found is not None:
            columns[source] = [name for name in found.columns if name != LINE_NUMBER]
    for name in columns.get(DATA, ()):
        open_inputs.pop(name, None)
    guessed = suggest(open_inputs, columns)
    left = [name for name in open_inputs if name not in guessed]
    taken = {*guessed.values(), *(v for v in given.values() if isinstance(v, str))}
    free = [
        reference
        for column in columns.get(RUN_OUTPUTS, ())
        if (reference := "${" + f"{RUN_OUTPUTS}.{column}" + "}") not in taken
    ]
    likely = left if len(left) == 1 else [name for name in left if name in ANSWERS]
    if len(likely) == len(free) == 1:
        guessed[likely[0]] = free[0]
    return {**guessed, **given}, guessed


def columns_of(data: Any) -> list[str] | None:
    """Return the columns of data without using it up; None when that cannot be."""
    if isinstance(data, str | Path):
        return open_rows(data).columns
    if hasattr(data, "columns"):
        return [str(name) for name in data.columns]
    if isinstance(data, Sequence):
        return list(dict.fromkeys(str(name) for row in data for name in row))
    return None
