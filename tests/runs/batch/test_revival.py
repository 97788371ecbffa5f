"""A runtime that was lost under a batch, and an engine that is away for a while."""

from __future__ import annotations

from typing import Any

import pytest

from pf_jupyter.errors import RuntimeFailed
from pf_jupyter.runs.batch.revival import bring_back

LOST = RuntimeFailed("it is gone", phase="run")


class Life:
    """Runtimes of which one record is known, and an engine that answers at last."""

    def __init__(self, state: str | None, away: int = 0, exit_code: int = 4) -> None:
        self.store = self.lifecycle = self
        self.state = state
        self.away = away
        self.exit_code = exit_code
        self.starts = 0

    def runtime_by_id(self, key: str) -> Any:
        assert key == "r"
        return None if self.state is None else self

    def start(self, key: str) -> None:
        assert key == "r"
        self.starts += 1
        if self.starts <= self.away:
            error = RuntimeFailed("no engine", phase="check", code="no_engine")
            error.exit_code = self.exit_code
            raise error
        self.state = "ready"


def revive(life: Any, **options: Any) -> list[str]:
    told: list[str] = []
    bring_back(life, "r", LOST, tell=told.append, **options)
    return told


def test_a_failed_runtime_is_started() -> None:
    life = Life("failed")
    assert revive(life) == []
    assert (life.state, life.starts) == ("ready", 1)


@pytest.mark.parametrize("state", ["ready", "busy"])
def test_one_that_is_usable_stays_as_it_is(state: str) -> None:
    life = Life(state)
    revive(life)
    assert (life.state, life.starts) == (state, 0)


@pytest.mark.parametrize("state", [None, "stopped", "stopping"])
def test_what_somebody_stopped_or_deleted_is_not_started(state: str | None) -> None:
    life = Life(state)
    with pytest.raises(RuntimeFailed) as caught:
        revive(life)
    assert caught.value is LOST
    assert life.starts == 0


def test_an_engine_that_is_away_is_waited_for_and_that_is_told_once() -> None:
    life = Life("failed", away=3)
    told = revive(life)
    assert (life.state, life.starts) == ("ready", 4)
    assert told == ["the engine does not answer; waiting for it 60 s"]


def test_waiting_has_an_end() -> None:
    with pytest.raises(RuntimeFailed) as caught:
        revive(Life("failed", away=99), engine_seconds=0.0)
    assert caught.value.code == "no_engine"


def test_nobody_waits_for_a_batch_that_was_stopped() -> None:
    life = Life("failed", away=99)
    with pytest.raises(RuntimeFailed):
        revive(life, stopped=lambda: True)
    assert life.starts == 1


def test_what_is_wrong_with_the_runtime_itself_is_not_waited_for() -> None:
    life = Life("failed", away=99, exit_code=1)
    with pytest.raises(RuntimeFailed):
        revive(life)
    assert life.starts == 1
