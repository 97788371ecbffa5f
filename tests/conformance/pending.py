"""Cases that wait for a part of pf_jupyter that is not built yet."""

from __future__ import annotations

from .case import Case

WAITING: dict[str, str] = {}


OPEN: dict[str, str] = {}
"""Cases whose answers differ and are not decided yet, by the beginning of their id."""


def reason(case: Case) -> str:
    """Return what the case waits for, or "" when it must be equal now."""
    for prefix, part in WAITING.items():
        if case.id.startswith(prefix):
            return f"{part} are not built yet"
    for prefix, finding in OPEN.items():
        if case.id.startswith(prefix):
            return finding
    return ""
