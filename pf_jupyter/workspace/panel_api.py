"""How records open their panel: ``ws.panel()``, ``rt.panel()``, ``flow.panel()``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from .api import Workspace

# Panels are a face and stand above the workspace: by its name, so that it is loaded
# only when somebody wants to look, and this room does not need it.
_FACE = "pf_jupyter.widgets"


def open_panel(workspace: Workspace, name: str, **about: Any) -> Any:
    """Return a panel of the widgets room; see `pf_jupyter.widgets.open_panel`."""
    return importlib.import_module(_FACE).open_panel(workspace, name, **about)


class WorkspacePanels:
    """What a workspace shows."""

    def panel(self, name: str = "runtimes", **about: Any) -> Any:
        """Return a panel to look at and to click; docs/panels.md lists them.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        return open_panel(self, name, **about)  # type: ignore[arg-type]


class RuntimePanel:
    """What a runtime shows."""

    name: str

    def panel(self) -> Any:
        """Return its panel: state, packages, logs, what can be done with it."""
        return open_panel(_workspace_of(self), "runtime", runtime=self.name)


class RunPanel:
    """What a run shows."""

    run_id: str

    def panel(self) -> Any:
        """Return its panel: the graph to play again, outputs, traces, lines."""
        return open_panel(_workspace_of(self), "run", run=self.run_id)


class FlowPanel:
    """What a flow shows."""

    path: Path

    def panel(self, runtime: str | None = None) -> Any:
        """Return its page: inputs as a form, the living graph, outputs."""
        workspace = _workspace_of(self)
        return open_panel(workspace, "flow", flow=self.path, runtime=runtime)


def _workspace_of(record: object) -> Workspace:
    """Return the workspace that a record is bound to, else this process's own."""
    from .connecting import connect

    return getattr(record, "_workspace", None) or connect()
