"""Layers in folders of this machine, for engines without containers."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path

from pf_jupyter.engines.api import LAYER_MARK
from pf_jupyter.errors import RuntimeFailed


class FolderLayers:
    """Volumes as folders, one for each name.

    Parameters
    ----------
    home
        Where they are.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def folder(self, volume: str) -> Path:
        """Return the folder of a volume."""
        return self._home / volume

    def names(self, volume: str) -> list[str]:
        """Return the names of its complete layers."""
        return sorted(
            path.parent.name for path in self.folder(volume).glob(f"*/{LAYER_MARK}")
        )

    def add(self, volume: str, name: str, folder: Path) -> bool:
        """Copy a folder; see `Engine.add_layer`."""
        target = self.folder(volume) / name
        if (target / LAYER_MARK).is_file():
            return False
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = target.with_name(f".{name}-{uuid.uuid4().hex[:8]}")
        try:
            # the files are never written again, so two names for one will do
            shutil.copytree(folder, draft, symlinks=True, copy_function=_link_or_copy)
            os.rename(draft, target)
        except (OSError, shutil.Error) as error:
            shutil.rmtree(draft, ignore_errors=True)
            if (target / LAYER_MARK).is_file():
                return False  # somebody else made it at the same time
            raise _failed(error) from error
        return True

    def remove(self, volume: str, name: str) -> None:
        """Remove a layer; one that is not there is no error."""
        shutil.rmtree(self.folder(volume) / name, ignore_errors=True)

    def remove_volume(self, volume: str) -> None:
        """Remove a volume with its layers."""
        shutil.rmtree(self.folder(volume), ignore_errors=True)


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _failed(error: OSError) -> RuntimeFailed:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space" in str(error)
    return RuntimeFailed(
        f"the layer could not be copied: {error.strerror or error}",
        phase="build",
        code="disk_full" if full else "layer_failed",
        hint="free some space on the disk of PF_JUPYTER_HOME"
        if full
        else "look whether the folder PF_JUPYTER_HOME can be written",
    )
