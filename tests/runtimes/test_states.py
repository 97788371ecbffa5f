"""The one state machine: every step that is allowed, and every other one refused."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from pf_jupyter.errors import IllegalState
from pf_jupyter.runtimes.model import RuntimeState
from pf_jupyter.runtimes.states import TRANSITIONS, allowed, before, check

STATES = get_args(RuntimeState)

# docs/architecture.md, "Runtime states"; what runs is stopped before it is deleted
ALLOWED = {
    ("creating", "starting"),
    ("creating", "failed"),
    ("starting", "ready"),
    ("starting", "failed"),
    ("ready", "busy"),
    ("ready", "stopping"),
    ("ready", "failed"),
    ("busy", "ready"),
    ("busy", "stopping"),
    ("busy", "failed"),
    ("stopping", "stopped"),
    ("stopping", "failed"),
    ("stopped", "starting"),
    ("stopped", "deleted"),
    ("failed", "starting"),
    ("failed", "deleted"),
}


@pytest.mark.parametrize(("source", "target"), list(itertools.product(STATES, STATES)))
def test_each_pair_of_states(source, target):
    if (source, target) in ALLOWED:
        assert allowed(source, target)
        check("demo", source, target)
        return
    assert not allowed(source, target)
    with pytest.raises(IllegalState) as caught:
        check("demo", source, target)
    assert source in caught.value.message
    assert target in caught.value.message
    assert "demo" in caught.value.message
    assert caught.value.hint


def test_the_table_knows_every_state():
    assert set(TRANSITIONS) == set(STATES)


@pytest.mark.parametrize("target", STATES)
def test_before_is_the_table_read_backwards(target):
    assert set(before(target)) == {s for s in STATES if (s, target) in ALLOWED}
