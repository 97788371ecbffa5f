"""One update, rehearsal or rollback of a runtime, from the words to what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..engines.api import BuildProgress
from ..environments.versions import parse_reference
from ..errors import IllegalState, NotFound, PfError, Unreachable, UsageError
from ..runs.rehearsal import Rehearsing, counts, median_ms
from ..runs.replay import Replayer
from ..runtimes.ground import Ground, ground_before, ground_of
from ..runtimes.moving import Beside
from ..runtimes.named import DEFAULT
from ..runtimes.phases import Way
from ..runtimes.states import USABLE
from ..runtimes.version_words import changes, named
from ..store.records import (
    EnvironmentVersionRecord,
    RunRecord,
    RuntimeRecord,
    timestamp,
)
from .environment_bench import Bench
from .environment_views import document_of
from .publishing import Arrival, Publication

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
        self._built: str | None = None
        self._checks: Sequence[Mapping[str, Any]] = ()

    def rehearse(self, to: str | None, runs: int | Sequence[str]) -> dict[str, Any]:
        """Return the document of a rehearsal; see `Rehearsal`."""
        return self._rehearse(self._ground(to), runs)

    def update(
        self,
        to: str | None,
        rehearse: bool,
        runs: int | Sequence[str],
        accept: str | None,
    ) -> dict[str, Any]:
        """Return the document of an update; see `Update`."""
        ground = self._ground(to)
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
        self._bring_back(record, ground)
        return self._move("rollback", ground, None)

    # what it is to stand on

    def _ground(self, to: str | None) -> Ground:
        record = self._record()
        if not record.isolated:
            raise UsageError(
                f"runtime {record.name!r} runs on this machine's own Python, which "
                "has no versions",
                code="no_images",
                hint="a runtime on compute docker can be updated",
            )
        if to is not None:
            wanted = parse_reference(to)
            name, version = wanted.name, wanted.version
            return self._named_ground(record, name, version)
        check = self._core.versions.now(record)
        if not check["newer"]:
            raise _nothing_newer(record, check)
        latest = check["latest"]
        if check["kind"] == "default":
            return self._default_ground(record)
        if check["kind"] == "base":
            return self._rebuilt(record, check["base"])
        return self._version_ground(
            record, latest["name"], latest["version"], latest["reference"]
        )

    def _named_ground(
        self, record: RuntimeRecord, name: str, version: str | None
    ) -> Ground:
        from ..environments.default import DEFAULT_VERSION

        if name == DEFAULT and version in (None, DEFAULT_VERSION):
            return self._default_ground(record)
        reference = ""
        rows = self._core.store.environments
        known = any(version in (None, one.version) for one in rows.versions(name))
        if not known and version is not None and name == record.environment_name:
            newer = self._core.versions.newer
            reference = newer.reference_of(record, version) or ""
        if not reference:
            found = self._core.life.named.find(name, version)
            version = found.version
        assert version is not None
        return self._version_ground(record, name, version, reference)

    def _default_ground(self, record: RuntimeRecord) -> Ground:
        engine = self._engine(record)
        with self._way(record).phase("build") as step:
            resolved = self._core.resolve(engine, step.progress)
            step.detail = f"{resolved.name}:{resolved.version}"
        return Ground(
            resolved.name,
            resolved.version,
            resolved.digest,
            resolved.image,
            resolved.python,
        )

    def _version_ground(
        self, record: RuntimeRecord, name: str, version: str, reference: str
    ) -> Ground:
        """Return a version's ground, its image fetched and tried when it is new."""
        found = self._find(name, version)
        if found is None:
            bench = Bench(self._core)
            builder = bench.builder(record.compute, None, None)
            steps = bench.steps(record.name, self._on_phase)
            store = self._core.store
            arrival = Arrival(
                store.environments, builder, steps, store.processes.scratch
            )
            found = arrival.of_registry(reference, name)
        engine = self._engine(record)
        with self._way(record).phase("pull") as step:
            fetched = self._core.life.named.bring(found, engine, step.progress)
            step.detail = f"{name}:{version} @ {fetched.digest[7:19]}"
        self._checks = tuple(found.document.get("checks") or ())
        return Ground(name, version, fetched.digest, fetched.image, fetched.python)

    def _rebuilt(self, record: RuntimeRecord, base: Mapping[str, str]) -> Ground:
        """Build a runtime's environment on the newest base and publish it."""
        bench = Bench(self._core)
        known = self._find(record.environment_name, record.environment_version)
        assert known is not None
        definition = bench.definition(known.name)
        steps = bench.steps(record.name, self._on_phase)
        builder = bench.builder(record.compute, None, None)
        builder = replace(builder, instead={base["image"]: base["newest"]})
        built = bench.build(definition, builder, steps, "", False)
        publication = Publication(
            rows=self._core.store.environments,
            engine=builder.engine,
            owner=builder.owner,
            logins=builder.logins,
            steps=steps,
        )
        places = [one.rpartition("/")[0] for one in known.registries]
        log = bench.log_of(known.name, steps)
        published = publication.publish(
            known.name,
            built,
            document_of(vars(built), log, definition),
            version=None,
            registry=places[0] if places else None,
            description=definition.description or known.description,
            tags={**known.tags, **definition.tags},
        )
        self._built = f"{published.name}:{published.version}"
        return self._version_ground(record, published.name, published.version, "")

    def _bring_back(self, record: RuntimeRecord, ground: Ground) -> None:
        engine = self._engine(record)
        here = engine.image(ground.image)
        if here is not None:
            return
        with self._way(record).phase("pull") as step:
            found = self._find(ground.name, ground.version)
            if found is not None:
                digest = self._core.life.named.bring(
                    found, engine, step.progress
                ).digest
            else:
                digest = self._core.resolve(engine, step.progress).digest
            if digest != ground.digest:
                raise NotFound(
                    f"the image of {ground.name}:{ground.version} is gone",
                    code="previous_gone",
                    hint="it was removed from the engine; the runtime is as it was",
                )

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
            "checks": [dict(check) for check in self._checks],
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
            "built": self._built,
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

    def _find(self, name: str, version: str) -> EnvironmentVersionRecord | None:
        for one in self._core.store.environments.versions(name):
            if one.version == version:
                return one
        return None

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


def _nothing_newer(record: RuntimeRecord, check: Mapping[str, Any]) -> PfError:
    problem = check["problem"]
    if problem is not None:
        return Unreachable(
            f"newer versions could not be looked up: {problem['message']}",
            code=problem["code"],
            hint=problem["hint"],
        )
    return NotFound(
        f"there is nothing newer than {named(check['running'])}",
        code="no_newer_version",
        hint=f"looked up in {check['source']}; %pfruntime update {record.name} --to "
        "NAME:VERSION takes another one",
    )


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
