"""Making a runtime step by step; nothing is made before the last one."""

from __future__ import annotations

from typing import Any

from .elements import Child, Element, h
from .parts import badge, button, card, choice, field, form, page, row, submit, text
from .shown import facts, loading, notice, steps, table
from .wizard_work import COMPUTE, REVIEW, STEPS, WizardWork

_KINDS = [
    ("personal", "personal: yours, until you delete it"),
    ("shared", "shared: for everybody in the workspace"),
    ("session", "session: goes when nobody used it for an hour"),
]
_FIXED = (
    "The container is somebody else's: whoever started it gave it its limits and its "
    "network, and they stay as they are. For others, make a new one."
)
_NETWORKS = [
    ("open", "open: code may reach other machines"),
    ("none", "none: code reaches nothing but its own container"),
]


class RuntimeWizard(WizardWork):
    """How the wizard of a panel looks."""

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
        body = self._review() if self.step == REVIEW else shown[self.step]()
        cancel = button("Cancel", "cancel_wizard", icon="cross", kind="quiet")
        narrow = h("div", body, class_="pf-column pf-narrow")
        return page(title, steps(STEPS, self.step), narrow, actions=[cancel])

    def _foot(self, next_reason: str | None = None) -> Element:
        back = None
        if self.step > COMPUTE:
            back = button("Back", "back", icon="back")
        return row(back, submit("Next", icon="arrow", reason=next_reason))

    def _places(self) -> Element:
        if self.computes is None:
            return loading("Asking the computes")
        chosen = self.compute()
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
                    notice(
                        "This does not isolate", text(chosen.get("hint")), tone="warn"
                    ),
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

    def _application(self) -> Element:
        assert self.wizard is not None
        which = choice(
            "existing",
            "Container",
            [
                ("no", "a new one, made for this runtime"),
                ("yes", "an existing one, which somebody started"),
            ],
            "yes" if self.existing else "no",
            change="existing",
        )
        container = None
        if self.existing:
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
            required=not self.existing,
            placeholder="demo",
            error=self.wrong.get("name"),
            help="lower-case letters, digits, - and _",
        )
        kind = None
        if not self.existing:
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
        # what was typed for a new one is nothing that an existing one has
        typed = {} if self.existing else self.wizard
        fixed = _FIXED if self.existing else None
        fields = [
            ("cpus", "Processors", "2", "how many at once; empty: as the default"),
            ("memory", "Memory in GB", "4", "its code ends when it takes more"),
            ("pids", "Processes", "512", "how many may be there at once"),
        ]
        return form(
            notice("Its size is fixed", text(_FIXED)) if fixed else None,
            row(
                *(
                    field(
                        key,
                        label,
                        typed.get(key, ""),
                        kind="number",
                        placeholder="as it is" if fixed else usual,
                        help=told,
                        error=self.wrong.get(key),
                        reason=fixed,
                    )
                    for key, label, usual, told in fields
                ),
                wide=True,
            ),
            field(
                "idle",
                "Goes after so many minutes without use",
                typed.get("idle", ""),
                kind="number",
                placeholder="60",
                error=self.wrong.get("idle"),
            )
            if typed.get("kind") == "session"
            else None,
            choice("network", "Network", [("", "as it is")], reason=fixed)
            if fixed
            else choice("network", "Network", _NETWORKS, typed.get("network", "open")),
            self._foot(),
            do="next",
        )

    def _review(self) -> Element:
        wanted = self.wizard or {}
        new = not self.existing
        told = [
            ("compute", wanted.get("compute")),
            ("container", wanted.get("container") if self.existing else "a new one"),
            ("name", wanted.get("name") or "as the container's"),
            ("kind", wanted.get("kind") if new else None),
            ("environment", wanted.get("environment") if new else "what is in it"),
            ("processors", wanted.get("cpus") or "default" if new else None),
            ("memory", _memory_words(wanted) if new else None),
            ("processes", wanted.get("pids") or "default" if new else None),
            ("goes after", _idle_words(wanted)),
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


def _memory_words(wanted: dict[str, Any]) -> str:
    return f"{wanted['memory']} GB" if wanted.get("memory") else "default"


def _idle_words(wanted: dict[str, Any]) -> str | None:
    if wanted.get("kind") != "session":
        return None
    return f"{wanted.get('idle') or '60'} minutes without use"


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
    if wanted.get("kind") == "session" and wanted.get("idle"):
        words.append(f"--idle {wanted['idle']}")
    return " ".join(words)
