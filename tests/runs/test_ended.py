"""A worker that takes the end of its runtime for a crash."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pf_jupyter.errors import RuntimeFailed
from pf_jupyter.runs.ended import on_purpose

CRASH = {"code": "ProcessCrashError", "message": "the process ended by signal 15"}
STOPPED = RuntimeFailed("it was stopped", phase="run", code="runtime_stopped")


def life(state: str | None) -> Any:
    record = None if state is None else SimpleNamespace(state=state)
    return SimpleNamespace(
        store=SimpleNamespace(runtime_by_id=lambda key: record),
        computes=SimpleNamespace(engine=lambda name: "engine"),
        failures=SimpleNamespace(examine=lambda record, engine: STOPPED),
    )


RUNTIME: Any = SimpleNamespace(id="r", compute="process")


@pytest.mark.parametrize("state", ["stopping", "stopped", None])
def test_where_somebody_stopped_it_that_is_the_cause(state: str | None) -> None:
    assert on_purpose(life(state), RUNTIME, CRASH) is STOPPED


@pytest.mark.parametrize("state", ["ready", "busy", "failed", "starting"])
def test_a_crash_is_a_crash_where_nobody_did(state: str) -> None:
    assert on_purpose(life(state), RUNTIME, CRASH) is None


@pytest.mark.parametrize("error", [None, {}, {"code": "ToolExecutionError"}])
def test_other_results_stay_what_they_are(error: Any) -> None:
    assert on_purpose(life("stopped"), RUNTIME, error) is None
