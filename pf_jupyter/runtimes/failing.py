"""How a runtime's failure is recorded, told to whoever waits, and raised again."""

from __future__ import annotations

import time

from ..engines.api import Engine, InstanceState
from ..errors import PfError, RuntimeFailed, Unreachable
from ..store.records import LifeLine, RuntimeRecord, timestamp
from ..store.store import Store
from .channels import Channels
from .model import Phase
from .states import before

_LOG_TAIL = 40
_SETTLE_SECONDS = 1.0
_LOOK_SECONDS = 0.05


def way_back(name: str) -> str:
    """Return the hint that every lost runtime carries."""
    return f"%pfruntime start {name} brings it back"


def failure_of(record: RuntimeRecord) -> RuntimeFailed:
    """Return the error that says why a runtime is failed."""
    error = record.error or {}
    return RuntimeFailed(
        error.get("message") or f"runtime {record.name!r} failed",
        phase=error.get("phase") or "run",
        code=error.get("code") or "runtime_failed",
        hint=error.get("hint") or way_back(record.name),
        log=error.get("log") or "",
    )


def instance_log(engine: Engine, instance: str) -> str:
    """Return the last lines of an instance's own output, "" when there are none."""
    try:
        return "\n".join(engine.logs(instance, tail=_LOG_TAIL))
    except PfError:
        return ""  # the log only adds to a failure that is told anyway


class Failures:
    """Makes runtimes fail.

    Parameters
    ----------
    store
        Where it is remembered.
    channels
        What waits for the runtimes in this process.
    """

    def __init__(self, store: Store, channels: Channels) -> None:
        self._store = store
        self._channels = channels

    def record(
        self,
        record: RuntimeRecord,
        *,
        phase: Phase,
        code: str,
        cause: str,
        hint: str = "",
        log: str = "",
        keep_instance: bool = True,
    ) -> RuntimeRecord | None:
        """Remember that a runtime failed, and fail what waits for it here.

        Parameters
        ----------
        phase
            Where in its life.
        code, cause, hint
            Of the error; ``cause`` is one sentence. No hint means how to bring it back.
        log
            The last lines that were said.
        keep_instance
            Whether its instance is still there.

        Returns
        -------
        The record then; None when it has changed since ``record`` was read, because
        somebody else noticed, started it again, or stopped or deleted it on purpose.
        """
        error = {
            "code": code,
            "message": cause,
            "hint": hint or way_back(record.name),
            "phase": phase,
        }
        changes = {} if keep_instance else {"instance": None, "hostname": ""}
        changed = self._store.change_runtime(
            record.id,
            only_from=before("failed"),
            # what was found out of it is old when it has changed since
            revision=record.revision,
            line=LifeLine(timestamp(), "failed", phase, cause),
            state="failed",
            phase=phase,
            phase_since=None,
            error={**error, "log": log} if log else error,
            **changes,
        )
        if changed is not None:
            self._channels.fail(record.id, failure_of(changed))
        return changed

    def lost(self, record: RuntimeRecord, state: InstanceState) -> RuntimeRecord | None:
        """Remember that a runtime's instance is not running by itself."""
        code, cause = describe_loss(record.name, state)
        return self.record(record, phase="run", code=code, cause=cause)

    def examine(self, record: RuntimeRecord, engine: Engine) -> RuntimeFailed:
        """Find out why a runtime stopped answering, and remember it.

        Called when its channel broke: somebody stopped it, its instance ended, the
        engine is gone, or only the worker in it is.
        """
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            error = self._examine(record, engine)
            # an engine may tell the end of an instance later than its streams do
            if error.code != "worker_lost" or time.monotonic() > deadline:
                return error
            time.sleep(_LOOK_SECONDS)

    def _examine(self, record: RuntimeRecord, engine: Engine) -> RuntimeFailed:
        current = self._store.runtime_by_id(record.id)
        if current is None:
            return RuntimeFailed(
                f"runtime {record.name!r} was deleted",
                phase="run",
                code="runtime_deleted",
                hint=f"%pfruntime create {record.name} makes a new one",
            )
        if current.state in ("stopping", "stopped"):
            return RuntimeFailed(
                f"runtime {record.name!r} was stopped",
                phase="run",
                code="runtime_stopped",
                hint=way_back(record.name),
            )
        if current.state == "failed":
            return failure_of(current)
        try:
            state = engine.inspect(current.instance or "")
        except Unreachable as error:
            changed = self.record(
                current, phase="run", code="engine_lost", cause=error.message
            )
        else:
            if state.status in ("running", "paused"):
                return RuntimeFailed(
                    f"the worker in runtime {record.name!r} ended",
                    phase="run",
                    code="worker_lost",
                    hint="the next run starts a new one; %pfruntime logs "
                    f"{record.name} shows what it said",
                )
            changed = self.lost(current, state)
        return failure_of(changed or self._store.runtime_by_id(record.id) or current)


def describe_loss(name: str, state: InstanceState) -> tuple[str, str]:
    """Return the code and the cause of an instance's end."""
    if state.oom_killed:
        code = "out_of_memory"
    elif state.status == "missing":
        code = "runtime_removed"
    else:
        code = "runtime_died"
    cause = state.cause or (
        "removed from outside"
        if state.status == "missing"
        else f"ended (exit code {state.exit_code})"
    )
    return code, f"runtime {name!r} is gone: {cause}"
