"""A version channel: a file that says which versions of environments there are.

For places without a registry that can be asked, and for ``default``, whose versions no
workspace publishes. ``PF_JUPYTER_CHANNEL`` names it; YAML or JSON::

    default:
      repository: registry.example/pf/default     # its tags are the versions
    my-env:
      versions:
        - {version: "4", image: "registry.example/team/my-env:4"}
      withdrawn: {"3": "loses rows"}                # not to be used, and why
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError

VARIABLE = "PF_JUPYTER_CHANNEL"


@dataclass(frozen=True)
class Offered:
    """A version that a channel names."""

    version: str
    image: str
    created_at: str | None = None


@dataclass(frozen=True)
class ChannelEntry:
    """What a channel says of one environment."""

    file: Path
    repository: str = ""
    versions: tuple[Offered, ...] = ()
    withdrawn: Mapping[str, str] = field(default_factory=dict)


def channel_entry(name: str) -> ChannelEntry | None:
    """Return what the channel says of an environment; None without one.

    Raises
    ------
    UsageError
        The file cannot be read, or is none.
    """
    place = os.environ.get(VARIABLE, "")
    if not place:
        return None
    file = Path(place).expanduser()
    entry = _read(file).get(name)
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise _bad(file, f"{name} is no mapping")
    versions = entry.get("versions") or ()
    try:
        found = tuple(
            Offered(
                str(one["version"]),
                str(one["image"]),
                str(one["created_at"]) if one.get("created_at") else None,
            )
            for one in versions
        )
    except (TypeError, KeyError, AttributeError):
        raise _bad(file, f"each version of {name} needs version and image") from None
    withdrawn = entry.get("withdrawn") or {}
    if not isinstance(withdrawn, Mapping) or not all(withdrawn.values()):
        raise _bad(file, f"withdrawn of {name} needs a reason for each version")
    reasons = {str(version): str(reason) for version, reason in withdrawn.items()}
    return ChannelEntry(file, str(entry.get("repository") or ""), found, reasons)


def _read(file: Path) -> Mapping[str, Any]:
    from ..flow.document import read_document

    try:
        data = file.read_bytes()
    except OSError as error:
        raise _bad(file, error.strerror or str(error)) from None
    found = read_document(data, file.name)
    if found.problems:
        raise _bad(file, found.problems[0].message)
    if not isinstance(found.value, Mapping):
        raise _bad(file, "it holds no mapping")
    return found.value


def _bad(file: Path, why: str) -> UsageError:
    return UsageError(
        f"the version channel {file} cannot be read: {why}",
        code="bad_channel",
        hint=f"correct the file, or unset {VARIABLE}",
    )
