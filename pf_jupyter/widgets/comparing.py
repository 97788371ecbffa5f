"""Runs side by side: which is better, by how much, how sure that is, on which lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..commands.wording import milliseconds, plural
from .elements import Child, Element, h
from .panel import Panel
from .parts import button, card, choice, form, page, row, submit, text
from .plots import intervals
from .shown import empty, loading, table
from .values import brief

if TYPE_CHECKING:
    from ..workspace.api import RunComparison, Workspace

CHANGES = 50


class ComparisonPage(Panel):
    """Two runs to choose, and how they compare.

    Parameters
    ----------
    workspace
        Where they are recorded.
    runs
        Those to begin with: the first is the one to beat.
    """

    def __init__(self, workspace: Workspace, runs: Sequence[str] = ()) -> None:
        self.chosen = [str(getattr(run, "run_id", run)) for run in runs]
        self.known: list[dict[str, Any]] | None = None
        self.comparison: RunComparison | None = None
        super().__init__(workspace)

    def begin(self) -> None:
        """Ask for the runs there are."""
        self.work("runs", lambda: self.workspace.runs.list(limit=200), self._know)
        if len(self.chosen) > 1:
            self._compare()

    def _know(self, found: list[dict[str, Any]]) -> None:
        self.known = [record for record in found if record.get("lines")]

    def do_compare(self, first: str, second: str) -> None:
        """Compare the two that are chosen."""
        self.chosen, self.trouble = [first, second], None
        self._compare()

    def do_reload(self) -> None:
        """Ask again."""
        self.begin()

    def _compare(self) -> None:
        first, *others = self.chosen
        self.comparison = None
        self.work(
            "compare",
            lambda: self.workspace.runs.compare(first, *others),
            self._know_comparison,
        )

    def _know_comparison(self, found: RunComparison) -> None:
        self.comparison = found

    def view(self) -> Element:
        """Return the page as it is now."""
        again = button("Read again", "reload", icon="refresh", kind="quiet", bare=True)
        return page("Compare runs", self._chooser(), self._shown(), actions=[again])

    def _chooser(self) -> Child:
        if self.known is None:
            return loading("Looking for runs") if self.working("runs") else None
        if len(self.known) < 2:
            return empty(
                "compare",
                "Nothing to compare yet",
                "Two batch runs of a flow can be put side by side.",
            )
        options = [(str(r["run_id"]), _words(r)) for r in self.known]
        first, second = (*self.chosen, options[1][0], options[0][0])[:2]
        if len(self.chosen) == 1:
            second = options[0][0]
        return form(
            row(
                choice("first", "The one to beat", options, first),
                choice("second", "Compared with it", options, second),
                wide=True,
            ),
            row(submit("Compare", icon="compare", busy=self.working("compare"))),
            do="compare",
        )

    def _shown(self) -> Child:
        if self.working("compare"):
            return loading("Reading both, line by line")
        return comparison_view(self.comparison) if self.comparison is not None else None


def runs_to_compare(records: Sequence[Mapping[str, Any]], *, busy: bool) -> Element:
    """Return the choice of another run of the same flow."""
    if not records:
        return text("There is no other batch run of this flow yet.", quiet=True)
    options = [(str(record["run_id"]), _words(record)) for record in records]
    return form(
        choice("other", "The one to beat", options),
        row(submit("Compare", icon="compare", busy=busy)),
        do="compare",
    )


def comparison_view(found: RunComparison) -> Element:
    """Return how runs compare: scores, differences, changed lines."""
    return h(
        "div",
        _summary(found),
        *(_score(score, found.labels) for score in found.scores),
        _times(found),
        _changes(found),
        class_="pf-column",
    )


def _summary(found: RunComparison) -> Element:
    rows = [
        [label, str(changed), str(fixed), str(broken)]
        for label, changed, fixed, broken in zip(
            found.labels[1:], found.changed, found.fixed, found.broken, strict=True
        )
    ]
    heads = [
        f"compared with {found.labels[0]}",
        f"something else, of {plural(found.common, 'line')}",
        "failed there, not here",
        "fail here, not there",
    ]
    return table(heads, rows, numbers=[1, 2, 3], caption="how many lines differ")


def _score(score: Any, labels: Sequence[str]) -> Element:
    rows = [
        (
            label,
            float(e.value),
            (e.interval.low, e.interval.high) if e.interval else None,
        )
        for label, e in zip(labels, score.estimates, strict=True)
        if e is not None
    ]
    told = [
        text(
            f"{label}: {difference.change:+.3g}"
            + (f", p = {difference.p:.2g}" if difference.p is not None else "")
            + f" · better on {difference.higher}, worse on {difference.lower}",
            tone=_tone(difference),
        )
        for label, difference in zip(labels[1:], score.differences, strict=False)
        if difference is not None
    ]
    shown = intervals(rows, score.name) if rows else text("no values", quiet=True)
    return card(shown, *told, title=score.name)


def _tone(difference: Any) -> Any:
    if difference.p is None or difference.p > 0.05:
        return ""
    return "ok" if difference.change > 0 else "no"


def _times(found: RunComparison) -> Child:
    rows = [
        [label, *(milliseconds(v) for v in (t.mean, t.median, t.p95)), _tokens(tokens)]
        for label, t, tokens in zip(
            found.labels, found.times, found.tokens, strict=True
        )
        if t is not None
    ]
    heads = ["run", "mean time", "median", "95 of 100 below", "tokens"]
    return table(heads, rows, numbers=[1, 2, 3, 4], caption="times") if rows else None


def _tokens(tokens: Mapping[str, int]) -> str:
    return str(tokens.get("total_tokens") or "")


def _changes(found: RunComparison) -> Child:
    if not found.changes:
        return text("All common lines give the same.", tone="ok")
    rows: list[list[Child]] = [
        [
            str(change.line_number),
            h("code", brief(change.inputs)),
            *(
                h("code", brief(out) if out is not None else status)
                for out, status in zip(change.outputs, change.statuses, strict=True)
            ),
        ]
        for change in found.changes[:CHANGES]
    ]
    heads = ["line", "inputs", *found.labels]
    return table(heads, rows, numbers=[0], caption="lines that changed")


def _words(record: Mapping[str, Any]) -> str:
    lines = record.get("lines") or {}
    when = str(record.get("created_at") or "")[:16].replace("T", " ")
    named = record.get("name") or record.get("flow")
    return f"{named} · {when} · {lines.get('completed', 0)} lines · {record['run_id']}"
