"""Lines that several places take from, each line once, and given back when one is lost.

A place holds the lines that it was given and has not answered. What it holds when it is
lost, and what it has not begun when another one is idle, goes to the others.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Line = tuple[int, Mapping[str, Any]]

FIRST_WINDOW = 64
MOST_HELD = 1 << 15
_AHEAD_SECONDS = 2.0
_RATE_SECONDS = 5.0
_WAIT_SECONDS = 0.1


class Share:
    """What one place holds, and how fast it is; used by `Pool` under its lock.

    Parameters
    ----------
    pool
        Where it takes lines from.
    name
        Of the place.

    Attributes
    ----------
    executors
        How many lines that compute can run there at once.
    ahead
        Lines for each of them that are there at any time.
    """

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool = pool
        self.name = name
        self.held: dict[int, Mapping[str, Any]] = {}
        self.executors = 1
        self.ahead = FIRST_WINDOW
        self.done = 0
        self.ended = False
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    @property
    def window(self) -> int:
        """How many lines it may hold."""
        ahead = int(self.rate * _AHEAD_SECONDS)
        return min(MOST_HELD, max(self.ahead * self.executors, ahead))

    @property
    def rate(self) -> float:
        """Lines per second, lately."""
        since, before = self._recent[0]
        elapsed = time.monotonic() - since
        return (self.done - before) / elapsed if elapsed > 0 else 0.0

    def count(self, lines: int) -> None:
        """Take note of results."""
        now = time.monotonic()
        self.done += lines
        self._recent.append((now, self.done))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_SECONDS:
            self._recent.popleft()

    def lines(self) -> Iterator[Line | None]:
        """Yield lines as there is room for them; None when none is at hand."""
        while not self.ended:
            found = self._pool.next_for(self)
            if found is _END:
                return
            if found is _WAIT:
                # What was collected is on its way before anybody waits.
                yield None
                self._pool.wait()
                continue
            yield found


class Pool:
    """The lines of one batch; safe to use from any thread.

    Parameters
    ----------
    lines
        All of them, a stream that is read by one thread at a time. None in it means
        that what was read before should be under way now.
    """

    def __init__(self, lines: Iterable[Line | None]) -> None:
        self._source = iter(lines)
        self._read_out = False
        self._back: deque[Line] = deque()
        self._shares: list[Share] = []
        self._changed = threading.Condition()
        self._reading = threading.Lock()
        self._closed = False
        self.error: BaseException | None = None

    def share(self, name: str) -> Share:
        """Return the share of a place that begins to take lines."""
        share = Share(self, name)
        with self._changed:
            self._shares.append(share)
        return share

    @property
    def over(self) -> bool:
        """Whether every line has its result."""
        with self._changed:
            return self._read_out and not self._back and not self._any_held()

    def close(self) -> None:
        """Give out nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def next_for(self, share: Share) -> Any:
        """Return a line, None, or a mark that none is at hand or that all are done."""
        with self._changed:
            known = self._at_hand(share)
        if known is not _READ:
            return known
        with self._reading:
            # Somebody else may have read the last one, or closed, in the meantime.
            with self._changed:
                known = self._at_hand(share)
            if known is not _READ:
                return known
            try:
                item = next(self._source)
            except StopIteration:
                with self._changed:
                    self._read_out = True
                return _WAIT
            except BaseException as error:
                self.error = error
                self.close()
                return _END
            if item is not None:
                with self._changed:
                    if share.ended:
                        self._back.append(item)
                        return _END
                    share.held[item[0]] = item[1]
            return item

    def _at_hand(self, share: Share) -> Any:
        if self._closed or share.ended:
            return _END
        if len(share.held) >= share.window:
            return _WAIT
        if self._back:
            number, inputs = self._back.popleft()
            share.held[number] = inputs
            return number, inputs
        if not self._read_out:
            return _READ
        return _WAIT if self._any_held() else _END

    def wait(self) -> None:
        """Wait a moment for lines or room."""
        with self._changed:
            if not self._closed:
                self._changed.wait(_WAIT_SECONDS)

    def take(self, share: Share, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those results that are this share's to give; they are done with."""
        with self._changed:
            known = [line for line in results if line["line"] in share.held]
            for line in known:
                del share.held[line["line"]]
            share.count(len(known))
            self._changed.notify_all()
        return known

    def give_back(self, share: Share, numbers: Iterable[int] | None = None) -> int:
        """Take lines from a share for the others; None means all, for it has ended."""
        with self._changed:
            if numbers is None:
                share.ended = True
                numbers = list(share.held)
            count = 0
            for number in numbers:
                inputs = share.held.pop(number, None)
                if inputs is not None:
                    self._back.append((number, inputs))
                    count += 1
            self._changed.notify_all()
            return count

    def to_move(self) -> tuple[Share, int] | None:
        """Return who holds more than its part while another is idle, and how much."""
        with self._changed:
            if not self._read_out or self._back or self._closed:
                return None
            going = [share for share in self._shares if not share.ended]
            if not any(len(share.held) < share.executors for share in going):
                return None
            most = max(going, key=lambda share: len(share.held))
            spare = len(most.held) - most.executors
            return (most, (spare + 1) // 2) if spare > 0 else None

    def _any_held(self) -> bool:
        return any(share.held for share in self._shares)


class _Mark:
    """Something that is no line."""


_WAIT, _END, _READ = _Mark(), _Mark(), _Mark()
