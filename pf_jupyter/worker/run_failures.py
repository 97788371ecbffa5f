"""What is answered for a run whose executor could not answer itself."""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import crashes, process_tree
from .active_run import ActiveRun, failure
from .memory_group import MemoryGroup, describe_bytes


def timed_out(run: ActiveRun) -> Dict[str, Any]:
    """Return the ERROR of a run that was ended because it took too long."""
    line = run.request.get("line_number")
    seconds = f"{run.timeout:g} second" + ("" if run.timeout == 1 else "s")
    what = "the run" if line is None else f"line {line}"
    if run.is_inspection:
        what = "checking the code"
    return failure(
        "LineExecutionTimeoutError",
        f"{what} did not end within {seconds} and was ended with everything it "
        "had started",
        "give it more time (timeout), or look at the node that was still running",
        node=run.only_node,
    )


def crashed(
    run: ActiveRun, status: Optional[int], memory: MemoryGroup, folder: str
) -> Dict[str, Any]:
    """Return the ERROR of a run whose process ended by itself.

    Parameters
    ----------
    run
        The run.
    status
        What ``os.waitpid`` gave, if that is known.
    memory
        Tells whether memory was the cause.
    folder
        The flow's folder.
    """
    node = run.only_node
    place = f"while node '{node}' ran" if node else "during the run"
    if run.is_inspection:
        place = "while the flow's code was loaded"
    if process_tree.was_killed(status) and memory.took_one():
        limit = memory.limit()
        size = f" of {describe_bytes(limit)}" if limit else ""
        return failure(
            "ProcessCrashError",
            f"out of memory: the memory limit{size} was reached {place}",
            "give the runtime more memory, or have the flow use less at a time",
            node=node,
        )
    how = process_tree.describe_exit(status)
    error = failure(
        "ProcessCrashError",
        f"the process ended {how} {place}",
        crashes.hint(status),
        node=node,
    )
    crashes.add_frames(error, run.crash_text.text(), folder)
    return error
