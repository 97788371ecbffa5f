"""How a batch run looks: where it is, its metrics, what failed, its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..commands.wording import milliseconds, seconds
from .batch_files import copies, exported, logs_tab, snapshot_tab
from .batch_judged import evaluations, scores_of
from .batch_lines import LINES_PER_PAGE, LineFilter, batch_lines
from .comparing import comparison_view, runs_to_compare
from .elements import Child, Element, h
from .living import graph, still
from .node_details import error_text
from .parts import badge, button, card, page, text
from .plots import BIN_NAMES, bars, intervals
from .shown import (
    dismissible,
    facts,
    notice,
    progress,
    table,
    tabs,
)
from .values import number_words

if TYPE_CHECKING:
    from ..workspace.api import BatchRun, FlowInfo, LineResult
    from .run_page import RunPage

LINES_FOR_ESTIMATES = 20_000
"""Above this, metrics stand without intervals: they take reading every line."""


@dataclass
class BatchFacts:
    """What was read of a batch, in a thread, for a page to be drawn from."""

    run: BatchRun
    info: FlowInfo | None
    picture: str
    others: Sequence[Mapping[str, Any]]
    lines: Sequence[LineResult]
    estimates: Mapping[str, Any]
    judged: Sequence[BatchRun] = ()
    scores: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    still_picture: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        run: BatchRun,
        info: FlowInfo | None,
        picture: str,
        others: Sequence[Mapping[str, Any]],
        shown: LineFilter,
    ) -> BatchFacts:
        """Read what a page needs of a batch."""
        stream = run.lines(status=shown.status or None)
        lines = list(islice(stream, shown.start, shown.start + LINES_PER_PAGE))
        over = run.status not in ("Running", "Interrupted")
        few = run.counts.get("completed", 0) <= LINES_FOR_ESTIMATES
        estimates = dict(run.estimates) if over and few else {}
        judged = run.evaluations if over else ()
        scores = scores_of(judged, [line.line_number for line in lines])
        return cls(run, info, picture, others, lines, estimates, judged, scores)


def batch_page(panel: RunPage, *, live: bool) -> Element:
    """Return the page of a batch."""
    facts_ = panel.facts
    assert facts_ is not None
    run = facts_.run
    resume = run.status in ("Interrupted", "Canceled") or (
        run.status == "Failed" and not panel.working("resume")
    )
    going = run.status == "Running"
    return page(
        run.name or run.flow,
        _where(panel),
        notice("The batch did not complete", error_text(run.error), tone="no")
        if run.error
        else None,
        exported(panel),
        _graph(panel, live),
        _node(panel),
        card(
            tabs(
                "batch",
                [
                    ("metrics", "Metrics", _metrics(facts_)),
                    ("failures", _failure_words(run), _failures(run)),
                    ("lines", "Lines", batch_lines(panel)),
                    ("logs", "Logs", logs_tab(panel)),
                    ("snapshot", "Snapshot", snapshot_tab(panel)),
                    ("judged", "Evaluations", evaluations(panel)),
                    ("compare", "Compare", _compare(panel)),
                    ("about", "About", _about(run)),
                ],
            ),
            key="batch",
        ),
        lead=badge(run.status),
        subtitle=f"{run.run_id} · {run.runtime}",
        actions=[
            button(
                "Cancel",
                "stop",
                icon="stop",
                kind="danger",
                busy=panel.working("cancel"),
            )
            if going
            else None,
            button("Go on", "resume", icon="play", busy=panel.working("resume"))
            if resume
            else None,
            *copies(panel),
            button("Read again", "reload", icon="refresh", kind="quiet", bare=True),
        ],
    )


def _where(panel: RunPage) -> Element:
    assert panel.facts is not None
    run, now = panel.facts.run, panel.facts.progress
    counts = {**run.counts, **{k: v for k, v in now.items() if k in run.counts}}
    done = counts.get("completed", 0) + counts.get("failed", 0)
    total = counts.get("total", 0)
    words = [f"{done} of {total} lines"]
    if counts.get("failed"):
        words.append(f"{counts['failed']} failed")
    if counts.get("reused"):
        words.append(f"{counts['reused']} taken over")
    if now.get("rate"):
        words.append(f"{now['rate']:.3g} a second")
    if now.get("seconds_left"):
        words.append(f"about {seconds(now['seconds_left'])} left")
    elif run.duration_ms:
        words.append(milliseconds(run.duration_ms))
    tokens = (now.get("tokens") or run.tokens or {}).get("total_tokens")
    if tokens:
        words.append(f"{tokens} tokens")
    return progress(done, total or 1, " · ".join(words))


def _graph(panel: RunPage, live: bool) -> Child:
    if not panel.picture:
        return None
    if live:
        return card(graph(panel.living, panel.picture, panel.node), key="graph")
    drawn = panel.workspace.flows.picture(panel.flow or "", panel.living.states)
    return card(still(drawn.svg))


def _node(panel: RunPage) -> Child:
    if panel.node is None:
        return None
    node = panel.living.nodes.get(panel.node, {})
    counts, bins = node.get("counts") or {}, node.get("bins") or []
    shown = (
        bars(bins, BIN_NAMES, f"how long lines took in {panel.node}") if bins else None
    )
    return card(
        facts(
            [
                *((status, str(count)) for status, count in counts.items()),
                ("on average", milliseconds(node.get("mean_ms"))),
            ]
        ),
        shown,
        title=panel.node,
        actions=[dismissible("close_node")],
        key="node",
    )


def _metrics(found: BatchFacts) -> Child:
    run = found.run
    if not run.metrics and not found.estimates:
        return text("This flow logs no metrics.", quiet=True)
    sure = {name: e for name, e in found.estimates.items() if e.interval is not None}
    spans = [
        (name, float(e.value), (e.interval.low, e.interval.high))
        for name, e in sure.items()
    ]
    rest = {name: value for name, value in run.metrics.items() if name not in sure}
    rows = [[name, number_words(value)] for name, value in rest.items()]
    return [
        intervals(spans, "metrics with their intervals") if spans else None,
        table(["metric", "value"], rows, numbers=[1], caption="metrics")
        if rows
        else None,
    ]


def _failure_words(run: BatchRun) -> str:
    failed = run.counts.get("failed", 0)
    return f"{failed} failed" if failed else "Failures"


def _failures(run: BatchRun) -> Child:
    if not run.failures:
        return text("No line failed.", tone="ok" if run.status == "Completed" else "")
    rows: list[list[Child]] = [
        [
            str(kind["count"]),
            h("code", kind["kind"]),
            str(kind.get("node") or ""),
            [
                h("span", str(kind.get("message") or "")[:300]),
                h("span", kind["hint"], class_="pf-mu pf-block")
                if kind.get("hint")
                else None,
            ],
            button(f"Line {kind['line_number']}", "line", number=kind["line_number"]),
        ]
        for kind in run.failures
    ]
    heads = ["lines", "kind", "node", "the first of them", ""]
    return table(heads, rows, numbers=[0], caption="kinds of failures")


def _compare(panel: RunPage) -> Child:
    assert panel.facts is not None
    return [
        runs_to_compare(panel.facts.others, busy=panel.working("compare")),
        comparison_view(panel.comparison) if panel.comparison is not None else None,
    ]


def _about(run: BatchRun) -> Element:
    return facts(
        [
            ("description", run.description),
            ("flow", str(run.flow_path)),
            ("runtime", run.runtime),
            (
                "evaluates",
                button(run.source_run, "open_run", kind="quiet", run=run.source_run)
                if run.source_run
                else "",
            ),
            ("outputs", h("code", str(run.outputs_path))),
            ("begun", str(run.created_at)[:19].replace("T", " ")),
            *((f"tag {name}", value) for name, value in run.tags.items()),
            *(("changed", words) for words in run.changed),
        ]
    )
