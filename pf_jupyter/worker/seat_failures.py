"""What is told of lines and batches when no executor can tell."""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import crashes, process_tree
from .active_run import failure, now
from .memory_group import MemoryGroup, describe_bytes
from .seat import Line, Seat

CANCELED = failure("canceled", "the batch was stopped", "resume it")


def our_defect(header: Dict[str, Any]) -> Dict[str, Any]:
    """Return the ERROR of an executor whose own code failed."""
    error = failure(
        "internal",
        f"the worker failed to run a line: {header['message']}",
        "this is a defect of pf_jupyter; report it with the traceback",
    )
    error["traceback"] = header["traceback"]
    return error


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


def never_loaded(seconds: Optional[float]) -> Dict[str, Any]:
    """Return the ERROR of a batch whose code did not load in the time of a line."""
    return failure(
        "LineExecutionTimeoutError",
        "the flow's code was not loaded within the limit of a line, "
        f"{seconds or 0:g} seconds",
        "look at what the code does while it is imported, or raise the time limit",
    )


def not_started(message: str) -> Dict[str, Any]:
    """Return the ERROR of a batch for which the system gives no process."""
    return failure(
        "ProcessCrashError",
        f"no process could be started for this batch: {message}",
        "raise the runtime's limit on processes or run less at once; "
        "if it persists, restart the runtime",
    )
