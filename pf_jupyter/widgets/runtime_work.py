"""A runtime that is looked at: what is known of it, what is done with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import NotFound, PfError
from .journey import Journey
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
ALIVE = ("ready", "busy")
_STATS_KEPT = 120


class RuntimeWork(VersionsTab):
    """Everything about one runtime but how it looks.

    `shown` is its name, None while none is open. Whoever inherits gives
    ``know_gone()`` for one that is there no more.
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
            self.packages = None
            if record["state"] in ALIVE:
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
                up = found[0]["state"] in ALIVE
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
        if self.record is not None and self.record["state"] in ALIVE:
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


def _standing(record: dict[str, Any]) -> tuple[Any, ...]:
    environment = record.get("environment") or {}
    up = record["state"] in ALIVE
    return (up, environment.get("digest"), record.get("container_id"))


def _quiet(_error: PfError) -> bool:
    return True


def _no_roles(_error: PfError) -> bool:
    # whoever may not see roles sees the tab without them
    return True
