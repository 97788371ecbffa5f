"""A runtime: its state, its versions, its packages, its log, who may use it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..commands.wording import engine_name, environment_name, limits_name, size
from ..errors import NotFound, PfError
from .elements import Child, Element, h
from .journey import Journey
from .parts import badge, button, card, field, form, page, row, submit, text
from .plots import spark
from .shown import empty, facts, loading, log, notice, table, tabs
from .versions import VersionsTab

if TYPE_CHECKING:
    from ..workspace.api import (
        Assignment,
        CheckResult,
        Package,
        Runtime,
        Workspace,
    )

LOG_LINES = 500
FOLLOW_SECONDS = 2.0
"""How often log and load are read while somebody looks."""
FOLLOWED_SECONDS = 1800.0
"""How long they are without anything being clicked."""
_STATS_KEPT = 120
_ALIVE = ("ready", "busy")
_ON_THE_WAY = ("creating", "starting", "stopping", "deleting")


class RuntimeDetails(VersionsTab):
    """What a panel shows of one runtime; `shown` is its name, None while it is closed.

    Whoever inherits gives ``know_gone()`` for one that is there no more.
    """

    def __init__(self, workspace: Workspace, runtime: str | None = None) -> None:
        self.shown = runtime
        self._forget()
        self._looked_at = 0.0
        self._follower: threading.Thread | None = None
        super().__init__(workspace)

    def _forget(self) -> None:
        self.forget_versions()
        self.record: dict[str, Any] | None = None
        self.packages: list[Package] | None = None
        self.lines: list[str] = []
        self.told: list[CheckResult] | None = None
        self.numbers: list[dict[str, Any]] = []
        self.assigned: Sequence[Assignment] | None = None
        self.may_not_see: PfError | None = None
        self.installation = ""
        self.opened_tab = ""

    def know_gone(self) -> None:
        """Take note that the runtime is not there any more."""
        raise NotImplementedError

    # ---- what it asks for

    def open_runtime(self, name: str) -> None:
        """Show a runtime."""
        self._forget()
        self.shown = name
        self.ask()

    def ask(self) -> None:
        """Ask for all that is shown."""
        name = self.shown
        if name is None:
            return
        self.work(
            "record", lambda: self._read(name), self._known, failed=self._not_known
        )
        self.work(
            "roles", lambda: self._roles(name), self._know_roles, failed=_no_roles
        )

    def _read(self, name: str) -> tuple[dict[str, Any], list[str]]:
        runtime = self.workspace.runtimes.get(name)
        record = runtime.to_dict()
        return record, list(runtime.logs(tail=LOG_LINES))

    def _known(self, found: tuple[dict[str, Any], list[str]]) -> None:
        record, lines = found
        if record["name"] != self.shown:
            return
        first = self.record is None or (
            # it came up, or what is in it changed, somewhere else
            _standing(self.record) != _standing(record)
        )
        self.record, self.lines = record, lines
        if first:
            self.begin_versions()
            if record["state"] in _ALIVE:
                self._ask_packages()
                self._measure()

    def _not_known(self, error: PfError) -> bool:
        if isinstance(error, NotFound):
            self.know_gone()
            self.trouble = error
            return True
        return False

    def _roles(self, name: str) -> Sequence[Assignment]:
        scopes = ("workspace", f"runtime:{name}")
        return [a for a in self.workspace.roles.list() if a.scope in scopes]

    def _know_roles(self, found: Sequence[Assignment]) -> None:
        self.assigned = found

    def _ask_packages(self) -> None:
        runtime = self._runtime()
        self.work("packages", lambda: list(runtime().packages()), self._know_packages)

    def _know_packages(self, found: list[Package]) -> None:
        self.packages = found

    def _measure(self) -> None:
        if not self.working("stats"):
            runtime = self._runtime()
            self.work("stats", lambda: runtime().stats(), self._measured, failed=_quiet)

    def _measured(self, numbers: dict[str, Any]) -> None:
        self.numbers = [*self.numbers, numbers][-_STATS_KEPT:]

    def _runtime(self) -> Any:
        """Return what finds the runtime in a thread of `work`."""
        name = str(self.shown)
        return lambda: self.workspace.runtimes.get(name)

    # ---- what it follows

    def do_seen(self) -> None:
        """Follow log and load from now on: somebody looks."""
        super().do_seen()
        self._follow()

    def act(self, what: str, **values: Any) -> None:
        """Do what a button says, and go on following."""
        super().act(what, **values)
        if self._looked_at:
            self._follow()

    def _follow(self) -> None:
        self._looked_at = time.monotonic()
        if self.shown is None or (self._follower and self._follower.is_alive()):
            return
        self._follower = threading.Thread(
            target=self._following, name="panel: follow", daemon=True
        )
        self._follower.start()

    def _following(self) -> None:
        while not self._closed and self.shown is not None:
            time.sleep(FOLLOW_SECONDS)
            name = self.shown
            if name is None or time.monotonic() - self._looked_at > FOLLOWED_SECONDS:
                return
            try:
                found = self._read(name)
                up = found[0]["state"] in _ALIVE
                numbers = self.workspace.runtimes.get(name).stats() if up else None
            except PfError:
                # what is wrong is said when something is asked for
                continue
            with self.lock:
                self._known(found)
                if numbers is not None and name == self.shown:
                    self._measured(numbers)
            self.changed()

    # ---- what its buttons do

    def do_refresh(self) -> None:
        """Ask once more."""
        self.ask()
        if self.record is not None and self.record["state"] in _ALIVE:
            self._ask_packages()
            self._measure()

    def do_verb(self, verb: str) -> None:
        """Start, stop or restart it."""
        runtime = self._runtime()
        self.way = Journey(self.changed)
        options = {} if verb == "stop" else {"on_phase": self.way}

        def call() -> Runtime:
            found: Runtime = getattr(runtime(), verb)(**options)
            return found

        self.work("verb", call, lambda _: self.ask(), failed=self._verb_failed)

    def _verb_failed(self, _error: PfError) -> None:
        self.ask()

    def do_use(self) -> None:
        """Make it the one that cells of this notebook run in."""
        name = self.shown
        self.work(
            "use", lambda: self.workspace.runtimes.use(name), lambda _: self.ask()
        )

    def do_delete(self) -> None:
        """Delete it; the question was asked."""
        runtime = self._runtime()
        self.work("verb", lambda: runtime().delete(), lambda _: self.know_gone())

    def do_check(self) -> None:
        """Look whether all of it works."""
        runtime = self._runtime()
        self.work("check", lambda: runtime().check(), self._know_checks)
        self.opened_tab = "health"

    def _know_checks(self, found: list[CheckResult]) -> None:
        self.told = found

    def do_install(self, packages: str = "") -> None:
        """Install what was typed, into this runtime alone."""
        wanted = packages.split()
        if not wanted:
            return
        runtime = self._runtime()
        self.way = Journey(self.changed)
        self.installation = packages
        self.work(
            "install",
            lambda: runtime().install(*wanted, on_phase=self.way),
            self._installed,
        )

    def _installed(self, found: Any) -> None:
        self.installation = ""
        self.said = repr(found)
        self._ask_packages()

    def do_reset(self) -> None:
        """Take off all that was installed by hand."""
        runtime = self._runtime()
        self.work("install", lambda: runtime().reset(), self._was_reset)

    def _was_reset(self, _found: Any) -> None:
        self.said = "It is its definition again."
        self._ask_packages()

    # ---- how it looks

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
        up = state in _ALIVE
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
            if state not in _ALIVE:
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
        if state not in _ALIVE:
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


def _standing(record: dict[str, Any]) -> tuple[Any, ...]:
    environment = record.get("environment") or {}
    up = record["state"] in _ALIVE
    return (up, environment.get("digest"), record.get("container_id"))


def _when(moment: str | None) -> str | None:
    return moment and f"{moment[:10]} {moment[11:19]} UTC"


def _quiet(_error: PfError) -> bool:
    return True


def _no_roles(_error: PfError) -> bool:
    # whoever may not see roles sees the tab without them
    return True


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
