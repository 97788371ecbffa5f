"""What is shown of environments: records made into what the interface promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..environments.build import Built
from ..environments.model import EnvironmentDefinition
from ..environments.steps import Steps
from ..store.records import EnvironmentVersionRecord
from .environment_api import (
    Environment,
    EnvironmentBuild,
    EnvironmentDiff,
    Package,
    PackageChange,
)

_LOG_LINES = 400
_FACTS = ("digest", "base", "base_digest", "python", "size")


def shown_packages(
    packages: Mapping[str, str], base: Mapping[str, str]
) -> tuple[Package, ...]:
    """Return packages with where each comes from: what the base has is the base's."""
    return tuple(
        Package(name, version, "base" if base.get(name) == version else "environment")
        for name, version in sorted(packages.items())
    )


def shown_build(
    name: str,
    built: Built,
    steps: Steps,
    duration_ms: float,
    definition: EnvironmentDefinition | None,
) -> EnvironmentBuild:
    """Return what a build gave."""
    warned = definition.warnings if definition is not None else ()
    return EnvironmentBuild(
        name=name,
        image=built.image,
        digest=built.digest,
        definition=built.definition,
        base=built.base,
        base_digest=built.base_digest,
        size=built.size,
        python=built.python,
        packages=shown_packages(built.packages, built.base_packages),
        cached=built.cached,
        duration_ms=duration_ms,
        phases=tuple(steps.times),
        checks=built.checks,
        log=tuple(steps.log),
        warnings=tuple(f"{one.file}:{one.line} {one.message}" for one in warned),
    )


def document_of(
    built: Mapping[str, Any],
    log: Sequence[str],
    definition: EnvironmentDefinition | None,
) -> dict[str, Any]:
    """Return what a version remembers of its build and definition."""
    document = {
        key: built[key]
        for key in (
            *("base", "base_digest", "python", "size", "definition"),
            *("packages", "base_packages", "checks"),
        )
    }
    document["log"] = list(log)[-_LOG_LINES:]
    if definition is not None:
        document["environment_variables"] = dict(definition.environment_variables)
        document["inference_config"] = dict(definition.inference_config)
    return document


def shown_version(
    record: EnvironmentVersionRecord, used_by: Sequence[str] = ()
) -> Environment:
    """Return a version as the interface shows it."""
    document = record.document
    return Environment(
        name=record.name,
        version=record.version,
        digest=record.digest,
        image=record.image,
        owner=record.owner,
        created_at=record.created_at,
        description=record.description,
        tags=record.tags,
        archived=record.archived,
        base=str(document.get("base", "")),
        base_digest=str(document.get("base_digest", "")),
        python=str(document.get("python", "")),
        size=int(document.get("size") or 0),
        packages=shown_packages(
            document.get("packages") or {}, document.get("base_packages") or {}
        ),
        registries=record.registries,
        used_by=tuple(used_by),
        checks=tuple(document.get("checks") or ()),
        environment_variables=document.get("environment_variables") or {},
        inference_config=document.get("inference_config") or {},
        definition=str(document.get("definition", "")),
        log=tuple(document.get("log") or ()),
        notes=str(document.get("notes") or ""),
    )


def difference(before: Environment, after: Environment) -> EnvironmentDiff:
    """Return what differs between two versions."""
    old = {package.name: package.version for package in before.packages}
    new = {package.name: package.version for package in after.packages}
    packages = [
        PackageChange(name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    facts = [
        PackageChange(
            fact, str(getattr(before, fact) or ""), str(getattr(after, fact) or "")
        )
        for fact in _FACTS
        if getattr(before, fact) != getattr(after, fact)
    ]
    for name in sorted({*before.environment_variables, *after.environment_variables}):
        was = before.environment_variables.get(name)
        now = after.environment_variables.get(name)
        if was != now:
            facts.append(PackageChange(f"variable {name}", was, now))
    return EnvironmentDiff(
        f"{before.name}:{before.version}",
        f"{after.name}:{after.version}",
        tuple(packages),
        tuple(facts),
    )
