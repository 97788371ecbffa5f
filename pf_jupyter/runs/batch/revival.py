"""Brings a runtime back that was lost under a batch."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...errors import RuntimeFailed, Unreachable
from ...runtimes.life import Life
from ...runtimes.states import USABLE

ENGINE_SECONDS = 60.0
_LOOK_SECONDS = 0.25


def bring_back(
    life: Life,
    runtime_id: str,
    error: RuntimeFailed,
    *,
    tell: Callable[[str], None] = lambda text: None,
    stopped: Callable[[], bool] = lambda: False,
    engine_seconds: float = ENGINE_SECONDS,
) -> None:
    """Start a runtime that has failed; one that is usable stays as it is.

    An engine that does not answer is waited for: it may be about to start again.

    Parameters
    ----------
    life, runtime_id
        The runtimes, and which of them.
    error
        What is raised when somebody has stopped or deleted the runtime.
    tell
        Told that the engine is waited for.
    stopped
        Whether nobody wants it any more.
    engine_seconds
        How long the engine is waited for.

    Raises
    ------
    RuntimeFailed
        It cannot be brought back.
    """
    deadline = time.monotonic() + engine_seconds
    told = False
    while True:
        record = life.store.runtime_by_id(runtime_id)
        if record is None or record.state not in ("failed", *USABLE):
            raise error
        if record.state != "failed":
            return
        try:
            life.lifecycle.start(runtime_id)
        except RuntimeFailed as failed:
            away = failed.exit_code == Unreachable.exit_code
            if not away or stopped() or time.monotonic() > deadline:
                raise
        else:
            return
        if not told:
            told = True
            tell(f"the engine does not answer; waiting for it {engine_seconds:g} s")
        time.sleep(_LOOK_SECONDS)
