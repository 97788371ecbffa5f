"""Rows of several sources that belong together: flow-format section 4.2."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator, Mapping

from .data import Rows, line_number
from .data_json import Row

Warn = Callable[[str], None]


class Numbered:
    """The rows of one source with their numbers, in the order of the file.

    Of rows with the same number the last one counts, as the public tool has it.

    Parameters
    ----------
    rows
        The source.
    warn
        Is told when rows are dropped for that.
    """

    def __init__(self, rows: Rows, warn: Warn | None = None) -> None:
        self._rows = rows
        self._warn = warn

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        if self._rows.order == "position":
            yield from enumerate(self._rows)
            return
        last = self._repeated() if self._rows.order == "unsorted" else {}
        if last and self._warn:
            self._warn(
                f"{len(last)} line number{'s are' if len(last) > 1 else ' is'} given"
                f" more than once in {self._rows.source}; the last row of each counts"
            )
        for position, row in enumerate(self._rows):
            number = line_number(row, position)
            if last.get(number, position) == position:
                yield number, row

    def count(self) -> int:
        """Return how many there are."""
        if self._rows.order != "unsorted" or not self._repeated():
            return self._rows.count()
        return sum(1 for _ in self)

    def _repeated(self) -> dict[int, int]:
        """Return the position of the last row of each number that occurs twice."""
        numbers = array("q", (line_number(r, p) for p, r in enumerate(self._rows)))
        ordered = sorted(numbers)
        repeated = {a for a, b in itertools.pairwise(ordered) if a == b}
        if not repeated:
            return {}
        return {n: position for position, n in enumerate(numbers) if n in repeated}


def joined(
    sources: Mapping[str, Rows], warn: Warn | None = None
) -> Iterator[tuple[int, dict[str, Row]]]:
    """Give the rows of all sources that have the same number, number by number.

    Sources in the order of their numbers are gone through side by side; one that is
    not is held in memory.

    Parameters
    ----------
    sources
        At least two, by name.
    warn
        Is told what is odd about them.
    """
    streams: dict[str, Iterator[tuple[int, Row]]] = {}
    held: dict[str, dict[int, Row]] = {}
    for name, rows in sources.items():
        numbered = Numbered(rows, warn)
        if rows.order == "unsorted":
            held[name] = dict(numbered)
        else:
            streams[name] = iter(numbered)
    if not streams:
        name = next(iter(held))
        streams[name] = iter(sorted(held.pop(name).items()))
    for number, rows_found in _together(streams):
        if all(number in table for table in held.values()):
            yield number, rows_found | {n: table[number] for n, table in held.items()}


def _together(
    streams: Mapping[str, Iterator[tuple[int, Row]]],
) -> Iterator[tuple[int, dict[str, Row]]]:
    names = list(streams)
    heads = [next(stream, None) for stream in streams.values()]
    while True:
        numbers = [head[0] for head in heads if head is not None]
        if len(numbers) < len(heads):
            return
        wanted = max(numbers)
        for index, name in enumerate(names):
            head = heads[index]
            while head is not None and head[0] < wanted:
                head = next(streams[name], None)
            heads[index] = head
        found = [head for head in heads if head is not None]
        if len(found) == len(heads) and all(head[0] == wanted for head in found):
            rows = {name: head[1] for name, head in zip(names, found, strict=True)}
            yield wanted, rows
            heads = [next(stream, None) for stream in streams.values()]
