"""Looks up whether there is something newer than what a runtime stands on.

Nothing here is fetched or changed. A registry that does not answer is told, never
raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..engines.api import Engine
from ..engines.registry_api import AsksRegistries
from ..environments.bases import is_ours
from ..environments.told import packages_of
from ..errors import NotFound, PfError
from ..store.records import EnvironmentVersionRecord, RuntimeRecord, timestamp
from ..store.store import Store
from .channel_file import ChannelEntry, channel_entry
from .computes import Computes
from .named import DEFAULT, Logins, Resolved
from .newest import Newest, notice, of_record, version_key, with_facts
from .version_words import changes
from .withdrawn import told_withdrawn, withdrawn_versions

Peek = Callable[[Engine], Resolved | None]
"""Returns what the default environment would be now, making nothing."""

_MOST_GUESSES = 20


@dataclass
class Look:
    """What one look found.

    Parameters
    ----------
    latest
        The newest version, None when nothing newer was found.
    kind
        ``version``, ``default``, or ``base``: the base of the environment has moved
        and building it anew would give a new version.
    base
        ``{"image", "newest"}`` for that kind.
    sources
        Who was asked.
    problem
        The first that did not answer.
    withdrawn
        Versions that are never offered, and why.
    """

    latest: Newest | None = None
    kind: str | None = None
    base: dict[str, str] | None = None
    sources: list[str] = field(default_factory=list)
    problem: PfError | None = None
    withdrawn: dict[str, str] = field(default_factory=dict)


class Newer:
    """Looks for newer versions.

    Parameters
    ----------
    store, computes
        What it works with.
    logins
        Gives the login for a registry.
    peek
        Tells what ``default`` would be now; None where it has no releases.
    """

    def __init__(
        self,
        store: Store,
        computes: Computes,
        logins: Logins = lambda _: None,
        peek: Peek | None = None,
    ) -> None:
        self._store = store
        self._computes = computes
        self._logins = logins
        self._peek = peek

    def look(self, record: RuntimeRecord) -> dict[str, Any]:
        """Return the document of a check; see `VersionCheck`."""
        look = Look(withdrawn=self.withdrawn(record.environment_name))
        known = self._version(record.environment_name, record.environment_version)
        if record.isolated and record.environment_digest:
            try:
                self._look(record, known, look)
            except PfError as error:
                look.problem = look.problem or error
        else:
            look.sources.append("this machine: its Python has no versions")
        return self._document(record, known, look)

    def withdrawn(self, name: str) -> dict[str, str]:
        """Return the versions of an environment that are withdrawn, and why."""
        return withdrawn_versions(name, self._versions(name)) if name else {}

    def reference_of(self, record: RuntimeRecord, version: str) -> str | None:
        """Return where a registry has a version of a runtime's environment, if so.

        Raises
        ------
        Unreachable, Refused
            No registry can be asked.
        """
        look = Look()
        name = record.environment_name
        known = self._version(name, record.environment_version)
        entry = channel_entry(name)
        for offered in entry.versions if entry is not None else ():
            if offered.version == version:
                return offered.image
        engine = self._computes.engine(record.compute)
        for repository in self._repositories(known, entry):
            reference = f"{repository}:{version}"
            try:
                engine.registry_digest(reference, login=self._logins(reference))
            except NotFound:
                continue
            except PfError as error:
                look.problem = error
                continue
            return reference
        if look.problem is not None:
            raise look.problem
        return None

    # the ways to look

    def _look(
        self, record: RuntimeRecord, known: EnvironmentVersionRecord | None, look: Look
    ) -> None:
        name, current = record.environment_name, record.environment_version
        engine = self._computes.engine(record.compute)
        entry = channel_entry(name)
        found = [*self._published_here(name, current)]
        if entry is not None:
            look.sources.append(f"channel {entry.file}")
            found += self._in_channel(entry, name, current)
        for repository in self._repositories(known, entry):
            look.sources.append(f"registry {repository}")
            try:
                found += self._in_registry(engine, repository, record, look)
            except PfError as error:
                look.problem = look.problem or error
        if not look.sources:
            look.sources.append("what was published here")
        found = [one for one in found if one.version not in look.withdrawn]
        # what is known best comes first
        found.sort(
            key=lambda one: (version_key(one.version) or (), one.packages is not None)
        )
        if found:
            look.latest, look.kind = self._with_facts(engine, found[-1]), "version"
        elif name == DEFAULT and known is None:
            self._look_at_default(record, engine, look)
        elif known is not None:
            self._look_at_base(known, engine, look)

    def _published_here(self, name: str, current: str) -> Iterable[Newest]:
        here = version_key(current)
        for record in self._store.environments.versions(name):
            key = version_key(record.version)
            if record.archived or key is None or here is None or key <= here:
                continue
            yield of_record(record)

    def _in_channel(
        self, entry: ChannelEntry, name: str, current: str
    ) -> Iterable[Newest]:
        here = version_key(current)
        for offered in entry.versions:
            key = version_key(offered.version)
            if key is not None and (here is None or key > here):
                yield Newest(
                    name,
                    offered.version,
                    reference=offered.image,
                    created_at=offered.created_at,
                )

    def _in_registry(
        self, engine: Engine, repository: str, record: RuntimeRecord, look: Look
    ) -> Iterable[Newest]:
        name, current = record.environment_name, record.environment_version
        here = version_key(current)
        if here is None:
            yield from self._same_tag(engine, f"{repository}:{current}", record)
            return
        keys = {tag: version_key(tag) for tag in self._tags(engine, repository, here)}
        newer = {
            tag: key
            for tag, key in keys.items()
            if key is not None and key > here and tag not in look.withdrawn
        }
        if newer:
            tag = max(newer, key=lambda one: newer[one])
            yield Newest(name, tag, reference=f"{repository}:{tag}")

    def _same_tag(
        self, engine: Engine, reference: str, record: RuntimeRecord
    ) -> Iterable[Newest]:
        """Yield what a tag that is no number names by now, when it has moved."""
        there = engine.registry_digest(reference, login=self._logins(reference))
        image = engine.image(record.image)
        digests = image.registry_digests if image is not None else ()
        if digests and not any(one.endswith(f"@{there}") for one in digests):
            yield Newest(
                record.environment_name, record.environment_version, reference=reference
            )

    def _tags(
        self, engine: Engine, repository: str, here: tuple[int, ...]
    ) -> list[str]:
        login = self._logins(repository)
        problem: PfError | None = None
        if isinstance(engine, AsksRegistries):
            try:
                return engine.registry_tags(repository, login=login)
            except PfError as error:
                problem = error
        if len(here) != 1:
            if problem is not None:
                raise problem
            return []
        # the engine may reach what this process does not: the next numbers are tried
        found: list[str] = []
        for number in range(here[0] + 1, here[0] + 1 + _MOST_GUESSES):
            reference = f"{repository}:{number}"
            try:
                engine.registry_digest(reference, login=self._logins(reference))
            except NotFound:
                break
            except PfError as error:
                raise (problem or error) from error
            found.append(str(number))
        return found

    def _look_at_default(
        self, record: RuntimeRecord, engine: Engine, look: Look
    ) -> None:
        look.sources[:] = ["this machine: the default environment is made here"]
        expected = self._peek(engine) if self._peek is not None else None
        if expected is None or expected.digest in (
            record.base_digest,
            record.environment_digest,
        ):
            return
        packages = getattr(expected, "packages", None)
        look.kind = "default"
        look.latest = Newest(
            expected.name,
            expected.version,
            digest=expected.digest,
            packages=dict(packages) if packages else None,
            python=expected.python,
        )

    def _look_at_base(
        self, known: EnvironmentVersionRecord, engine: Engine, look: Look
    ) -> None:
        """See whether the base of an environment that is built here has moved."""
        base = str(known.document.get("base") or "")
        built = self._store.environments.get(known.name)
        if not base or built is None or not built.folder:
            return
        newest = base
        digest = str(known.document.get("base_digest") or "")
        if is_ours(base):
            expected = self._peek(engine) if self._peek is not None else None
            image = engine.image(expected.image) if expected is not None else None
            if expected is None or (image is not None and image.id == digest):
                return
        else:
            moved = self._moved_base(engine, base, look)
            if moved is None:
                return
            newest = moved
        numbers = [version_key(one.version) for one in self._versions(known.name)]
        number = max((key[0] for key in numbers if key), default=0) + 1
        look.kind, look.base = "base", {"image": base, "newest": newest}
        look.latest = Newest(known.name, str(number))

    def _moved_base(self, engine: Engine, base: str, look: Look) -> str | None:
        """Return a base's newest name when it is not the one that is used."""
        repository, _, tag = base.rpartition(":")
        here = version_key(tag) if repository and "/" not in tag else None
        image = engine.image(base)
        if image is not None and not image.registry_digests:
            return None  # it was made here, and only here
        look.sources.append(f"registry of {base}")
        try:
            if here is not None and _has_host(repository):
                keys = {
                    one: version_key(one)
                    for one in self._tags(engine, repository, here)
                }
                newer = {one: key for one, key in keys.items() if key and key > here}
                if newer:
                    return f"{repository}:{max(newer, key=lambda one: newer[one])}"
            there = engine.registry_digest(base, login=self._logins(base))
        except PfError as error:
            look.problem = look.problem or error
            return None
        digests = image.registry_digests if image is not None else ()
        known = any(one.endswith(f"@{there}") for one in digests)
        return base if digests and not known else None

    # what they share

    def _with_facts(self, engine: Engine, newest: Newest) -> Newest:
        """Add what the registry tells of a version."""
        if not newest.reference or not isinstance(engine, AsksRegistries):
            return newest
        here = engine.image(newest.reference)
        try:
            facts = here or engine.registry_image(
                newest.reference, login=self._logins(newest.reference)
            )
        except PfError:
            return newest  # that it is there is known, which is what counts
        return with_facts(newest, facts, here=here is not None)

    def _repositories(
        self, known: EnvironmentVersionRecord | None, entry: ChannelEntry | None
    ) -> list[str]:
        found = [entry.repository] if entry is not None and entry.repository else []
        for reference in known.registries if known is not None else ():
            found.append(reference.rpartition(":")[0])
        return list(dict.fromkeys(found))

    def _versions(self, name: str) -> list[EnvironmentVersionRecord]:
        return self._store.environments.versions(name)

    def _version(self, name: str, version: str) -> EnvironmentVersionRecord | None:
        for record in self._versions(name) if name else ():
            if record.version == version:
                return record
        return None

    def _document(
        self,
        record: RuntimeRecord,
        known: EnvironmentVersionRecord | None,
        look: Look,
    ) -> dict[str, Any]:
        running: dict[str, Any] = {
            "name": record.environment_name,
            "version": record.environment_version,
            "digest": record.base_digest or record.environment_digest,
            "created_at": known.created_at if known is not None else None,
            "python": record.python,
        }
        packages: Mapping[str, str] | None = None
        if known is not None:
            packages = known.document.get("packages")
        elif record.isolated and record.image and look.latest is not None:
            image = self._computes.engine(record.compute).image(record.image)
            if image is not None:
                packages = packages_of(image)
                if image.created_at is not None:
                    running["created_at"] = timestamp(image.created_at)
        latest = look.latest
        differing = changes(packages, latest.packages) if latest is not None else None
        document = {
            "runtime": record.name,
            "running": running,
            "latest": latest.told() if latest is not None else None,
            "newer": latest is not None,
            "kind": look.kind,
            "base": look.base,
            "packages": differing,
            "checked_at": timestamp(),
            "source": ", ".join(look.sources),
            "withdrawn": told_withdrawn(
                record,
                self._versions(record.environment_name),
                look.withdrawn,
                newer=latest is not None,
            ),
            "problem": None
            if look.problem is None
            else {
                "code": look.problem.code,
                "message": look.problem.message,
                "hint": look.problem.hint,
            },
        }
        return {**document, "notice": notice(document)}


def _has_host(repository: str) -> bool:
    first = repository.partition("/")[0]
    return "/" in repository and ("." in first or ":" in first or first == "localhost")
