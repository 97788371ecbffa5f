"""The wizard of batches and evaluations: evaluations, review, and what was started.

Nothing is made before the last step; after it, the page follows what was started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..commands.wording import plural
from .batch_fields import connection_field, place_fields
from .batch_pages import BatchPages, run_words
from .batch_plan import NEW, SAME, Wiring, lines_in_cells, variants_of
from .batch_progress import job_table, job_trouble, whole_status
from .batch_work import EVALUATION, MAPPING, REVIEW, ROWS, RUN, WHERE
from .elements import Child, Element, Markup, h
from .parts import badge, button, card, choice, field, page, row, text
from .shown import facts, loading, more, notice, pre, steps
from .values import short_path

if TYPE_CHECKING:
    from ..workspace.api import Workspace


class BatchWizard(BatchPages):
    """The page of a batch, or of an evaluation, that is put together and started."""

    def view(self) -> Element:
        """Return the step that is open, or what goes on."""
        if self.jobs is not None:
            return self._going()
        shown = {
            ROWS: self._rows_step,
            RUN: self._run_step,
            MAPPING: self._mapping_step,
            WHERE: self._where_step,
            EVALUATION: self._evaluation_step,
            REVIEW: self._review_step,
        }[self.here]
        title = "Evaluate a run" if self.judging else "Run a flow over rows"
        return page(
            title,
            steps(self.steps, self.step),
            shown(),
            actions=[button("Cancel", "drop", icon="cross", kind="quiet")],
        )

    def _evaluation_step(self) -> Element:
        chosen = self.evaluations
        boxes = [
            field(
                f"judge:{info.path}",
                info.name + (", asks a model" if Wiring(info).asking else ""),
                str(info.path) in chosen,
                kind="check",
                change="choose_judge",
                judge=str(info.path),
            )
            for info in self.judges()
        ]
        wiring_cards = [
            card(
                self._mapping(key, wiring),
                connection_field(key, wiring, self.connections, ""),
                title=wiring.info.name,
                key=f"judge:{key}",
            )
            for key, wiring in chosen.items()
        ]
        what = "this run" if self.judging else "what the flow gives"
        words = f"Flows that judge {what}, line by line"
        if not self.judging:
            words += ", as soon as the batch is over. None is fine, too."
        missing = self.wrong.get("judges")
        return self._step(
            h(
                "div",
                text(words, quiet=True),
                notice(missing, tone="no") if missing else None,
                h("div", *boxes, class_="pf-row") if boxes else self._no_judges(),
                self._own(),
                *wiring_cards,
                place_fields(
                    "judge", self.typed, self.runtimes, self.environments, self.wrong
                )
                if chosen and not self.judging
                else None,
                self._rule() if chosen else None,
                class_="pf-column pf-narrow",
            )
        )

    def _no_judges(self) -> Child:
        if self.flows is None:
            return loading("Looking for flows that judge")
        return text("No flow here has a node that aggregates.", quiet=True)

    def _own(self) -> Element:
        return row(
            field(
                "own_judge",
                "One of your own",
                self.typed.get("own_judge", ""),
                placeholder="folder of a flow",
                error=self.wrong.get("own_judge"),
            ),
            button("Add", "own_judge", icon="add", busy=self.working("judge")),
        )

    def _rule(self) -> Element:
        typed, wrong = self.typed, self.wrong
        others = [
            (str(r["run_id"]), run_words(r))
            for r in self.batches
            if r["run_id"] != typed.get("source")
        ]
        opened = bool(typed.get("settled"))
        none = "there is no other run to beat" if not others else None
        return more(
            "End as soon as it is settled",
            field(
                "settled",
                "Judge lines in random order, and end when it is settled which is "
                "better",
                opened,
                kind="check",
                change="place",
                reason=none,
            ),
            choice(
                "against",
                "The run to beat, judged by the same flow",
                [("", "choose one"), *others],
                str(typed.get("against") or ""),
                error=wrong.get("against"),
                reason=none,
            ),
            row(
                *(
                    field(
                        key, label, typed.get(key, ""), placeholder=usual,
                        error=wrong.get(key), reason=none,
                    )
                    for key, label, usual in (
                        ("error", "Wrong with a chance of", "0.05"),
                        ("smallest", "Smallest difference that matters", "any"),
                        ("scale", "Ends of the score", "1,5 where not known"),
                    )
                ),
                wide=True,
            ),
            opened=opened,
        )  # fmt: skip

    def _review_step(self) -> Element:
        typed, data = self.typed, self.sources.data if self.sources else None
        wiring = self.flow_wiring
        named = typed["data"] or "$data"
        count = plural(data.count, "row") if data is not None else ""
        batches = (
            1 if wiring is None else len(variants_of(_variant(typed), wiring.info))
        )
        told: list[tuple[str, Child]] = [
            ("flow", short_path(wiring.info.path) if wiring is not None else ""),
            ("rows", f"{named}, {count}" if count else ""),
            ("run", str(typed.get("source") or "")),
            ("mapping", _mapping_words(wiring) if wiring is not None else ""),
            ("variant", _variant(typed)),
            ("batches", str(batches) if batches > 1 else ""),
            ("runtime", self._place_words("at")),
            ("lines at once", str(typed.get("workers") or "")),
            ("seconds for a line", str(typed.get("line_timeout") or "")),
            ("seconds for all", str(typed.get("batch_timeout") or "")),
            ("name", str(typed.get("name") or "")),
            ("description", str(typed.get("description") or "")),
            ("tags", str(typed.get("tags") or "")),
            *(
                (f"judged by {judge.info.name}", _mapping_words(judge) or "by names")
                for judge in self.evaluations.values()
            ),
        ]
        if self.evaluations and not self.judging:
            told.append(("evaluations run in", self._place_words("judge")))
        if typed.get("settled"):
            told.append(("ends early against", str(typed.get("against"))))
        lines = lines_in_cells(
            typed,
            list(self.evaluations.values()),
            flow=wiring,
            data=named if data is not None else "",
            run=str(typed.get("source") or ""),
        )
        return h(
            "div",
            card(facts(told), title="What will be run"),
            text("The same in cells:", quiet=True),
            pre("\n".join(lines), label="lines for cells"),
            row(
                button("Back", "back", icon="back"),
                button("Start", "start", icon="play", kind="primary"),
            ),
            class_="pf-column",
        )

    def _place_words(self, place: str) -> str:
        typed = self.typed
        chosen = str(typed.get(place) or "")
        if chosen == SAME:
            return "the runtime of the batch"
        if chosen != NEW:
            return chosen or "automatic: a session of your own"
        words = [f"{typed.get(f'{place}_name')}, a new one"]
        for key, unit in (("cpus", "processors"), ("memory", "GB")):
            if typed.get(f"{place}_{key}"):
                words.append(f"{typed[f'{place}_{key}']} {unit}")
        return ", ".join(words)

    # ---- what was started

    def _going(self) -> Element:
        jobs = self.jobs or []
        busy = self.working("start")
        status = whole_status(jobs) if not busy else "Running"
        title = "Evaluation" if self.judging else f"Batch of {jobs[0].title}"
        again = button("Change and start again", "again_from_here", icon="edit")
        stop = button(
            "Cancel", "stop_all", icon="stop", kind="danger", busy=self.stopped
        )
        making = busy and self.way.events and jobs[0].status == "NotStarted"
        made = ", ".join(self.made)
        return page(
            title,
            card(self.way.shown("steps of the runtime"), title="The runtime")
            if making
            else None,
            job_table(jobs),
            text(f"{made} was made for this; it goes an hour after its last use.",
                 quiet=True)
            if made and not busy
            else None,
            *(job_trouble(job) for job in jobs),
            self._shown_below(),
            lead=badge(status),
            subtitle="You can go on working; what is done is kept."
            if busy
            else None,
            actions=[stop if busy else again],
        )  # fmt: skip

    def _shown_below(self) -> Child:
        if self.shown_run is None:
            return None
        return h("div", Markup(self.shown_run._drawn()), class_="pf-column")

    def do_dismiss(self) -> None:
        """Take the errors away."""
        super().do_dismiss()
        if self.shown_run is not None:
            self.shown_run.do_dismiss()


def _variant(typed: dict[str, Any]) -> str:
    return str(typed.get("variant") or "")


def _mapping_words(wiring: Wiring) -> str:
    return ", ".join(f"{k} = {v}" for k, v in wiring.given.items() if v)


class EvaluationWizard(BatchWizard):
    """The same for a run that is to be judged; without one, it is to be chosen.

    Parameters
    ----------
    workspace
        Where it is to run.
    run
        The batch to judge.
    about
        As for `BatchWizard`.
    """

    def __init__(self, workspace: Workspace, run: Any = None, **about: Any) -> None:
        super().__init__(workspace, run=run, judging=True, **about)
