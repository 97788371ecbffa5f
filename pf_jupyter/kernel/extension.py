"""What ``%load_ext pf_jupyter`` adds to a shell, and takes away again."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from ..workspace.api import RunResult, Runtime
from .binding import tell_front_end
from .cell_magics import cell_magics
from .completion import make_matcher
from .magics import line_magics
from .session import Session


class _Loaded:
    """What was added to one shell."""

    def __init__(self, shell: Any, session: Session) -> None:
        self.session = session
        self.stop_telling = tell_front_end(shell)
        self.matcher = make_matcher(session)
        self.line = line_magics(session)
        self.cell = cell_magics(session)
        for name, of_line in self.line.items():
            shell.register_magic_function(of_line, "line", name)
        for name, of_cell in self.cell.items():
            shell.register_magic_function(of_cell, "cell", name)
        if shell.Completer is not None:
            shell.Completer.custom_matchers.append(self.matcher)
        bundles = shell.display_formatter.mimebundle_formatter
        self.bundles = {
            kind: bundles.for_type(kind, session.bundle_of)
            for kind in (Runtime, RunResult)
        }

    def remove(self, shell: Any) -> None:
        """Take everything away again."""
        magics = shell.magics_manager.magics
        added: dict[str, Mapping[str, Any]] = {"line": self.line, "cell": self.cell}
        for kind, functions in added.items():
            for name, function in functions.items():
                if magics[kind].get(name) is function:
                    del magics[kind][name]
        if shell.Completer is not None:
            matchers = shell.Completer.custom_matchers
            matchers[:] = [m for m in matchers if m is not self.matcher]
        bundles = shell.display_formatter.mimebundle_formatter
        for record, before in self.bundles.items():
            bundles.for_type(record, before) if before else bundles.pop(record, None)
        self.stop_telling()
        self.session.close()


_LOADED: weakref.WeakKeyDictionary[Any, _Loaded] = weakref.WeakKeyDictionary()


def load(shell: Any, connect: Any = None) -> Session:
    """Register magics and completion.

    Parameters
    ----------
    shell
        An IPython shell.
    connect
        Returns the workspace to use; `pf_jupyter.connect` when None.
    """
    unload(shell)
    session = Session(shell, connect)
    _LOADED[shell] = _Loaded(shell, session)
    return session


def unload(shell: Any) -> None:
    """Take away what `load` added; a shell without it stays as it is."""
    loaded = _LOADED.pop(shell, None)
    if loaded is not None:
        loaded.remove(shell)
