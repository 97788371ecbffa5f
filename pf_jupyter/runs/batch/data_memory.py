"""Rows out of memory, a DataFrame or dictionaries, written down to be read again.

A batch may be resumed after the process that made the rows is gone, so they are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...worker.protocol import pack_value
from .data_error import DataInvalid
from .data_json import Row

SUFFIX = ".spool.jsonl"
AT_ONCE = 2000
NOTHING = ("NaTType", "NAType")  # of pandas; NaT even is a datetime


def rows_in(source: Any) -> tuple[Iterator[Row], str]:
    """Return the rows of a DataFrame or an iterable, and what it is in words.

    Neither pandas, polars nor pyarrow is imported: what is known of them is how
    their tables are asked for rows.

    Raises
    ------
    UsageError
        It is nothing that has rows.
    """
    kind = type(source).__name__
    if hasattr(source, "iter_rows") and hasattr(source, "columns"):  # polars
        return iter(source.iter_rows(named=True)), kind
    if hasattr(source, "iloc") and hasattr(source, "columns"):  # pandas
        return _of_pandas(source), kind
    if hasattr(source, "to_batches") and hasattr(source, "column_names"):  # pyarrow
        batches = source.to_batches(max_chunksize=AT_ONCE)
        return (row for batch in batches for row in batch.to_pylist()), kind
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise UsageError(
            f"data cannot be a {kind}",
            code="bad_data",
            hint="give a path, a DataFrame or rows such as [{'question': '…'}, …]",
        )
    return iter(source), kind


def _of_pandas(frame: Any) -> Iterator[Row]:
    names = [str(name) for name in frame.columns]
    for start in range(0, len(frame), AT_ONCE):
        part = frame.iloc[start : start + AT_ONCE]
        for values in part.itertuples(index=False, name=None):
            yield dict(zip(names, values, strict=True))


def spool(rows: Iterator[Row], file: Path) -> int:
    """Write rows to a file, all of them or none; return how many.

    Raises
    ------
    DataInvalid
        A row is no dictionary, or a value cannot be sent to a flow.
    """
    if not file.name.endswith(SUFFIX):
        raise ValueError(f"{file.name} must end with {SUFFIX}, so that it reads back")
    part = file.with_name(file.name + ".part")
    file.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with part.open("w", encoding="utf-8", newline="\n") as stream:
        for count, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                raise DataInvalid(
                    f"row {count - 1} is a {type(row).__name__}, not a dictionary",
                    hint="give rows such as [{'question': '…'}, …]",
                )
            stream.write(_text(count - 1, row) + "\n")
    part.replace(file)
    return count


def _text(number: int, row: Mapping[str, Any]) -> str:
    packed = {}
    for name, value in row.items():
        if type(value).__name__ in NOTHING:
            value = None
        try:
            packed[str(name)] = pack_value(value)
        except (TypeError, RecursionError):
            packed[str(name)] = _plain(number, str(name), value)
    if "$pf" in packed:
        packed = pack_value(packed)
    return json.dumps(packed, ensure_ascii=False)


def _plain(number: int, name: str, value: Any) -> Any:
    """Return a value of numpy or pandas as a plain one."""
    for method in ("tolist", "item"):  # an array or a scalar of numpy
        if hasattr(value, method):
            try:
                return pack_value(getattr(value, method)())
            except (TypeError, ValueError):
                break
    if isinstance(value, dict):
        return pack_value({k: _plain_deep(number, name, v) for k, v in value.items()})
    if isinstance(value, list | tuple):
        return pack_value([_plain_deep(number, name, item) for item in value])
    raise DataInvalid(
        f"row {number}, column {name!r}: a {type(value).__name__} cannot be sent",
        hint="give text, numbers, dates, lists and dictionaries",
    )


def _plain_deep(number: int, name: str, value: Any) -> Any:
    if type(value).__name__ in NOTHING:
        return None
    try:
        pack_value(value)
    except (TypeError, RecursionError):
        return _plain(number, name, value)
    return value
