"""What is known of a process that ended by itself."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from . import process_tree

_FRAME = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)


def hint(status: Optional[int]) -> str:
    """Return the way out of a crash, from its status as ``os.waitpid`` gives it."""
    if process_tree.was_killed(status):
        return "something killed it from outside, or memory ran out; look at the logs"
    if status is not None and process_tree.exit_code(status) is not None:
        return "code of the flow calls os._exit or a library does; raise an exception"
    return "native code crashed; the traceback and logs show the last Python lines"


def add_frames(error: Dict[str, Any], text: str, folder: str) -> None:
    """Put the user's own frames into an ERROR when a crash has printed them.

    Parameters
    ----------
    error
        The ERROR.
    text
        What the process wrote to stderr.
    folder
        The flow's folder.
    """
    start = text.rfind("Fatal Python error:")
    if start < 0:
        return
    frames = [
        {"file": file, "line": int(line), "name": name}
        for file, line, name in _FRAME.findall(text[start:])
        if file.startswith(folder)
    ]
    error["frames"] = frames
    error["traceback"] = "\n".join(
        f'  File "{f["file"]}", line {f["line"]}, in {f["name"]}' for f in frames
    )
