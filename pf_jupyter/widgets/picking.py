"""The runtime picker: which runtime a page's work happens in, at its upper left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .elements import Element
from .parts import badge, choice, row

if TYPE_CHECKING:
    from ..workspace.api import Workspace

AUTOMATIC = ""


class RuntimePicker:
    """The runtimes to choose from, and the one that is chosen.

    Parameters
    ----------
    workspace
        Whose runtimes.
    chosen
        The one to begin with; None means the one in use.
    """

    def __init__(self, workspace: Workspace, chosen: str | None = None) -> None:
        self._workspace = workspace
        self.chosen = chosen
        self.records: Sequence[dict[str, Any]] | None = None

    def ask(self) -> tuple[list[dict[str, Any]], str | None]:
        """Return the runtimes' records and the one in use; may take its time."""
        runtimes = self._workspace.runtimes
        current = runtimes.current()
        records = [runtime.to_dict() for runtime in runtimes.list()]
        return records, current.name if current else None

    def know(self, found: tuple[list[dict[str, Any]], str | None]) -> None:
        """Take what `ask` found."""
        self.records, current = found
        if self.chosen is None:
            self.chosen = current

    def pick(self, name: str) -> None:
        """Choose one; empty means that one is found or made when it is needed."""
        self.chosen = name or None

    def shown(self, do: str = "pick", *, reason: str | None = None) -> Element:
        """Return the picker; choosing calls ``do_<do>(runtime=…)``."""
        records = self.records or []
        options = [(AUTOMATIC, "automatic: a session of your own")]
        options += [(r["name"], _words(r)) for r in records]
        known = {record["name"]: record for record in records}
        if self.chosen and self.chosen not in known:
            options.append((self.chosen, self.chosen))
        record = known.get(self.chosen or "")
        return row(
            choice(
                "runtime",
                "Runtime",
                options,
                self.chosen or AUTOMATIC,
                change=do,
                hidden_label=True,
                reason=reason,
            ),
            badge(str(record["state"])) if record else None,
        )


def _words(record: dict[str, Any]) -> str:
    environment = record.get("environment") or {}
    words = [str(record["name"])]
    if environment:
        words.append(f"{environment['name']}:{environment['version']}")
    words.append(str(record.get("engine") or ""))
    if not record.get("isolated", True):
        words[-1] += ", does not isolate"
    return " · ".join(filter(None, words))
