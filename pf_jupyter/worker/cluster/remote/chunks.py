"""What a Dask worker is asked for by name: to run chunks of lines.

A task carries lines and nothing else. What they need besides, secrets too, arrives out
of band, is kept as long as the batch goes on, and is shown nowhere.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Dict

from .session import Refusal, Session, Unwanted


class Sealed:
    """Something that is carried without being shown: lines, results, secrets."""

    def __init__(self, value: Any, what: str = "sealed") -> None:
        self.value = value
        self.what = what

    def __repr__(self) -> str:
        return f"<{self.what}>"


_sessions: Dict[str, Session] = {}
_guard = threading.Lock()


# ---- called by name, from the client's side --------------------------------------


def open_session(name: str, sealed: Sealed, dask_worker: Any = None) -> int:
    """Keep what the chunks of a batch need; their process starts with the first one.

    Returns how many lines that compute can run here at once.
    """
    threads = 1 if dask_worker is None else int(dask_worker.state.nthreads)
    known = dict(sealed.value)
    known["body"] = {**known["body"], "executors": threads}
    with _guard:
        if name not in _sessions:
            _sessions[name] = Session(known, lambda: close_session(name))
    return threads


def close_session(name: str) -> bool:
    """End a batch here and forget all of it; whether it was there."""
    with _guard:
        session = _sessions.pop(name, None)
    if session is not None:
        # Not in the loop of the Dask worker, which must answer meanwhile.
        threading.Thread(target=session.close, daemon=True).start()
    return session is not None


def installed() -> Dict[str, str]:
    """Return the versions of all packages that are installed here, by name."""
    from importlib import metadata

    found: Dict[str, str] = {}
    for item in metadata.distributions():
        name = item.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-"), item.version)
    return found


def run_chunk(name: str, sealed: Sealed) -> Sealed:
    """Run lines and return their results.

    Parameters
    ----------
    name
        The session.
    sealed
        The text of ``[[line, number, inputs], …]``.

    Returns
    -------
    Sealed
        ``{"lines": the text of results without brackets, "count", "seconds"}``;
        ``{"failed": ERROR}`` when none of the lines can run here; ``{"lacks":
        address}`` when this Dask worker does not know the session.
    """
    with _guard:
        session = _sessions.get(name)
    if session is None:
        return Sealed({"lacks": _address()})
    lines = json.loads(sealed.value)
    began = time.monotonic()
    try:
        found = session.run(lines, _wanted())
    except Unwanted:
        return Sealed({"unwanted": True})
    except Refusal as refusal:
        return Sealed({"failed": refusal.error})
    return Sealed(
        {
            "lines": ",".join(found),
            "count": len(found),
            "seconds": time.monotonic() - began,
            "address": _address(),
        },
        f"results of {len(found)} lines",
    )


def _address() -> str:
    from distributed import get_worker

    return str(get_worker().address)


def _wanted() -> Any:
    """Return what tells whether somebody still waits for the chunk that runs now."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        if str(getattr(worker.status, "name", "running")) in ("closed", "failed"):
            return False
        task = worker.state.tasks.get(key)
        return task is not None and task.state not in ("cancelled", "released")

    return wanted
