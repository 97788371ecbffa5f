"""One open line to each runtime's worker, for as long as this process lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engines.api import Engine
from ..errors import PfError
from ..store.records import RuntimeRecord
from . import identity
from .retiring import Retiring

if TYPE_CHECKING:
    from .channel import WorkerChannel

Opener = Callable[..., "WorkerChannel"]
"""Starts a worker in an instance and returns the channel after its handshake.

Called with the engine, the instance and, where there are any, the layers' folders.
"""


Furnish = Callable[[RuntimeRecord, Engine, "WorkerChannel"], None]
"""Lets a worker have the layers of a runtime's record."""


@dataclass
class _Line:
    instance: str
    channel: WorkerChannel
    layers: tuple[str, ...] = ()


class Channels:
    """The channels of this process, safe to use from any thread.

    Parameters
    ----------
    opener
        Opens a new one.
    on_open
        Called with the record and its engine whenever one was opened.
    furnish
        Called when a worker has not the layers that the record tells.
    running
        Tells which runs go on in a runtime: a channel that another takes the place of
        is held until those of that moment have ended.
    """

    def __init__(
        self,
        opener: Opener,
        on_open: Callable[[RuntimeRecord, Engine], None] = lambda record, engine: None,
        furnish: Furnish = lambda record, engine, channel: None,
        running: Callable[[str], set[str]] = lambda key: set(),
    ) -> None:
        self._furnish = furnish
        self._opener = opener
        self._on_open = on_open
        self._retiring = Retiring(running)
        self._lines: dict[str, _Line] = {}
        self._guard = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}

    def get(self, record: RuntimeRecord, engine: Engine) -> WorkerChannel:
        """Return an open channel to a runtime's worker.

        Raises
        ------
        PfError
            The instance is gone, or no worker can be started in it.
        """
        channel = self.fitting(record)
        if channel is not None:
            return channel
        with self._guard:
            opening = self._opening.setdefault(record.id, threading.Lock())
        with opening:
            channel = self.peek(record.id, record.instance)
            if channel is None:
                with self._guard:
                    before = self._lines.pop(record.id, None)
                if before is not None:
                    self._let_go(record, before)
                layers = identity.layer_folders(record, engine)
                given = [layers] if layers else []
                channel = self._opener(engine, record.instance or "", *given)
                with self._guard:
                    self._lines[record.id] = _Line(record.instance or "", channel)
                self._on_open(record, engine)
            line = self._lines.get(record.id)
            if line is not None and line.layers != record.layer_names:
                self._furnish(record, engine, channel)
                line.layers = record.layer_names
            return channel

    def _let_go(self, record: RuntimeRecord, line: _Line) -> None:
        """Close a channel; one that leads to where runs may go on only after these."""
        moved = line.instance != (record.instance or "") and record.previous is not None
        if moved and line.channel.alive:
            self._retiring.hold(record.id, line.channel)
        else:
            line.channel.close()

    def succeed(self, record: RuntimeRecord, other: str) -> None:
        """Let a runtime have the channel that was opened under another id.

        Parameters
        ----------
        record
            The runtime; its instance and layers are where that channel leads to.
        other
            The id under which it was opened.
        """
        with self._guard:
            before = self._lines.pop(record.id, None)
            line = self._lines.pop(other, None)
            if line is not None:
                self._lines[record.id] = line
        if before is not None:
            self._let_go(record, before)

    def fitting(self, record: RuntimeRecord) -> WorkerChannel | None:
        """Return the open channel that leads to where and what a record says."""
        line = self._lines.get(record.id)
        if line is None or line.layers != record.layer_names:
            return None
        return self.peek(record.id, record.instance)

    def peek(self, key: str, instance: str | None = None) -> WorkerChannel | None:
        """Return the open channel of a runtime, or None; opens nothing.

        Parameters
        ----------
        key
            The runtime's id.
        instance
            The instance that the channel must lead to; None means any.
        """
        line = self._lines.get(key)
        if line is None or not line.channel.alive:
            return None
        return line.channel if instance in (None, line.instance) else None

    def holds(self, key: str) -> bool:
        """Return whether this process has a channel to a runtime, broken or not."""
        return key in self._lines

    def fail(self, key: str, error: PfError) -> None:
        """End everything that waits for a runtime with an error, and its channel."""
        with self._guard:
            line = self._lines.pop(key, None)
        if line is not None:
            line.channel.fail(error)
        self._retiring.fail(key, error)

    def drop(self, key: str) -> None:
        """Close a runtime's channel, if it has one."""
        with self._guard:
            line = self._lines.pop(key, None)
        if line is not None:
            line.channel.close()

    def close(self) -> None:
        """Close all channels; the workers at their other ends then end, too."""
        with self._guard:
            lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            line.channel.close()
        self._retiring.close()
