"""What is newer than a runtime stands on: looked up, rehearsed, taken, given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..commands.wording import plural
from ..errors import PfError
from .elements import Child, Element, Markup, h
from .journey import Journey
from .panel import Panel
from .parts import badge, button, card, row, text
from .shown import facts, loading, notice, table

if TYPE_CHECKING:
    from ..workspace.api import Rehearsal, Update, VersionCheck, Workspace


class VersionsTab(Panel):
    """The part of a runtime's page that is about its versions."""

    shown: str | None
    record: dict[str, Any] | None
    way: Journey
    opened_tab: str

    def __init__(self, workspace: Workspace) -> None:
        self.way = Journey(self.changed)
        super().__init__(workspace)

    def ask(self) -> None:
        """Ask for the runtime once more."""
        raise NotImplementedError

    def _runtime(self) -> Any:
        raise NotImplementedError

    def forget_versions(self) -> None:
        """Take away what belongs to the runtime that was shown before."""
        self.version: VersionCheck | None = None
        self.rehearsal: Rehearsal | None = None
        self.moved: Update | None = None
        self.said = ""

    def begin_versions(self) -> None:
        """Ask what is known; nobody is asked over a network."""
        runtime = self._runtime()
        self.work("known version", lambda: _known(runtime()), self._know)

    def _know(self, found: tuple[VersionCheck | None, Rehearsal | None]) -> None:
        version, rehearsal = found
        self.version, self.rehearsal = version, rehearsal or self.rehearsal

    # ---- what its buttons do

    def do_check_version(self) -> None:
        """Look for something newer, now."""
        runtime = self._runtime()
        self.opened_tab = "versions"
        self.work("check version", lambda: runtime().check_version(), self._checked)

    def _checked(self, found: VersionCheck) -> None:
        self.version = found

    def do_rehearse(self) -> None:
        """Repeat the newest runs in the newer version, beside the runtime."""
        runtime = self._runtime()
        self.way, self.opened_tab = Journey(self.changed), "versions"
        self.work(
            "rehearse", lambda: runtime().rehearse(on_phase=self.way), self._rehearsed
        )

    def _rehearsed(self, found: Rehearsal) -> None:
        self.rehearsal = found

    def do_update(self) -> None:
        """Rehearse, and move when no run differs."""
        runtime = self._runtime()
        self.way, self.opened_tab = Journey(self.changed), "versions"
        self.work(
            "update",
            lambda: runtime().update(rehearse=True, on_phase=self.way),
            self._updated,
            failed=self._not_updated,
        )

    def do_rollback(self) -> None:
        """Go back to what was before the last update."""
        runtime = self._runtime()
        self.way, self.opened_tab = Journey(self.changed), "versions"
        self.work(
            "update", lambda: runtime().rollback(on_phase=self.way), self._updated
        )

    def _updated(self, found: Update) -> None:
        self.moved = found
        if found.rehearsal is not None:
            self.rehearsal = found.rehearsal
        self.ask()
        self.begin_versions()

    def _not_updated(self, error: PfError) -> None:
        from ..workspace.api import Rehearsal

        against = error.details.get("rehearsal")
        if against:
            self.rehearsal = Rehearsal(against)

    # ---- how it looks

    def update_notice(self) -> Child:
        """Return the line on top when there is something newer."""
        newer = (self.record or {}).get("update")
        words = newer["notice"] if newer else ""
        if self.version is not None:
            words = self.version.notice
        if not words:
            return None
        return notice(
            words,
            actions=[self._update_button(), self._rehearse_button()],
            key="update",
        )

    def versions(self) -> Child:
        """Return the tab."""
        busy = self.working("update") or self.working("rehearse")
        return [
            self._standing(),
            card(self.way.shown("steps of the update"), key="updating")
            if busy
            else None,
            self._rehearsed_runs(),
        ]

    def _standing(self) -> Element:
        record = self.record or {}
        environment = record.get("environment") or {}
        version = self.version
        latest = version.latest if version else None
        previous = record.get("previous")
        told: list[Child] = []
        if version is None:
            told.append(text("It was not looked up yet.", quiet=True))
        elif version.problem:
            told.append(
                notice(
                    version.problem["message"],
                    tone="warn",
                    hint=version.problem.get("hint"),
                )
            )
        elif not version.newer:
            told.append(text("Nothing is newer than what it stands on.", tone="ok"))
        if self.moved is not None:
            told.append(text(repr(self.moved)[8:-1], tone="ok"))
        return card(
            facts(
                [
                    ("stands on", _words(environment)),
                    ("newest", _words(latest) if latest else None),
                    ("looked up", version.checked_at if version else None),
                    ("at", version.source if version else None),
                    ("before", _words(previous) if previous else None),
                ]
            ),
            told,
            self._changes(),
            row(
                button(
                    "Check version",
                    "check_version",
                    icon="search",
                    busy=self.working("check version"),
                ),
                self._rehearse_button(),
                self._update_button(),
                button(
                    "Rollback",
                    "rollback",
                    icon="undo",
                    busy=self.working("update"),
                    reason=None if previous else "it was not updated before",
                    confirm=f"Go back to {_plain(previous)}?" if previous else None,
                ),
            ),
            key="standing",
        )

    def _newer(self) -> str | None:
        """Return why there is nothing to move to."""
        newer = (self.record or {}).get("update")
        if (self.version is not None and self.version.newer) or newer:
            return None
        return "nothing newer is known; Check version looks"

    def _update_button(self) -> Element:
        return button(
            "Update with rehearsal",
            "update",
            icon="up",
            kind="primary",
            reason=self._newer(),
            busy=self.working("update"),
        )

    def _rehearse_button(self) -> Element:
        return button(
            "Rehearse only",
            "rehearse",
            icon="play",
            reason=self._newer(),
            busy=self.working("rehearse"),
        )

    def _changes(self) -> Child:
        changes = self.version.packages if self.version else None
        if not changes:
            return None
        rows: list[list[Child]] = [
            [c["name"], h("code", c["before"] or "–"), h("code", c["after"] or "–")]
            for c in changes
        ]
        return table(["package", "now", "then"], rows, caption="packages that differ")

    def _rehearsed_runs(self) -> Child:
        if self.working("rehearse"):
            return loading("Runs are repeated beside it; it goes on as it is")
        if self.rehearsal is None:
            return None
        counts = self.rehearsal.counts
        words = ", ".join(
            f"{plural(count, 'run')} {word.replace('_', ' ')}"
            for word, count in counts.items()
            if count
        )
        passed = self.rehearsal.passed
        return card(
            row(
                badge("passed" if passed else "differs", "ok" if passed else "no"),
                words,
            ),
            Markup(self.rehearsal._repr_mimebundle_()["text/html"]),
            title="Last rehearsal",
            key="rehearsal",
        )


def _known(runtime: Any) -> tuple[VersionCheck | None, Rehearsal | None]:
    return runtime.known_version(), runtime.last_rehearsal()


def _plain(version: Any) -> str:
    return f"{version['name']}:{version['version']}"


def _words(version: Any) -> Child:
    digest = str(version.get("digest") or "").split(":", 1)[-1][:12]
    return [_plain(version), " ", h("code", digest, class_="pf-mu")]
