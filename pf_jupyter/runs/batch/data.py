"""The rows of a batch: read as a stream, again and again, checked before anything runs.

Sources and their rules: flow-format sections 4.1 and 9.25.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import NotFound
from ...flow.fields import did_you_mean
from .data_error import DataInvalid
from .data_json import Row, read_document, read_lines, read_spooled
from .data_memory import SUFFIX, rows_in, spool
from .data_table import heading, parquet_shape, read_parquet, read_table

LINE_NUMBER = "line_number"
NAN = float("nan")
FORMATS = "jsonl, csv, tsv, json, parquet"

Reader = Callable[[Path], Iterator[Row]]


@dataclass
class Part:
    """One file of the data, and what reading it whole has shown.

    ``gaps`` are columns of numbers with missing or null cells: such a column is read
    as floats, its gaps as NaN, as the public tool has it.
    """

    file: Path
    read: Reader
    known: bool
    exact: bool = False
    columns: dict[str, None] = field(default_factory=dict)
    gaps: frozenset[str] = frozenset()
    even: bool = True
    count: int = 0
    stamp: tuple[int, int] = (0, 0)


class Rows:
    """Rows of data; iterating reads them anew, in memory that does not grow.

    Before the first row is given all of them are read once: a torn last line is an
    error before anything ran, and the columns are those of all rows.

    Attributes
    ----------
    source
        Where the rows come from, as text for records.
    files
        The files that are read; rows from memory stand in the spool.
    """

    def __init__(self, parts: list[Part], source: str) -> None:
        self._parts = parts
        self._scanned = False
        self._fingerprint: tuple[list[tuple[int, int]], str] | None = None
        self._order = ""
        self.source = source

    def __repr__(self) -> str:
        return f"<Rows of {self.source}>"

    def __iter__(self) -> Iterator[Row]:
        self.scan()
        names = self.columns
        for part in self._parts:
            if not (part.even and list(part.columns) == names) and part.count:
                yield from _filled(part, names)
            elif part.gaps:
                yield from (_floats(row, part.gaps) for row in part.read(part.file))
            elif part.count:
                yield from part.read(part.file)

    @property
    def files(self) -> list[Path]:
        """The files that are read, in order."""
        return [part.file for part in self._parts]

    @property
    def columns(self) -> list[str]:
        """Names of all columns; a row that lacks one has NaN there (section 4.1)."""
        self.scan()
        return list(
            dict.fromkeys(name for part in self._parts for name in part.columns)
        )

    @property
    def order(self) -> str:
        """How rows are numbered: ``position``, ``sorted`` or ``unsorted``.

        By their position unless they have a column ``line_number`` (section 4.2).
        """
        self.scan()
        return self._order

    def count(self) -> int:
        """Return the number of rows."""
        self.scan()
        return sum(part.count for part in self._parts)

    def require(self) -> None:
        """Refuse data without a single row (``EmptyInputsData``, section 4.1)."""
        if not self.count():
            raise DataInvalid(
                f"there are no rows in {self.source}",
                code="EmptyInputsData",
                hint="give data with at least one row",
            )

    def fingerprint(self) -> str:
        """Return the hash of the content; equal files under other names have it too."""
        stamps = [_stamp(part.file) for part in self._parts]
        if self._fingerprint is None or self._fingerprint[0] != stamps:
            total = hashlib.sha256()
            for part in self._parts:
                with part.file.open("rb") as stream:
                    total.update(hashlib.file_digest(stream, "sha256").digest())
            self._fingerprint = stamps, total.hexdigest()
        return self._fingerprint[1]

    def scan(self) -> None:
        """Read everything once, unless that was done and no file changed since.

        Raises
        ------
        DataInvalid
            With the file, line and column of what is wrong.
        """
        stamps = [_stamp(part.file) for part in self._parts]
        if self._scanned and stamps == [part.stamp for part in self._parts]:
            return
        numbers = _Order()
        kept = []
        for part, stamp in zip(self._parts, stamps, strict=True):
            try:
                _scan(part, numbers)
            except DataInvalid as error:
                if part.known:
                    raise
                if len(self._parts) > 1:
                    continue  # a folder's readme is no data; the public tool skips it
                raise DataInvalid(
                    f"{error.message}; it was read as jsonl, as {part.file.suffix!r}"
                    " says nothing else",
                    code=error.code,
                    hint=f"data is one of {FORMATS}",
                    details=error.details,
                ) from None
            part.stamp = stamp
            kept.append(part)
        self._parts, self._scanned = kept, True
        self._order = numbers.verdict()


def open_rows(
    source: Any, *, base: Path | None = None, spool: Path | None = None
) -> Rows:
    """Open data for a batch.

    Parameters
    ----------
    source
        Path of a jsonl, csv, tsv, json or parquet file or of a folder of them; a
        DataFrame (pandas, polars, pyarrow); an iterable of dictionaries; or `Rows`.
    base
        Folder for relative paths; the current one if None.
    spool
        Where rows from memory are written down, a name that ends with
        ``.spool.jsonl``: opening that path again gives the same rows. A temporary
        file, gone with the returned object, if None.

    Raises
    ------
    NotFound
        There is no such file or folder.
    UsageError
        It is nothing that has rows, or its rows cannot be kept.
    """
    if isinstance(source, Rows):
        return source
    if isinstance(source, str | os.PathLike):
        return _from_path(Path(source), base or Path())
    rows, kind = rows_in(source)
    return _from_memory(rows, kind, spool)


def _from_path(given: Path, base: Path) -> Rows:
    path = base / given.expanduser()
    if path.is_dir():
        found = [file for file in _walk(path) if not file.name.startswith(".")]
        return Rows([_part(file) for file in found], str(path))
    if not path.is_file():
        near = [item.name for item in path.parent.glob("*")] if path.name else []
        raise NotFound(
            f"there is no data at {given}",
            code="data_not_found",
            hint=did_you_mean(path.name, near, f"looked in {path.parent}"),
        )
    return Rows([_part(path)], str(path))


def _walk(folder: Path) -> Iterator[Path]:
    """Give the files of a folder level by level, each level in the order of names."""
    level = [folder]
    while level:
        items = [item for place in level for item in sorted(place.iterdir())]
        yield from (item for item in items if item.is_file())
        level = [
            item for item in items if item.is_dir() and not item.name.startswith(".")
        ]


def _from_memory(rows: Iterator[Row], kind: str, place: Path | None) -> Rows:
    if place is None:
        handle, name = tempfile.mkstemp(suffix=SUFFIX)
        os.close(handle)
        file = Path(name)
    else:
        file = place
    try:
        count = spool(rows, file)
    except BaseException:
        if place is None:
            file.unlink(missing_ok=True)
        file.with_name(file.name + ".part").unlink(missing_ok=True)
        raise
    made = Rows([_part(file)], f"{kind} of {count} row{'' if count == 1 else 's'}")
    if place is None:
        weakref.finalize(made, file.unlink, missing_ok=True)
    return made


def _part(file: Path) -> Part:
    if file.name.endswith(SUFFIX):
        return Part(file, read_spooled, True, exact=True)
    suffix = file.suffix.lower()
    readers: dict[str, Reader] = {
        ".jsonl": read_lines,
        ".json": read_document,
        ".csv": lambda file: read_table(file, ","),
        ".tsv": lambda file: read_table(file, "\t"),
        ".parquet": read_parquet,
    }
    return Part(file, readers.get(suffix, read_lines), suffix in readers)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except FileNotFoundError:
        raise NotFound(
            f"the data is gone: {file}",
            code="data_not_found",
            hint="put it back, or give --data with its new place",
        ) from None
    return found.st_mtime_ns, found.st_size


def _scan(part: Part, numbers: _Order) -> None:
    """Read a file whole; find its columns and what its gaps are."""
    columns: dict[str, None] = {}
    suspects: set[str] = set()
    names: Any = None
    even, count, numbered = True, 0, False
    for row in part.read(part.file):
        if row.keys() != names:
            if names is not None:
                even = False
                suspects.update(row.keys() ^ columns.keys())
            names = row.keys()
            columns.update(dict.fromkeys(row))
            numbered = numbered or LINE_NUMBER in row
        if None in row.values():
            suspects.update(name for name, cell in row.items() if cell is None)
        if numbered:
            numbers.note(row, count, part.file)
        count += 1
    if not count and part.file.suffix.lower() in (".csv", ".tsv", ".parquet"):
        columns = dict.fromkeys(_heading(part.file))
    numbers.end(count)
    part.columns, part.even, part.count = columns, even, count
    part.gaps = frozenset() if part.exact else _number_columns(part, suspects)


def _heading(file: Path) -> list[str]:
    if file.suffix.lower() == ".parquet":
        return parquet_shape(file)[0]
    return heading(file, "," if file.suffix.lower() == ".csv" else "\t")


def _number_columns(part: Part, suspects: set[str]) -> frozenset[str]:
    """Return those of the columns with gaps that hold nothing but numbers."""
    if not suspects:
        return frozenset()
    seen: set[str] = set()
    for row in part.read(part.file):
        for name in list(suspects):
            cell = row.get(name)
            if cell is None:
                continue
            seen.add(name)
            if type(cell) not in (int, float):
                suspects.discard(name)
        if not suspects:
            break
    return frozenset(suspects & seen)


def _filled(part: Part, names: list[str]) -> Iterator[Row]:
    for row in part.read(part.file):
        whole = {name: row.get(name, NAN) for name in names}
        yield _floats(whole, part.gaps) if part.gaps else whole


def _floats(row: Row, names: frozenset[str]) -> Row:
    for name in names:
        cell = row.get(name)
        row[name] = NAN if cell is None else float(cell)
    return row


def line_number(row: Row, position: int) -> int:
    """Return the number of a row: its ``line_number`` if it has one, else its position.

    Raises
    ------
    DataInvalid
        The column holds something that is no number from 0 on.
    """
    given = row.get(LINE_NUMBER, position)
    if isinstance(given, str) and given.isdecimal() and given.isascii():
        given = int(given)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if type(given) is not int or given < 0:
        raise DataInvalid(
            f"row {position}: {given!r} is no line number",
            hint="a column 'line_number' numbers the rows, from 0;"
            " rename it if it means something else",
        )
    return given


class _Order:
    """Watches the line numbers of all rows, when they have some."""

    def __init__(self) -> None:
        self._last = -1
        self._noted = self._all = 0
        self._sorted = True

    def note(self, row: Row, position: int, file: Path) -> None:
        if LINE_NUMBER not in row:
            raise DataInvalid(
                f"row {position} has no line_number, others have",
                file=file,
                hint="number all rows or none",
            )
        try:
            number = line_number(row, position)
        except DataInvalid as error:
            raise DataInvalid(error.message, file=file, hint=error.hint) from None
        self._sorted = self._sorted and number > self._last
        self._last = number
        self._noted += 1

    def end(self, count: int) -> None:
        self._all += count

    def verdict(self) -> str:
        if not self._noted:
            return "position"
        if self._noted < self._all:
            raise DataInvalid(
                f"{self._all - self._noted} rows have no line_number, others have",
                hint="number all rows or none",
            )
        return "sorted" if self._sorted else "unsorted"
