"""Rows and runs as a batch will have them, before there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..flow.model import FlowInput
from ..runs.batch.data import LINE_NUMBER, Rows, open_rows
from ..runs.batch.mapping import DATA, RUN_INPUTS, RUN_OUTPUTS, bind
from ..runs.batch.prepare import upstream_rows
from ..runs.evaluation.wiring import wired
from .preview_api import BatchSources, DataPreview, Fit, RowSource

if TYPE_CHECKING:
    from ..store.store import Store
    from .flow_api import FlowInfo

ROWS = 5
ROWS_FOR_TYPES = 1_000
_TYPES: Mapping[type, str] = {
    bool: "yes or no",
    int: "integer",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
}


class LocalSources(BatchSources):
    """What a mapping can refer to, as the batch itself would see it.

    Parameters
    ----------
    data
        The data, None without any.
    runs
        ``run.outputs`` and ``run.inputs`` of another run.
    """

    def __init__(
        self, data: DataPreview | None, rows: Any, runs: Mapping[str, RowSource]
    ) -> None:
        self.data = data
        self._rows = rows
        self._runs = dict(runs)
        known = {} if rows is None else {DATA: rows}
        self.columns = {
            name: [column for column in source.columns if column != LINE_NUMBER]
            for name, source in {**known, **self._runs}.items()
        }

    def suggest(self, flow: FlowInfo) -> dict[str, str]:
        """Return references for the inputs that have a likely column, by names."""
        outputs, inputs = self._run_rows()
        # an input in the data's column of its name needs no mapping, but is to be seen
        own = {
            name: "${data." + name + "}"
            for name in _inputs(flow)
            if name in self.columns.get(DATA, ())
        }
        found = wired(own, _inputs(flow), self.columns.get(DATA), outputs, inputs)[0]
        return {name: str(value) for name, value in found.items()}

    def fit(self, flow: FlowInfo, mapping: Mapping[str, Any]) -> Fit:
        """Check a mapping, all of it at once, as a batch does before it begins."""
        outputs, inputs = self._run_rows()
        try:
            plan = bind(mapping, _inputs(flow), self._rows, outputs, inputs)
        except UsageError as error:
            return Fit(_problems(error), [], dict(mapping))
        return Fit([], plan.warnings, plan.mapping)

    def judged(self, flow: FlowInfo) -> LocalSources:
        """Return what an evaluation has of a batch of ``flow`` over these rows."""
        lines = self._rows.count() if self._rows is not None else 0
        outputs = [str(item["name"]) for item in flow.outputs]
        runs = {RUN_OUTPUTS: RowSource(outputs, lines)}
        if self._rows is not None:
            columns = [str(name) for name in self._rows.columns]
            runs[RUN_INPUTS] = RowSource(columns, lines)
        return LocalSources(None, None, runs)

    def _run_rows(self) -> tuple[Any, Any]:
        return self._runs.get(RUN_OUTPUTS), self._runs.get(RUN_INPUTS)


def sources_of(data: Any, runs: Mapping[str, RowSource]) -> LocalSources:
    """Return what a mapping can refer to; see `PreviewsBatches.batch_sources`."""
    if data is None and not runs:
        raise UsageError(
            "there is neither data nor a run to take rows from",
            code="missing_data",
            hint="name a file of rows: jsonl, csv, tsv, json or parquet",
        )
    if data is None:
        return LocalSources(None, None, runs)
    rows = open_rows(Path(data) if isinstance(data, str) else data)
    rows.require()
    return LocalSources(_preview(rows), rows, runs)


def sources_of_run(store: Store, run_id: str) -> dict[str, RowSource]:
    """Return what can be mapped of a batch run; see `JudgedRun.sources`."""
    outputs, inputs = upstream_rows(store, run_id)
    return {
        name: RowSource(list(rows.columns), rows.count(), _order(rows))
        for name, rows in ((RUN_OUTPUTS, outputs), (RUN_INPUTS, inputs))
        if rows is not None
    }


def _order(rows: Rows) -> Any:
    return rows.order


def _preview(rows: Rows) -> DataPreview:
    seen = list(islice(iter(rows), ROWS_FOR_TYPES))
    columns = [(name, _type([row.get(name) for row in seen])) for name in rows.columns]
    return DataPreview(rows.source, columns, seen[:ROWS], rows.count())


def _type(cells: Sequence[Any]) -> str:
    kinds = {_TYPES.get(type(cell), "mixed") for cell in cells if not _is_gap(cell)}
    if kinds == {"integer", "number"}:
        return "number"
    if len(kinds) > 1:
        return "mixed"
    return kinds.pop() if kinds else "nothing"


def _is_gap(cell: Any) -> bool:
    return cell is None or cell != cell


def _inputs(flow: FlowInfo) -> dict[str, FlowInput]:
    return {
        str(item["name"]): FlowInput(
            str(item["name"]), str(item.get("type") or ""), item.get("default")
        )
        for item in flow.inputs
    }


def _problems(error: UsageError) -> list[dict[str, Any]]:
    told = error.details.get("problems")
    if told:
        return [{"input": "", **problem} for problem in told]
    document = {"code": error.code, "message": error.message, "hint": error.hint}
    return [{"input": "", **document}]
