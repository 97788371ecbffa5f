"""How runtimes are made, started, stopped and deleted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..engines.api import Engine, InstanceState
from ..environments.layers import digest_of
from ..errors import NotFound, PfError, RuntimeFailed
from ..store.records import LifeLine, RuntimeRecord, timestamp
from ..store.store import Store
from . import identity
from .adopting import adopted_instance, is_adopted
from .channels import Channels
from .computes import Computes
from .failing import Failures
from .leftover import held_by
from .mishap import MayFail, phase_of
from .model import OnPhase, RuntimeState
from .named import SOURCES, NamedEnvironments, refuse_without_containers
from .named import Resolve as Resolve
from .named import Resolved as Resolved
from .phases import Way
from .placing import instance_spec
from .states import ON_THE_WAY, USABLE, before, exists, refusal
from .turns import Turns
from .wish import Wish, new_record

_START_SECONDS = 1800.0
_CHANGE_SECONDS = 30.0


class Lifecycle:
    """Changes the state of runtimes; nothing else does.

    Parameters
    ----------
    store, computes, channels, failures
        What it works with.
    turns
        Let one process at a time change a runtime.
    resolve
        Makes sure that the default environment's image is on an engine.
    prepare
        Called in a thread of its own while an instance starts, to get ready what the
        handshake needs.
    named
        Finds environments that were published.
    """

    def __init__(
        self,
        store: Store,
        computes: Computes,
        channels: Channels,
        failures: Failures,
        turns: Turns,
        resolve: Resolve,
        prepare: Callable[[], object] = lambda: None,
        named: NamedEnvironments | None = None,
    ) -> None:
        self._store = store
        self._computes = computes
        self._channels = channels
        self._failures = failures
        self._turns = turns
        self._resolve = resolve
        self._prepare = prepare
        self._named = named or NamedEnvironments(store)

    def create(self, wish: Wish, on_phase: OnPhase | None = None) -> RuntimeRecord:
        """Make a runtime and bring it to ready.

        Raises
        ------
        UsageError, AlreadyExists, NotFound, Unreachable
            Nothing was made.
        RuntimeFailed
            It failed on its way and stays, so that its log can be read; nothing of it
            is left on the engine.
        """
        wish.check()
        pinned = self._named.pin(wish.environment)
        if (there := self._store.runtime(wish.name)) is not None:
            raise exists(there)
        way = Way(wish.name, on_phase)
        with way.phase("check") as step:
            compute, engine, info, remark = self._computes.choose(wish.compute)
            if pinned and not info.isolated:
                raise refuse_without_containers(wish.environment)
            record, remarks = new_record(wish, compute, info)
            record = replace(record, **pinned)
            remarks = [f"{info.name} {info.version}", *remarks, remark]
            step.detail = "; ".join(text for text in remarks if text)
        return self._add(record, engine, way)

    def found(self, record: RuntimeRecord, on_phase: OnPhase | None) -> RuntimeRecord:
        """Bring a new runtime to ready that is made after another one's record."""
        engine = self._computes.engine(record.compute)
        return self._add(record, engine, Way(record.shown_name, on_phase))

    def _add(self, record: RuntimeRecord, engine: Engine, way: Way) -> RuntimeRecord:
        with self._turns.take(record.id, record.name, _CHANGE_SECONDS):
            self._store.add_runtime(record)
            way.attach(self._store, record.id)
            with self._may_fail(record, engine, way):
                record = self._furnish(record, engine, way)
                record = self._place(record, engine, way, None)
                record = self._step(record, "starting")
                return self._bring_up(record, engine, way)

    def start(self, key: str, on_phase: OnPhase | None = None) -> RuntimeRecord:
        """Bring a runtime to ready; one that is ready stays so.

        Raises
        ------
        NotFound
            There is no such runtime any more.
        RuntimeFailed
            It cannot be brought to ready.
        """
        record = self._get(key)
        with self._turns.take(key, record.name, _START_SECONDS):
            return self._start(key, on_phase)

    def stop(self, key: str) -> RuntimeRecord:
        """Stop a runtime; one that is stopped stays so.

        Raises
        ------
        IllegalState
            It has failed, or somebody else changes it.
        """
        record = self._get(key)
        with self._turns.take(key, record.name, _CHANGE_SECONDS):
            return self._stop(key)

    def restart(self, key: str, on_phase: OnPhase | None = None) -> RuntimeRecord:
        """Stop a runtime if it runs, and bring it to ready."""
        record = self._get(key)
        with self._turns.take(key, record.name, _START_SECONDS):
            if self._settled(key).state in USABLE:
                self._stop(key)
            return self._start(key, on_phase)

    def join(self, record: RuntimeRecord, engine: Engine, way: Way) -> RuntimeRecord:
        """Bring a new runtime to ready whose instance is there; we hold its turn."""
        with self._may_fail(record, engine, way):
            return self._bring_up(self._step(record, "starting"), engine, way)

    def delete(self, key: str) -> None:
        """Remove a runtime and everything it has on its engine; its runs stay.

        Raises
        ------
        Unreachable
            Its engine does not answer, so nothing was removed.
        """
        record = self._get(key)
        with self._turns.take(key, record.name, _CHANGE_SECONDS):
            self._delete(self._settled(key))
        self._turns.forget(key)

    def delete_unused(self, record: RuntimeRecord) -> bool:
        """Remove a runtime unless somebody used it since ``record`` was read.

        Returns
        -------
        Whether it was removed.
        """
        with self._turns.take(record.id, record.name, 0):
            current = self._store.runtime_by_id(record.id)
            if current is None or current.last_used_at != record.last_used_at:
                return False
            if current.state not in ("stopped", "failed"):
                # a run that begins now takes the runtime first, or not at all
                current = self._store.change_runtime(
                    record.id, only_from=("ready",), state="stopping"
                )
            if current is None:
                return False
            self._delete(current)
        self._turns.forget(record.id)
        return True

    # steps; whoever calls them holds the turn

    def _start(self, key: str, on_phase: OnPhase | None) -> RuntimeRecord:
        record = self._settled(key)
        engine = self._computes.engine(record.compute)
        if record.state in USABLE:
            if self._channels.peek(key) is not None:
                return record
            state = engine.inspect(record.instance or "")
            if state.status == "running":
                return record
            self._failures.lost(record, state)
            record = self._get(key)
        record = self._step(record, "starting", error=None)
        self._channels.drop(key)
        way = Way(record.name, on_phase)
        way.attach(self._store, record.id)
        with self._may_fail(record, engine, way):
            with way.phase("check") as step:
                info = engine.ping()
                step.detail = f"{info.name} {info.version}"
                record = self._change(record, engine_address=info.address)
                found = self._instances(record, engine)
            if not found:
                record = self._furnish(record, engine, way)
            record = self._place(record, engine, way, found[0] if found else None)
            return self._bring_up(record, engine, way)

    def _stop(self, key: str) -> RuntimeRecord:
        record = self._settled(key)
        if record.state == "stopped":
            return record
        record = self._step(record, "stopping")
        self._end_runs(record, "runtime_stopped", "was stopped")
        try:
            engine = self._computes.engine(record.compute)
            if record.instance and not is_adopted(record):
                engine.stop(record.instance)
            for instance in held_by(record):
                engine.remove(instance)
        except PfError as error:
            self._failures.record(
                record, phase="run", code=error.code, cause=error.message
            )
            raise
        return self._step(record, "stopped")

    def _delete(self, record: RuntimeRecord) -> None:
        if record.state in USABLE:
            record = self._step(record, "stopping")
        self._end_runs(record, "runtime_deleted", "was deleted")
        try:
            self._remove_instances(record)
        except PfError as error:
            self._failures.record(
                record, phase="run", code=error.code, cause=error.message
            )
            raise
        if record.state == "stopping":
            record = self._step(record, "stopped", instance=None)
        if record.state not in before("deleted"):
            raise refusal(record.name, _state(record), "deleted")
        self._store.remove_runtime(record.id)

    def _furnish(
        self, record: RuntimeRecord, engine: Engine, way: Way
    ) -> RuntimeRecord:
        known = record.image and engine.image(record.image) is not None
        if known and record.environment_digest:
            return record
        with way.phase("build") as step:
            made: list[str] = []

            def progress(progress: Any) -> None:
                made.append(progress.text)
                step.progress(progress)

            resolved: Resolved | None = self._named.fetch(record, engine, progress)
            resolved = resolved or self._resolve(engine, progress)
            step.detail = SOURCES.get(resolved.source, "") if made else "already here"
            return self._change(
                record,
                environment_name=resolved.name,
                environment_version=resolved.version,
                environment_digest=digest_of(resolved.digest, record.layers or ()),
                base_digest=resolved.digest,
                image=resolved.image,
                python=resolved.python,
            )

    def _place(
        self,
        record: RuntimeRecord,
        engine: Engine,
        way: Way,
        found: InstanceState | None,
    ) -> RuntimeRecord:
        with way.phase("create") as step:
            if found is not None:
                step.detail = "kept"
                return self._change(record, instance=found.id)
            labels = identity.labels(record, self._store.id)
            instance = engine.create(instance_spec(record, labels))
            step.detail = instance[:12]
            return self._change(record, instance=instance)

    def _bring_up(
        self, record: RuntimeRecord, engine: Engine, way: Way
    ) -> RuntimeRecord:
        instance = record.instance or ""
        preparing = threading.Thread(target=self._prepare, daemon=True)
        preparing.start()
        with way.phase("start"):
            engine.start(instance)
        with way.phase("handshake") as step:
            preparing.join()
            hello = self._channels.get(record, engine).handshake()
            python = str(hello.get("python", ""))
            step.detail = f"Python {python} on {hello.get('hostname', '')}"
        now = timestamp()
        return self._step(
            record,
            "ready",
            hostname=str(hello.get("hostname", "")),
            python=python or record.python,
            error=None,
            started_at=now,
            last_used_at=now,
        )

    def _may_fail(self, record: RuntimeRecord, engine: Engine, way: Way) -> MayFail:
        return MayFail(self._store, self._failures, record.id, engine, way)

    def _instances(self, record: RuntimeRecord, engine: Engine) -> list[InstanceState]:
        """Return the runtime's instance if it can be started; others are removed."""
        if is_adopted(record):
            return [adopted_instance(record, engine)]
        good: list[InstanceState] = []
        found = engine.find({identity.ID: record.id})
        for state in sorted(found, key=lambda one: one.id != record.instance):
            if state.id in held_by(record) and state.id != record.instance:
                continue  # it goes when the runs in it have ended
            if not good and state.status in ("created", "running", "exited"):
                good.append(state)
            else:
                engine.remove(state.id)
        return good

    def _remove_instances(self, record: RuntimeRecord) -> None:
        engine = self._computes.engine(record.compute)
        found = {state.id for state in engine.find({identity.ID: record.id})}
        if record.instance and not is_adopted(record):
            found.add(record.instance)
        for instance in found:
            engine.remove(instance)
        with contextlib.suppress(PfError):
            # layers can be made again; nobody is kept from deleting by what they lie in
            engine.remove_volume(identity.volume(record))

    def _end_runs(self, record: RuntimeRecord, code: str, what: str) -> None:
        error = RuntimeFailed(f"runtime {record.name!r} {what}", phase="run", code=code)
        self._channels.fail(record.id, error)

    def _settled(self, key: str) -> RuntimeRecord:
        """Return the record; one that a dead process left on its way has failed.

        The turn is ours, so nobody else is at work on it.
        """
        record = self._get(key)
        if record.state in ON_THE_WAY:
            self._failures.record(
                record,
                phase=phase_of(record),
                code="interrupted",
                cause=f"what was {record.state} runtime {record.name!r} ended before "
                "it was done",
            )
            record = self._get(key)
        return record

    def _get(self, key: str) -> RuntimeRecord:
        record = self._store.runtime_by_id(key)
        if record is None:
            raise NotFound(
                "the runtime does not exist any more",
                hint="%pfruntime list shows those that do",
            )
        return record

    def _change(self, record: RuntimeRecord, **changes: Any) -> RuntimeRecord:
        return self._store.change_runtime(record.id, **changes) or self._get(record.id)

    def _step(
        self, record: RuntimeRecord, target: RuntimeState, **changes: Any
    ) -> RuntimeRecord:
        line = LifeLine(timestamp(), "state", "", target)
        if target not in ON_THE_WAY:
            changes = {"phase": None, "phase_since": None, **changes}
        changed = self._store.change_runtime(
            record.id, only_from=before(target), line=line, state=target, **changes
        )
        if changed is None:
            raise refusal(record.name, _state(self._get(record.id)), target)
        return changed


def _state(record: RuntimeRecord) -> RuntimeState:
    return record.state  # type: ignore[return-value]
