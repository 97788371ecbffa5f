"""Everything that lives on an engine, whoever started it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pf_jupyter.engines.api import Engine, InstanceState


@runtime_checkable
class HasOccupants(Protocol):
    """An engine on which others than we start things."""

    def occupants(self) -> Sequence[InstanceState]:
        """Return all instances and foreign containers, ended ones included."""


def occupants(engine: Engine) -> Sequence[InstanceState]:
    """Return everything that lives on an engine: where nobody else can start things,
    our instances."""
    if isinstance(engine, HasOccupants):
        return engine.occupants()
    return engine.find({})
