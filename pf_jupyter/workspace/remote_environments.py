"""The environments of a server's workspace."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AlreadyExists, NotFound, UsageError
from .api import (
    CheckResult,
    Environment,
    EnvironmentBuild,
    EnvironmentDiff,
    Environments,
    OnPhase,
    Package,
    PackageChange,
)
from .remote_files import SentFile, fetch, sent_data, sent_definition
from .remote_operations import Sent, Work
from .remote_wire import check_from_json

if TYPE_CHECKING:
    from .remote_client import Client


class RemoteEnvironments(Environments):
    """The environments that a server builds; folders are read on this side.

    Parameters
    ----------
    client
        Asks the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

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
        body = {
            "python": python,
            "fresh": fresh,
            "compute": compute,
            "context_limit": context_limit,
            "connection": connection,
        }
        work = self._made("environments.build", source, body, context_limit)
        return build_from_json(work.result(on_phase=on_phase))

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
        body = {
            "version": version,
            "registry": registry,
            "description": description,
            "tags": None if tags is None else dict(tags),
            "notes": notes,
            "compute": compute,
            "connection": connection,
        }
        work = self._made("environments.publish", source, body, None)
        return environment_from_json(work.result(on_phase=on_phase))

    def list(self, *, archived: bool = False) -> builtins.list[Environment]:
        """Return all versions, ours first; see `Environments.list`."""
        query = {"archived": str(archived).lower()}
        found = self._client.call("environments.list", query=query)
        return [environment_from_json(one) for one in found["environments"]]

    def names(self) -> Sequence[str]:
        """Return what ``--env`` may be; no engine waits."""
        return builtins.list(self._client.call("environments.names")["names"])

    def get(self, reference: str) -> Environment:
        """Return a version with its build's log; see `Environments.get`."""
        where = {"reference": reference}
        found = self._client.call("environments.show", where)
        log = self._client.call("environments.logs", where)["lines"]
        return environment_from_json({**found, "log": log})

    def diff(self, before: str, after: str) -> EnvironmentDiff:
        """Return what differs between two versions (NotFound)."""
        found = self._client.call(
            "environments.diff", {"reference": before}, query={"other": after}
        )
        return EnvironmentDiff(
            found["before"],
            found["after"],
            tuple(PackageChange(**one) for one in found["packages"]),
            tuple(PackageChange(**one) for one in found["facts"]),
        )

    def check(
        self,
        reference: str,
        *,
        advisories: str | Path | None = None,
        connection: str | None = None,
    ) -> Sequence[CheckResult]:
        """Try a version again; see `Environments.check`."""
        from ..environments.audit import PIP_AUDIT, asks

        files: dict[str, Sent] = {}
        named = "" if advisories is None else str(advisories)
        if asks(named) and named != PIP_AUDIT:
            raise UsageError(
                "a server asks the public database and no other address",
                code="bad_advisories",
                hint="--advisories pip-audit, or a file of OSV records, which is sent",
            )
        if advisories is not None and not asks(named):
            files["advisories"] = sent_data(self._client, Path(advisories))
        work = Work(
            self._client,
            "environments.check",
            body={"connection": connection, "audit": asks(named)},
            path={"reference": reference},
            files=files,
        )
        return [check_from_json(check) for check in work.result()["checks"]]

    def describe(
        self,
        reference: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Environment:
        """Change description and tags (NotFound)."""
        plain = None if tags is None else dict(tags)
        body = {"description": description, "tags": plain}
        where = {"reference": reference}
        found = self._client.call("environments.update", where, body=body)
        return environment_from_json(found)

    def archive(self, reference: str) -> Sequence[str]:
        """Hide a name, or one version of it, from lists; it can still be used."""
        where = {"reference": reference}
        found = self._client.call("environments.archive", where)
        return builtins.list(found["versions"])

    def restore(self, reference: str) -> Sequence[str]:
        """Show again what was archived."""
        where = {"reference": reference}
        found = self._client.call("environments.restore", where)
        return builtins.list(found["versions"])

    def export(
        self,
        reference: str,
        to: str | Path,
        *,
        overwrite: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Path:
        """Write a version into one file; see `Environments.export`."""
        place = Path(to)
        known = self._client.call("environments.show", {"reference": reference})
        if place.is_dir():
            place = place / f"{known['name']}-{known['version']}.pfenv.tar"
        if place.exists() and not overwrite:
            raise AlreadyExists(f"{place} is there already", hint="choose another name")
        if not place.parent.is_dir():
            raise UsageError(
                f"there is no folder {place.parent}",
                code="cannot_write",
                hint="make it first, or choose another one",
            )
        where = {"reference": reference}
        work = Work(self._client, "environments.export", path=where)
        fetch(self._client, work.result(on_phase=on_phase), place)
        return place

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
        body = {"name": name, "compute": compute, "connection": connection}
        files: dict[str, Sent] = {}
        path = Path(source)
        if path.is_file():
            files["file"] = SentFile(self._client, path)
        else:
            body["registry"] = str(source)
        work = Work(self._client, "environments.import", body=body, files=files)
        return environment_from_json(work.result(on_phase=on_phase))

    def _made(
        self,
        route: str,
        source: str | Path,
        body: dict[str, Any],
        limit: int | None,
    ) -> Work:
        from ..environments.context import CONTEXT_BYTES

        path = Path(source).expanduser()
        if path.exists():
            sent = sent_definition(self._client, path, limit or CONTEXT_BYTES)
            return Work(self._client, route, body=body, files={"source": sent})
        if isinstance(source, Path) or "/" in source or "\\" in source:
            raise NotFound(
                f"there is neither a folder nor an environment {str(source)!r}",
                code="environment_missing",
                hint="%pfenv init NAME writes one",
            )
        body = {**body, "source": {"environment": source}}
        return Work(self._client, route, body=body)


def build_from_json(document: Mapping[str, Any]) -> EnvironmentBuild:
    """Return a build that was written with its `to_dict`."""
    known = {key: document[key] for key in EnvironmentBuild.__dataclass_fields__}
    return EnvironmentBuild(
        **{
            **known,
            "packages": _packages(document),
            "phases": tuple((p["phase"], p["seconds"]) for p in document["phases"]),
            "checks": tuple(document["checks"]),
            "log": tuple(document["log"]),
            "warnings": tuple(document["warnings"]),
        }
    )


def environment_from_json(document: Mapping[str, Any]) -> Environment:
    """Return a version that was written with its `to_dict`."""
    fields = Environment.__dataclass_fields__
    known = {key: document[key] for key in fields if key in document}
    return Environment(
        **{
            **known,
            "packages": _packages(document),
            "used_by": tuple(document["used_by"]),
            "checks": tuple(document["checks"]),
            "log": tuple(document.get("log") or ()),
        }
    )


def _packages(document: Mapping[str, Any]) -> tuple[Package, ...]:
    keys = ("name", "version", "source")
    return tuple(
        Package(*(package[key] for key in keys)) for package in document["packages"]
    )
