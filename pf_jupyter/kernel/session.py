"""What one IPython shell keeps between cells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..commands.context import Context, Progress
from ..commands.nouns.chat import Chats
from ..commands.terminal import TerminalProgress
from .cells import CellFlows
from .live import NotebookProgress

if TYPE_CHECKING:
    from ..commands.results import Shown
    from ..workspace.api import Workspace


class Session:
    """The workspace of a shell, its cells' flows and its way of showing progress.

    Parameters
    ----------
    shell
        The IPython shell.
    connect
        Returns the workspace; `pf_jupyter.connect` when None.
    """

    def __init__(self, shell: Any, connect: Any = None) -> None:
        self.shell = shell
        self.cells = CellFlows()
        self.chats = Chats()
        self._connect = connect
        self._workspace: Workspace | None = None
        self._brief: tuple[int, Any, Shown] | None = None

    def show_briefly(self, value: Any, brief: Shown) -> None:
        """Have this cell's output show ``value`` by something shorter than its page.

        Later cells show the page.
        """
        self._brief = (self.shell.execution_count, value, brief)

    def bundle_of(self, value: Any) -> dict[str, Any]:
        """Return what IPython is to show of a record of the workspace."""
        if self._brief is not None:
            cell, briefly, brief = self._brief
            if briefly is value and cell == self.shell.execution_count:
                return brief._repr_mimebundle_()
        bundle: dict[str, Any] = value._repr_mimebundle_()
        return bundle

    @property
    def in_notebook(self) -> bool:
        """Whether outputs can be replaced: a kernel with a front end, no terminal."""
        return getattr(self.shell, "kernel", None) is not None

    def workspace(self) -> Workspace:
        """Return the shell's workspace, connected on first use."""
        if self._workspace is None:
            if self._connect is None:
                import pf_jupyter

                self._connect = pf_jupyter.connect
            self._workspace = self._connect()
        return self._workspace

    def context(self) -> Context:
        """Return a context for one line or cell."""
        return Context(
            face="notebook",
            progress=self._progress(),
            connect=self.workspace,
            cells=self.cells,
            variables=self.shell.user_ns,
            chats=self.chats,
            interactive=not self.in_notebook and sys.stdin.isatty(),
        )

    def close(self) -> None:
        """Remove what was written for cells.

        The workspace is the process's own and may be in use by the notebook's code.
        """
        self.cells.close()

    def _progress(self) -> Progress:
        if self.in_notebook:
            return NotebookProgress()
        return TerminalProgress(sys.stdout)
