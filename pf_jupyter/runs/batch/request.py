"""What is to be run over rows, in a form that a later process can take up again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ...errors import UsageError

LINE_SECONDS = 600.0
"""How long a line may take unless something else is said (flow-format section 4.3)."""


@dataclass(frozen=True)
class BatchRequest:
    """What is to be run.

    Parameters
    ----------
    path
        Flow folder or file.
    data
        A path, a DataFrame, an iterable of dictionaries; None with ``source_run``.
    mapping
        Input to ``${data.column}``, ``${run.outputs.name}``, ``${run.inputs.column}``
        or a constant.
    variant, environment_variables, connections, overrides, init
        As for a single run.
    workers
        The most lines to run at once; None means as many as help.
    line_timeout, batch_timeout
        Seconds for a line and for all of them; None means the flow's environment
        variables ``PF_LINE_TIMEOUT_SEC`` and ``PF_BATCH_TIMEOUT_SEC``, else 600 s for a
        line and no limit for all.
    source_run
        The batch run whose outputs and data are mapped, too.
    resume_from
        The batch run whose completed lines are taken over.
    name
        Display name.
    description
        What it is for, in words.
    tags
        Words by their keys, to find the run by.
    runtimes
        Names of further runtimes that take some of the lines; None means those of
        the run that is taken up.
    on
        A Dask cluster that takes the lines: its address, or an object of Dask.
    from_node, upstream
        Run lines from this node on, with what the others gave in this batch run.
    """

    path: Path
    data: Any = None
    mapping: Mapping[str, Any] | None = None
    variant: str | None = None
    environment_variables: Mapping[str, str] | None = None
    connections: Mapping[str, Mapping[str, Any]] | None = None
    overrides: Mapping[str, Any] | None = None
    init: Mapping[str, Any] | None = None
    workers: int | None = None
    line_timeout: float | None = None
    batch_timeout: float | None = None
    source_run: str | None = None
    resume_from: str | None = None
    name: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    runtimes: Sequence[str] | None = None
    on: Any = None
    from_node: str | None = None
    upstream: str | None = None

    def to_dict(self, data: str | None) -> dict[str, Any]:
        """Return it as JSON; ``data`` is the path under which the rows are found."""
        kept = {item.name: getattr(self, item.name) for item in fields(self)}
        if self.on is not None:
            from .cluster import address_of

            kept["on"] = address_of(self.on)
        return {**kept, "path": str(self.path), "data": data}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> BatchRequest:
        """Undo `to_dict`."""
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        made = cls(**values)
        return replace(made, path=Path(made.path), tags=made.tags or {})


@dataclass(frozen=True)
class Limits:
    """How much at once, and how long.

    Parameters
    ----------
    workers
        The most lines at once, or None.
    line, batch
        Seconds for a line and for all of them, or None for no limit.
    """

    workers: int | None
    line: float | None
    batch: float | None


def limits_of(request: BatchRequest, variables: Mapping[str, str]) -> Limits:
    """Return the limits of a batch (flow-format section 4.3).

    Parameters
    ----------
    request
        What was said for this batch wins.
    variables
        Its environment variables come next, then those of this process.

    Raises
    ------
    UsageError
        Something that is no such number.
    """
    workers = request.workers
    if workers is None:
        found = _number("PF_WORKER_COUNT", variables)
        workers = None if found is None else int(found)
    if workers is not None and workers < 1:
        raise UsageError(
            f"{workers} lines at once are too few",
            code="bad_value",
            hint="give at least one worker",
        )
    line = request.line_timeout
    if line is None:
        line = _number("PF_LINE_TIMEOUT_SEC", variables) or LINE_SECONDS
    whole = request.batch_timeout
    if whole is None:
        whole = _number("PF_BATCH_TIMEOUT_SEC", variables)
    for seconds in (line, whole):
        if seconds is not None and seconds <= 0:
            raise UsageError(
                f"a limit of {seconds:g} seconds leaves no time",
                code="bad_value",
                hint="give a positive number of seconds",
            )
    return Limits(workers, line, whole)


def _number(name: str, variables: Mapping[str, str]) -> float | None:
    text = variables.get(name) or os.environ.get(name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{name} is {text!r}, which is no number",
            code="bad_value",
            hint="give a positive number",
        ) from None
