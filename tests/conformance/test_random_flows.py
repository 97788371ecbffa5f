"""Random valid flows give the published package's answers.

``PF_CONFORMANCE_FLOWS`` sets how many (60 unless given, 2000 for a full round),
``PF_CONFORMANCE_SEED`` where to begin.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import oracle
from .generator import random_case
from .verdict import verdicts

COUNT = int(os.environ.get("PF_CONFORMANCE_FLOWS", "60"))
FIRST = int(os.environ.get("PF_CONFORMANCE_SEED", "0"))


@pytest.mark.timeout(3600)
def test_random_flows_give_the_published_answers() -> None:
    cases = [random_case(seed) for seed in range(FIRST, FIRST + COUNT)]
    found, source = verdicts(cases)
    if source == "snapshot":
        pytest.skip("only the published package itself answers flows made at random")
    wrong = {
        name: verdict.explain() for name, verdict in found.items() if not verdict.equal
    }
    shown = "\n".join(f"{name}\n{text}" for name, text in list(wrong.items())[:20])
    assert not wrong, f"{len(wrong)} of {COUNT} differ:\n{shown}"


@given(st.integers(0, 2**32))
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_generator_is_deterministic(seed: int) -> None:
    assert random_case(seed) == random_case(seed)
    assert random_case(seed).key() == random_case(seed).key()


def test_random_flows_are_kept_apart_from_the_snapshot() -> None:
    assert random_case(1).key() not in oracle.SNAPSHOT.read_text(encoding="utf-8")
