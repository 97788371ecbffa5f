"""Who may do what in a workspace, and what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import PfError
from .elements import Child, Element, h
from .panel import Panel
from .parts import badge, button, card, choice, field, form, page, row, submit, text
from .shown import empty, loading, notice, table, tabs

if TYPE_CHECKING:
    from ..workspace.api import Answer, Assignment, AuditLine, Workspace

ROLES = [
    ("reader", "Reader: sees"),
    ("data_scientist", "Data Scientist: makes and runs"),
    ("compute_operator", "Compute Operator: looks after computes"),
    ("contributor", "Contributor: changes all but roles"),
    ("owner", "Owner: everything"),
]


class RolesPage(Panel):
    """The roles of a workspace.

    Parameters
    ----------
    workspace
        Which.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.known: Sequence[Assignment] | None = None
        self.lines: Sequence[AuditLine] | None = None
        self.answer: Answer | None = None
        super().__init__(workspace)

    def begin(self) -> None:
        """Ask for the assignments and the audit list."""
        roles = self.workspace.roles
        self.work("list", lambda: roles.list(), self._know)
        self.work("audit", lambda: roles.audit(limit=200), self._know_audit, failed=_no)

    def _know(self, found: Sequence[Assignment]) -> None:
        self.known = found

    def _know_audit(self, found: Sequence[AuditLine]) -> None:
        self.lines = found

    # ---- what its buttons do

    def do_reload(self) -> None:
        """Ask once more."""
        self.begin()

    def do_assign(self, person: str, role: str, on: str, until: str) -> None:
        """Give a role."""
        roles, scope = self.workspace.roles, on.strip() or "workspace"
        self.work(
            "change",
            lambda: roles.assign(
                person.strip(), role, on=scope, until=until.strip() or None
            ),
            lambda _: self.begin(),
        )

    def do_revoke(self, person: str, role: str, on: str) -> None:
        """Take a role back."""
        roles = self.workspace.roles
        self.work(
            "change",
            lambda: roles.revoke(person, role, on=on),
            lambda _: self.begin(),
        )

    def do_ask(self, who: str, right: str, thing: str) -> None:
        """Ask whether somebody may do something, without trying."""
        roles = self.workspace.roles
        self.work(
            "ask",
            lambda: roles.check(who.strip(), right.strip(), on=thing.strip() or None),
            self._know_answer,
        )

    def _know_answer(self, found: Answer) -> None:
        self.answer = found

    # ---- how it looks

    def view(self) -> Element:
        """Return the tabs."""
        return page(
            "Roles",
            tabs(
                "roles",
                [
                    ("people", "People", self._people()),
                    ("ask", "May they?", self._ask()),
                    ("audit", "What was asked", self._audit()),
                ],
            ),
            subtitle="what is given or taken back holds from the next request on",
            actions=[
                button("Refresh", "reload", icon="refresh", kind="quiet", bare=True)
            ],
        )

    def _people(self) -> Child:
        new = form(
            row(
                field("person", "Person", required=True, placeholder="ana"),
                choice("role", "Role", ROLES, "reader"),
                field("on", "On", placeholder="workspace, or runtime:demo"),
                field("until", "Until", placeholder="18:00, or for good"),
                wide=True,
            ),
            row(submit("Give", icon="add", busy=self.working("change"))),
            do="assign",
            clear=True,
        )
        return [self._assignments(), card(new, title="Give a role")]

    def _assignments(self) -> Child:
        if self.known is None:
            return (
                loading("Asking who has which role") if self.working("list") else None
            )
        if not self.known:
            return empty(
                "person",
                "Nobody was given a role",
                "On your own machine you are its owner, and need none.",
            )
        rows: list[list[Child]] = [
            [
                a.principal,
                dict(ROLES).get(a.role, a.role).partition(":")[0],
                h("code", a.scope),
                a.until or "–",
                a.granted_by,
                button(
                    f"Take {a.role} back from {a.principal}",
                    "revoke",
                    icon="trash",
                    kind="danger",
                    bare=True,
                    confirm=f"Take {a.role} on {a.scope} back from {a.principal}? "
                    "Nothing new begins; what runs comes to its end.",
                    person=a.principal,
                    role=a.role,
                    on=a.scope,
                ),
            ]
            for a in self.known
        ]
        return table(
            ["person", "role", "on", "until", "given by", ""], rows, caption="roles"
        )

    def _ask(self) -> Child:
        asked = form(
            row(
                field("who", "Person", required=True, placeholder="ana"),
                field("right", "Right", required=True, placeholder="runtime.create"),
                field("thing", "On", placeholder="runtime:demo"),
                wide=True,
            ),
            row(submit("Ask", icon="search", busy=self.working("ask"))),
            do="ask",
        )
        found = self.answer
        if found is None:
            return [text("Nothing is tried, only looked up.", quiet=True), asked]
        words = f"{found.principal} may {found.right}"
        if found.allowed:
            told = notice(words, text(found.by), tone="ok")
        else:
            hint = f"ask {', '.join(found.ask)}" if found.ask else None
            lacks = f"needs {found.needs}" if found.needs else ""
            told = notice(words.replace("may", "may not"), text(lacks), hint=hint)
        return [asked, told]

    def _audit(self) -> Child:
        if self.lines is None:
            return text("Owners see who asked for what.", quiet=True)
        rows: list[list[Child]] = [
            [
                line.time[:19].replace("T", " "),
                line.principal,
                h("code", line.right),
                f"{line.kind} {line.name}".strip(),
                badge("allowed", "ok") if line.allowed else badge("refused", "no"),
            ]
            for line in self.lines
        ]
        return table(["when", "who", "right", "on", ""], rows, caption="audit list")


def _no(_error: PfError) -> bool:
    # whoever may not read the list sees the tab saying so
    return True
