"""The part of the workspace interface that is about computes.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any


class Computes(ABC):
    """Named places with an engine."""

    @abstractmethod
    def list(self) -> list[dict[str, Any]]:
        """Return ``{"name", "engine", "isolated", "reachable", "detail"}`` each."""

    def names(self) -> Sequence[str]:
        """Return the names of all computes: no engine is asked."""
        return [str(item["name"]) for item in self.list()]
