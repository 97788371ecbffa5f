"""The choices of a batch that was run, as the wizard has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .batch_plan import Wiring
from .values import written

if TYPE_CHECKING:
    from ..workspace.api import BatchRun


@dataclass(frozen=True)
class Choices:
    """What a batch was started with.

    Parameters
    ----------
    typed
        What stands in the fields of the wizard.
    mapping
        Where the flow's inputs come from; None when that is not known.
    connections
        Of the nodes that were given another one.
    others
        What was chosen and has no field, so that it is not taken over.
    """

    typed: Mapping[str, str]
    mapping: Mapping[str, Any] | None
    connections: Mapping[str, Mapping[str, Any]]
    others: Sequence[str]

    def fill(self, wiring: Wiring) -> None:
        """Write mapping and connection into the fields of the flow."""
        if self.mapping is not None:
            names = [str(item["name"]) for item in wiring.info.inputs]
            wiring.given = {name: self._text(name) for name in names}
            wiring.own = set(names)
        wiring.connection = self._connection() if wiring.asking else ""

    def left_out(self) -> list[str]:
        """Return what is not taken over, in words."""
        more = ["connections"] if self.connections and not self._connection() else []
        if self.mapping is None:
            more.append("mapping, limits and rows, which a server keeps")
        return [*(name.replace("_", " ") for name in self.others), *more]

    def _text(self, name: str) -> str:
        value = (self.mapping or {}).get(name, "")
        return value if isinstance(value, str) else written(value)

    def _connection(self) -> str:
        """Return the connection of all the nodes, empty when they differ."""
        found = {
            str(given.get("connection")) if set(given) == {"connection"} else ""
            for given in self.connections.values()
        }
        return found.pop() if len(found) == 1 else ""


def choices_of(run: BatchRun) -> Choices:
    """Return what a batch was started with; reads its record."""
    chosen = run.chosen()
    others = [str(name) for name in chosen.get("others") or ()]
    tags = []
    for key, value in run.tags.items():
        if any(mark.isspace() for mark in f"{key}{value}"):
            others.append(f"tag {key}")
        else:
            tags.append(f"{key}={value}")
    typed = {
        "flow": str(chosen.get("flow") or run.flow_path),
        "data": str(chosen.get("data") or ""),
        "source": run.source_run or "",
        "at": run.runtime,
        "variant": str(chosen.get("variant") or ""),
        "name": run.name or "",
        "description": run.description,
        "tags": " ".join(tags),
    }
    for name in ("workers", "line_timeout", "batch_timeout"):
        typed[name] = f"{chosen[name]:g}" if chosen.get(name) else ""
    connections = chosen.get("connections") or {}
    return Choices(typed, chosen.get("mapping"), connections, others)
