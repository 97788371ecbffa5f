"""The environments of a local workspace."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..runtimes.model import WITHDRAWN
from ..store.records import EnvironmentVersionRecord
from .environment_api import (
    Environment,
    EnvironmentBuild,
    EnvironmentDiff,
    Environments,
)
from .environment_views import (
    difference,
    document_of,
    shown_build,
    shown_version,
)

if TYPE_CHECKING:
    from ..environments.build import Builder, Built
    from ..environments.model import EnvironmentDefinition
    from ..environments.steps import Steps
    from ..runtimes.model import CheckResult, OnPhase
    from .core import Core
    from .environment_bench import Bench
    from .local import LocalWorkspace


class LocalEnvironments(Environments):
    """Builds, publishes and remembers environments.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    def init(self, name: str, *, to: str | Path | None = None, base: str = "") -> Path:
        """Write a folder that builds at once; see `Environments.init`."""
        from ..environments.starter import write_starter

        return write_starter(name, Path(to) if to is not None else Path(name), base)

    def build(
        self,
        source: str | Path,
        *,
        python: str = "",
        fresh: bool = False,
        compute: str | None = None,
        context_limit: int | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> EnvironmentBuild:
        """Make an environment's image and try it; see `Environments.build`."""
        began = time.perf_counter()
        definition = self._bench.definition(source)
        steps = self._bench.steps(definition.name, on_phase)
        builder = self._bench.builder(compute, context_limit, connection)
        built = self._bench.build(definition, builder, steps, python, fresh)
        took = (time.perf_counter() - began) * 1000
        return shown_build(definition.name, built, steps, took, definition)

    def publish(
        self,
        source: str | Path,
        *,
        version: str | None = None,
        registry: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        notes: str | None = None,
        compute: str | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Environment:
        """Give a build a number for good; see `Environments.publish`."""
        definition = self._bench.definition(source)
        steps = self._bench.steps(definition.name, on_phase)
        builder = self._bench.builder(compute, None, connection)
        built = self._bench.build(definition, builder, steps, "", False)
        return self.publish_built(
            definition,
            built,
            builder,
            steps,
            version=version,
            registry=registry,
            description=description,
            tags=tags,
            notes=notes,
        )

    def publish_built(
        self,
        definition: EnvironmentDefinition,
        built: Built,
        builder: Builder,
        steps: Steps,
        *,
        version: str | None,
        registry: str | None,
        description: str | None,
        tags: Mapping[str, str] | None,
        notes: str | None = None,
    ) -> Environment:
        """Give what was built a number; see `Environments.publish`."""
        from ..environments.versions import check_version
        from .publishing import Publication

        wanted = version or definition.version
        log = self._bench.log_of(definition.name, steps)
        publication = Publication(
            rows=self._core.store.environments,
            engine=builder.engine,
            owner=builder.owner,
            logins=builder.logins,
            steps=steps,
        )
        record = publication.publish(
            definition.name,
            built,
            document_of(vars(built), log, definition),
            version=check_version(wanted) if wanted else None,
            registry=registry,
            description=description or definition.description,
            tags={**definition.tags, **(tags or {})},
            notes=(notes or "").strip(),
        )
        # a version that was there already takes what may change of it
        return self.describe(
            f"{record.name}:{record.version}", description=description, tags=tags
        )

    def list(self, *, archived: bool = False) -> list[Environment]:
        """Return all versions, ours first; see `Environments.list`."""
        rows = self._core.store.environments
        hidden = {record.name for record in rows.all() if record.archived}
        found = [
            record
            for record in rows.versions()
            if archived or not (record.archived or record.name in hidden)
        ]
        return [self._default(), *(self._shown(record) for record in found)]

    def names(self) -> Sequence[str]:
        """Return what ``--env`` may be; no engine waits."""
        rows = self._core.store.environments
        hidden = {record.name for record in rows.all() if record.archived}
        found = ["default"]
        for record in rows.versions():
            if not record.archived and record.name not in hidden:
                found += [record.name, f"{record.name}:{record.version}"]
        return list(dict.fromkeys(found))

    def get(self, reference: str) -> Environment:
        """Return a version; see `Environments.get`."""
        from ..environments.versions import parse_reference

        wanted = parse_reference(reference)
        if wanted.name == "default":
            self._core.life.named.pin(reference)
            return self._default()
        return self._shown(self._find(reference))

    def diff(self, before: str, after: str) -> EnvironmentDiff:
        """Return what differs between two versions (NotFound)."""
        return difference(self.get(before), self.get(after))

    def check(
        self,
        reference: str,
        *,
        advisories: str | Path | None = None,
        connection: str | None = None,
    ) -> Sequence[CheckResult]:
        """Try a version again; see `Environments.check`."""
        from .environment_health import examine

        environment = self.get(reference)
        builder = self._bench.builder(None, None, connection)
        return examine(environment, builder, advisories)

    def describe(
        self,
        reference: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Environment:
        """Change description and tags (NotFound)."""
        record = self._find(reference)
        changes: dict[str, Any] = {}
        if description is not None:
            changes["description"] = description
        if tags is not None:
            kept = {**record.tags, **tags}
            changes["tags"] = {key: value for key, value in kept.items() if value}
        if changes:
            rows = self._core.store.environments
            rows.change_version(record.name, record.version, **changes)
        if tags is not None and WITHDRAWN in tags:
            self._core.versions.forget(record.name)  # it may have been offered
        return self._shown(self._find(f"{record.name}:{record.version}"))

    def archive(self, reference: str) -> Sequence[str]:
        """Hide a name, or one version of it, from lists; it can still be used."""
        return self._hide(reference, True)

    def restore(self, reference: str) -> Sequence[str]:
        """Show again what was archived."""
        return self._hide(reference, False)

    def export(
        self,
        reference: str,
        to: str | Path,
        *,
        overwrite: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Path:
        """Write a version into one file; see `Environments.export`."""
        from ..environments.archive import write_archive

        record = self._find(reference)
        name = f"{record.name}:{record.version}"
        steps = self._bench.steps(name, on_phase)
        engine = self._bench.engine(None)
        fetched = self._core.life.named.bring(record, engine, lambda _: None)
        facts = {
            "name": record.name,
            "version": record.version,
            "digest": record.digest,
            "description": record.description,
            "tags": record.tags,
            "owner": record.owner,
            "created_at": record.created_at,
            "document": record.document,
        }
        return write_archive(
            engine, fetched.image, Path(to), facts, steps, overwrite=overwrite
        )

    def import_(
        self,
        source: str | Path,
        *,
        name: str | None = None,
        compute: str | None = None,
        connection: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Environment:
        """Take over a version from a file or a registry; see `Environments.import_`."""
        from .publishing import Arrival

        builder = self._bench.builder(compute, None, connection)
        steps = self._bench.steps(str(source), on_phase)
        store = self._core.store
        arrival = Arrival(store.environments, builder, steps, store.processes.scratch)
        path = Path(source)
        record = (
            arrival.of_file(path, name)
            if path.is_file()
            else arrival.of_registry(str(source), name)
        )
        return self._shown(record)

    # what they share

    @property
    def _core(self) -> Core:
        return self._workspace.core

    @property
    def _bench(self) -> Bench:
        from .environment_bench import Bench

        return Bench(self._workspace.core)

    def _find(self, reference: str) -> EnvironmentVersionRecord:
        from ..environments.versions import parse_reference

        wanted = parse_reference(reference)
        if wanted.name == "default":
            raise UsageError(
                "default is ours: it is neither changed nor carried away",
                code="default_environment",
                hint="%pfenv init NAME begins one of your own on top of it",
            )
        return self._core.life.named.find(wanted.name, wanted.version)

    def _hide(self, reference: str, archived: bool) -> Sequence[str]:
        rows = self._core.store.environments
        if ":" in reference or "@" in reference:
            record = self._find(reference)
            rows.change_version(record.name, record.version, archived=archived)
            return [f"{record.name}:{record.version}"]
        if not rows.change(reference, archived=archived):
            self._find(reference)
        versions = rows.versions(reference)
        for record in versions if not archived else ():
            # one that was archived by itself, or published meanwhile, is shown, too
            rows.change_version(record.name, record.version, archived=False)
        return [f"{record.name}:{record.version}" for record in versions]

    def _shown(self, record: EnvironmentVersionRecord) -> Environment:
        users = [
            runtime.name
            for runtime in self._core.store.runtimes()
            if (runtime.environment_name, runtime.environment_version)
            == (record.name, record.version)
        ]
        return shown_version(record, users)

    def _default(self) -> Environment:
        from .environment_default import shown_default

        shown = shown_default(self._core)
        users = [
            runtime.name
            for runtime in self._core.store.runtimes()
            if runtime.environment_name in ("", "default")
        ]
        return replace(shown, used_by=tuple(users))
