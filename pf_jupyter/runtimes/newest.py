"""A version that may be newer than what a runtime stands on, and how it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engines.api import ImageInfo
from ..environments.told import NOTES_LABEL, PYTHON_LABEL, packages_of
from ..store.records import EnvironmentVersionRecord, timestamp
from .version_words import age, changes_text, named

_NUMBERS = re.compile(r"[vV]?(\d{1,9}(?:[._-][vV]?\d{1,9}){0,5})")
_NOTES = 120


def version_key(version: str) -> tuple[int, ...] | None:
    """Return what versions are ordered by; None for a word such as ``stable``.

    >>> version_key("v1.10") > version_key("1.9")
    True
    >>> version_key("20240115.v10") > version_key("20240115.v2")
    True
    """
    found = _NUMBERS.fullmatch(version)
    return tuple(map(int, re.split(r"[._-][vV]?", found[1]))) if found else None


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
    notes
        What is new in it, in its publisher's words.
    """

    name: str
    version: str
    digest: str = ""
    reference: str = ""
    created_at: str | None = None
    size: int | None = None
    packages: Mapping[str, str] | None = None
    python: str = ""
    notes: str = ""

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
            "notes": self.notes,
        }


def with_facts(newest: Newest, image: ImageInfo, *, here: bool) -> Newest:
    """Add what an image tells; ``here`` when it need not be fetched any more."""
    newest.digest = newest.digest or image.id
    if newest.size is None and not here:
        newest.size = image.size
    if newest.created_at is None and image.created_at is not None:
        newest.created_at = timestamp(image.created_at)
    if newest.packages is None:
        newest.packages = packages_of(image)
    newest.python = newest.python or image.labels.get(PYTHON_LABEL) or ""
    newest.notes = newest.notes or image.labels.get(NOTES_LABEL) or ""
    return newest


def of_record(record: EnvironmentVersionRecord) -> Newest:
    """Return a version that was published here."""
    return Newest(
        record.name,
        record.version,
        digest=record.digest,
        created_at=record.created_at,
        packages=record.document.get("packages"),
        python=str(record.document.get("python") or ""),
        notes=str(record.document.get("notes") or ""),
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
    line = f"{what} ({mine}): {', '.join(words)}"
    notes = first_line(str(latest.get("notes") or ""))
    return f"{line}. “{notes}”" if notes else line


def first_line(text: str) -> str:
    """Return the first line of notes, shortened."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= _NOTES else first[: _NOTES - 1] + "…"
