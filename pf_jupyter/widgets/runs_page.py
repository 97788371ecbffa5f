"""All recorded runs: found by their words, opened in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..commands.wording import milliseconds
from .batch_lines import LineFilter
from .elements import Child, Element, h
from .parts import badge, button, choice, field, form, page, row
from .run_page import RunPage
from .shown import empty, loading, table

if TYPE_CHECKING:
    from ..workspace.api import Workspace

RUNS = 200
_ANY = ""


class RunsPage(RunPage):
    """The list of runs; a row opens its run.

    Parameters
    ----------
    workspace
        Whose.
    words
        What they are found by at first.
    """

    def __init__(self, workspace: Workspace, words: str = "") -> None:
        self.recorded: Sequence[dict[str, Any]] | None = None
        self.words, self.status = words, _ANY
        super().__init__(workspace, run="")

    def begin(self) -> None:
        """Ask for the run that is open, or for all."""
        if self.id:
            super().begin()
        else:
            self.do_runs()

    # ---- what its buttons do

    def do_runs(self) -> None:
        """Show the list."""
        self._close_run()
        runs = self.workspace.runs
        self.work("runs", lambda: runs.list(limit=RUNS), self._know_recorded)

    def do_new_batch(self) -> None:
        """Put a batch together, in this place."""
        self.visit("batch")

    def returned(self) -> None:
        """Show what was started in the meantime."""
        self.begin()

    def do_find(self, words: str = "", status: str = _ANY) -> None:
        """Show only some."""
        self.words, self.status = words.strip(), status

    def do_show(self, run: str) -> None:
        """Open a run."""
        self._close_run()
        self.id = run
        self.begin()

    def _know_recorded(self, found: Sequence[dict[str, Any]]) -> None:
        self.recorded = found

    def _know_run(self, found: Any) -> None:
        if self.id:  # it was not left while it was read
            super()._know_run(found)

    def _close_run(self) -> None:
        self._forget()
        self.id, self.flow, self.trouble = "", None, None
        self.batch, self.facts, self.comparison = None, None, None
        self.filter, self.graphs = LineFilter(), []

    # ---- how it looks

    def _page(self, *, live: bool) -> Element:
        if not self.id:
            return self._list()
        back = button("All runs", "runs", icon="back", kind="quiet")
        return h("div", row(back), super()._page(live=live), class_="pf-column")

    def _list(self) -> Element:
        return page(
            "Runs",
            self._filter() if self.recorded else None,
            self._rows(),
            actions=[
                button("New batch", "new_batch", icon="add"),
                button(
                    "Refresh",
                    "runs",
                    icon="refresh",
                    kind="quiet",
                    bare=True,
                    busy=self.working("runs"),
                ),
            ],
        )

    def _filter(self) -> Element:
        states = sorted({str(r["status"]) for r in self.recorded or ()})
        return form(
            row(
                field(
                    "words",
                    "Find",
                    self.words,
                    placeholder="flow, runtime or run",
                    typed="find",
                ),
                choice(
                    "status",
                    "Status",
                    [(_ANY, "any"), *((s, s) for s in states)],
                    self.status,
                    change="find",
                ),
                wide=True,
            ),
            do="find",
        )

    def _rows(self) -> Child:
        if self.recorded is None:
            return loading("Reading the records") if self.working("runs") else None
        if not self.recorded:
            words = "What flows give is recorded, and can be looked at here."
            return empty("flow", "No runs yet", words)
        found = [record for record in self.recorded if self._fits(record)]
        if not found:
            words = "No run has these words and this status."
            return empty("search", "Nothing fits", words)
        return table(
            ["run", "status", "flow", "runtime", "when", "took"],
            [_row(record) for record in found],
            keys=[str(record["run_id"]) for record in found],
            numbers=(5,),
            caption="runs",
        )

    def _fits(self, record: dict[str, Any]) -> bool:
        if self.status and record["status"] != self.status:
            return False
        told = f"{record['run_id']} {record['flow']} {record['runtime']}".lower()
        return all(word in told for word in self.words.lower().split())


def _row(record: dict[str, Any]) -> list[Child]:
    run = str(record["run_id"])
    return [
        button(run, "show", kind="quiet", key=f"show:{run}", run=run),
        badge(str(record["status"])),
        str(record["flow"]),
        str(record["runtime"]),
        str(record["created_at"])[:19].replace("T", " "),
        milliseconds(record.get("duration_ms")),
    ]
