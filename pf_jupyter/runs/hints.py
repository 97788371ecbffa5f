"""What the runtime could not know when it said how to get on after a failure."""

from __future__ import annotations

from typing import Any

from ..connections.stored import StoredConnections
from ..store.records import RunRecord
from ..store.store import Store
from . import connections

INSTALL = "%pfruntime install "
_CURRENT = "current_runtime"


def explained(
    packed: dict[str, Any],
    stored: StoredConnections,
    store: Store,
    record: RunRecord,
) -> dict[str, Any]:
    """Return a RESULT whose hints fit what there is on this side.

    A missing connection is explained by those there are; a package is to be installed
    into the runtime that lacks it, whichever is in use.
    """
    error = packed.get("error")
    if not error:
        return packed
    packed = connections.explained(packed, stored)
    if INSTALL not in str(error.get("hint")) or record.runtime == store.setting(
        _CURRENT
    ):
        return packed
    nodes = {
        name: {**node, "error": _named(node["error"], record.runtime)}
        if node.get("error")
        else node
        for name, node in (packed.get("nodes") or {}).items()
    }
    return {**packed, "error": _named(error, record.runtime), "nodes": nodes}


def _named(error: dict[str, Any], runtime: str) -> dict[str, Any]:
    hint = str(error.get("hint") or "")
    return {**error, "hint": hint.replace(INSTALL, f"{INSTALL}{runtime} ")}
