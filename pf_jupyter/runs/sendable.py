"""Flows in the form in which they are sent, packed once for all their runs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..flow.contents import Snapshot
from ..flow.model import Flow
from ..store.codec import Packed, encode
from ..worker.protocol import pack_value
from ..worker.scrubbing import Secrets
from .request import Request

_KEPT_FLOWS = 64
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sendable:
    """A flow's files, and its definition in the plain and in the packed form.

    Workers call the definition by its ``key``, a number of this process.
    """

    snapshot: Snapshot
    plain: dict[str, Any]
    packed: dict[str, Any]
    key: int = field(default_factory=_numbers.__next__)

    @cached_property
    def stored(self) -> str:
        """The definition as JSON, for a record."""
        return encode(Packed(self.packed)) or "null"

    def without(self, secrets: Secrets) -> Sendable:
        """Return what may be remembered: some people write secrets into flows."""
        plain = secrets.scrub_value(self.plain)
        return Sendable(self.snapshot, plain, pack_value(plain))


class PackedFlows:
    """Remembers the flows that ran last; packing one takes longer than sending it."""

    def __init__(self) -> None:
        self._known: dict[str, Sendable] = {}

    def pack(self, request: Request, flow: Flow, snapshot: Snapshot) -> Sendable:
        """Return a flow ready to be sent; the same one need not be packed again."""
        key = f"{snapshot.digest} {request.variant} {request.path}"
        if request.connections or request.overrides:
            key += f" {request.connections} {request.overrides}"
        sendable = self._known.get(key)
        if sendable is None:
            plain = flow.to_dict()
            sendable = Sendable(snapshot, plain, pack_value(plain))
            if len(self._known) >= _KEPT_FLOWS:
                self._known.clear()
            self._known[key] = sendable
        return sendable
