"""Rows out of tables: csv and tsv with the standard library, parquet with pyarrow."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ...errors import UsageError
from .data_error import DataInvalid, wrong_encoding
from .data_json import Row, open_text

PARQUET_ROWS = 2000


def read_table(file: Path, delimiter: str) -> Iterator[Row]:
    """Read a table with a heading; every cell is text (flow-format section 4.1).

    Empty lines do not count and a short row's last cells are empty, as the public tool
    has it. Columns of the same name are told apart by a number, one without a name is
    called after its position.

    Raises
    ------
    DataInvalid
        A row has more cells than the heading, a quotation mark is never closed, or
        the file is not UTF-8.
    """
    csv.field_size_limit(max(csv.field_size_limit(), min(sys.maxsize, (1 << 31) - 1)))
    with open_text(file, newline="") as stream:
        lines = _Lines(stream)
        rows = csv.reader(lines, delimiter=delimiter)
        try:
            names: list[str] = []
            before = 0
            for cells in rows:
                if lines.ended:
                    _refuse_open_quote(file, before + 1)
                if not names:
                    names = _names(cells) if cells else []
                elif len(cells) == len(names):
                    yield dict(zip(names, cells, strict=True))
                elif cells:
                    yield _ragged(file, before + 1, names, cells)
                before = rows.line_num
        except UnicodeDecodeError:
            raise wrong_encoding(file) from None
        except csv.Error as error:
            raise DataInvalid(
                f"not a table: {error}",
                file=file,
                line=rows.line_num,
                hint="write it with a csv library",
            ) from None


def heading(file: Path, delimiter: str) -> list[str]:
    """Return the names of a table's columns."""
    with open_text(file, newline="") as stream:
        try:
            for cells in csv.reader(stream, delimiter=delimiter):
                if cells:
                    return _names(cells)
        except UnicodeDecodeError:
            raise wrong_encoding(file) from None
    return []


class _Lines:
    """The lines of a file, and whether somebody asked for one behind the last.

    A csv reader asks for more only inside quotation marks: a row that comes after the
    end is one whose mark was never closed.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        yield from self._stream
        self.ended = True


def _names(cells: list[str]) -> list[str]:
    names: list[str] = []
    taken = set(cells)
    for position, cell in enumerate(cells):
        base = cell or f"Unnamed: {position}"
        name, further = base, 0
        while name in names or (further and name in taken):
            further += 1
            name = f"{base}.{further}"
        names.append(name)
    return names


def _ragged(file: Path, line: int, names: list[str], cells: list[str]) -> Row:
    if len(cells) > len(names):
        raise DataInvalid(
            f"the row has {len(cells)} cells, the heading {len(names)}",
            file=file,
            line=line,
            hint="put cells that hold the separator into double quotes",
        )
    return dict(zip(names, cells + [""] * (len(names) - len(cells)), strict=True))


def _refuse_open_quote(file: Path, line: int) -> None:
    raise DataInvalid(
        "a quotation mark that opens in this row is never closed",
        file=file,
        line=line,
        hint='close it, or write "" for a quotation mark inside of a cell',
    )


def read_parquet(file: Path) -> Iterator[Row]:
    """Read a parquet file a few thousand rows at a time.

    Raises
    ------
    UsageError
        pyarrow is not installed.
    DataInvalid
        It is not a parquet file.
    """
    with _parquet(file) as opened:
        for batch in opened.iter_batches(batch_size=PARQUET_ROWS):
            yield from batch.to_pylist()


def parquet_shape(file: Path) -> tuple[list[str], int]:
    """Return a parquet file's columns and its number of rows, without reading them."""
    with _parquet(file) as opened:
        return list(opened.schema_arrow.names), int(opened.metadata.num_rows)


def _parquet(file: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            f"reading {file.name} needs pyarrow, which is not installed",
            code="missing_library",
            hint="pip install 'pf-jupyter[parquet]', or save the data as jsonl or csv",
        ) from None
    try:
        return pyarrow.parquet.ParquetFile(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataInvalid(
            f"not a parquet file: {str(error).splitlines()[0]}",
            file=file,
            hint="was it copied whole? write it again, or save it as jsonl",
        ) from None
