"""Values in columns of text: JSON that keeps what flows return."""

from __future__ import annotations

import json
from typing import Any

from ..worker.protocol import pack_value, unpack_value

_JSON = json.JSONEncoder(separators=(",", ":"))


class Packed(dict[str, Any]):
    """A dictionary whose values `pack_value` has been through already."""


class Encoded(str):
    """JSON text that `encode` would have made, or that says the same in ASCII."""


def encode(value: Any) -> str | None:
    """Return ``value`` as JSON text, or None for None.

    Characters beyond ASCII are escaped: a lone surrogate or a NUL from a flow's output
    would otherwise be refused by a database.
    """
    if value is None:
        return None
    if type(value) is Encoded:
        return str(value)
    packed = value if isinstance(value, Packed) else pack_value(value)
    return _JSON.encode(packed)


def decode(text: str | None) -> Any:
    """Undo `encode`."""
    return None if text is None else unpack_value(json.loads(text))
