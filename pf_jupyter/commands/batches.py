"""Batch runs in every face: started, followed, shown."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PfError, RunCanceled, RunFailed
from ..workspace.api import cost_text, dashboard_link
from .results import Shown, Table, pre
from .tree import Outcome
from .wording import MARKS, columns, milliseconds, plural, seconds, shorten

if TYPE_CHECKING:
    from ..workspace.api import BatchRun, LineResult, OnBatchEvent
    from .context import Context

SHOWN_LINES = 20
_KINDS_SHOWN = 3
_NODES_SHOWN = 8
_GREY = "opacity:.65"


class BatchStates(Shown):
    """Where a batch is, from its events; shown again and again while it goes on."""

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.notes: list[str] = []
        self.cluster: Mapping[str, Any] = {}
        self.now: dict[str, Any] = {}

    def apply(self, event: Mapping[str, Any]) -> bool:
        """Take an event into account; whether something is to be shown now."""
        self.run_id = event.get("run_id") or self.run_id
        kind = event["event"]
        if kind == "batch_note":
            self.notes.append(str(event["text"]))
        elif kind == "batch_cluster":
            self.cluster = event
        elif kind in ("batch_started", "batch_progress"):
            self.now = dict(event)
        elif kind == "node_started":
            self.now["aggregating"] = event.get("node")
        return kind in ("batch_note", "batch_progress", "batch_started", "node_started")

    @property
    def headline(self) -> str:
        """``412 / 1000 · 61/s · about 10 s left · 3 failed (2 RateLimit, 1 …)``."""
        now = self.now
        if not now:
            return "starting"
        done = now["completed"] + now["failed"]
        parts = [f"{done} / {now['total']}"]
        rate = now.get("rate") or 0.0
        if rate:
            parts.append(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
        left = now.get("seconds_left")
        if left and done < now["total"]:
            parts.append(f"about {seconds(left)} left")
        if now["failed"]:
            kinds = ", ".join(
                f"{kind['count']} {kind['kind']}"
                for kind in (now.get("failures") or [])[:_KINDS_SHOWN]
            )
            parts.append(f"{now['failed']} failed" + (f" ({kinds})" if kinds else ""))
        if now.get("reused"):
            parts.append(f"{now['reused']} reused")
        tokens = (now.get("tokens") or {}).get("total_tokens")
        if tokens:
            cost = cost_text(now.get("cost"))
            parts.append(f"{thousands(tokens)} tokens" + (f", {cost}" if cost else ""))
        if now.get("aggregating"):
            parts.append(f"aggregating: {now['aggregating']}")
        return " · ".join(parts)

    def rows(self) -> list[list[str]]:
        """Return name, mean time and failures of each node."""
        return node_rows(self.now.get("nodes") or {})

    def text(self) -> str:
        """Return the terminal form."""
        first = [
            f"  first {kind['kind']}: line {kind['line_number']}, {kind['message']}"
            for kind in (self.now.get("failures") or [])[:_KINDS_SHOWN]
        ]
        rows = [f"  {row}" for row in columns(self.rows())]
        rows += [f"  {row}" for row in columns(place_rows(self.now))]
        where = [f"  {cluster_text(self.cluster)}"] if self.cluster else []
        return "\n".join([*self.notes, self.headline, *rows, *where, *first])

    def html(self) -> str:
        """Return the notebook form, with a bar."""
        now = self.now
        total = max(now.get("total") or 0, 1)
        good = 100 * (now.get("completed") or 0) / total
        bad = 100 * (now.get("failed") or 0) / total
        bar = (
            '<div style="display:flex;height:6px;max-width:480px;border-radius:3px;'
            'overflow:hidden;background:rgba(128,128,128,.25);margin:4px 0">'
            f'<div style="width:{good:.2f}%;background:#2e9e4f"></div>'
            f'<div style="width:{bad:.2f}%;background:#e0443e"></div></div>'
        )
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes)
        rest = "\n".join(self.text().splitlines()[len(self.notes) + 1 :])
        quiet = f'<div style="{_GREY}">{pre(rest)}</div>' if rest else ""
        quiet += dashboard_link(self.cluster)
        return f"<div>{notes}{html.escape(self.headline)}{bar}{quiet}</div>"


class BriefBatch(Shown):
    """What came of a batch, below its progress.

    Parameters
    ----------
    run
        The batch.
    further
        Lines to show at the end.
    """

    def __init__(self, run: BatchRun, further: Sequence[str] = ()) -> None:
        self._run = run
        self._further = further

    def text(self) -> str:
        """Return what the shell prints."""
        return "\n".join([batch_text(self._run), *self._further])


def run_followed(
    context: Context, start: Callable[[OnBatchEvent], BatchRun]
) -> Outcome:
    """Run a batch and show it happening.

    Parameters
    ----------
    start
        Runs it, given what takes its events.

    Raises
    ------
    RunCanceled
        The user stopped it; what is done is kept.
    PfError
        What ``start`` raises.
    """
    states = BatchStates()

    def listen(event: Mapping[str, Any]) -> None:
        if states.apply(event):
            context.progress.live(states)

    try:
        run = start(listen)
    except KeyboardInterrupt:
        name = states.run_id or "the batch"
        way = context.spell("run", f"resume {states.run_id}")
        raise RunCanceled(
            f"{name} was stopped by you; what was done is kept",
            hint=f"{way} goes on" if states.run_id else "",
        ) from None
    finally:
        context.progress.live(None)
    return outcome_of(context, run)


def outcome_of(context: Context, run: BatchRun) -> Outcome:
    """Return a finished batch as what a verb gives back."""
    further = []
    if run.counts["failed"]:
        way = context.spell("run", f"details {run.run_id} --failed")
        further.append(f"{plural(run.counts['failed'], 'line')} failed: {way}")
    return Outcome(
        run,
        run.to_dict(),
        "\n".join([batch_text(run), *further]),
        brief=BriefBatch(run, further),
        failure=failure_of(run),
    )


def failure_of(run: BatchRun) -> PfError | None:
    """Return the error of a batch that did not complete, or None."""
    if run.status in ("Completed", "Running"):
        return None
    try:
        run.raise_for_status()
    except PfError as error:
        return error
    return RunFailed(f"run {run.run_id} ended as {run.status}", result=run)


def batch_text(run: BatchRun) -> str:
    """Return a batch in a few lines: metrics, failures, counts."""
    lines = [*run.changed]
    lines += [f"metric {name} = {value}" for name, value in run.metrics.items()]
    for kind in list(run.failures)[:_KINDS_SHOWN]:
        lines.append(
            f"{kind['count']} × {kind['kind']}, first in line {kind['line_number']}: "
            f"{shorten(str(kind['message']), 120)}"
        )
    lines += columns(node_rows(run.nodes))
    lines += columns(place_rows({"runtimes": run.runtimes}))
    if run.cluster:
        lines.append(cluster_text(run.cluster))
    counts = run.counts
    parts = [
        f"{MARKS.get(run.status, ' ')} {run.status} in {milliseconds(run.duration_ms)}",
        f"{counts['completed']} of {plural(counts['total'], 'line')} completed",
    ]
    for word in ("failed", "reused"):
        if counts[word]:
            parts.append(f"{counts[word]} {word}")
    if run.tokens:
        cost = cost_text(run.cost)
        words = f"{thousands(run.tokens.get('total_tokens', 0))} tokens"
        parts.append(words + (f", {cost}" if cost else ""))
    parts += [run.runtime, f"run {run.run_id}"]
    lines.append(" · ".join(parts))
    lines.append(f"outputs: {run.outputs_path}")
    return "\n".join(lines)


def node_rows(nodes: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return name, mean time and what did not complete, of each node."""
    rows = []
    for name, node in list(nodes.items())[:_NODES_SHOWN]:
        others = ", ".join(
            f"{count} {status}"
            for status, count in node["statuses"].items()
            if status != "Completed"
        )
        rows.append([name, milliseconds(node.get("mean_ms")), others])
    return rows


def cluster_text(cluster: Mapping[str, Any]) -> str:
    """Return ``Dask: 4 workers, 8 threads at tcp://… · http://…/status``."""
    text = (
        f"Dask: {plural(cluster['workers'], 'worker')}, "
        f"{plural(cluster['threads'], 'thread')} at {cluster['address']}"
    )
    return f"{text} · {cluster['dashboard']}" if cluster.get("dashboard") else text


def place_rows(progress: Mapping[str, Any]) -> list[list[str]]:
    """Return name, results and speed of each of several runtimes."""
    rows = []
    for place in progress.get("runtimes") or ():
        rate = f"{place['rate']:.1f}/s" if place["rate"] else ""
        state = "" if place["state"] == "working" else place["state"]
        rows.append([place["name"], f"{place['lines']} lines", rate, state])
    return rows


def lines_table(lines: Sequence[LineResult], *, inputs: bool, empty: str) -> Table:
    """Return lines as a table of texts."""
    names: dict[str, None] = {}
    for line in lines:
        if inputs:
            names |= dict.fromkeys(f"inputs.{name}" for name in line.inputs)
        names |= dict.fromkeys(f"outputs.{name}" for name in line.outputs or {})
    ends = ["status", "time", "error"] if inputs else []
    rows = []
    for line in lines:
        cells = {f"inputs.{name}": value for name, value in line.inputs.items()}
        cells |= {f"outputs.{k}": v for k, v in (line.outputs or {}).items()}
        row = [str(line.line_number)]
        row += [shorten(str(cells.get(name, "")), 40) for name in names]
        if inputs:
            error = line.error or {}
            text = f"{error.get('code')}: {error.get('message')}" if error else ""
            row += [line.status, milliseconds(line.duration_ms), shorten(text, 60)]
        rows.append(row)
    shown = [name if inputs else name.removeprefix("outputs.") for name in names]
    heads = ["line", *shown, *ends]
    return Table(heads, rows, list(lines), empty=empty)


def not_run(error: PfError) -> dict[str, Any]:
    """Return the JSON form of ``run create`` for a batch that gave no result."""
    result = getattr(error, "result", None)
    if result is not None:
        document: dict[str, Any] = result.to_dict()
        return document
    return {
        "status": "Canceled" if isinstance(error, RunCanceled) else "Failed",
        "run_id": None,
        "lines": {"total": 0, "completed": 0, "failed": 0, "reused": 0},
        "outputs_path": None,
        "metrics": {},
        "duration_ms": None,
        "error": error.to_dict(),
    }


def thousands(count: int) -> str:
    """Return ``950``, ``12.8k``, ``1.3M``."""
    if count < 10_000:
        return str(count)
    if count < 1_000_000:
        return f"{count / 1000:.0f}k" if count >= 100_000 else f"{count / 1000:.1f}k"
    return f"{count / 1_000_000:.1f}M"
