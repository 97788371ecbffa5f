"""Known vulnerabilities of packages, from a database in a file: records of OSV.

The form is that of the public databases (https://ossf.github.io/osv-schema/): one JSON
record, a list of them, a folder or a zip archive of such files.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pf_jupyter.errors import UsageError


@dataclass(frozen=True)
class Advisory:
    """A vulnerability of a package in the version that is there."""

    id: str
    package: str
    version: str
    summary: str
    fixed: tuple[str, ...] = ()

    def __str__(self) -> str:
        way = f"; fixed in {', '.join(self.fixed)}" if self.fixed else ""
        summary = f": {self.summary}" if self.summary else ""
        return f"{self.package} {self.version}: {self.id}{summary}{way}"


def find_advisories(database: Path, packages: Mapping[str, str]) -> list[Advisory]:
    """Return what a database knows of installed packages.

    Parameters
    ----------
    database
        A file, folder or zip archive of OSV records.
    packages
        Normalised name to version.

    Raises
    ------
    UsageError
        It cannot be read, or holds no record.
    """
    found: dict[tuple[str, str], Advisory] = {}
    count = 0
    for record in _records(database):
        count += 1
        if record.get("withdrawn"):
            continue
        for affected in record.get("affected") or ():
            package = affected.get("package") or {}
            name = canonicalize_name(str(package.get("name", "")))
            version = packages.get(name)
            if package.get("ecosystem") != "PyPI" or version is None:
                continue
            if _affects(affected, version):
                one = Advisory(
                    str(record.get("id")),
                    name,
                    version,
                    str(record.get("summary") or ""),
                    _fixes(affected),
                )
                found[one.id, name] = one
    if not count:
        raise UsageError(
            f"{database} holds no record of a vulnerability",
            code="bad_advisories",
            hint="name a file, folder or zip archive of OSV records",
        )
    return sorted(found.values(), key=lambda one: (one.package, one.id))


def _records(database: Path) -> Iterator[Mapping[str, Any]]:
    try:
        if database.is_dir():
            for path in sorted(database.rglob("*.json")):
                yield from _parsed(path.read_bytes())
        elif zipfile.is_zipfile(database):
            with zipfile.ZipFile(database) as archive:
                for name in archive.namelist():
                    if name.endswith(".json"):
                        yield from _parsed(archive.read(name))
        else:
            yield from _parsed(database.read_bytes())
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{database} is no database of vulnerabilities: {reason}",
            code="bad_advisories",
            hint="name a file, folder or zip archive of OSV records",
        ) from error


def _parsed(data: bytes) -> Iterator[Mapping[str, Any]]:
    value = json.loads(data)
    if isinstance(value, dict) and "affected" not in value and "vulns" in value:
        value = value["vulns"]
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and "affected" in item:
            yield item


def _affects(affected: Mapping[str, Any], version: str) -> bool:
    if version in (affected.get("versions") or ()):
        return True
    try:
        there = Version(version)
    except InvalidVersion:
        return False
    for span in affected.get("ranges") or ():
        if span.get("type") not in ("ECOSYSTEM", "SEMVER"):
            continue
        inside = False
        for event in span.get("events") or ():
            try:
                if "introduced" in event:
                    start = str(event["introduced"])
                    inside = inside or start == "0" or there >= Version(start)
                elif "fixed" in event and there >= Version(str(event["fixed"])):
                    inside = False
                elif "last_affected" in event:
                    inside = inside and there <= Version(str(event["last_affected"]))
            except InvalidVersion:
                continue
        if inside:
            return True
    return False


def _fixes(affected: Mapping[str, Any]) -> tuple[str, ...]:
    found = [
        str(event["fixed"])
        for span in affected.get("ranges") or ()
        for event in span.get("events") or ()
        if "fixed" in event and span.get("type") != "GIT"
    ]
    return tuple(dict.fromkeys(found))
