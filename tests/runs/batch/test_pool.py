"""Lines that several places take from, and a place that says nothing any more."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pf_jupyter.errors import RuntimeFailed
from pf_jupyter.flow.contents import Snapshot
from pf_jupyter.runs.batch import shared
from pf_jupyter.runs.batch.pool import Pool
from pf_jupyter.runs.batch.shared import SharedFeed
from pf_jupyter.runtimes.pending import Pending


def numbered(count: int) -> Any:
    return ((number, {"x": number}) for number in range(count))


def taken(share: Any, most: int) -> list[int]:
    found: list[int] = []
    for item in share.lines():
        if item is None or len(found) == most:
            break
        found.append(item[0])
    return found


def results(*numbers: int) -> list[dict[str, Any]]:
    return [{"line": number, "status": "Completed"} for number in numbers]


def test_each_line_is_given_once_and_back_when_its_place_is_lost() -> None:
    pool = Pool(numbered(6))
    one, other = pool.share("one"), pool.share("other")
    assert taken(one, 2) == [0, 1]  # and 2, which it holds, too
    assert [line["line"] for line in pool.take(one, results(0))] == [0]
    assert pool.give_back(one) == 2
    assert taken(one, 9) == []
    # what it still says of lines that are not its own any more counts nothing
    assert pool.take(one, results(1)) == []
    assert taken(other, 9) == [1, 2, 3, 4, 5]
    assert not pool.over
    pool.take(other, results(1, 2, 3, 4, 5))
    assert pool.over


def test_an_idle_place_takes_what_another_has_not_begun() -> None:
    pool = Pool(numbered(5))
    one, other = pool.share("one"), pool.share("other")
    assert taken(one, 9) == [0, 1, 2, 3, 4]
    assert taken(other, 9) == []
    victim, most = pool.to_move() or (other, 0)
    assert (victim, most) == (one, 2)
    assert pool.give_back(one, [4, 3]) == 2
    assert sorted(taken(other, 9)) == [3, 4]
    assert pool.to_move() is None or pool.to_move() == (one, 1)


def test_rows_that_cannot_be_read_are_no_fault_of_a_place() -> None:
    def rows() -> Any:
        yield 0, {"x": 0}
        raise ValueError("row 1")

    pool = Pool(rows())
    assert taken(pool.share("one"), 9) == [0]
    assert isinstance(pool.error, ValueError)


class Channel:
    """A worker in memory: it doubles x, or says nothing at all."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent
        self.alive = True
        self.opened: list[Pending] = []
        self._numbers = iter(range(1, 1_000_000))
        self._missing: set[int] = set()
        self._last = False

    def batch(self, snapshot: Any, body: Any, on_event: Any) -> Pending:
        pending = Pending(self, next(self._numbers), on_event)  # type: ignore[arg-type]
        self.opened.append(pending)
        on_event({"event": "batch_opened", "executors": 1})
        return pending

    def request(self, op: str, **fields: Any) -> Pending:
        pending = Pending(self, next(self._numbers), None)  # type: ignore[arg-type]
        if self.silent:
            return pending
        pending.settle({"lines": []}, None)
        if op == "batch.lines":
            lines = [
                {"line": index, "status": "Completed", "outputs": {"y": 2 * row["x"]}}
                for index, _number, row in fields["lines"]
            ]
            self.opened[-1].notify({"event": "batch_lines", "lines": lines})
            if fields["last"]:
                self.opened[-1].settle({"status": "Completed"}, None)
        return pending


class Place:
    ahead = 4

    def __init__(self, name: str, silent: bool = False) -> None:
        self.name = name
        self.channel = Channel(silent)
        self.given_up = threading.Event()

    def open(self) -> Any:
        return self.channel

    def why(self, error: RuntimeFailed) -> RuntimeFailed:
        return error

    def revive(self, error: RuntimeFailed) -> None:
        raise error

    def give_up(self, seconds: float) -> None:
        self.channel.alive = False
        self.given_up.set()
        error = RuntimeFailed("nothing was heard", phase="run", code="runtime_silent")
        self.channel.opened[-1].settle(None, error)


def test_what_a_silent_place_had_goes_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared, "SILENT_SECONDS", 4)
    quiet, good = Place("quiet", silent=True), Place("good")
    notes: list[str] = []
    found: dict[int, Any] = {}
    feed = SharedFeed(
        [quiet, good],
        Snapshot("digest", ()),
        {"aggregation": False},
        numbered(50),
        workers=None,
        note=notes.append,
    )

    def take(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            assert line["line"] not in found
            found[line["line"]] = line["outputs"]

    value = feed.run(take, rows=lambda: iter(()))
    assert value["status"] == "Completed"
    assert found == {number: {"y": 2 * number} for number in range(50)}
    assert quiet.given_up.is_set()
    assert not good.given_up.is_set()
    assert any("of its lines go to the others" in note for note in notes), notes
    states = {place["name"]: place["state"] for place in feed.speeds()}
    assert states == {"quiet": "lost", "good": "working"}
