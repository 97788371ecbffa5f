"""The folder where this user's records live."""

from __future__ import annotations

import os
from pathlib import Path


def default_home() -> Path:
    """Return ``PF_JUPYTER_HOME``, or the place in Jupyter's data directory."""
    if named := os.environ.get("PF_JUPYTER_HOME"):
        return Path(named).expanduser()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "pf_jupyter"
