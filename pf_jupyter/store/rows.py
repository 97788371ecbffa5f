"""Records as rows of tables, and the statements that every run needs."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import RowMapping, bindparam, case, exists, insert, or_, select, update

from . import tables
from .codec import decode, encode
from .records import LifeLine, RunRecord, RuntimeRecord

RUNTIME_JSON = ("error", "layers", "previous")
"""Columns of a runtime that hold JSON."""

USABLE = ("ready", "busy")
"""States in which a runtime takes runs."""

# Statements of the hot path are built once: building costs more than running them.
_runs, _runtimes = tables.runs.c, tables.runtimes.c
_OTHERS_RUNNING = exists(
    select(_runs.run_id).where(
        _runs.runtime_id == _runtimes.id,
        _runs.status == "Running",
    )
)
ONE_RUNTIME = select(tables.runtimes).where(_runtimes.id == bindparam("key"))
INSERT_RUN = insert(tables.runs)
TAKE_RUNTIME = (
    update(tables.runtimes)
    .where(
        _runtimes.id == bindparam("key"), or_(*(_runtimes.state == s for s in USABLE))
    )
    .values(state="busy", last_used_at=bindparam("now"))
)
TAKE_UNCHANGED = TAKE_RUNTIME.where(_runtimes.revision == bindparam("as_of"))
RELEASE_RUNTIME = (
    update(tables.runtimes)
    .where(_runtimes.id == bindparam("key"), _runtimes.state == "busy")
    .values(
        state=case((_OTHERS_RUNNING, "busy"), else_="ready"),
        last_used_at=bindparam("now"),
    )
)
FINISH_RUN = (
    update(tables.runs)
    .where(_runs.run_id == bindparam("key"), _runs.status == "Running")
    .values(
        status=bindparam("new_status"),
        ended_at=bindparam("new_ended_at"),
        duration_ms=bindparam("new_duration_ms"),
        hostname=bindparam("new_hostname"),
        error=bindparam("new_error"),
        document=bindparam("new_document"),
        lines=bindparam("new_lines"),
    )
)
RUN_SUMMARY = [column for column in tables.runs.c if column.name != "document"]


def runtime_row(record: RuntimeRecord) -> dict[str, Any]:
    """Return the row of a runtime."""
    row = dataclasses.asdict(record)
    return {**row, **{name: encode(row[name]) for name in RUNTIME_JSON}}


def runtime_record(row: RowMapping) -> RuntimeRecord:
    """Return the runtime of a row."""
    plain = {name: decode(row[name]) for name in RUNTIME_JSON}
    return RuntimeRecord(**{**row, **plain})


def line_row(key: str, line: LifeLine) -> dict[str, Any]:
    """Return the row of a log line of the runtime ``key``."""
    return {"runtime_id": key, **dataclasses.asdict(line)}


def run_row(record: RunRecord) -> dict[str, Any]:
    """Return the row of a run."""
    row = {name: getattr(record, name) for name in _RUN_FIELDS}
    for name in _JSON_FIELDS:
        row[name] = encode(row[name])
    return row


def run_record(row: RowMapping) -> RunRecord:
    """Return the run of a row, which may lack the document."""
    values: dict[str, Any] = dict(row)
    for name in _JSON_FIELDS:
        values[name] = decode(values.get(name))
    return RunRecord(**values)


_RUN_FIELDS = tuple(field.name for field in dataclasses.fields(RunRecord))
_JSON_FIELDS = ("inputs", "error", "document", "lines", "labels")
