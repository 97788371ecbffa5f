"""How versions and what differs between them read, the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..store.records import moment

_NAMED = 3


def age_seconds(text: str | None) -> float | None:
    """Return how many seconds ago a moment of a record was."""
    if not text:
        return None
    return max((datetime.now(UTC) - moment(text)).total_seconds(), 0.0)


def age(text: str | None) -> str:
    """Return how long ago a moment was: ``34 days``; empty when it is not known."""
    seconds = age_seconds(text)
    if seconds is None:
        return ""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"


def named(version: Mapping[str, Any] | None) -> str:
    """Return ``name:version``."""
    return f"{version['name']}:{version['version']}" if version else ""


def changes(
    before: Mapping[str, str] | None, after: Mapping[str, str] | None
) -> list[dict[str, str | None]] | None:
    """Return ``{"name", "before", "after"}`` of what differs; None if unknown."""
    if before is None or after is None:
        return None
    return [
        {"name": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def changes_text(found: Sequence[Mapping[str, Any]] | None) -> str:
    """Return ``openai 3.51 → 3.54, 2 more``."""
    if found is None:
        return "its packages are known once it is fetched"
    if not found:
        return "same packages"
    words = []
    for change in found[:_NAMED]:
        if change["before"] is None:
            words.append(f"+ {change['name']} {change['after']}")
        elif change["after"] is None:
            words.append(f"- {change['name']}")
        else:
            words.append(f"{change['name']} {change['before']} → {change['after']}")
    more = len(found) - _NAMED
    return ", ".join([*words, f"{more} more"] if more > 0 else words)
