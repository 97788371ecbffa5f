"""A version that may be newer than what a runtime stands on, and how it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engines.api import ImageInfo
from ..store.records import EnvironmentVersionRecord
from .version_words import age, changes_text, named

_NUMBERS = re.compile(r"[vV]?(\d{1,9}(?:[._-]\d{1,9}){0,5})")


def version_key(version: str) -> tuple[int, ...] | None:
    """Return what versions are ordered by; None for a word such as ``stable``.

    >>> version_key("v1.10") > version_key("1.9")
    True
    """
    found = _NUMBERS.fullmatch(version)
    return tuple(map(int, re.split(r"[._-]", found[1]))) if found else None


@dataclass
class Newest:
    """A version that may be newer.

    Parameters
    ----------
    name, version
        Of the environment.
    digest
        Of its content; empty when it is not known.
    reference
        In a registry; empty when it is on the engine already.
    size
        Bytes to fetch; None when it is not known.
    packages
        Of it; None when they are not known.
    """

    name: str
    version: str
    digest: str = ""
    reference: str = ""
    created_at: str | None = None
    size: int | None = None
    packages: Mapping[str, str] | None = None
    python: str = ""

    def told(self) -> dict[str, Any]:
        """Return it for a check's document."""
        return {
            "name": self.name,
            "version": self.version,
            "digest": self.digest,
            "reference": self.reference,
            "created_at": self.created_at,
            "size": self.size,
            "python": self.python,
        }


def listed_packages(image: ImageInfo) -> dict[str, str] | None:
    """Return the packages that an image says it holds, None if it does not say."""
    listed = image.labels.get("pf_jupyter.packages") or ""
    pairs = (item.partition("==") for item in listed.split())
    return {name: version for name, _, version in pairs} or None


def of_record(record: EnvironmentVersionRecord) -> Newest:
    """Return a version that was published here."""
    return Newest(
        record.name,
        record.version,
        digest=record.digest,
        created_at=record.created_at,
        packages=record.document.get("packages"),
        python=str(record.document.get("python") or ""),
    )


def notice(document: Mapping[str, Any]) -> str:
    """Return one line for people; empty when there is nothing newer."""
    running, latest = document["running"], document["latest"]
    if latest is None:
        return ""
    old = age(running["created_at"])
    mine = f"your {named(running)}" + (f" is {old} old" if old else "")
    if document["kind"] == "base":
        base = document["base"]
        moved = (
            f"is out as {base['newest']}"
            if base["newest"] != base["image"]
            else "has moved"
        )
        name = running["name"]
        return (
            f"the base {base['image']} {moved} ({mine}): built on it, {name} becomes "
            f"{named(latest)}"
        )
    what = f"{named(latest)} is out"
    if document["kind"] == "default":
        what = f"{named(latest)} is made of newer parts now"
    words = [changes_text(document["packages"])]
    if latest["python"] and running["python"]:
        same = latest["python"] == running["python"]
        words.append(
            "same Python"
            if same
            else f"Python {running['python']} → {latest['python']}"
        )
    if latest["size"]:
        words.append(f"{latest['size'] / 1024**2:.0f} MB to fetch")
    return f"{what} ({mine}): {', '.join(words)}"
