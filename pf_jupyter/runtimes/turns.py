"""Who may change a runtime's life now: one at a time, over all processes.

The turn is a lock that the system takes back when its holder dies, so a runtime that
is on its way somewhere while its turn is free was left there by a dead process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import IllegalState
from ..store.home import make_private_folder


class Turns:
    """The turns of one workspace's runtimes.

    Parameters
    ----------
    folder
        Where the lock files live; created when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def take(self, key: str, name: str, seconds: float) -> Iterator[None]:
        """Hold the turn of a runtime.

        Parameters
        ----------
        key, name
            The runtime's id, and its name for the message.
        seconds
            How long to wait for whoever has it.

        Raises
        ------
        IllegalState
            Somebody else has it for longer than that.
        """
        make_private_folder(self._folder)
        lock = FileLock(self._file(key), mode=0o600)
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            raise IllegalState(
                f"runtime {name!r} is being changed elsewhere",
                code="runtime_in_change",
                hint=f"%pfruntime logs {name} shows what happens to it; try again then",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def free(self, key: str) -> bool:
        """Return whether nobody changes the runtime now."""
        if not self._file(key).exists():
            return True
        try:
            with FileLock(self._file(key), mode=0o600).acquire(timeout=0):
                return True
        except Timeout:
            return False

    def forget(self, key: str) -> None:
        """Remove what is left of a runtime that is gone."""
        try:
            self._file(key).unlink(missing_ok=True)
        except OSError:
            pass  # Windows keeps a file that somebody waits on; an empty file stays

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.lock"
