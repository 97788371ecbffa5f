"""Values in columns of text: JSON that keeps what flows return."""

from __future__ import annotations

import json
from typing import Any

from ..worker.protocol import pack_value, unpack_value


def encode(value: Any) -> str | None:
    """Return ``value`` as JSON text, or None for None.

    Characters beyond ASCII are escaped: a lone surrogate or a NUL from a flow's output
    would otherwise be refused by a database.
    """
    if value is None:
        return None
    return json.dumps(pack_value(value), separators=(",", ":"))


def decode(text: str | None) -> Any:
    """Undo `encode`."""
    return None if text is None else unpack_value(json.loads(text))
