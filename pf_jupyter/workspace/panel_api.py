"""How records open their panel: ``ws.panel()``, ``rt.panel()``, ``flow.panel()``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Workspace

# Panels are a face and stand above the workspace: by its name, so that it is loaded
# only when somebody wants to look, and this room does not need it.
_FACE = "pf_jupyter.widgets"


def open_panel(workspace: Workspace, name: str, **about: Any) -> Any:
    """Return a panel of the widgets room; see `pf_jupyter.widgets.open_panel`."""
    return importlib.import_module(_FACE).open_panel(workspace, name, **about)
