"""Values in columns of text: JSON that keeps what flows return."""

from __future__ import annotations

import json
from typing import Any

from ..worker.protocol import pack_value, unpack_value


class Packed(dict[str, Any]):
    """A dictionary whose values `pack_value` has been through already."""


def encode(value: Any) -> str | None:
    """Return ``value`` as JSON text, or None for None.

    Characters beyond ASCII are escaped: a lone surrogate or a NUL from a flow's output
    would otherwise be refused by a database.
    """
    if value is None:
        return None
    packed = value if isinstance(value, Packed) else pack_value(value)
    return json.dumps(packed, separators=(",", ":"))


def decode(text: str | None) -> Any:
    """Undo `encode`."""
    return None if text is None else unpack_value(json.loads(text))
