"""What works and what does not, on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..commands.wording import plural
from .elements import Child, Element, h
from .panel import Panel
from .parts import badge, button, page
from .shown import loading, notice, table

if TYPE_CHECKING:
    from ..workspace.api import CheckResult, Workspace


class DoctorPage(Panel):
    """The checks of a workspace.

    Parameters
    ----------
    workspace
        Which.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.told: Sequence[CheckResult] | None = None
        super().__init__(workspace)

    def begin(self) -> None:
        """Check."""
        self.work("check", lambda: self.workspace.doctor(), self._know)

    def do_check(self) -> None:
        """Check once more."""
        self.begin()

    def do_fix(self) -> None:
        """Mend what is safe to mend, and check."""
        self.work("fix", lambda: self.workspace.doctor(fix=True), self._know)

    def _know(self, found: Sequence[CheckResult]) -> None:
        self.told = found

    def view(self) -> Element:
        """Return the checks."""
        return page(
            "Doctor",
            self._checks(),
            subtitle="engine, disk, records, Python, network: each with its way out",
            actions=[
                button(
                    "Mend",
                    "fix",
                    icon="settings",
                    busy=self.working("fix"),
                    confirm="Mend what is safe to mend: leftovers of runtimes that are "
                    "gone, records of what does not run any more?",
                ),
                button(
                    "Check again", "check", icon="refresh", busy=self.working("check")
                ),
            ],
        )

    def _checks(self) -> Child:
        if self.told is None:
            return loading("Checking") if self.working("check") else None
        failed = [check for check in self.told if check.status == "fail"]
        rows: list[list[Child]] = [
            [badge(c.status), c.name, c.message, h("i", c.hint)] for c in self.told
        ]
        summary = (
            notice(f"{plural(len(failed), 'check')} failed", tone="no")
            if failed
            else notice("All of it works", tone="ok")
        )
        return [
            summary,
            table(["", "what", "found", "what to do"], rows, caption="checks"),
        ]
