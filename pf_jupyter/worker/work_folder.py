"""A folder of this worker alone, and the removal of those that ended workers left."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import Any, Optional

_PREFIX = "work-"
_YOUNG_SECONDS = 60


def _lock(path: str) -> Optional[Any]:
    """Hold a file for as long as this process lives; None when another one does."""
    file = open(path, "a")  # noqa: SIM115 - held on purpose
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return file
    except OSError:
        file.close()
        return None
    return file


class WorkFolder:
    """Created at the start, removed at the end; survivors of a crash go later.

    Parameters
    ----------
    base
        Folder that several workers may share.
    """

    def __init__(self, base: str) -> None:
        self._root = tempfile.mkdtemp(prefix=_PREFIX, dir=base)
        self._hold = _lock(os.path.join(self._root, "lock"))
        self.path = os.path.join(self._root, "snapshots")
        os.mkdir(self.path)
        self._remove_stale(base)

    def _remove_stale(self, base: str) -> None:
        if os.name == "nt":
            # Without locks a folder's owner cannot be told to be gone.
            return
        for name in os.listdir(base):
            folder = os.path.join(base, name)
            if not name.startswith(_PREFIX) or folder == self._root:
                continue
            try:
                # A young one may belong to a worker that is about to lock it.
                if time.time() - os.stat(folder).st_mtime < _YOUNG_SECONDS:
                    continue
                held = _lock(os.path.join(folder, "lock"))
            except OSError:
                continue
            if held is not None:
                shutil.rmtree(folder, ignore_errors=True)
                held.close()

    def remove(self) -> None:
        """Remove the folder with everything in it."""
        if self._hold is not None:
            self._hold.close()
        shutil.rmtree(self._root, ignore_errors=True)
