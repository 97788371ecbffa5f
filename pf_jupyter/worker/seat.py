"""One executor's place in a batch, as control sees it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from . import crashes, process_tree, wire
from .active_run import ActiveRun, failure, now
from .memory_group import MemoryGroup, describe_bytes
from .sources import ExecutorHandle

if TYPE_CHECKING:
    from .batch import Batch

Line = List[Any]
"""``[line, number, inputs]``: the line's place in the batch, its own number, inputs."""
FIRST_WANT = 2


class Seat(ActiveRun):
    """An executor of a batch, and the lines that it has and has not done.

    Parameters
    ----------
    batch
        What it works for.
    request, body
        The host's BATCH, decoded and as it came.
    careful
        It gets one line at a time, so that who ends it is known by name.
    """

    def __init__(
        self, batch: "Batch", request: Dict[str, Any], body: bytes, careful: bool
    ) -> None:
        super().__init__(dict(request), body)
        self.secrets = batch.secrets
        self.batch = batch
        self.careful = careful
        self.executor: Optional[ExecutorHandle] = None
        self.held: Dict[int, Line] = {}
        self.want = 1 if careful else FIRST_WANT
        self.ready = False
        self.late = False
        self.leaving = False
        self.lanes = 1
        self.heard_at = time.monotonic()

    @property
    def room(self) -> int:
        """How many lines it can take now."""
        if self.executor is None or self.leaving or self.late:
            return 0
        return max(0, self.want - len(self.held))

    def give(self, lines: List[Line]) -> None:
        """Send it lines to run."""
        assert self.executor is not None
        if not self.held:
            self.heard_at = time.monotonic()
        for line in lines:
            self.held[line[0]] = line
        self.executor.link.send(wire.LINES, None, wire.dumps(lines))

    def heard(self, header: Dict[str, Any]) -> None:
        """Take note of what it says about itself."""
        self.heard_at = time.monotonic()
        self.want = header.get("want", self.want)
        self.lanes = header.get("lanes", self.lanes)

    def take_back(self) -> List[Line]:
        """Return the lines that it has not done, in the order they were given."""
        lines, self.held = list(self.held.values()), {}
        return lines


def without_result(line: Line, error: Dict[str, Any]) -> Dict[str, Any]:
    """Return the LINE of one that no executor can tell of."""
    return {
        "line": line[0],
        "status": "Failed",
        "outputs": None,
        "nodes": {},
        "started_at": now(),
        "duration_ms": None,
        "error": error,
    }


def crash_of(
    seat: Seat,
    status: Optional[int],
    place: str,
    memory: MemoryGroup,
    folder: str,
) -> Dict[str, Any]:
    """Return the ERROR of an executor that ended by itself.

    Parameters
    ----------
    seat
        Its place.
    status
        As ``os.waitpid`` gives it.
    place
        What it was doing: ``during line 7``.
    memory
        Tells whether the kernel ended it for memory.
    folder
        The flow's folder.
    """
    if process_tree.was_killed(status) and memory.took_one():
        limit = memory.limit()
        size = f" of {describe_bytes(limit)}" if limit else ""
        return failure(
            "ProcessCrashError",
            f"out of memory: the memory limit{size} was reached {place}",
            "give the runtime more memory, or run fewer lines at once (--workers)",
        )
    how = process_tree.describe_exit(status)
    error = failure(
        "ProcessCrashError", f"the process ended {how} {place}", crashes.hint(status)
    )
    crashes.add_frames(error, seat.crash_text.text(), folder)
    return error


def too_long(seconds: Optional[float]) -> Dict[str, Any]:
    """Return the ERROR of a line that even its own process could not end."""
    return failure(
        "LineExecutionTimeoutError",
        f"the line took longer than its limit of {seconds or 0:g} seconds and was "
        "ended with everything it had started",
        "raise the time limit, or look at what the line was doing",
    )
