"""One update, rehearsal or rollback of a runtime, from the words to what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..engines.api import BuildProgress
from ..errors import IllegalState, NotFound, UsageError
from ..runs.rehearsal import Rehearsing, counts, median_ms
from ..runs.replay import Replayer
from ..runtimes.ground import Ground, ground_before, ground_of
from ..runtimes.moving import Beside
from ..runtimes.phases import Way
from ..runtimes.states import USABLE
from ..runtimes.version_words import changes
from ..runtimes.writable import refuse_to_lose
from ..store.records import (
    RunRecord,
    RuntimeRecord,
    timestamp,
)
from .update_ground import Grounds

if TYPE_CHECKING:
    from ..engines.api import Engine
    from ..runtimes.channel import WorkerChannel
    from ..runtimes.model import OnPhase
    from .core import Core

_MODES = ("flow", "node")
_ENDED = ("Completed", "Failed")
_MOST_RUNS = 1000
_LONG_MS = 30_000.0


class UpdateWork:
    """Works on the version of one runtime.

    Parameters
    ----------
    core
        Of the workspace.
    key
        The runtime's id.
    on_phase
        Told of each step.
    """

    def __init__(self, core: Core, key: str, on_phase: OnPhase | None) -> None:
        self._core = core
        self._key = key
        self._on_phase = on_phase
        self._began = time.monotonic()
        self._grounds = Grounds(core, on_phase)

    def rehearse(self, to: str | None, runs: int | Sequence[str]) -> dict[str, Any]:
        """Return the document of a rehearsal; see `Rehearsal`."""
        return self._rehearse(self._grounds.newer(self._record(), to), runs)

    def update(
        self,
        to: str | None,
        rehearse: bool,
        runs: int | Sequence[str],
        accept: str | None,
    ) -> dict[str, Any]:
        """Return the document of an update; see `Update`."""
        ground = self._grounds.newer(self._record(), to)
        rehearsal = self._rehearse(ground, runs) if rehearse else self._last(ground)
        if rehearsal is not None and not rehearsal["passed"]:
            wanted = f"{ground.name}:{ground.version}"
            if accept != wanted:
                raise _differing(rehearsal, wanted, accept)
        return self._move("update", ground, rehearsal)

    def rollback(self) -> dict[str, Any]:
        """Return the document of a rollback; see `Update`."""
        record = self._record()
        ground = ground_before(record)
        if ground is None:
            raise NotFound(
                f"runtime {record.name!r} was not updated: there is nothing to go "
                "back to",
                code="no_previous",
                hint=f"%pfruntime update {record.name} --to NAME:VERSION moves it",
            )
        self._grounds.bring_back(record, ground)
        return self._move("rollback", ground, None)

    # rehearsing

    def _rehearse(self, ground: Ground, runs: int | Sequence[str]) -> dict[str, Any]:
        record = self._ready()
        way = self._way(record)
        life = self._core.life
        records = self._recorded(record, runs)
        try:
            with life.mover.beside(record, ground, way) as beside:
                packages = life.mover.packages(record)
                with way.phase("rehearse") as step:
                    found = []
                    rehearsing = Rehearsing(
                        Replayer(self._core.store),
                        self._channel_here,
                        lambda: life.channels.get(beside.record, self._engine(record)),
                    )
                    for number, recorded in enumerate(records):
                        step.progress(BuildProgress(f"{number} of {len(records)} runs"))
                        found.append(rehearsing.repeat(recorded))
                    total = counts(found)
                    step.detail = f"{total['equal']} of {len(records)} equal"
        finally:
            way.attach(self._core.store, self._key)
        document = {
            "runtime": record.name,
            "before": ground_of(record).told(),
            "after": _told(beside),
            "target": ground.digest,
            "at": timestamp(),
            "seconds": round(time.monotonic() - self._began, 3),
            "passed": total["differs"] == 0,
            "counts": total,
            "packages": changes(packages, beside.packages),
            "checks": [dict(check) for check in self._grounds.checks],
            "times": {
                "start_ms": round(beside.start_seconds * 1000, 1),
                "median_before_ms": median_ms(found, "before"),
                "median_after_ms": median_ms(found, "after"),
            },
            "runs": [one.told() for one in found],
        }
        self._core.store.remember(f"rehearsal:{self._key}", document)
        return document

    def _channel_here(self) -> WorkerChannel:
        return self._core.executor.ready(self._key)[1]

    def _recorded(
        self, record: RuntimeRecord, runs: int | Sequence[str]
    ) -> list[RunRecord]:
        store = self._core.store
        if not isinstance(runs, int):
            found = [store.run(name) for name in runs]
            missing = [n for n, one in zip(runs, found, strict=True) if one is None]
            if missing:
                raise NotFound(
                    f"there is no run {missing[0]!r}",
                    hint="%pfrun list shows the newest",
                )
            return [one for one in found if one is not None]
        if runs < 0:
            raise UsageError("the number of runs cannot be negative", code="bad_value")
        names = [one.run_id for one in repeatable(self._core, record.id)[:runs]]
        return [one for one in map(store.run, names) if one is not None]

    def _last(self, ground: Ground) -> dict[str, Any] | None:
        """Return the last rehearsal if it was of this very step."""
        last = last_rehearsal(self._core, self._record())
        return last if last is not None and last["target"] == ground.digest else None

    # moving

    def _move(
        self, verb: str, ground: Ground, rehearsal: dict[str, Any] | None
    ) -> dict[str, Any]:
        record = self._record()
        was = ground_of(record)
        same = (was.digest, was.version) == (ground.digest, ground.version)
        document = {
            "runtime": record.name,
            "verb": verb,
            "before": was.told(),
            "built": self._grounds.built,
            "rehearsal": rehearsal,
            "going_on": 0,
        }
        if same and verb == "update":
            return {
                **document,
                "moved": False,
                "after": was.told(),
                "packages": [],
                "layers": _layers(record),
                "seconds": self._seconds,
            }
        refuse_to_lose(record, self._engine(record), verb)
        way = self._way(record)
        mover = self._core.life.mover
        try:
            changed, beside = mover.move(self._key, ground, way)
        finally:
            way.attach(self._core.store, self._key)
        going_on = mover.settle(self._key)
        packages = (changed.previous or {}).get("packages") or None
        return {
            **document,
            "moved": True,
            "after": _told(beside),
            "packages": changes(packages, beside.packages),
            "layers": _layers(changed),
            "going_on": going_on,
            "seconds": self._seconds,
        }

    # what they share

    @property
    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _record(self) -> RuntimeRecord:
        record = self._core.store.runtime_by_id(self._key)
        if record is None:
            raise NotFound(
                "the runtime does not exist any more",
                hint="%pfruntime list shows those that do",
            )
        return record

    def _ready(self) -> RuntimeRecord:
        record = self._record()
        if record.state in USABLE:
            return record
        return self._core.life.lifecycle.start(self._key, self._on_phase)

    def _engine(self, record: RuntimeRecord) -> Engine:
        return self._core.life.computes.engine(record.compute)

    def _way(self, record: RuntimeRecord) -> Way:
        return Way(record.name, self._on_phase)


def repeatable(core: Core, key: str) -> list[RunRecord]:
    """Return a runtime's runs that a rehearsal may repeat, the newest first."""
    found = core.store.runs(limit=_MOST_RUNS, runtime_id=key)
    return [
        one
        for one in found
        if one.mode in _MODES
        and one.status in _ENDED
        # what takes long is repeated when it is named
        and (one.duration_ms or 0) <= _LONG_MS
    ]


def last_rehearsal(core: Core, record: RuntimeRecord) -> dict[str, Any] | None:
    """Return the last rehearsal of a runtime as it is, None without one."""
    found: dict[str, Any] | None = core.store.setting(f"rehearsal:{record.id}")
    if found is None or found["before"]["digest"] != ground_of(record).told()["digest"]:
        return None
    return found


def _told(beside: Beside) -> dict[str, Any]:
    return {**ground_of(beside.record).told(), "python": beside.record.python}


def _layers(record: RuntimeRecord) -> list[dict[str, Any]]:
    keys = ("name", "source", "requirements", "packages")
    return [{key: layer[key] for key in keys} for layer in record.layers or ()]


def _differing(
    rehearsal: Mapping[str, Any], wanted: str, accept: str | None
) -> IllegalState:
    differing = [run for run in rehearsal["runs"] if run["verdict"] == "differs"]
    total = sum(rehearsal["counts"].values())
    first = differing[0]
    accepted = f" (accepted was {accept})" if accept else ""
    return IllegalState(
        f"{len(differing)} of {total} runs differ in {wanted}{accepted}, so "
        f"{rehearsal['runtime']} stays: {first['run_id']}, {first['reason']}",
        code="runs_differ",
        hint=f"%pfruntime check {rehearsal['runtime']} --rehearse shows them; "
        f"%pfruntime update {rehearsal['runtime']} --accept {wanted} takes it all "
        "the same",
        details={"rehearsal": dict(rehearsal)},
    )
