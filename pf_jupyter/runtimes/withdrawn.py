"""Versions that are withdrawn: they are there, and are not to be used any more.

The mark is a tag of the version, which is among the few things that may change of it
and travels with it; or it stands in the version channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..errors import PfError
from ..store.records import EnvironmentVersionRecord, RuntimeRecord
from .channel_file import channel_entry
from .model import WITHDRAWN


def withdrawn_versions(
    name: str, versions: Sequence[EnvironmentVersionRecord]
) -> dict[str, str]:
    """Return the versions of an environment that are withdrawn, and why.

    A channel that cannot be read is passed over: whoever looks is told of it there.
    """
    found: dict[str, str] = {}
    with suppress(PfError):
        entry = channel_entry(name)
        found.update(entry.withdrawn if entry is not None else {})
    for record in versions:
        if WITHDRAWN in record.tags:
            found[record.version] = record.tags[WITHDRAWN]
    return found


def told_withdrawn(
    record: RuntimeRecord,
    versions: Sequence[EnvironmentVersionRecord],
    withdrawn: Mapping[str, str],
    *,
    newer: bool,
) -> dict[str, str] | None:
    """Return why what a runtime stands on is withdrawn, and the way out, if it is.

    Parameters
    ----------
    newer
        Whether there is something newer to go to.

    Returns
    -------
    ``{"reason", "hint"}``, or None.
    """
    reason = withdrawn.get(record.environment_version)
    if reason is None:
        return None
    name = record.name
    previous: Mapping[str, Any] = record.previous or {}
    gone = previous.get("version") in withdrawn
    gone = gone and previous.get("name") == record.environment_name
    others = [
        f"{one.name}:{one.version}"
        for one in versions
        if not one.archived and one.version not in withdrawn
    ]
    if newer:
        hint = f"%pfruntime check {name} --rehearse tries it; %pfruntime update {name}"
    elif previous and not gone:
        back = f"{previous['name']}:{previous['version']}"
        hint = f"%pfruntime rollback {name} goes back to {back}"
    elif others:
        hint = f"%pfruntime update {name} --to {others[-1]}"
    else:
        hint = f"%pfruntime update {name} --to NAME:VERSION takes another environment"
    return {"reason": reason, "hint": hint}
