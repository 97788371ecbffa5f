"""The results of a batch, appended line by line to one file that no kill can spoil.

Each line of the file is one result: a JSON object with ``line_number``. The last one
may be torn when its writer was killed; it counts as not written. A line that was run
again has two, and the later one counts.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

FILE = "journal.jsonl"
_DENSE_SLACK = 1 << 16
_HEAD = b'{"line_number":'
# Made once: making one takes about as long as it takes to encode a line.
_as_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(record: Mapping[str, Any]) -> bytes:
    """Return a record as one line of the journal."""
    return _as_text(record).encode("utf-8", "surrogatepass") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Undo `encode`."""
    record: dict[str, Any] = json.loads(line.decode("utf-8", "surrogatepass"))
    return record


class Index:
    """Where in the journal the result of each line is, by line number.

    Eight bytes a line: numbers are positions nearly always. Where they are not, those
    far out go into a dictionary.
    """

    def __init__(self) -> None:
        self._dense = array("q")
        self._far: dict[int, int] = {}
        self.completed = 0
        self.failed = 0

    def put(self, number: int, offset: int, completed: bool) -> None:
        """Note a result; an earlier one of the same line is forgotten."""
        before = self._raw(number)
        if before:
            self._count(before, -1)
        value = (offset + 1) * 2 + completed
        self._count(value, 1)
        if number < len(self._dense):
            self._dense[number] = value
        elif number < len(self._dense) + _DENSE_SLACK:
            self._dense.extend([0] * (number - len(self._dense)))
            self._dense.append(value)
        else:
            self._far[number] = value

    def _count(self, value: int, by: int) -> None:
        if value & 1:
            self.completed += by
        else:
            self.failed += by

    def _raw(self, number: int) -> int:
        if number < len(self._dense):
            return self._dense[number] or self._far.get(number, 0)
        return self._far.get(number, 0)

    def has(self, number: int) -> bool:
        """Whether the line has a result."""
        return self._raw(number) != 0

    def is_completed(self, number: int) -> bool:
        """Whether the line has a result and has not failed."""
        return bool(self._raw(number) & 1)

    def offset(self, number: int) -> int | None:
        """Return where its result is; None without one."""
        value = self._raw(number)
        return None if not value else value // 2 - 1

    def numbers(
        self, *, completed: bool = True, failed: bool = True
    ) -> Iterator[tuple[int, int]]:
        """Yield (number, offset) in the order of the numbers."""
        far = self._far
        for number, value in enumerate(self._dense):
            if far and not value:
                value = far.get(number, 0)
            if value and (completed if value & 1 else failed):
                yield number, value // 2 - 1
        for number in sorted(far):
            value = far[number]
            if number >= len(self._dense) and (completed if value & 1 else failed):
                yield number, value // 2 - 1


class Journal:
    """The journal of one run, open for writing and reading.

    Parameters
    ----------
    file
        Where it is; made when it is not there, mended when its last line is torn.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.index = Index()
        descriptor = os.open(
            file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600
        )
        self._stream: BinaryIO = os.fdopen(descriptor, "r+b", buffering=0)
        self._end = self._recover()
        self._synced = True

    def _recover(self) -> int:
        """Read what is there; cut off a line that was not written to its end."""
        end = 0
        for offset, line in _lines(self.file):
            head = heading(line)
            if head is None:
                break
            self.index.put(head[0], offset, head[1])
            end = offset + len(line)
        self._stream.truncate(end)
        self._stream.seek(end)
        return end

    def append(self, entries: Sequence[tuple[int, bool, bytes]]) -> None:
        """Write results: number, whether it completed, its line.

        They outlive this process; `sync` makes them outlive the machine.
        """
        data = b"".join(entry[2] for entry in entries)
        offset = self._end
        view = memoryview(data)
        try:
            while view:
                view = view[self._stream.write(view) :]
        except OSError:
            # whoever resumes must not find half a line in the middle
            self._stream.truncate(self._end)
            self._stream.seek(self._end)
            raise
        self._end += len(data)
        self._synced = False
        for number, completed, line in entries:
            self.index.put(number, offset, completed)
            offset += len(line)

    def sync(self) -> None:
        """Have the system write everything to its disk."""
        if not self._synced:
            os.fsync(self._stream.fileno())
            self._synced = True

    def close(self) -> None:
        """Write everything and close the file."""
        self.sync()
        self._stream.close()


class Reader:
    """Reads results out of a journal that may still be written.

    Parameters
    ----------
    file
        Where it is; one that is not there has no results.
    index
        That of its writer, if it is at hand.
    """

    def __init__(self, file: Path, index: Index | None = None) -> None:
        self._file = file
        if index is None:
            index = Index()
            for offset, line in _lines(file):
                head = heading(line)
                if head is None:
                    break
                index.put(head[0], offset, head[1])
        self.index = index

    def get(self, number: int) -> dict[str, Any] | None:
        """Return the result of one line; None without one."""
        offset = self.index.offset(number)
        if offset is None:
            return None
        with self._file.open("rb") as stream:
            stream.seek(offset)
            return decode(stream.readline())

    def raw(
        self, *, completed: bool = True, failed: bool = True
    ) -> Iterator[tuple[int, bytes]]:
        """Yield the number and the text of each result, in the order of the lines."""
        numbers = self.index.numbers(completed=completed, failed=failed)
        first = next(numbers, None)
        if first is None:
            return
        with self._file.open("rb", buffering=1 << 18) as stream:
            place = -1
            number, offset = first
            while True:
                if offset != place:
                    stream.seek(offset)
                line = stream.readline()
                place = offset + len(line)
                yield number, line
                found = next(numbers, None)
                if found is None:
                    return
                number, offset = found

    def records(
        self, *, completed: bool = True, failed: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Yield the results in the order of the lines."""
        for _number, line in self.raw(completed=completed, failed=failed):
            yield decode(line)


def heading(line: bytes) -> tuple[int, bool] | None:
    """Return the number of a result and whether it completed; None when it is torn.

    Both stand at the beginning of each line, so that a large journal is indexed
    without reading all of its results.
    """
    if not line.endswith(b"}\n") or not line.startswith(_HEAD):
        return None
    end = line.find(b",", len(_HEAD))
    try:
        number = int(line[len(_HEAD) : end])
    except ValueError:
        return None
    status = line[end + 1 : end + 24]
    return number, status.startswith(b'"status":"Completed"')


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its offset, whole lines only."""
    offset = 0
    try:
        stream = file.open("rb", buffering=1 << 18)
    except FileNotFoundError:
        return
    with stream:
        for line in stream:
            if not line.endswith(b"\n"):
                return
            yield offset, line
            offset += len(line)
