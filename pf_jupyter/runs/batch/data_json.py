"""Rows out of JSON: one object a line (jsonl), or one document (json)."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from ...flow.fields import describe
from ...worker.protocol import unpack_value
from .data_error import DataInvalid, wrong_encoding

Row = dict[str, Any]
CHUNK = 1 << 20
_DECODER = json.JSONDecoder()
_TAG = '"$pf"'


def open_text(file: Path, newline: str | None = "\n") -> TextIO:
    """Open a file as UTF-8, behind its byte order mark if it has one."""
    with file.open("rb") as stream:
        marked = stream.read(3) == codecs.BOM_UTF8
    opened = file.open(encoding="utf-8", newline=newline, buffering=CHUNK)
    if marked:
        opened.read(1)
    return opened


def read_lines(file: Path) -> Iterator[Row]:
    """Read one JSON object a line; empty lines do not count.

    Raises
    ------
    DataInvalid
        A line is torn, is no JSON or no object, or the file is not UTF-8.
    """
    # Twice as fast as json.loads for short lines.
    scan: Callable[[str, int], tuple[Any, int]] = _DECODER.scan_once  # type: ignore[attr-defined]
    with open_text(file) as stream:
        try:
            for number, line in enumerate(stream, 1):
                try:
                    row, end = scan(line, 0)
                except (StopIteration, ValueError, RecursionError):
                    end = -1
                if end < len(line) - 1 or type(row) is not dict:
                    if not line.strip():
                        continue
                    row = _careful(file, number, line)
                yield row
        except UnicodeDecodeError:
            raise wrong_encoding(file) from None


def read_spooled(file: Path) -> Iterator[Row]:
    """Read rows that `data_memory.spool` wrote, with values that JSON lacks."""
    with open_text(file) as stream:
        for number, line in enumerate(stream, 1):
            row = _careful(file, number, line)
            yield unpack_value(row) if _TAG in line else row


def _careful(file: Path, number: int, line: str) -> Row:
    """Read a line that the fast way did not like, or say what is wrong with it."""
    try:
        row = json.loads(line)
    except RecursionError:
        raise DataInvalid(
            "nested too deeply",
            file=file,
            line=number,
            hint="a row may nest some hundred levels",
        ) from None
    except json.JSONDecodeError as error:
        _refuse_line(file, number, line, error)
    if not isinstance(row, dict):
        raise DataInvalid(
            f"the line is {describe(row)}, a row must be a JSON object",
            file=file,
            line=number,
            column=1,
            hint='each line is one row, for instance {"question": "…"}',
        )
    return row


def _refuse_line(
    file: Path, number: int, line: str, error: json.JSONDecodeError
) -> NoReturn:
    text = line.rstrip()
    if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
        last = not line.endswith("\n")
        raise DataInvalid(
            "the line ends before its JSON object does"
            + (", and the file with it" if last else ""),
            file=file,
            line=number,
            column=len(text) + 1,
            hint="the file was cut off while it was written; remove its last line"
            if last
            else "each line must hold one whole object;"
            " a file with one JSON document is called .json",
        ) from None
    if error.msg == "Extra data":
        hint = "each row needs a line of its own"
    else:
        hint = "each line must hold one JSON object, with names and texts in double"
        hint += " quotes"
    raise DataInvalid(
        f"not JSON: {error.msg}",
        file=file,
        line=number,
        column=error.pos + 1,
        hint=hint,
    ) from None


def read_document(file: Path) -> Iterator[Row]:
    """Read a JSON document: a list of objects as a stream, or columns as a whole.

    Columns are ``{"a": [1, 2], "b": [3, 4]}`` or the same with dictionaries by row.
    """
    with open_text(file) as stream:
        try:
            text = stream.read(CHUNK)
            first = text.lstrip()[:1]
            if first == "[":
                yield from _Elements(file, stream, text)
            elif first:
                yield from _columns(file, text + stream.read())
        except UnicodeDecodeError:
            raise wrong_encoding(file) from None


class _Elements:
    """Reads the objects of a long list without holding the list."""

    def __init__(self, file: Path, stream: TextIO, text: str) -> None:
        self._file, self._stream, self._text = file, stream, text
        self._at = 0
        self._line, self._column = 1, 1  # where self._text begins

    def __iter__(self) -> Iterator[Row]:
        self._at = self._text.index("[") + 1
        if self._peek() == "]":
            return self._end()
        while True:
            self._peek()
            start = self._at
            row = self._value()
            if not isinstance(row, dict):
                self._refuse("a row must be a JSON object", start)
            yield row
            mark = self._peek()
            self._at += 1
            if mark == "]":
                return self._end(1)
            if mark != ",":
                problem = "a comma is missing" if mark else "the file ends in its list"
                self._refuse(f"not JSON: {problem}", self._at - 1)

    def _end(self, behind: int = 0) -> None:
        if not behind:
            self._at += 1
        if self._peek():
            self._refuse("not JSON: something follows the list", self._at)

    def _value(self) -> Any:
        while True:
            try:
                row, self._at = _DECODER.raw_decode(self._text, self._at)
                return row
            except json.JSONDecodeError as error:
                if not self._more():
                    self._refuse(f"not JSON: {error.msg}", error.pos)
            except RecursionError:
                self._refuse("nested too deeply", self._at)

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _more(self) -> bool:
        """Read on; as much again as is waiting, so that a long value costs little."""
        more = self._stream.read(max(CHUNK, len(self._text) - self._at))
        if not more:
            return False
        self._line, self._column = self._place(self._at)
        self._text, self._at = self._text[self._at :] + more, 0
        return True

    def _place(self, at: int) -> tuple[int, int]:
        lines = self._text.count("\n", 0, at)
        if not lines:
            return self._line, self._column + at
        return self._line + lines, at - self._text.rfind("\n", 0, at)

    def _refuse(self, message: str, at: int) -> NoReturn:
        line, column = self._place(min(at, len(self._text)))
        raise DataInvalid(
            message,
            file=self._file,
            line=line,
            column=column,
            hint='a .json file holds one list of rows: [{"question": "…"}, …]',
        ) from None


def _columns(file: Path, text: str) -> Iterator[Row]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        lines = error.msg == "Extra data"
        raise DataInvalid(
            f"not JSON: {error.msg}",
            file=file,
            line=error.lineno,
            column=error.colno,
            hint="a file with one object a line is called .jsonl"
            if lines
            else 'a .json file holds one list of rows: [{"question": "…"}, …]',
        ) from None
    columns = found.values() if isinstance(found, dict) else []
    if columns and all(isinstance(column, list) for column in columns):
        lengths = {name: len(column) for name, column in found.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise DataInvalid(
                f"the columns differ in length ({told})",
                file=file,
                hint="give each column as many values, or write a list of rows",
            )
        for values in zip(*columns, strict=True):
            yield dict(zip(found, values, strict=True))
    elif columns and all(isinstance(column, dict) for column in columns):
        keys = dict.fromkeys(key for column in columns for key in column)
        for key in keys:
            yield {name: found[name][key] for name in found if key in found[name]}
    else:
        raise DataInvalid(
            "the document is neither a list of rows nor columns",
            file=file,
            line=1,
            column=1,
            hint='write a list of rows: [{"question": "…"}, …]',
        )
