"""Which runtime a process has chosen for itself, and which its notebook is bound to.

A notebook's front end binds its kernel by a variable in the kernel's environment: the
shell's commands and child processes of a cell then run there, too, and nothing of ours
has to be imported for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

RUNTIME_VARIABLE = "PF_JUPYTER_RUNTIME"

runtime_listeners: list[Callable[[str | None], None]] = []
"""Called with the name when a bound process chooses another runtime by itself."""


def bound_runtime() -> str | None:
    """Return the runtime that this process's notebook is bound to, if any."""
    return os.environ.get(RUNTIME_VARIABLE) or None


class Choice:
    """What one process chose; the later of its words and its notebook's counts."""

    def __init__(self) -> None:
        self._made = False
        self._name: str | None = None
        self._bound: str | None = None

    def make(self, name: str | None) -> None:
        """Take a choice of this process's own."""
        self._made, self._name = True, name
        if bound_runtime() is not None:
            if name is None:
                del os.environ[RUNTIME_VARIABLE]
            else:
                os.environ[RUNTIME_VARIABLE] = name
            for listener in runtime_listeners:
                listener(name)
        self._bound = bound_runtime()

    @property
    def made(self) -> bool:
        """Whether there is one; without, the workspace's own choice counts."""
        return self._made or bound_runtime() is not None

    @property
    def name(self) -> str | None:
        """The runtime that was chosen; None means none in particular."""
        bound = bound_runtime()
        if self._made and bound == self._bound:
            return self._name
        return bound
