"""The one state machine of a runtime's life.

creating → starting → ready ⇄ busy → stopping → stopped → starting …
    └──────────┴────────┴──── failed ────► starting | deleted
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import AlreadyExists, IllegalState
from ..store.records import RuntimeRecord
from .model import RuntimeState

TRANSITIONS: Mapping[RuntimeState, frozenset[RuntimeState]] = {
    "creating": frozenset({"starting", "failed"}),
    "starting": frozenset({"ready", "failed"}),
    "ready": frozenset({"busy", "stopping", "failed"}),
    "busy": frozenset({"ready", "stopping", "failed"}),
    "stopping": frozenset({"stopped", "failed"}),
    "stopped": frozenset({"starting", "deleted"}),
    "failed": frozenset({"starting", "deleted"}),
    "deleted": frozenset(),
}
"""Which states may follow which."""

ON_THE_WAY = frozenset[RuntimeState]({"creating", "starting", "stopping"})
"""States that some process is at work to leave."""

USABLE = frozenset[RuntimeState]({"ready", "busy"})
"""States in which a runtime takes runs."""

_WAY_OUT: Mapping[RuntimeState, str] = {
    "creating": "wait until it is ready; %pfruntime logs {name} shows how far it is",
    "starting": "wait until it is ready; %pfruntime logs {name} shows how far it is",
    "ready": "it is ready as it is",
    "busy": "wait for its runs to end, or cancel them",
    "stopping": "wait until it has stopped",
    "stopped": "%pfruntime start {name} brings it back",
    "failed": "%pfruntime start {name} brings it back",
    "deleted": "%pfruntime create {name} makes a new one",
}


def allowed(source: RuntimeState, target: RuntimeState) -> bool:
    """Return whether a runtime may go from one state to the other."""
    return target in TRANSITIONS[source]


def before(target: RuntimeState) -> tuple[RuntimeState, ...]:
    """Return the states from which ``target`` can be reached in one step."""
    return tuple(source for source in TRANSITIONS if allowed(source, target))


def refusal(name: str, source: RuntimeState, target: RuntimeState) -> IllegalState:
    """Return the error for a step that is not allowed; it names both states."""
    return IllegalState(
        f"runtime {name!r} is {source} and cannot become {target}",
        hint=_WAY_OUT[source].format(name=name),
    )


def exists(record: RuntimeRecord) -> AlreadyExists:
    """Return the error for a name that a runtime has already."""
    return AlreadyExists(
        f"there is a runtime {record.name!r} already, and it is {record.state}",
        hint=f"%pfruntime use {record.name} takes it; or choose another name",
    )


def check(name: str, source: RuntimeState, target: RuntimeState) -> None:
    """Refuse a step that is not allowed.

    Parameters
    ----------
    name
        The runtime's, for the message.
    source, target
        The states before and after.

    Raises
    ------
    IllegalState
        The table does not hold the step.
    """
    if not allowed(source, target):
        raise refusal(name, source, target)
