"""What happens when a runtime fails on its way: recorded, cleaned up, told."""

from __future__ import annotations

from ..engines.api import Engine
from ..errors import PfError, RuntimeFailed
from ..store.records import RuntimeRecord
from ..store.store import Store
from . import identity
from .adopting import is_adopted
from .failing import Failures, instance_log
from .leftover import held_by
from .model import Phase
from .phases import Way


class MayFail:
    """Records what goes wrong in the block, and cleans the engine."""

    def __init__(
        self, store: Store, failures: Failures, key: str, engine: Engine, way: Way
    ) -> None:
        self._store = store
        self._failures = failures
        self._key = key
        self._engine = engine
        self._way = way

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, _type: object, error: BaseException | None, _trace: object
    ) -> None:
        if error is None:
            return
        record = self._store.runtime_by_id(self._key)
        if record is None:
            return
        log = self._way.log()
        cleaned = True
        try:
            for state in self._engine.find({identity.ID: record.id}):
                if state.id in held_by(record):
                    continue  # it goes when the runs in it have ended
                said = instance_log(self._engine, state.id)
                log = f"{log}\n{said}".strip()
                self._engine.remove(state.id)
        except PfError:
            cleaned = False  # the next start or doctor finds it by its label
        phase: Phase = self._way.failed_in or phase_of(record)
        known = error if isinstance(error, PfError) else None
        if known is not None:
            code, cause, hint = known.code, known.message, known.hint
        elif isinstance(error, KeyboardInterrupt):
            code, cause, hint = "interrupted", "it was interrupted", ""
        else:
            code, cause, hint = "internal", f"a defect of pf_jupyter: {error!r}", ""
        if isinstance(error, RuntimeFailed) and error.log:
            log = f"{log}\n{error.log}".strip()
        self._failures.record(
            record,
            phase=phase,
            code=code,
            cause=cause,
            hint=hint,
            log=log,
            keep_instance=not cleaned or is_adopted(record),
        )
        if known is not None:
            failed = RuntimeFailed(
                f"runtime {record.name!r} failed in phase {phase}: {cause}",
                phase=phase,
                log=log,
                code=code,
                hint=hint or f"%pfruntime logs {record.name} shows how it came to that",
            )
            failed.exit_code = known.exit_code
            raise failed from error


def phase_of(record: RuntimeRecord) -> Phase:
    """Return the phase that a record is in, "run" when it is on no way."""
    phases: tuple[Phase, ...] = (
        "check",
        "pull",
        "build",
        "create",
        "start",
        "handshake",
    )
    return next((phase for phase in phases if phase == record.phase), "run")
