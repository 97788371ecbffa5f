"""One batch in several places at once, each of which may be lost on the way."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...errors import PfError, RunCanceled, RuntimeFailed
from ...flow.contents import Snapshot
from .feed import Feed, Line
from .places import Place
from .pool import Pool, Share

if TYPE_CHECKING:
    from ...runtimes.channel import WorkerChannel

SILENT_SECONDS = 30
"""After so many seconds without a word from a worker its lines go to others."""
_POLL_SECONDS = 0.1
_BEAT_SECONDS = 1.0
_END_SECONDS = 10.0
_ATTEMPTS = 3


@dataclass
class _Hand:
    """A place at work, from one opening of its channel to the next."""

    place: Place
    share: Share
    channel: WorkerChannel | None = None
    feed: Feed | None = None
    silent: int = 0
    moving: bool = False
    over: threading.Event = field(default_factory=threading.Event)


class SharedFeed:
    """What `Feed` is to one worker, for several.

    Parameters
    ----------
    places
        Where; at least one.
    snapshot, body, lines
        As of `Feed`.
    workers
        The most lines that run at once, in all places together, or None.
    note
        Told in words what happens to places.
    finisher
        Where what comes after all lines runs; None means in one of the places.
    """

    def __init__(
        self,
        places: Sequence[Place],
        snapshot: Snapshot,
        body: Mapping[str, Any],
        lines: Iterable[Line | None],
        *,
        workers: int | None,
        note: Callable[[str], None],
        finisher: Place | None = None,
    ) -> None:
        self._places = list(places)[:workers] if workers else list(places)
        self._finisher = finisher
        self._snapshot = snapshot
        self._body = dict(body)
        self._pool = Pool(lines)
        self._workers = workers
        self._note = note
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._hands: list[_Hand] = []
        self._at_work = 0
        self._open = 0
        self._stopped = False
        self._aggregating: Feed | None = None
        self._refused: dict[str, Any] | None = None
        self._lost: PfError | None = None
        self._guard = threading.Lock()
        self._beaten_at = time.monotonic()
        self._done: dict[str, int] = {}
        self._gone: set[str] = set()
        self._take: Callable[[list[dict[str, Any]]], None]
        self._on_event: Callable[[Mapping[str, Any]], None]

    def run(
        self,
        take: Callable[[list[dict[str, Any]]], None],
        *,
        rows: Callable[[], Iterator[list[Any]]],
        on_event: Callable[[Mapping[str, Any]], None] = lambda event: None,
        tick: Callable[[], None] = lambda: None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Run it and return the answer; see `Feed.run`.

        Raises
        ------
        RuntimeFailed
            No place is left.
        PfError
            The rows cannot be read.
        TimeoutError
            The deadline has passed; nothing runs any more.
        """
        self._take, self._on_event = take, on_event
        self._at_work = len(self._places)
        threads = [
            threading.Thread(
                target=self._serve, args=(place, self._part(number)), daemon=True
            )
            for number, place in enumerate(self._places)
        ]
        for thread in threads:
            thread.start()
        late = False
        try:
            while self._going():
                self._next()
                self._move()
                self._listen()
                tick()
                if deadline is not None and not late and time.monotonic() > deadline:
                    late = True
                    self.stop()
                if self._pool.over:
                    self._pool.close()
        except BaseException:
            self.stop()
            end = time.monotonic() + _END_SECONDS
            # What was done until now counts: a moment for the last results.
            with contextlib.suppress(BaseException):
                while self._going() and time.monotonic() < end:
                    self._next()
            raise
        if self._pool.error is not None:
            raise self._pool.error
        if late:
            raise TimeoutError
        if self._stopped:
            return {"status": "Canceled", "error": None, "aggregation": None}
        if not self._pool.over:
            if self._refused is not None and self._lost is None:
                return self._refused
            raise self._lost or RuntimeFailed("no runtime is left", phase="run")
        if not self._body.get("aggregation"):
            return {"status": "Completed", "error": None, "aggregation": None}
        return self._aggregate(rows, on_event, tick, deadline)

    def stop(self) -> None:
        """End it everywhere; may be called from any thread."""
        with self._guard:
            self._stopped = True
            feeds = [hand.feed for hand in self._hands if hand.feed is not None]
            feeds += [self._aggregating] if self._aggregating else []
        self._pool.close()
        for feed in feeds:
            feed.stop()

    def speeds(self) -> list[dict[str, Any]]:
        """Return of each place its name, state, results and lines per second."""
        with self._guard:
            hands = {hand.place.name: hand for hand in self._hands}
        shown = []
        for place in self._places:
            hand = hands.get(place.name)
            state, rate = "starting", 0.0
            if hand is not None:
                state = "lost" if place.name in self._gone else "working"
                rate = 0.0 if hand.share.ended else round(hand.share.rate, 2)
            done = self._done.get(place.name, 0)
            shown.append(
                {"name": place.name, "state": state, "lines": done, "rate": rate}
            )
        return shown

    def _going(self) -> bool:
        """Whether there is something to wait for."""
        if self._stopped or self._pool.over:
            # A place that is being brought back is not needed any more.
            return self._open > 0
        return self._at_work > 0

    def _part(self, number: int) -> int | None:
        """Return how many lines a place may run at once."""
        if self._workers is None:
            return None
        each, more = divmod(self._workers, len(self._places))
        return each + (number < more)

    # ---- in the thread of a place -------------------------------------------

    def _serve(self, place: Place, workers: int | None) -> None:
        """Work in a place until there is nothing more to do, or it is lost for good."""
        attempts = 0
        while True:
            hand = _Hand(place, self._pool.share(place.name))
            with self._guard:
                self._hands.append(hand)
            try:
                value = self._work(hand, workers)
            except BaseException as raised:
                hand.over.set()
                error = _as_error(raised)
                attempts = 0 if hand.share.done else attempts + 1
                self._tell(partial(self._lose, hand, error))
                if attempts < _ATTEMPTS and self._revived(place, error):
                    continue
                self._tell(partial(self._leave, hand, error))
                return
            hand.over.set()
            self._tell(partial(self._end, hand, value))
            return

    def _work(self, hand: _Hand, workers: int | None) -> dict[str, Any]:
        place = hand.place
        channel = place.open()
        body = {**self._body, "aggregation": False, "workers": workers}
        feed = Feed(channel, self._snapshot, body, hand.share.lines())
        with self._guard:
            if self._stopped or self._pool.over:
                raise RunCanceled("there is nothing more to do")
            hand.channel, hand.feed = channel, feed
            self._open += 1
        threading.Thread(target=self._beat, args=(hand,), daemon=True).start()
        feed.on_opened = partial(self._opened, hand)
        try:
            return feed.run(
                lambda lines: self._tell(lambda: self._results(hand, lines)),
                rows=lambda: iter(()),
                on_event=lambda event: self._tell(lambda: self._on_event(event)),
            )
        except RuntimeFailed as error:
            if not channel.alive and not self._stopped:
                raise place.why(error) from None
            raise

    def _opened(self, hand: _Hand, executors: int) -> None:
        hand.share.executors = max(1, executors)
        hand.share.ahead = hand.place.ahead

    def _revived(self, place: Place, error: PfError) -> bool:
        over = self._stopped or self._pool.over
        if over or not isinstance(error, RuntimeFailed):
            return False
        try:
            place.revive(error)
        except PfError:
            return False
        return not self._stopped

    def _beat(self, hand: _Hand) -> None:
        assert hand.channel is not None
        while not hand.over.wait(_BEAT_SECONDS):
            try:
                hand.channel.request("ping").result(SILENT_SECONDS)
            except TimeoutError:
                continue
            except PfError:
                return
            hand.silent = 0

    def _tell(self, what: Callable[[], None]) -> None:
        self._inbox.put(what)

    # ---- in the thread that runs the batch ----------------------------------

    def _next(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._inbox.get(timeout=_POLL_SECONDS)()
            for _ in range(64):
                self._inbox.get_nowait()()

    def _results(self, hand: _Hand, lines: list[dict[str, Any]]) -> None:
        hand.silent = 0
        known = self._pool.take(hand.share, lines)
        if known:
            name = hand.place.name
            self._done[name] = self._done.get(name, 0) + len(known)
            self._take(known)

    def _lose(self, hand: _Hand, error: PfError) -> None:
        self._close(hand)
        count = self._pool.give_back(hand.share)
        if self._stopped or self._pool.over:
            return
        others = "the others" if self._at_work > 1 else "whoever comes back"
        self._note(f"{error.message}; {count} of its lines go to {others}")

    def _close(self, hand: _Hand) -> None:
        with self._guard:
            self._open -= hand.feed is not None

    def _leave(self, hand: _Hand, error: PfError) -> None:
        self._gone.add(hand.place.name)
        self._lost = error
        self._at_work -= 1

    def _end(self, hand: _Hand, value: dict[str, Any]) -> None:
        self._at_work -= 1
        self._close(hand)
        self._pool.give_back(hand.share)
        if value["status"] != "Failed":
            return
        self._gone.add(hand.place.name)
        self._refused = self._refused or value
        if self._at_work:
            message = (value.get("error") or {}).get("message")
            self._note(f"{hand.place.name} cannot run the flow: {message}")

    def _move(self) -> None:
        """Let a place that has nothing to do take what another has not begun."""
        found = self._pool.to_move()
        if found is None:
            return
        share, most = found
        with self._guard:
            hand = next(hand for hand in self._hands if hand.share is share)
        if hand.feed is None or hand.moving:
            return
        hand.moving = True

        def taken(numbers: list[int]) -> None:
            self._tell(lambda: self._moved(hand, numbers))

        threading.Thread(
            target=hand.feed.recall, args=(most, taken), daemon=True
        ).start()

    def _moved(self, hand: _Hand, numbers: list[int]) -> None:
        hand.moving = False
        self._pool.give_back(hand.share, numbers)

    def _listen(self) -> None:
        """Give up places that have not said a word for long.

        Seconds are counted one by one: when this process did not run either, it is no
        wonder that it heard nothing.
        """
        now = time.monotonic()
        if now - self._beaten_at < _BEAT_SECONDS:
            return
        self._beaten_at = now
        for hand in list(self._hands):
            if hand.feed is None or hand.over.is_set():
                continue
            hand.silent += 1
            if hand.silent == SILENT_SECONDS:
                # A connection that leads nowhere may take its time to close.
                threading.Thread(
                    target=hand.place.give_up, args=(SILENT_SECONDS,), daemon=True
                ).start()

    def _aggregate(
        self,
        rows: Callable[[], Iterator[list[Any]]],
        on_event: Callable[[Mapping[str, Any]], None],
        tick: Callable[[], None],
        deadline: float | None,
    ) -> dict[str, Any]:
        """Run what comes after all lines in one place that is left."""
        errors: list[PfError] = []
        gone = self._gone
        places = sorted(self._places, key=lambda place: place.name in gone)
        for place in [self._finisher] if self._finisher else places:
            try:
                channel = place.open()
            except PfError as error:
                errors.append(error)
                continue
            body = {**self._body, "workers": self._workers}
            feed = Feed(channel, self._snapshot, body, [])
            with self._guard:
                self._aggregating = feed
            if self._stopped:
                feed.stop()
            return feed.run(
                lambda lines: None,
                rows=rows,
                on_event=on_event,
                tick=tick,
                deadline=deadline,
            )
        raise errors[0]


def _as_error(raised: BaseException) -> PfError:
    if isinstance(raised, PfError):
        return raised
    return RuntimeFailed(f"{type(raised).__name__}: {raised}", phase="run")
