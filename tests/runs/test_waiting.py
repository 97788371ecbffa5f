"""What a run is that its worker does not answer in time."""

from __future__ import annotations

from typing import Any

import pytest

from pf_jupyter.errors import RunTimedOut
from pf_jupyter.flow.model import Flow
from pf_jupyter.runs.follow import Follow, no_result
from pf_jupyter.runs.request import awaited


class Pending:
    """An answer that comes with the second look, or never."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.waits: list[float | None] = []

    def result(self, seconds: float | None) -> Any:
        self.waits.append(seconds)
        if self.answer is None or (seconds is not None and len(self.waits) < 2):
            raise TimeoutError
        return self.answer


def test_an_answer_that_came_while_we_slept_counts() -> None:
    late: Any = Pending("late")
    assert awaited(late, 3.0) == "late"
    assert late.waits[0] > 3.0
    never: Any = Pending(None)
    with pytest.raises(TimeoutError):
        awaited(never, 3.0)
    unlimited: Any = Pending("whenever")
    assert awaited(unlimited, None) == "whenever"
    assert unlimited.waits == [None]


def test_a_node_that_was_ended_is_canceled_not_failed() -> None:
    follow = Follow(Flow("f"), only="n")
    follow.notice({"event": "node_started", "node": "n", "time": "now"})
    error = RunTimedOut("too long").to_dict()
    result = no_result("Failed", follow, {**error, "node": "n"}, 1.0, "here")
    assert result["status"] == "Failed"
    assert result["nodes"]["n"]["status"] == "Canceled"
