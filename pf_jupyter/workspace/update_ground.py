"""What a runtime is to stand on: found, fetched, or built, while it stays untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..environments.versions import parse_reference
from ..errors import NotFound, PfError, Unreachable, UsageError
from ..runtimes.ground import Ground
from ..runtimes.named import DEFAULT
from ..runtimes.phases import Way
from ..runtimes.version_words import named
from ..store.records import EnvironmentVersionRecord, RuntimeRecord
from .environment_bench import Bench
from .environment_views import document_of
from .publishing import Arrival, Publication

if TYPE_CHECKING:
    from ..engines.api import Engine
    from ..runtimes.model import OnPhase
    from .core import Core


class Grounds:
    """Brings versions to where a runtime is.

    Parameters
    ----------
    core
        Of the workspace.
    on_phase
        Told of each step.

    Attributes
    ----------
    built
        ``name:version`` that was built and published for it.
    checks
        How the version was tried.
    """

    def __init__(self, core: Core, on_phase: OnPhase | None) -> None:
        self._core = core
        self._on_phase = on_phase
        self.built: str | None = None
        self.checks: Sequence[Mapping[str, Any]] = ()

    def newer(self, record: RuntimeRecord, to: str | None) -> Ground:
        """Return what a runtime is to stand on, its image on the engine.

        Parameters
        ----------
        record
            The runtime.
        to
            ``name:version``; the newest one when None.
        """
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
        self.checks = tuple(found.document.get("checks") or ())
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
        self.built = f"{published.name}:{published.version}"
        return self._version_ground(record, published.name, published.version, "")

    def bring_back(self, record: RuntimeRecord, ground: Ground) -> None:
        """See that what a runtime stood on before is on its engine (NotFound)."""
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

    def _engine(self, record: RuntimeRecord) -> Engine:
        return self._core.life.computes.engine(record.compute)

    def _find(self, name: str, version: str) -> EnvironmentVersionRecord | None:
        for one in self._core.store.environments.versions(name):
            if one.version == version:
                return one
        return None

    def _way(self, record: RuntimeRecord) -> Way:
        return Way(record.name, self._on_phase)


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
