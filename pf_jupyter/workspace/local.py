"""The workspace of this process, which does everything itself."""

from __future__ import annotations

import atexit
import functools
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..home import home_folder
from .api import CheckResult, Workspace

if TYPE_CHECKING:
    from .core import Core

_guard = threading.Lock()
_open: dict[tuple[int, Path], LocalWorkspace] = {}


def connect(home: str | Path | None = None, store_url: str | None = None) -> Workspace:
    """Return the workspace of this process.

    Parameters
    ----------
    home
        Its folder; None means ``PF_JUPYTER_HOME``, else ``pf_jupyter`` in Jupyter's
        data directory. There is one workspace for each folder and process: asking
        again gives the same.
    store_url
        The database of its records; None means ``PF_JUPYTER_STORE_URL``, else a file
        in the folder.
    """
    folder = home_folder(home)
    with _guard:
        workspace = _open.get((os.getpid(), folder))
        if workspace is None or workspace.closed:
            workspace = LocalWorkspace(folder, store_url=store_url)
            _open[os.getpid(), folder] = workspace
        return workspace


class LocalWorkspace(Workspace):
    """A workspace whose store and engines this process uses itself.

    Nothing is opened until it is needed, so that making one costs nothing and
    `doctor` can look at what does not open.

    Parameters
    ----------
    home
        Its folder.
    build
        Puts its parts together.
    store_url
        The database of its records, as `connect` takes it.
    """

    def __init__(
        self,
        home: Path,
        build: Callable[[Path], Core] | None = None,
        *,
        store_url: str | None = None,
    ) -> None:
        from .computes import LocalComputes
        from .connections import LocalConnections
        from .environments import LocalEnvironments
        from .flows import LocalFlows
        from .roles import LocalRoles
        from .runs import LocalRuns
        from .runtimes import LocalRuntimes

        self.home = home
        self.name = "local"
        self.closed = False
        self._build = build or functools.partial(_default_core, store_url)
        self._core: Core | None = None
        self._lock = threading.RLock()
        self.runtimes = LocalRuntimes(self)
        self.flows = LocalFlows(self)
        self.runs = LocalRuns(self)
        self.computes: LocalComputes = LocalComputes(self)
        self.connections = LocalConnections(self)
        self.environments = LocalEnvironments(self)
        self.roles: LocalRoles = LocalRoles(self)

    @property
    def core(self) -> Core:
        """Store, runtimes and runs, opened on first use.

        Raises
        ------
        Unreachable
            The store cannot be opened.
        """
        core = self._core
        if core is None:
            with self._lock:
                if self._core is None:
                    self._core = self._build(self.home)
                    atexit.register(_close, weakref.ref(self))
                core = self._core
        return core

    def doctor(self, *, fix: bool = False) -> list[CheckResult]:
        """Check engine, disk, store, Python and network; mend what is safe to mend."""
        from .doctor import examine

        return examine(self, fix=fix)

    def close(self) -> None:
        """Release connections and threads; runtimes live on."""
        with self._lock:
            core, self._core = self._core, None
            self.closed = True
        if core is not None:
            core.close()

    def __repr__(self) -> str:
        return f"<Workspace {self.name} in {self.home}>"


def _default_core(store_url: str | None, home: Path) -> Core:
    from .core import Core

    return Core(home, store_url=store_url)


def _close(reference: weakref.ref[LocalWorkspace]) -> None:
    workspace = reference()
    if workspace is not None:
        workspace.close()
