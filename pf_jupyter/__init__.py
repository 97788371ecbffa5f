"""Prompt flow runtimes inside Jupyter, on your own machine.

Imported by every kernel and every server: names are resolved on first use, so that
``import pf_jupyter`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .workspace.api import Workspace
    from .workspace.connecting import connect

__version__ = "0.1.0"
__all__ = ["Workspace", "__version__", "connect"]

_WHERE = {
    "connect": "pf_jupyter.workspace.connecting",
    "Workspace": "pf_jupyter.workspace.api",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'pf_jupyter' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register the magics: ``%load_ext pf_jupyter``."""
    from .kernel.extension import load

    load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take the magics, completers and hooks away again."""
    from .kernel.extension import unload

    unload(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Return where a checkout has what JupyterLab loads."""
    return [{"src": "labextension", "dest": "pf-jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Return what a Jupyter server loads."""
    from .server.app import PfJupyter

    return [{"module": "pf_jupyter", "app": PfJupyter}]
