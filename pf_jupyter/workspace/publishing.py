"""Versions coming to be: published here, or taken over from a file or a registry."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines.api import Engine, Login
from ..environments.bases import Logins
from ..environments.build import Builder, Built, repository
from ..environments.publish import registry_reference, send
from ..environments.steps import Steps
from ..environments.told import NOTES_LABEL, tell
from ..environments.versions import next_version
from ..errors import AlreadyExists, UsageError
from ..store.environments import EnvironmentRows
from ..store.records import EnvironmentRecord, EnvironmentVersionRecord, timestamp
from .environment_views import document_of


@dataclass
class Publication:
    """Gives builds their numbers.

    Parameters
    ----------
    rows
        Where versions are remembered.
    engine
        That has the image.
    owner
        Who publishes.
    logins
        Gives the login for a registry.
    steps
        Told of the phases.
    """

    rows: EnvironmentRows
    engine: Engine
    owner: str
    logins: Logins
    steps: Steps

    def publish(
        self,
        name: str,
        built: Built,
        document: Mapping[str, Any],
        *,
        version: str | None,
        registry: str | None,
        description: str,
        tags: Mapping[str, str],
        notes: str = "",
    ) -> EnvironmentVersionRecord:
        """Return the version that a build is, a new one unless it has one already."""
        versions = self.rows.versions(name)
        same = [
            one
            for one in versions
            if built.digest in (one.digest, one.document.get("built"))
            and version in (None, one.version)
        ]
        if same and notes not in ("", same[-1].document.get("notes") or ""):
            raise AlreadyExists(
                f"this is {name}:{same[-1].version} already; notes never change",
                code="version_taken",
                hint="leave the notes out; %pfenv describe changes its description",
            )
        if same:
            return self._send_also(same[-1], registry)
        if version is not None and any(one.version == version for one in versions):
            raise AlreadyExists(
                f"there is a version {version} of {name}, with another content",
                code="version_taken",
                hint="versions never change: leave the version out for the next number",
            )
        number = version or next_version(one.version for one in versions)
        now = timestamp()
        digest = self._with_notes(name, built, notes)
        image = image_name(name, number, digest)
        record = EnvironmentVersionRecord(
            name=name,
            version=number,
            owner=self.owner,
            created_at=now,
            changed_at=now,
            digest=digest,
            image=image,
            archived=self._archived(name),
            description=description,
            tags=dict(tags),
            registries={},
            document={**document, "notes": notes, "built": built.digest},
        )
        was_here = self.engine.image(image) is not None
        noted = notes_name(name, built.digest)
        self.engine.tag(noted if notes else built.image, image)
        if notes:
            self.engine.remove_image(noted)
        try:
            if registry is not None:
                record = self._sent(record, registry)
            if not self.rows.add_version(record):
                raise AlreadyExists(
                    f"version {number} of {name} was published by somebody else now",
                    code="version_taken",
                    hint="publish again: it gets the next number",
                )
        except BaseException:
            if not was_here:
                self.engine.remove_image(image)
            raise
        return record

    def _with_notes(self, name: str, built: Built, notes: str) -> str:
        """Return the digest of what is published: notes travel with the image."""
        image = self.engine.image(built.image) if notes else None
        if image is None:
            return built.digest
        with tempfile.TemporaryDirectory(prefix="pf-notes-") as folder:
            return tell(
                self.engine,
                image,
                {NOTES_LABEL: notes},
                source=built.image,
                reference=notes_name(name, built.digest),
                mark=name,
                folder=Path(folder),
            ).id

    def _archived(self, name: str) -> bool:
        known = self.rows.get(name)
        return known is not None and known.archived

    def _send_also(
        self, record: EnvironmentVersionRecord, registry: str | None
    ) -> EnvironmentVersionRecord:
        if registry is None:
            return record
        sent = self._sent(record, registry)
        self.rows.change_version(
            record.name, record.version, registries=sent.registries
        )
        return sent

    def _sent(
        self, record: EnvironmentVersionRecord, registry: str
    ) -> EnvironmentVersionRecord:
        from dataclasses import replace

        reference = registry_reference(registry, record.name, record.version)
        login = self.logins(reference)
        digest = send(self.engine, record.image, reference, login, self.steps)
        return replace(record, registries={**record.registries, reference: digest})


@dataclass
class Arrival:
    """Takes over versions that were made elsewhere.

    Parameters
    ----------
    rows
        Where versions are remembered.
    builder
        Has the engine, and tries what comes.
    steps
        Told of the phases.
    scratch
        Gives a folder for a while.
    """

    rows: EnvironmentRows
    builder: Builder
    steps: Steps
    scratch: Callable[[str], AbstractContextManager[Path]]

    def of_file(self, path: Path, name: str | None) -> EnvironmentVersionRecord:
        """Take over a version from a file that was exported."""
        from ..environments.archive import read_archive

        with self.scratch("pf-import-") as place:
            facts, image = read_archive(self.builder.engine, path, self.steps, place)
        wanted = name or str(facts["name"])
        try:
            trial = self._tried(image)
            document = {**facts["document"], "checks": trial["checks"]}
            return self._remember(
                wanted, str(facts["version"]), image, document, facts, {}
            )
        finally:
            self.builder.engine.remove_image(image)

    def of_registry(self, reference: str, name: str | None) -> EnvironmentVersionRecord:
        """Take over a version from a registry."""
        engine = self.builder.engine
        place, _, version = reference.rpartition(":")
        if not place or "/" in version or "/" not in place:
            raise UsageError(
                f"'{reference}' is neither a file nor host:port/path/NAME:VERSION",
                code="bad_reference",
                hint="name a file that %pfenv export wrote, or an image in a registry",
            )
        login = self.builder.logins(reference)
        with self.steps.phase("pull") as step:
            image = engine.pull(reference, step.progress, login=login)
            step.detail = f"{image.size / 1024**2:.0f} MB"
        wanted = name or image.labels.get("pf_jupyter.environment") or ""
        wanted = wanted or place.rpartition("/")[2]
        known = [one for one in image.registry_digests if one.startswith(f"{place}@")]
        digest = known[0].rpartition("@")[2] if known else ""
        built = self._tried(reference)
        built["base"] = image.labels.get("pf_jupyter.base", "")
        built["base_digest"] = image.labels.get("pf_jupyter.base-digest", "")
        built["definition"] = image.labels.get("pf_jupyter.definition", "")
        built["size"] = image.size
        document = document_of(built, list(self.steps.log), None)
        document["notes"] = image.labels.get(NOTES_LABEL) or ""
        return self._remember(
            wanted, version, reference, document, {}, {reference: digest}
        )

    def _tried(self, image: str) -> dict[str, Any]:
        from ..environments.contract import try_image

        with self.steps.phase("contract") as step:
            trial = try_image(
                self.builder.trials,
                image,
                opener=self.builder.opener,
                progress=step.progress,
            ).checked()
            step.detail = f"Python {trial.python}, {len(trial.packages)} packages"
        return {
            "python": trial.python,
            "packages": dict(trial.packages),
            "base_packages": {},
            "checks": [vars(check) for check in trial.checks],
        }

    def _remember(
        self,
        name: str,
        version: str,
        image: str,
        document: Mapping[str, Any],
        facts: Mapping[str, Any],
        registries: Mapping[str, str],
    ) -> EnvironmentVersionRecord:
        engine = self.builder.engine
        there = engine.image(image)
        assert there is not None
        now = timestamp()
        own = image_name(name, version, there.id)
        record = EnvironmentVersionRecord(
            name=name,
            version=version,
            owner=str(facts.get("owner") or self.builder.owner),
            created_at=str(facts.get("created_at") or now),
            changed_at=now,
            digest=there.id,
            image=own,
            description=str(facts.get("description") or ""),
            tags=dict(facts.get("tags") or {}),
            registries=dict(registries),
            document=dict(document),
        )
        for old in self.rows.versions(name):
            if old.version == version and old.digest == record.digest:
                engine.tag(image, own)
                return old
        self.rows.add(EnvironmentRecord(name, record.owner, now, now))
        if not self.rows.add_version(record):
            raise AlreadyExists(
                f"there is a version {version} of {name}, with another content",
                code="version_taken",
                hint="give it another name here with --name",
            )
        engine.tag(image, own)
        return record


def image_name(name: str, version: str, digest: str) -> str:
    """Return what a version is called on an engine, which several may share."""
    return f"{repository(name)}:{version}-{digest[7:19]}"


def notes_name(name: str, digest: str) -> str:
    """Return what a build is called while it is given its notes."""
    return f"{repository(name)}:notes-{digest[7:19]}"


def login_of(name: str, connection: Mapping[str, Any]) -> Login:
    """Return the login in a connection: ``username`` and ``password`` of a custom one.

    Raises
    ------
    UsageError
        It has no password.
    """
    values = connection.get("value") or {}
    secret = values.get("password") or values.get("token") or values.get("api_key")
    if not secret:
        raise UsageError(
            f"connection {name} holds no login of a registry",
            code="bad_connection",
            hint=f"%pfconnection create --type custom --name {name} --set "
            "configs.username=ME secrets.password='<user-input>'",
        )
    return Login(str(values.get("username") or "token"), str(secret))
