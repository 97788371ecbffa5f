"""Making a runtime step by step; nothing is made before the last one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PfError, UsageError
from .elements import Child, Element, h
from .journey import Journey
from .panel import Panel
from .parts import badge, button, card, choice, field, form, page, row, submit, text
from .shown import facts, loading, notice, steps, table

if TYPE_CHECKING:
    from ..workspace.api import CheckResult, Runtime, Workspace

STEPS = ("Compute", "Application", "Environment", "Limits", "Review")
_COMPUTE, _APPLICATION, _ENVIRONMENT, _LIMITS, _REVIEW = range(len(STEPS))
_KINDS = [
    ("personal", "personal: yours, until you delete it"),
    ("shared", "shared: for everybody in the workspace"),
    ("session", "session: goes when nobody used it for an hour"),
]
_NETWORKS = [
    ("open", "open: code may reach other machines"),
    ("none", "none: code reaches nothing but its own container"),
]
_GIGABYTE = 1024**3


class RuntimeWizard(Panel):
    """The wizard of a panel; `wizard` is None while it is closed.

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
        self.wizard, self.step, self.wrong = {"existing": False}, _COMPUTE, {}
        self.computes = None
        self.work("computes", self._ask, self._know_places)

    def do_cancel_wizard(self) -> None:
        """Close it; nothing was made, so nothing is left behind."""
        self.wizard = None

    def do_back(self, **values: Any) -> None:
        """Go one step back; what was typed stays."""
        self._keep(values)
        self.step = max(self.step - 1, _COMPUTE)
        self.wrong = {}

    def do_next(self, **values: Any) -> None:
        """Go on when what was typed fits."""
        self._keep(values)
        self.wrong = self._problems()
        if self.wrong:
            return
        self.step += 1
        if self._existing and self.step in (_ENVIRONMENT, _LIMITS):
            # a container that is there has its image and its limits already
            self.step = _REVIEW

    def do_existing(self, existing: str) -> None:
        """Choose between a new container and one that is there."""
        assert self.wizard is not None
        self.wizard["existing"] = existing == "yes"

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
    def _existing(self) -> bool:
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
        existing = values.get("existing", "yes" if self._existing else "no") == "yes"
        self.wizard |= {**values, "existing": existing}

    def _problems(self) -> dict[str, str]:
        wanted = self.wizard or {}
        wrong: dict[str, str] = {}
        if self.step == _COMPUTE:
            chosen = self._compute()
            if chosen is None:
                wrong["compute"] = "choose one"
            elif not chosen["reachable"]:
                wrong["compute"] = "it does not answer"
        if self.step == _APPLICATION:
            name = str(wanted.get("name") or "").strip()
            if self._existing and not str(wanted.get("container") or "").strip():
                wrong["container"] = "give its name or its id"
            if not name and not self._existing:
                wrong["name"] = "give it a name"
            elif name in self.taken:
                wrong["name"] = "there is a runtime of that name"
        if self.step == _LIMITS:
            for key in ("cpus", "memory", "pids"):
                try:
                    _limit(wanted, key)
                except UsageError as error:
                    wrong[key] = error.message
        return wrong

    def _compute(self) -> dict[str, Any] | None:
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
        return self.workspace.runtimes.create(
            name,
            environment=str(wanted.get("environment") or "default"),
            compute=wanted["compute"],
            kind=wanted.get("kind") or "personal",
            network=wanted.get("network") or "open",
            limits=RuntimeLimits(
                cpus=_limit(wanted, "cpus"),
                memory=_limit(wanted, "memory"),
                pids=_limit(wanted, "pids"),
            ),
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
            self.step = _APPLICATION
            self.wrong = {"name": error.message}

    # ---- how it looks

    def wizard_page(self) -> Element:
        """Return the step that is open."""
        if self.working("make"):
            return page(
                "Making the runtime",
                steps(STEPS, len(STEPS)),
                self.way.shown("steps of the runtime"),
                self._check_table(),
                text("You can go on working; it is made whoever looks.", quiet=True),
            )
        title = "Add a runtime"
        shown = (self._places, self._application, self._stack, self._bounds)
        body = self._review() if self.step == _REVIEW else shown[self.step]()
        cancel = button("Cancel", "cancel_wizard", icon="cross", kind="quiet")
        narrow = h("div", body, class_="pf-column pf-narrow")
        return page(title, steps(STEPS, self.step), narrow, actions=[cancel])

    def _foot(self, next_reason: str | None = None) -> Element:
        back = None
        if self.step > _COMPUTE:
            back = button("Back", "back", icon="back")
        return row(back, submit("Next", icon="arrow", reason=next_reason))

    def _places(self) -> Element:
        if self.computes is None:
            return loading("Asking the computes")
        chosen = self._compute()
        about: Child = None
        if chosen is not None:
            ready = chosen["reachable"]
            about = [
                row(
                    badge(
                        "ready" if ready else "does not answer", "ok" if ready else "no"
                    ),
                    text(str(chosen["detail"]), quiet=True),
                ),
                # engines of this machine know one by the operating system's user
                text("You are signed in to it.", quiet=True) if ready else None,
            ]
            if not chosen["isolated"]:
                about = [
                    about,
                    notice("This does not isolate", text(chosen["hint"]), tone="warn"),
                ]
            elif not ready:
                again = button("Look again", "look_again", icon="refresh")
                about = [
                    about,
                    notice(
                        "It cannot be used now",
                        tone="warn",
                        hint=chosen.get("hint"),
                        actions=[again],
                    ),
                ]
        assert self.wizard is not None
        options = [(str(c["name"]), compute_words(c)) for c in self.computes]
        return form(
            choice(
                "compute",
                "Where it runs",
                options,
                str(self.wizard.get("compute") or ""),
                change="choose_place",
                error=self.wrong.get("compute"),
            ),
            about,
            self._foot(),
            do="next",
        )

    def do_choose_place(self, compute: str) -> None:
        """Choose a compute."""
        assert self.wizard is not None
        self.wizard["compute"] = compute
        self.wrong = {}

    def _application(self) -> Element:
        assert self.wizard is not None
        which = choice(
            "existing",
            "Container",
            [
                ("no", "a new one, made for this runtime"),
                ("yes", "an existing one, which somebody started"),
            ],
            "yes" if self._existing else "no",
            change="existing",
        )
        container = None
        if self._existing:
            container = field(
                "container",
                "Name or id of the container",
                self.wizard.get("container", ""),
                required=True,
                error=self.wrong.get("container"),
                help="It is checked before anything is done in it, and stays theirs.",
            )
        name = field(
            "name",
            "Name of the runtime",
            self.wizard.get("name", ""),
            required=not self._existing,
            placeholder="demo",
            error=self.wrong.get("name"),
            help="lower-case letters, digits, - and _",
        )
        kind = None
        if not self._existing:
            kind = choice("kind", "Kind", _KINDS, self.wizard.get("kind", "personal"))
        return form(which, container, name, kind, self._foot(), do="next")

    def _stack(self) -> Element:
        assert self.wizard is not None
        names = list(self.environments) or ["default"]
        words = {"default": "default: what prompt flow needs, ready at once"}
        return form(
            choice(
                "environment",
                "Environment",
                [(name, words.get(name, name)) for name in names],
                str(self.wizard.get("environment") or "default"),
                help="Others are built and published from a folder: %pfenv init NAME",
            ),
            self._foot(),
            do="next",
        )

    def _bounds(self) -> Element:
        assert self.wizard is not None
        typed = self.wizard
        fields = [
            ("cpus", "Processors", "2", "how many at once; empty: as the default"),
            ("memory", "Memory in GB", "4", "its code ends when it takes more"),
            ("pids", "Processes", "512", "how many may be there at once"),
        ]
        return form(
            row(
                *(
                    field(
                        key,
                        label,
                        typed.get(key, ""),
                        kind="number",
                        placeholder=usual,
                        help=told,
                        error=self.wrong.get(key),
                    )
                    for key, label, usual, told in fields
                ),
                wide=True,
            ),
            choice("network", "Network", _NETWORKS, typed.get("network", "open")),
            self._foot(),
            do="next",
        )

    def _review(self) -> Element:
        wanted = self.wizard or {}
        new = not self._existing
        told = [
            ("compute", wanted.get("compute")),
            ("container", wanted.get("container") if self._existing else "a new one"),
            ("name", wanted.get("name") or "as the container's"),
            ("kind", wanted.get("kind") if new else None),
            ("environment", wanted.get("environment") if new else "what is in it"),
            ("processors", wanted.get("cpus") or "default" if new else None),
            ("memory", _memory_words(wanted) if new else None),
            ("processes", wanted.get("pids") or "default" if new else None),
            ("network", wanted.get("network") if new else None),
        ]
        line = _command(wanted)
        return h(
            "div",
            card(facts([(k, v) for k, v in told]), title="What will be made"),
            text(["The same in a cell: ", h("code", line)], quiet=True),
            self._check_table(),
            self.way.shown("steps of the runtime") if self.way.events else None,
            row(
                button("Back", "back", icon="back"),
                button("Create", "make", icon="check", kind="primary"),
            ),
            class_="pf-column",
        )

    def _check_table(self) -> Child:
        if not self.checks:
            return None
        rows: list[list[Child]] = [
            [badge(c.status), c.name, [c.message, " ", h("i", c.hint)]]
            for c in self.checks
        ]
        return table(["", "check", "what was found"], rows, caption="checks")


def compute_words(compute: dict[str, Any]) -> str:
    """Return a compute for a list to choose from."""
    words = (
        "this machine's Docker" if compute["name"] == "docker" else compute["engine"]
    )
    if not compute["isolated"]:
        words += ", does not isolate"
    if not compute["reachable"]:
        words += ", does not answer"
    return f"{compute['name']} · {words}"


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
    return number if key == "cpus" else int(number)


def _memory_words(wanted: dict[str, Any]) -> str:
    return f"{wanted['memory']} GB" if wanted.get("memory") else "default"


def _command(wanted: dict[str, Any]) -> str:
    name = str(wanted.get("name") or "")
    if wanted.get("existing"):
        words = ["%pfruntime adopt", str(wanted.get("container"))]
        words += [f"--name {name}"] if name else []
        return " ".join([*words, f"--compute {wanted.get('compute')}"])
    words = [f"%pfruntime create {name}"]
    usual = {"environment": "default", "kind": "personal", "network": "open"}
    options = {"environment": "env", "memory": "memory"}
    for key in ("environment", "compute", "kind", "cpus", "memory", "pids", "network"):
        value = str(wanted.get(key) or "")
        if value and value != usual.get(key):
            unit = "g" if key == "memory" else ""
            words.append(f"--{options.get(key, key)} {value}{unit}")
    return " ".join(words)
