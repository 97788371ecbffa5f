"""Calls of models keep a pace that the service bears."""

from __future__ import annotations

import threading

from pf_jupyter.worker.execution.llm.pace import Pace

PATIENCE = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_held_back_until_a_call_is_refused() -> None:
    pace = Pace(Clock())
    with pace.call(), pace.call(), pace.call():
        assert pace.limit is None
    pace.answered()
    assert pace.limit is None


def test_a_refusal_cuts_the_calls_at_once_and_answers_let_them_grow() -> None:
    clock = Clock()
    pace = Pace(clock)
    with pace.call(), pace.call(), pace.call():
        pace.refused(0.0)
    assert pace.limit is not None
    first = pace.limit
    assert 1 <= first < 4
    pace.refused(0.0)
    assert pace.limit == first, "refused together counts once"
    clock.now += 5
    pace.refused(0.0)
    assert pace.limit < first or pace.limit == 1
    low = pace.limit
    for _ in range(50):
        pace.answered()
    assert pace.limit > low + 3


def test_no_call_is_made_while_the_service_asks_for_a_pause() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.refused(30.0)
    made = threading.Event()

    def call() -> None:
        with pace.call():
            made.set()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    assert not made.wait(0.05)
    clock.now += 31
    pace.answered()
    assert made.wait(PATIENCE)
    thread.join(PATIENCE)


def test_calls_beyond_the_limit_wait_for_others() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.refused(0.0)
    assert pace.limit == 1
    inside, go, done = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with pace.call():
            inside.set()
            go.wait(PATIENCE)

    def second() -> None:
        with pace.call():
            done.set()

    threads = [threading.Thread(target=first, daemon=True)]
    threads[0].start()
    assert inside.wait(PATIENCE)
    threads.append(threading.Thread(target=second, daemon=True))
    threads[1].start()
    assert not done.wait(0.05)
    go.set()
    assert done.wait(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
