"""Control gives leave for calls of a service, to all executors together."""

from __future__ import annotations

from typing import Any

from pf_jupyter.worker import wire
from pf_jupyter.worker.pacing import Pacing


class Link:
    """An executor that keeps what it is told."""

    def __init__(self) -> None:
        self.open = True
        self.limited: list[str] = []
        self.numbers: list[int] = []
        self.moments: list[float] = []

    def send(self, kind: int, header: dict[str, Any]) -> None:
        assert kind == wire.LEAVE
        self.limited += header.get("limited", [])
        self.numbers += header.get("numbers", [])
        if "at" in header:
            self.moments.append(header["at"])


class Time:
    """A loop and its clock, which a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Any]] = []

    def call_later(self, seconds: float, call: Any) -> object:
        self.due.append((self.now + seconds, call))
        return object()

    def forward(self, seconds: float) -> None:
        end = self.now + seconds
        while self.due and min(self.due, key=lambda one: one[0])[0] <= end:
            first = min(self.due, key=lambda one: one[0])
            self.due.remove(first)
            self.now = first[0]
            first[1]()
        self.now = end


def refuse(pacing: Pacing, link: Any, service: str = "s", **headers: str) -> None:
    told = {"service": service, "age": 0.0, "refused": True, "headers": headers}
    pacing.said(link, told)


def start() -> tuple[Time, Pacing, Any, Any]:
    time = Time()
    pacing: Any = Pacing(time, lambda: time.now)  # type: ignore[arg-type]
    return time, pacing, Link(), Link()


def test_all_executors_hear_of_a_limit_and_only_of_that_service() -> None:
    _, pacing, one, other = start()
    pacing.said(one, {"service": "s"})
    pacing.said(other, {"service": "free"})
    assert pacing.limited == []
    refuse(pacing, one)
    assert one.limited == other.limited == pacing.limited == ["s"]
    refuse(pacing, other)
    assert one.limited == ["s"]


def test_leave_is_shared_in_the_order_it_was_asked_for() -> None:
    time, pacing, one, other = start()
    for _ in range(10):
        pacing.said(one, {"service": "s"})
    refuse(pacing, one, **{"retry-after": "1"})
    for number in range(20):
        pacing.said((one, other)[number % 2], {"service": "s", "number": number})
    assert one.numbers == other.numbers == []
    time.forward(1.5)
    assert 0 < len(one.numbers) + len(other.numbers) < 20
    assert abs(len(one.numbers) - len(other.numbers)) <= 1
    time.forward(10)
    assert one.numbers == list(range(0, 20, 2))
    assert other.numbers == list(range(1, 20, 2))


def test_an_executor_that_is_gone_takes_no_leave_from_others() -> None:
    time, pacing, one, other = start()
    pacing.said(one, {"service": "s"})
    refuse(pacing, one, **{"retry-after": "1"})
    for number in range(50):
        pacing.said(one, {"service": "s", "number": number})
    pacing.said(other, {"service": "s", "number": 1})
    pacing.gone(one)
    time.forward(3)
    assert other.numbers == [1]
    assert one.numbers == []


def test_one_service_does_not_wait_for_another() -> None:
    _, pacing, one, _ = start()
    refuse(pacing, one, "slow", **{"retry-after": "50"})
    pacing.said(one, {"service": "slow", "number": 1})
    pacing.said(one, {"service": "free", "number": 2})
    assert one.numbers == [2]


def test_leave_that_came_too_late_is_given_back_and_used_by_another() -> None:
    time, pacing, one, other = start()
    pacing.said(one, {"service": "s"})
    headers = {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-reset-requests": "1s",
    }
    pacing.said(one, {"service": "s", "age": 0.0, "refused": False, "headers": headers})
    moment = time.now
    pacing.said(one, {"service": "s", "number": 1})
    pacing.said(other, {"service": "s", "number": 2})
    time.forward(0.2)
    before = list(other.numbers)
    assert one.numbers == [1]
    pacing.said(one, {"service": "s", "unused": one.moments[0]})
    assert one.moments[0] >= moment
    # ten may be made in a second: nine more, and the one that was not
    for number in range(3, 20):
        pacing.said(other, {"service": "s", "number": number})
    time.forward(1.0 - (time.now - one.moments[0]) - 1e-3)
    assert before == [2]
    assert len(other.numbers) == 9
