"""A runtime: its state, its versions, its packages, its log, who may use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..commands.wording import engine_name, environment_name, limits_name, size
from ..errors import NotFound
from .elements import Child, Element, h
from .parts import badge, button, card, field, form, page, row, submit, text
from .plots import spark
from .runtime_work import ALIVE, RuntimeWork
from .shown import empty, facts, loading, log, notice, table, tabs

_ON_THE_WAY = ("creating", "starting", "stopping", "deleting")


class RuntimeDetails(RuntimeWork):
    """How one runtime looks."""

    def details(self, back: Child = None) -> Element:
        """Return the page of the runtime."""
        record = self.record
        if record is None:
            return page(str(self.shown), loading("Asking for the runtime"), lead=back)
        state = str(record["state"])
        pages: list[tuple[str, Child, Child]] = [
            ("overview", "Overview", self._overview(record)),
            ("packages", "Packages", self._packages(state)),
            ("versions", "Versions", self.versions()),
            ("log", "Log", log(self.lines, key="log")),
            ("load", "Load", self._load(state)),
            ("health", "Health", self._health()),
            ("people", "People", self._people()),
        ]
        return page(
            record["name"],
            self.update_notice(),
            self._failure(record),
            self._going_on(),
            tabs("runtime", pages, opened=self.opened_tab),
            lead=back,
            subtitle=row(badge(state), environment_name(record.get("environment"))),
            actions=list(self._verbs(state)),
        )

    def _verbs(self, state: str) -> Iterator[Element]:
        busy = self.working("verb") or self.working("update")
        waiting = "something is under way" if busy or state in _ON_THE_WAY else None
        up = state in ALIVE
        yield button(
            "Use here", "use", icon="play", reason=None if up else "it is not ready"
        )
        if up:
            yield button("Stop", "verb", icon="stop", reason=waiting, verb="stop")
            yield button(
                "Restart", "verb", icon="refresh", reason=waiting, verb="restart"
            )
        else:
            yield button(
                "Start",
                "verb",
                icon="play",
                kind="primary",
                reason=waiting,
                verb="start",
            )
        yield button("Refresh", "refresh", icon="refresh", kind="quiet", bare=True)
        yield button(
            "Delete",
            "delete",
            icon="trash",
            kind="danger",
            bare=True,
            reason=waiting,
            confirm=f"Delete {self.shown}, with what was installed in it? "
            "Its runs stay in the records.",
        )

    def _failure(self, record: dict[str, Any]) -> Child:
        error = record.get("error")
        if not error:
            return None
        return notice(
            [error.get("message"), " ", h("code", error.get("code"), class_="pf-mu")],
            text(["in phase ", h("code", record["phase"])])
            if record["phase"]
            else None,
            tone="no",
            hint=error.get("hint"),
            actions=[button("Start again", "verb", icon="refresh", verb="start")],
            key="failure",
        )

    def _going_on(self) -> Child:
        if self.working("verb") and self.way.events:
            return card(self.way.shown("steps of the runtime"), key="way")
        return None

    def _overview(self, record: dict[str, Any]) -> Element:
        environment = record.get("environment") or {}
        isolated = "no: code runs as you" if not record["isolated"] else None
        return facts(
            [
                ("state", badge(str(record["state"]))),
                ("phase", record["phase"]),
                ("compute", engine_name(record)),
                ("isolates", isolated),
                ("environment", environment_name(environment)),
                ("digest", h("code", environment.get("digest"))),
                ("python", record.get("python")),
                ("container", h("code", str(record.get("container_id") or "")[:12])),
                ("limits", limits_name(record)),
                ("network", record.get("network")),
                ("kind", record["kind"]),
                ("owner", record["owner"]),
                ("made", _when(record["created_at"])),
                ("started", _when(record.get("started_at"))),
            ]
        )

    def _packages(self, state: str) -> Child:
        if self.packages is None:
            if state not in ALIVE:
                start = button("Start", "verb", icon="play", verb="start")
                words = "Start it to see what is installed."
                return empty("box", "It is not running", words, start)
            return loading("Asking for the packages")
        busy = self.working("install")
        by_hand = [p for p in self.packages if p.source not in ("base", "environment")]
        reset = button(
            "Reset",
            "reset",
            icon="undo",
            reason=None if by_hand else "nothing was installed by hand",
            busy=busy,
            confirm="Take off all that was installed by hand?",
        )
        return [
            form(
                field(
                    "packages",
                    "Install",
                    self.installation,
                    placeholder="cowsay  numpy==2.1  ./my.whl",
                    help="Into this runtime only; what is running is not disturbed.",
                ),
                row(submit("Install", icon="add", busy=busy), reset),
                do="install",
            ),
            self.way.shown("steps of the installation") if busy else None,
            text(self.said, tone="ok") if self.said and not busy else None,
            table(
                ["package", "version", "from"],
                [[p.name, h("code", p.version), p.source] for p in self.packages],
                keys=[p.name for p in self.packages],
                caption="installed packages",
            ),
        ]

    def _load(self, state: str) -> Child:
        if state not in ALIVE:
            return text("It is not running.", quiet=True)
        if not self.numbers:
            return loading("Measuring")
        now = self.numbers[-1]
        cpu = [round(float(n.get("cpu") or 0), 1) for n in self.numbers]
        memory = [round(float(n.get("memory") or 0) / 1024**2, 1) for n in self.numbers]
        bound = now.get("memory_limit")
        return [
            row(
                card(spark(cpu, "processor", unit="%")),
                card(spark(memory, "memory", unit=" MB")),
                wide=True,
            ),
            facts(
                [
                    ("memory limit", size(bound) if bound else None),
                    ("processes", str(now.get("pids") or "")),
                    ("runs going on", str(len(now.get("runs") or []))),
                ]
            ),
            row(
                button("Measure", "measure", icon="refresh", busy=self.working("stats"))
            ),
        ]

    def _health(self) -> Child:
        check = button("Check now", "check", icon="check", busy=self.working("check"))
        if self.told is None:
            words = "Engine, container, worker and environment are tried one by one."
            return [text(words, quiet=True), row(check)]
        rows: list[list[Child]] = [
            [badge(c.status), c.name, c.message, h("i", c.hint)] for c in self.told
        ]
        return [
            table(["", "what", "found", "what to do"], rows, caption="checks"),
            row(check),
        ]

    def _people(self) -> Child:
        owner = str((self.record or {}).get("owner") or "")
        found = self.assigned
        told = f"It is {owner}'s." if owner else "It is everybody's."
        if found is None:
            return text([told, " Who else may use it is the owners' to see."])
        if not found:
            return text([told, " Nobody was given a role that reaches it."], quiet=True)
        rows = [[a.principal, a.role, a.scope, a.until or "–"] for a in found]
        return [
            text(told),
            table(["person", "role", "on", "until"], rows, caption="who may use it"),
        ]


def _when(moment: str | None) -> str | None:
    return moment and f"{moment[:10]} {moment[11:19]} UTC"


class RuntimePage(RuntimeDetails):
    """The panel of one runtime.

    Parameters
    ----------
    workspace
        Whose it is.
    runtime
        Its name; None means the one in use.
    """

    gone = False

    def begin(self) -> None:
        """Ask for it."""
        if self.shown is None:
            self.work("current", self._current, self.open_runtime)
        else:
            self.ask()

    def _current(self) -> str:
        found = self.workspace.runtimes.current()
        if found is None:
            raise NotFound(
                "no runtime is in use here",
                hint="%pfruntime use NAME chooses one, %pfruntime list shows them",
            )
        return found.name

    def know_gone(self) -> None:
        """Take note that it is not there any more."""
        self.gone = True

    def view(self) -> Element:
        """Return the page as it is now."""
        if self.gone:
            words = "It was deleted; what it ran is still in the records."
            return page(str(self.shown), empty("box", "It is not there", words))
        if self.shown is None:
            waiting = self.working("current")
            body = loading("Asking for the runtime") if waiting else None
            return page("Runtime", body)
        return self.details()
