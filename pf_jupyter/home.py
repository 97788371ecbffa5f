"""The folder that holds a workspace: records, keys, layers, what runtimes need."""

from __future__ import annotations

import os
from pathlib import Path

STORE_URL_VARIABLE = "PF_JUPYTER_STORE_URL"
"""Names the database of the records, where they are not in the folder."""


def home_folder(home: str | Path | None = None) -> Path:
    """Return the folder of a workspace, without creating it.

    Parameters
    ----------
    home
        The folder to use; None means ``PF_JUPYTER_HOME``, else ``pf_jupyter`` in
        Jupyter's data directory.
    """
    chosen = home or os.environ.get("PF_JUPYTER_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()).absolute() / "pf_jupyter"
