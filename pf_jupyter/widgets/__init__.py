"""Panels: what people see and click in notebooks. See docs/panels.md.

    open_panel(workspace, "flow", flow="hello")
    panel_of(runtime)

ipywidgets is imported when the first panel is made.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..workspace.api import Workspace
    from .panel import Panel

PANELS: Mapping[str, str] = {
    "batch": "batch_wizard:BatchWizard",
    "chat": "chat_page:ChatPage",
    "compare": "comparing:ComparisonPage",
    "connections": "connections_page:ConnectionsPage",
    "doctor": "doctor_page:DoctorPage",
    "environments": "environments_page:EnvironmentsPage",
    "evaluation": "batch_wizard:EvaluationWizard",
    "flow": "flow_page:FlowPage",
    "roles": "roles_page:RolesPage",
    "run": "run_page:RunPage",
    "runs": "runs_page:RunsPage",
    "runtime": "runtime_page:RuntimePage",
    "runtimes": "runtimes_page:RuntimesPage",
}
"""Each panel by its name: the module in this room, and the class."""

NOUN_PANELS: Mapping[str, str] = {
    "connection": "connections",
    "env": "environments",
    "eval": "evaluation",
    "flow": "flow",
    "role": "roles",
    "run": "runs",
    "runtime": "runtimes",
}
"""The panel of each noun, which its magic opens without a verb."""


def open_panel(workspace: Workspace, name: str, **about: Any) -> Panel:
    """Return a new panel.

    Parameters
    ----------
    workspace
        What it is about.
    name
        One of `PANELS`.
    about
        What it opens with: ``flow="hello"``, ``runtime="demo"``, ``run="…"``.

    Raises
    ------
    UsageError
        There is no such panel.
    """
    if name not in PANELS:
        raise UsageError(
            f"there is no panel '{name}'",
            code="not_found",
            hint=f"there are: {', '.join(PANELS)}",
        )
    module, _, kind = PANELS[name].partition(":")
    found: type[Panel] = getattr(importlib.import_module(f".{module}", __name__), kind)
    return found(workspace, **about)
