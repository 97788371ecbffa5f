"""One executor's place in a batch, as control sees it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from . import wire
from .active_run import ActiveRun
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

    def portion(self, left: int, hands: Optional[int]) -> int:
        """Return how many of the lines that are left it is given now.

        Parameters
        ----------
        left
            How many there are.
        hands
            How many executors share them, the last ones, so that all end at about one
            time; None while more lines may come.
        """
        room = self.room
        share = room if hands is None else -(-left // (2 * max(1, hands)))
        return min(room, max(share, self.lanes - len(self.held), 1), left)

    def see_printed(self, stream: str, text: bytes) -> Optional[Dict[str, Any]]:
        """Return the event of text that was written around Python's streams."""
        if self.secrets:
            text = self.scrub_output(stream, text)
        if not text or not self.see_log(None, stream, text, direct=True):
            return None
        shown = text.decode("utf-8", "replace")
        return {"event": "log", "node": None, "stream": stream, "text": shown}

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


def silent(seats: List[Seat], limit: float) -> List[Seat]:
    """Return those who have lines and were silent for longer than ``limit`` seconds."""
    now = time.monotonic()
    busy = [seat for seat in seats if seat.held and seat.ready and not seat.late]
    return [seat for seat in busy if now - seat.heard_at > limit]
