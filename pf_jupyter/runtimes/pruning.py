"""Layers that no runtime has any more are removed, and nobody's work with them.

Whoever changes the layers of a runtime holds its turn. All turns are taken first, so
that no process is about to use what is removed here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..engines.api import VOLUME_LABEL, Engine
from ..errors import IllegalState, PfError
from ..store.records import RuntimeRecord
from ..store.store import Store
from . import identity
from .computes import Computes
from .turns import Turns


class Pruner:
    """Removes unused layers.

    Parameters
    ----------
    store, computes, turns
        What it works with.
    """

    def __init__(self, store: Store, computes: Computes, turns: Turns) -> None:
        self._store = store
        self._computes = computes
        self._turns = turns

    def unused(self, compute: str) -> dict[str, list[str]]:
        """Return the names of unused layers by their volumes.

        Those of volumes that other workspaces see, too, are not known to be unused.
        """
        engine = self._computes.engine(compute)
        found = {}
        for volume, records in self._volumes(compute).items():
            with self._alone(volume, records, engine) as ours:
                names = self._unused(volume, ours, engine)
                if names:
                    found[volume] = names
        return found

    def prune(self, compute: str) -> list[str]:
        """Remove what `unused` names, and return the names."""
        engine = self._computes.engine(compute)
        removed: list[str] = []
        for volume, records in self._volumes(compute).items():
            with self._alone(volume, records, engine) as ours:
                image = next((r.image for r in ours if engine.image(r.image)), "")
                for name in self._unused(volume, ours, engine):
                    engine.remove_layer(volume, name, image)
                    removed.append(name)
        return removed

    def after(self, record: RuntimeRecord) -> None:
        """Remove what a runtime that is gone had to itself; never fails."""
        if record.layers:
            with contextlib.suppress(PfError):
                self.prune(record.compute)

    def _volumes(self, compute: str) -> dict[str, list[RuntimeRecord]]:
        found: dict[str, list[RuntimeRecord]] = {}
        for record in self._store.runtimes():
            if record.compute == compute and record.image:
                found.setdefault(identity.volume(record), []).append(record)
        return found

    @contextlib.contextmanager
    def _alone(
        self, volume: str, records: list[RuntimeRecord], engine: Engine
    ) -> Iterator[list[RuntimeRecord]]:
        """Give the records of a volume, nobody changing them; none when somebody is."""
        with contextlib.ExitStack() as turns:
            try:
                for record in sorted(records, key=lambda one: one.id):
                    turns.enter_context(self._turns.take(record.id, record.name, 0))
            except IllegalState:
                yield []  # somebody is at work on one of them
                return
            now = self._volumes(records[0].compute).get(volume, [])
            known = {record.id for record in records}
            others = [
                state
                for state in engine.find({VOLUME_LABEL: volume})
                if state.labels.get(identity.WORKSPACE) != self._store.id
            ]
            quiet = not others and all(
                record.id in known or not record.layers for record in now
            )
            yield now if quiet and not any(map(self._works, now)) else []

    def _works(self, record: RuntimeRecord) -> bool:
        """Tell whether runs go on that may have begun with other layers."""
        return bool(
            record.state == "busy"
            or (record.previous or {}).get("held")
            or self._store.running_in(record.id)
        )

    def _unused(
        self, volume: str, records: list[RuntimeRecord], engine: Engine
    ) -> list[str]:
        image = next((r.image for r in records if engine.image(r.image)), None)
        if image is None:
            return []
        used = {name for record in records for name in record.layer_names}
        for record in records:
            kept = (record.previous or {}).get("layers") or ()
            used |= {layer["name"] for layer in kept}
        return [name for name in engine.layers(volume, image) if name not in used]
