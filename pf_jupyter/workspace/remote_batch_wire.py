"""Batches and their lines as JSON, on their way between a server and who asks it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .api import BatchRun, LineResult
from .remote_wire import pack, unpack
from .result import node_result

_PIECE_BYTES = 256 * 1024


def batch_to_json(run: BatchRun) -> dict[str, Any]:
    """Return a batch with all that is known of it but its lines."""
    document = run.to_dict()
    del document["outputs_path"]
    aggregation = {
        name: dataclasses.asdict(node) for name, node in run.aggregation.items()
    }
    more = {"mode": "batch", "flow_path": run.flow_path, "error": run.error}
    document["aggregation"] = aggregation
    packed: dict[str, Any] = pack({**document, **more})
    return packed


def batch_from_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `batch_to_json`."""
    found: dict[str, Any] = dict(unpack(dict(document)))
    found["aggregation"] = {
        name: node_result(name, node) for name, node in found["aggregation"].items()
    }
    return found


def outputs_place(run: BatchRun) -> dict[str, Any] | None:
    """Return where the outputs are, and by what they are known to be the same."""
    place = _stamp(run.outputs_path)
    return place and {"path": str(run.outputs_path), **place}


def outputs_seen(place: Mapping[str, Any] | None) -> Path | None:
    """Return the outputs where this process sees the very file, else None."""
    if place is None or place["path"] is None:
        return None
    path = Path(str(place["path"]))
    same = _stamp(path)
    known = {"size": place["size"], "modified": place["modified"]}
    return path if same == known else None


def line_to_json(line: LineResult) -> dict[str, Any]:
    """Return one line's result with all that is known of it."""
    return {
        **line.to_dict(),
        "nodes": {name: dataclasses.asdict(node) for name, node in line.nodes.items()},
        "logs": line.logs,
    }


def encoded_lines(
    run: BatchRun, status: str | None, after: int | None
) -> Iterator[bytes]:
    """Yield the results of a batch as they were written down, many at a time."""
    held: list[bytes] = []
    size = 0
    for line in run.raw_lines(status=status, after=after):  # type: ignore[attr-defined]
        held.append(line)
        size += len(line)
        if size >= _PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _stamp(path: Path) -> dict[str, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return {"size": found.st_size, "modified": found.st_mtime_ns}
