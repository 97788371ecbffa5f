"""A runtime that is to be made: what was typed, whether it fits, making it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PfError, UsageError
from .journey import Journey
from .panel import Panel

if TYPE_CHECKING:
    from ..workspace.api import CheckResult, Kind, Runtime, Workspace

STEPS = ("Compute", "Application", "Environment", "Limits", "Review")
COMPUTE, APPLICATION, ENVIRONMENT, LIMITS, REVIEW = range(len(STEPS))
_GIGABYTE = 1024**3


class WizardWork(Panel):
    """Everything about the wizard but how it looks; None in `wizard` while closed.

    Whoever inherits gives ``know_made(runtime)`` for what was made.
    """

    wizard: dict[str, Any] | None = None
    step = 0

    def __init__(self, workspace: Workspace) -> None:
        self.computes: Sequence[dict[str, Any]] | None = None
        self.environments: Sequence[str] = ()
        self.taken: Sequence[str] = ()
        self.wrong: dict[str, str] = {}
        self.way = Journey(self.changed)
        self.checks: list[CheckResult] = []
        super().__init__(workspace)

    def know_made(self, runtime: Runtime) -> None:
        """Take the runtime that was made."""
        raise NotImplementedError

    # ---- what its buttons do

    def do_add(self) -> None:
        """Open it."""
        self.wizard, self.step, self.wrong = {"existing": False}, COMPUTE, {}
        self.computes = None
        self.work("computes", self._ask, self._know_places)

    def do_cancel_wizard(self) -> None:
        """Close it; nothing was made, so nothing is left behind."""
        self.wizard = None

    def do_back(self, **values: Any) -> None:
        """Go one step back; what was typed stays."""
        self._keep(values)
        self.step = max(self.step - 1, COMPUTE)
        if self.existing and self.step == ENVIRONMENT:
            self.step = APPLICATION
        self.wrong = {}

    def do_next(self, **values: Any) -> None:
        """Go on when what was typed fits."""
        self._keep(values)
        self.wrong = self._problems()
        if self.wrong:
            return
        self.step += 1
        if self.existing and self.step == ENVIRONMENT:
            # a container that is there has its image already; its limits are shown
            self.step = LIMITS

    def do_existing(self, existing: str) -> None:
        """Choose between a new container and one that is there."""
        assert self.wizard is not None
        self.wizard["existing"] = existing == "yes"

    def do_choose_place(self, compute: str) -> None:
        """Choose a compute."""
        assert self.wizard is not None
        self.wizard["compute"] = compute
        self.wrong = {}

    def do_look_again(self) -> None:
        """Ask the computes once more."""
        self.work("computes", self._ask, self._know_places)

    def do_make(self) -> None:
        """Make it."""
        if self.wizard is None:
            return
        self.way, self.checks = Journey(self.changed), []
        self.work("make", self._make, self._made, failed=self._not_made)

    # ---- what it knows

    @property
    def existing(self) -> bool:
        """Whether a container that is there is to be used."""
        return bool(self.wizard and self.wizard.get("existing"))

    def _ask(self) -> tuple[list[dict[str, Any]], Sequence[str], Sequence[str]]:
        places = self.workspace.computes.list()
        environments = self.workspace.environments.names()
        return places, environments, self.workspace.runtimes.names()

    def _know_places(
        self, found: tuple[list[dict[str, Any]], Sequence[str], Sequence[str]]
    ) -> None:
        self.computes, self.environments, self.taken = found
        if self.wizard is not None and not self.wizard.get("compute"):
            reachable = [c["name"] for c in self.computes if c["reachable"]]
            self.wizard["compute"] = (reachable or [""])[0]

    def _keep(self, values: dict[str, Any]) -> None:
        assert self.wizard is not None
        if self.existing and self.step == LIMITS:
            return  # nothing there could be typed
        existing = values.get("existing", "yes" if self.existing else "no") == "yes"
        self.wizard |= {**values, "existing": existing}

    def _problems(self) -> dict[str, str]:
        wanted = self.wizard or {}
        wrong: dict[str, str] = {}
        if self.step == COMPUTE:
            chosen = self.compute()
            if chosen is None:
                wrong["compute"] = "choose one"
            elif not chosen["reachable"]:
                wrong["compute"] = "it does not answer"
        if self.step == APPLICATION:
            name = str(wanted.get("name") or "").strip()
            if self.existing and not str(wanted.get("container") or "").strip():
                wrong["container"] = "give its name or its id"
            if not name and not self.existing:
                wrong["name"] = "give it a name"
            elif name in self.taken:
                wrong["name"] = "there is a runtime of that name"
        if self.step == LIMITS and not self.existing:
            for key in ("cpus", "memory", "pids", "idle"):
                try:
                    _limit(wanted, key)
                except UsageError as error:
                    wrong[key] = error.message
        return wrong

    def compute(self) -> dict[str, Any] | None:
        """Return the compute that is chosen."""
        wanted = (self.wizard or {}).get("compute")
        found = [c for c in self.computes or () if c["name"] == wanted]
        return found[0] if found else None

    def _make(self) -> Runtime:
        from ..workspace.api import RuntimeLimits

        wanted = dict(self.wizard or {})
        name = str(wanted.get("name") or "").strip()
        if wanted.get("existing"):
            return self.workspace.runtimes.adopt(
                str(wanted["container"]).strip(),
                name=name or None,
                compute=wanted["compute"],
                on_check=self._take_check,
                on_phase=self.way,
            )
        kind: Kind = wanted.get("kind") or "personal"
        return self.workspace.runtimes.create(
            name,
            environment=str(wanted.get("environment") or "default"),
            compute=wanted["compute"],
            kind=kind,
            network=wanted.get("network") or "open",
            limits=RuntimeLimits(
                cpus=_limit(wanted, "cpus"),
                memory=_limit(wanted, "memory"),
                pids=_limit(wanted, "pids"),
            ),
            idle_minutes=_limit(wanted, "idle") if kind == "session" else None,
            on_phase=self.way,
        )

    def _take_check(self, result: CheckResult) -> None:
        with self.lock:
            self.checks = [*self.checks, result]
        self.changed()

    def _made(self, runtime: Runtime) -> None:
        self.wizard = None
        self.know_made(runtime)

    def _not_made(self, error: PfError) -> None:
        if self.wizard is None:
            return
        if error.code in ("bad_value", "already_exists", "bad_name"):
            # it is about what was typed: back to where that stands
            self.step = APPLICATION
            self.wrong = {"name": error.message}


def _limit(wanted: dict[str, Any], key: str) -> Any:
    typed = str(wanted.get(key) or "").strip()
    if not typed:
        return None
    try:
        number = float(typed)
    except ValueError:
        number = 0.0
    if number <= 0 or number != number or number == float("inf"):
        raise UsageError(f"'{typed}' is not a number above 0", code="bad_value")
    if key == "memory":
        return int(number * _GIGABYTE)
    return int(number) if key == "pids" else number
