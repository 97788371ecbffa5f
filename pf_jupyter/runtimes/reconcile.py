"""Holds the records against what is really there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..engines.api import Engine, InstanceState
from ..errors import PfError
from ..store.records import RuntimeRecord
from ..store.store import Store
from .computes import Computes
from .failing import Failures, way_back
from .identity import ID, WORKSPACE
from .leftover import CANDIDATE, beside_key
from .mishap import phase_of
from .states import ON_THE_WAY, USABLE
from .turns import Turns


class Reconciler:
    """Finds out which runtimes are not what their records say.

    Parameters
    ----------
    store, computes, failures, turns
        What it works with.
    """

    def __init__(
        self, store: Store, computes: Computes, failures: Failures, turns: Turns
    ) -> None:
        self._store = store
        self._computes = computes
        self._failures = failures
        self._turns = turns

    def one(self, record: RuntimeRecord) -> RuntimeRecord:
        """Return the record of a runtime as it really is now."""
        return self._check([record])[0]

    def all(self) -> list[RuntimeRecord]:
        """Return the records of all runtimes by name, as they really are now.

        Each engine is asked once.
        """
        return self._check(self._store.runtimes())

    def orphans(self, compute: str) -> list[InstanceState]:
        """Return instances of this workspace whose runtime is gone."""
        engine = self._computes.engine(compute)
        found = engine.find({WORKSPACE: self._store.id})
        known = {record.id for record in self._store.runtimes()}
        return [
            state
            for state in found
            if state.labels.get(ID) not in known and not self._in_the_making(state)
        ]

    def _in_the_making(self, state: InstanceState) -> bool:
        beside = state.labels.get(CANDIDATE)
        return beside is not None and not self._turns.free(beside_key(beside))

    def _check(self, records: Sequence[RuntimeRecord]) -> list[RuntimeRecord]:
        by_compute: dict[str, dict[str, InstanceState] | PfError] = {}
        checked = []
        for record in records:
            if record.state in ON_THE_WAY:
                record = self._left_behind(record)
            elif record.state in USABLE:
                if record.compute not in by_compute:
                    only = record if len(records) == 1 else None
                    by_compute[record.compute] = self._ask(record.compute, only)
                record = self._against(record, by_compute[record.compute])
            checked.append(record)
        return checked

    def _ask(
        self, compute: str, only: RuntimeRecord | None
    ) -> dict[str, InstanceState] | PfError:
        wanted = {ID: only.id} if only else {WORKSPACE: self._store.id}
        try:
            found = self._computes.engine(compute).find(wanted)
        except PfError as error:
            return error
        return {state.id: state for state in found}

    def _against(
        self, record: RuntimeRecord, found: dict[str, InstanceState] | PfError
    ) -> RuntimeRecord:
        if isinstance(found, PfError):
            # perhaps only this process cannot reach the engine: say so, record nothing
            return _out_of_reach(record, found.message, found.hint)
        state = found.get(record.instance or "")
        if state is not None and state.status in ("running", "paused"):
            return record
        engine = self._computes.engine(record.compute)
        if state is None:
            elsewhere = self._elsewhere(record, engine)
            if elsewhere is not None:
                return elsewhere
            state = engine.inspect(record.instance or "")
            if state.status in ("running", "paused"):
                return record
        changed = self._failures.lost(record, state)
        return changed or self._store.runtime_by_id(record.id) or record

    def _elsewhere(self, record: RuntimeRecord, engine: Engine) -> RuntimeRecord | None:
        try:
            address = engine.ping().address
        except PfError as error:
            return _out_of_reach(record, error.message, error.hint)
        if not record.engine_address or address == record.engine_address:
            return None
        return _out_of_reach(
            record,
            f"runtime {record.name!r} is on the engine at {record.engine_address}, "
            f"and this process talks to {address}",
            f"set DOCKER_HOST={record.engine_address} to reach it",
        )

    def _left_behind(self, record: RuntimeRecord) -> RuntimeRecord:
        if not self._turns.free(record.id):
            return record
        current = self._store.runtime_by_id(record.id)
        if current is None or current.state not in ON_THE_WAY:
            return current or record
        changed = self._failures.record(
            current,
            phase=phase_of(current),
            code="interrupted",
            cause=f"what was {current.state} runtime {current.name!r} ended before "
            "it was done",
        )
        return changed or self._store.runtime_by_id(record.id) or record


def _out_of_reach(record: RuntimeRecord, message: str, hint: str) -> RuntimeRecord:
    return replace(
        record,
        state="failed",
        error={
            "code": "engine_unreachable",
            "message": message,
            "hint": hint or way_back(record.name),
            "phase": "check",
        },
    )
