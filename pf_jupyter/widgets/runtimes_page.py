"""All runtimes: what each is doing, one opened, another one added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..commands.wording import environment_name
from .elements import Child, Element, h
from .parts import badge, button, page
from .runtime_page import RuntimeDetails
from .shown import empty, loading, table
from .wizard import RuntimeWizard

if TYPE_CHECKING:
    from ..workspace.api import Runtime, Workspace


class RuntimesPage(RuntimeWizard, RuntimeDetails):
    """The list of runtimes; its rows open them, its button adds one.

    Parameters
    ----------
    workspace
        Whose runtimes.
    runtime
        One that is open at first.
    add
        Whether the wizard is open at first.
    """

    def __init__(
        self, workspace: Workspace, runtime: str | None = None, *, add: bool = False
    ) -> None:
        self.records: Sequence[dict[str, Any]] | None = None
        self.current: str | None = None
        self._first, self._add_first = runtime, add
        super().__init__(workspace)

    def begin(self) -> None:
        """Ask for the runtimes, and for the one that is open."""
        self.do_list()
        if self._add_first:
            self.do_add()
        elif self._first is not None:
            self.open_runtime(self._first)

    def do_list(self) -> None:
        """Ask for the runtimes."""
        self.work("list", self._list, self._know_list)

    def do_open(self, name: str) -> None:
        """Open one."""
        self.trouble = None
        self.open_runtime(name)

    def do_close(self) -> None:
        """Go back to the list."""
        self.shown, self.trouble = None, None
        self.do_list()

    def do_use_one(self, name: str) -> None:
        """Make one the one that cells run in."""
        self.work("use", lambda: self.workspace.runtimes.use(name), self._used)

    def _used(self, runtime: Runtime | None) -> None:
        self.current = runtime.name if runtime else None

    def know_made(self, runtime: Runtime) -> None:
        """Open the runtime that was made."""
        self.do_list()
        self.open_runtime(runtime.name)

    def know_gone(self) -> None:
        """Go back to the list when the one that was open is not there any more."""
        self.do_close()

    def _list(self) -> tuple[list[dict[str, Any]], str | None]:
        current = self.workspace.runtimes.current()
        found = [runtime.to_dict() for runtime in self.workspace.runtimes.list()]
        return found, current.name if current else None

    def _know_list(self, found: tuple[list[dict[str, Any]], str | None]) -> None:
        self.records, self.current = found

    def view(self) -> Element:
        """Return the wizard, the open runtime or the list."""
        if self.wizard is not None:
            return self.wizard_page()
        if self.shown is not None:
            back = button("All runtimes", "close", icon="back", kind="quiet", bare=True)
            return self.details(back)
        add = button("Add", "add", icon="add", kind="primary")
        return page(
            "Runtimes",
            self._rows(),
            actions=[
                add,
                button(
                    "Refresh",
                    "list",
                    icon="refresh",
                    kind="quiet",
                    bare=True,
                    busy=self.working("list"),
                ),
            ],
        )

    def _rows(self) -> Child:
        if self.records is None:
            again = button("Look again", "list", icon="refresh")
            return loading("Asking the engines") if self.working("list") else again
        if not self.records:
            return empty(
                "box",
                "No runtime yet",
                "A runtime is a container with all that flows need. "
                "One takes a second to make.",
                button("Add a runtime", "add", icon="add", kind="primary"),
            )
        return table(
            ["name", "state", "environment", "compute", "kind", "owner", ""],
            [self._row(record) for record in self.records],
            keys=[str(record["name"]) for record in self.records],
            caption="runtimes",
        )

    def _row(self, record: dict[str, Any]) -> list[Child]:
        name = str(record["name"])
        used = name == self.current
        return [
            button(name, "open", kind="quiet", name=name, key=f"open:{name}"),
            [badge(str(record["state"])), _newer(record)],
            environment_name(record.get("environment")),
            str(record["engine"]),
            str(record["kind"]),
            str(record["owner"]),
            badge("in use here", "ok")
            if used
            else button(
                "Use here", "use_one", kind="quiet", name=name, key=f"use:{name}"
            ),
        ]


def _newer(record: dict[str, Any]) -> Child:
    update = record.get("update")
    if not update:
        return None
    return h("span", " ", badge("update", "warn", title=update.get("notice")))
