"""The memory of a process and everything below it while something runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable


class Peak:
    """Measures the largest proportional set size in a ``with`` block.

    Shared pages count once, divided among those who share them.

    Parameters
    ----------
    root
        The process at the top.
    without
        A process below it that does not count, with what is below that.
    also
        Gives further processes that count.
    every
        Seconds between two looks.
    """

    def __init__(
        self,
        root: int,
        without: int = 0,
        also: Callable[[], Iterable[int]] = tuple,
        every: float = 0.5,
    ) -> None:
        self._every = every
        self.megabytes = 0.0
        self._also = also
        self._root = root
        self._without = without
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            tree = {*_tree(self._root, self._without), *self._also()}
            size = sum(_size(pid) for pid in tree)
            self.megabytes = max(self.megabytes, size / 1024)
            if self._over.wait(self._every):
                return


def _tree(root: int, without: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    text = file.read()
            except OSError:
                continue
            parent = int(text[text.rfind(b")") + 2 :].split()[1])
            children.setdefault(parent, []).append(int(name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += [child for child in children.get(pid, []) if child != without]
    return found


def _size(pid: int) -> int:
    """Return kilobytes; 0 for a process that is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def beside(pid: int) -> list[int]:
    """Return all processes of the container that a process is in."""
    inside = _namespace(pid)
    names = [name for name in os.listdir("/proc") if name.isdigit()]
    return [int(name) for name in names if _namespace(int(name)) == inside]


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""
