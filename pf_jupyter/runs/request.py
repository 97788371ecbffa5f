"""What is to be run, and the run while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError

if TYPE_CHECKING:
    from ..runtimes.channel import Pending

_GRACE_SECONDS = 20.0
_SECOND_LOOK_SECONDS = 5.0
CANCEL_SECONDS = 5.0
"""How long to wait for the worker to end a run that was cancelled."""


@dataclass(frozen=True)
class Request:
    """What is to be run.

    Parameters
    ----------
    path
        Flow folder or file.
    inputs
        As the user gave them.
    node
        Run this node alone.
    variant
        ``${node.variant_id}``.
    environment_variables
        Added for this run.
    timeout
        Seconds after which the code is ended.
    connections
        ``{node: {key: value}}`` to take instead of what the flow says.
    overrides
        Other values than the flow says: ``{"node.input": value}``, or paths into it.
    from_node
        Run this node and those after it, with what the others gave in an earlier run.
    upstream
        That run; None means the newest completed one of this flow in the runtime.
        With ``node``, where the values come from that are not in ``inputs``.
    cache
        Whether nodes may take results of earlier runs: None for those that say
        ``enable_cache``, True for all, False for none.
    init
        What the class of a flex flow is made with, or what is overridden of a prompty.
    """

    path: Path
    inputs: Mapping[str, Any]
    node: str | None = None
    variant: str | None = None
    environment_variables: Mapping[str, str] | None = None
    timeout: float | None = None
    connections: Mapping[str, Mapping[str, Any]] | None = None
    init: Mapping[str, Any] | None = None
    from_node: str | None = None
    upstream: str | None = None
    cache: bool | None = None
    overrides: Mapping[str, Any] | None = None

    @property
    def mode(self) -> str:
        """The mode of the RUN: ``flow``, ``node`` or ``from_node``."""
        if self.node is not None:
            return "node"
        return "flow" if self.from_node is None else "from_node"


class ActiveRun:
    """A run of this process while it goes on.

    ``source`` is the earlier run whose outputs it was given, if any; ``answer`` tells
    it the results of others.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._pending: Pending | None = None
        self._canceled = False
        self.source: str | None = None
        self.answer: Callable[[Mapping[str, Any]], Any] | None = None

    def sent(self, pending: Pending) -> None:
        """Take what waits for the result; it is cancelled if that was asked before."""
        with self._guard:
            self._pending = pending
            canceled = self._canceled
        if canceled:
            pending.cancel(CANCEL_SECONDS)

    def cancel(self) -> None:
        """Ask the worker to end the run."""
        with self._guard:
            self._canceled = True
            pending = self._pending
        if pending is not None:
            pending.cancel(CANCEL_SECONDS)

    def last_words(self, seconds: float) -> dict[str, Any] | None:
        """Return the result of a run that was cancelled, if it still comes in time."""
        if self._pending is None:
            return None
        try:
            value: dict[str, Any] = self._pending.result(seconds)
        except (PfError, TimeoutError, KeyboardInterrupt):
            return None
        return value


def awaited(pending: Pending, timeout: float | None) -> Any:
    """Return the answer of a run.

    Raises
    ------
    TimeoutError
        Its worker does not keep the time limit.
    """
    if timeout is None:
        return pending.result(None)
    try:
        return pending.result(timeout + _GRACE_SECONDS)
    except TimeoutError:
        # this process may have been asleep itself: then the answer is on its way
        return pending.result(_SECOND_LOOK_SECONDS)
