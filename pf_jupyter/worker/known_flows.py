"""Flows that the host has sent before, so that it need not send them again."""

from __future__ import annotations

from typing import Any, Dict

KEPT_FLOWS = 64
"""How many of the last that were sent are kept; the host counts on these."""


class KnownFlows:
    """The flows of one host, by the keys that it gave them.

    Reading a flow takes longer than all the rest of a request, for us and for the
    executor, and one that is the same object need not be compared.
    """

    def __init__(self) -> None:
        self._flows: Dict[Any, Any] = {}

    def complete(self, request: Dict[str, Any]) -> bool:
        """Put in the flow that a request names by its key alone; False if unknown."""
        key = request.get("flow_key")
        if key is None:
            return True
        if "flow" not in request:
            if key not in self._flows:
                return False
            request["flow"] = self._flows[key]
            return True
        self._flows.pop(key, None)
        while len(self._flows) >= KEPT_FLOWS:
            del self._flows[next(iter(self._flows))]
        self._flows[key] = request["flow"]
        return True
