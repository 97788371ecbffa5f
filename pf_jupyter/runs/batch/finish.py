"""What is left of a batch when its lines are over: outputs, metrics, a record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...store.codec import Packed
from ...store.records import RunRecord, timestamp
from ...store.store import Store
from .folder import RunFolder, write_json
from .journal import Index, Reader, decode
from .prepare import Prepared
from .tally import Tally


@dataclass(frozen=True)
class Outcome:
    """How a batch ended.

    Parameters
    ----------
    status
        ``Completed``, ``Failed`` or ``Canceled``.
    error
        Why it is not Completed.
    aggregation
        AGGREGATION of the worker's protocol.
    """

    status: str
    error: Mapping[str, Any] | None = None
    aggregation: Mapping[str, Any] | None = None


def finish(
    store: Store,
    record: RunRecord,
    folder: RunFolder,
    tally: Tally,
    outcome: Outcome,
    elapsed: float,
    made: Prepared,
    index: Index | None = None,
) -> RunRecord:
    """Write the outputs of all completed lines and the run's record.

    Parameters
    ----------
    elapsed
        Milliseconds that this process worked on it.
    index
        That of the journal, where it was written by this process.
    """
    aggregation = dict(outcome.aggregation or {})
    metrics = dict(aggregation.get("metrics") or {})
    write_outputs(folder.journal, folder.outputs, index)
    write_json(folder.metrics, metrics)
    error = None
    if outcome.error is not None:
        error = {"node": None, "hint": "", **outcome.error}
    write_json(folder.error, error or {})
    duration = round(elapsed, 3)
    document = {
        "status": outcome.status,
        "lines": tally.lines,
        "metrics": metrics,
        "aggregation": aggregation,
        "failures": tally.failures,
        "nodes": tally.nodes,
        "tokens": tally.tokens,
        "cost": tally.cost,
        "error": error,
        "outputs_path": str(folder.outputs),
        "changed": made.changed,
        "system_metrics": _system_metrics(tally, duration),
        **made.facts,
    }
    done = replace(
        record,
        status=outcome.status,
        ended_at=timestamp(),
        duration_ms=duration,
        error=error,
        document=document,
        lines=tally.lines,
    )
    store.finish_run(
        done.run_id,
        done.runtime_id,
        status=done.status,
        duration_ms=duration,
        error=error,
        document=Packed(_packed(document)),
        ended_at=done.ended_at,
        lines=tally.lines,
    )
    return done


def write_outputs(journal: Path, target: Path, index: Index | None = None) -> None:
    """Write the outputs of completed lines in their order, each with its number."""
    unfinished = target.with_name(target.name + ".part")
    with unfinished.open("wb", buffering=1 << 18) as stream:
        for text in _outputs(journal, index):
            stream.write(text)
    unfinished.replace(target)


def _outputs(journal: Path, index: Index | None) -> Iterator[bytes]:
    as_text = json.JSONEncoder(ensure_ascii=False).encode
    for number, line in Reader(journal, index).raw(failed=False):
        outputs = decode(line).get("outputs") or {}
        text = as_text({"line_number": number, **outputs})
        yield text.encode("utf-8", "surrogatepass") + b"\n"


def _system_metrics(tally: Tally, duration: float) -> dict[str, Any]:
    """Return what the public tool calls so (flow-format section 4.4)."""
    metrics: dict[str, Any] = {
        "duration": round(duration / 1000, 6),
        **tally.tokens,
        "__pf__.lines.completed": tally.completed,
        "__pf__.lines.failed": tally.failed,
    }
    for name, node in tally.nodes.items():
        for status, count in node["statuses"].items():
            metrics[f"__pf__.nodes.{name}.{status.lower()}"] = count
    return metrics


def _packed(document: Mapping[str, Any]) -> dict[str, Any]:
    from ...worker.protocol import pack_value

    packed: dict[str, Any] = pack_value(dict(document))
    return packed
