"""Layers: virtual environments that lie over what is installed in the image.

The uppermost layer's interpreter finds its own packages, then those of the layers below
and those of the image. Control itself never uses it; everything that it starts does.
"""

from __future__ import annotations

import os
import sys
from typing import Dict, List, Optional, Sequence, Tuple

MARK = "pf_layer.json"
"""The file that is written last: a layer without it is not complete."""

_used: Tuple[str, ...] = ()
_path: Optional[str] = None


def missing(folders: Sequence[str]) -> List[str]:
    """Return those layers that are not there, or not complete."""
    return [
        folder
        for folder in folders
        if not os.path.isfile(os.path.join(folder, MARK))
        or not os.path.exists(interpreter(folder))
    ]


def used() -> Tuple[str, ...]:
    """Return the layers in use, the uppermost first."""
    return _used


def use(folders: Sequence[str]) -> None:
    """Let every process that is started from now on have these layers."""
    global _used, _path
    _used = tuple(folders)
    if _path is None:
        _path = os.environ.get("PATH", os.defpath)
    for name, value in variables(_used, _path).items():
        os.environ[name] = value
    if not _used:
        os.environ.pop("VIRTUAL_ENV", None)


def variables(folders: Sequence[str], path: Optional[str] = None) -> Dict[str, str]:
    """Return the environment variables of processes that have these layers."""
    if path is None:
        path = _path if _path is not None else os.environ.get("PATH", os.defpath)
    programs = [os.path.dirname(interpreter(folder)) for folder in folders]
    found = {"PATH": os.pathsep.join([*programs, path])}
    if folders:
        found["VIRTUAL_ENV"] = folders[0]
    return found


def python(folders: Optional[Sequence[str]] = None) -> str:
    """Return the interpreter of the uppermost layer, of those in use by default."""
    folders = _used if folders is None else folders
    return interpreter(folders[0]) if folders else sys.executable or "python3"


def interpreter(folder: str) -> str:
    """Return where a layer has its interpreter."""
    if os.name == "nt":
        return os.path.join(folder, "Scripts", "python.exe")
    return os.path.join(folder, "bin", "python")
