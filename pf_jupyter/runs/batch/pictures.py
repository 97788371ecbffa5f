"""Images that rows of data name by their paths, on the machine that has the files.

Whoever runs the batch may be elsewhere, so paths are replaced by what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...flow.snapshot import load
from ..artifacts import inlined
from .data import open_rows
from .data_json import Row
from .mapping import parse_mapping

_CONTAINERS = ("image", "list", "object")


def rows_with_bytes(
    flow: Path | None,
    data: Any,
    mapping: Mapping[str, Any] | Sequence[str] | None,
    variant: str | None,
) -> Iterator[Row] | None:
    """Return the rows with their images, None when they have none to replace.

    Parameters
    ----------
    flow
        Says which inputs may hold images.
    data
        A path or rows in memory; those that can be read only once are left alone.
    mapping
        Says which columns these inputs take.
    variant
        Of the flow.
    """
    if flow is None or not isinstance(data, str | Path | list | tuple):
        return None
    found = load(flow, variant=variant).flow
    if found is None:
        return None
    if not any(item.type in _CONTAINERS for item in found.inputs.values()):
        return None
    given = parse_mapping(mapping)
    columns = {
        _column(given.get(name), name)
        for name, declared in found.inputs.items()
        if declared.type == "image"
    }
    folder = Path.cwd()
    if isinstance(data, str | Path):
        place = Path(data).expanduser().absolute()
        folder = place if place.is_dir() else place.parent
        rows: Any = open_rows(data)
    else:
        rows = data

    def replaced(row: Row) -> Row:
        if not isinstance(row, Mapping):
            return row  # whoever takes it says what is wrong with it
        return {
            name: inlined(value, folder, name in columns) for name, value in row.items()
        }

    if all(replaced(row) == row for row in rows):
        return None
    return (replaced(row) for row in rows)


def _column(reference: Any, name: str) -> str:
    if isinstance(reference, str) and reference.startswith("${data."):
        return reference[len("${data.") : -1]
    return name
