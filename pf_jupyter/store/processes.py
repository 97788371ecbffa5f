"""Which processes use a workspace, and whether they still live.

Each holds a lock on a file of its own for as long as it lives. The system lets go of
the lock when the process ends, however it ends, so a lock that can be had is the mark
of a dead process; no number can be reused and no clock is asked.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .home import make_private_folder


class Processes:
    """The processes of one workspace.

    Parameters
    ----------
    folder
        Where their lock files live; created when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._mine: tuple[int, str, FileLock] | None = None

    def mine(self) -> str:
        """Return this process's name, marking it as alive on first use."""
        mine = self._mine
        if mine is not None and mine[0] == os.getpid():
            return mine[1]
        with self._guard:
            if self._mine is None or self._mine[0] != os.getpid():
                make_private_folder(self._folder)
                name = uuid.uuid4().hex
                lock = FileLock(self._file(name), mode=0o600, thread_local=False)
                lock.acquire(timeout=0)
                self._mine = (os.getpid(), name, lock)
            return self._mine[1]

    @contextmanager
    def scratch(self, prefix: str) -> Iterator[Path]:
        """Give a private folder and remove it; a process that is killed leaves none.

        Whoever forgets the process removes what it had.
        """
        place = self._scratch(self.mine())
        make_private_folder(place)
        with tempfile.TemporaryDirectory(
            prefix=prefix, dir=place, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)

    def alive(self, name: str) -> bool:
        """Return whether the process of that name still runs."""
        mine = self._mine
        if mine is not None and mine[:2] == (os.getpid(), name):
            return True
        file = self._file(name)
        if not file.exists():
            return False
        # whoever looks holds the lock for a moment, and would be taken for its owner
        # by another one who looks in that moment: they look one after the other
        looking = FileLock(self._folder / "looking", mode=0o600)
        with looking.acquire(poll_interval=0.002):
            try:
                with FileLock(file, mode=0o600).acquire(timeout=0):
                    return False
            except Timeout:
                return True

    def forget(self, name: str) -> None:
        """Remove what a dead process left behind."""
        shutil.rmtree(self._scratch(name), ignore_errors=True)
        self._file(name).unlink(missing_ok=True)

    def dead(self) -> list[str]:
        """Return the names of processes that ended without taking their mark along."""
        if not self._folder.is_dir():
            return []
        names = [file.stem for file in self._folder.glob("*.lock")]
        return [name for name in names if not self.alive(name)]

    def leave(self) -> None:
        """Take this process's mark away."""
        with self._guard:
            if self._mine is not None and self._mine[0] == os.getpid():
                _, name, lock = self._mine
                self._mine = None
                # on Windows a file can only be removed once nobody holds it
                if os.name != "nt":
                    self.forget(name)
                lock.release()
                self.forget(name)

    def _scratch(self, name: str) -> Path:
        return self._folder / f"{name}.work"

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.lock"
