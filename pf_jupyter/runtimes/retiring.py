"""Channels to where a runtime was before: held until the runs there have ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import PfError

if TYPE_CHECKING:
    from .channel import WorkerChannel

_LOOK_SECONDS = 0.3
_log = logging.getLogger(__name__)


class Retiring:
    """Holds channels whose runtime has moved on.

    Parameters
    ----------
    running
        Tells which runs go on in a runtime.
    """

    def __init__(self, running: Callable[[str], set[str]]) -> None:
        self._running = running
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._held: dict[str, list[WorkerChannel]] = {}

    def hold(self, key: str, channel: WorkerChannel) -> None:
        """Close a channel once all has ended that goes on in it now.

        Parameters
        ----------
        key
            The runtime's id.
        channel
            Nothing new is sent through it.
        """
        with self._guard:
            self._held.setdefault(key, []).append(channel)
        threading.Thread(
            target=self._wait, args=(key, channel), name="pf-retiring", daemon=True
        ).start()

    def fail(self, key: str, error: PfError) -> None:
        """End what goes on in the channels of a runtime with an error."""
        with self._guard:
            channels = self._held.pop(key, [])
        for channel in channels:
            channel.fail(error)

    def close(self) -> None:
        """Close all channels."""
        self._ended.set()
        with self._guard:
            held, self._held = self._held, {}
        for channels in held.values():
            for channel in channels:
                channel.close()

    def _wait(self, key: str, channel: WorkerChannel) -> None:
        waited: set[str] | None = None
        while channel.alive and not self._ended.wait(_LOOK_SECONDS):
            try:
                now = self._running(key)
            except PfError as error:
                _log.warning("cannot see what runs: %s", error.message)
                continue
            waited = now if waited is None else waited & now
            # what is no run, such as looking at code, is known to the channel alone
            if not waited and channel.idle:
                break
        with self._guard:
            channels = self._held.get(key, [])
            if channel in channels:
                channels.remove(channel)
        channel.close()
