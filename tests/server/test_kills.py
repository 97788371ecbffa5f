"""A server that is killed while it does everything at once; the long show is
benchmarks/server_kills.py, this is its short form."""

from __future__ import annotations

import sys

import pytest

from .conftest import harness, load

kills = load("pf_kills", harness.ROOT / "benchmarks" / "server_kills.py")
# an installation has limits of its own, which an overloaded machine may reach
LESS = ("environment",)


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_everything_is_found_again_and_nothing_is_left_over(tmp_path):
    place = kills.Place(tmp_path, "process")
    try:
        wrong = [place.repetition(n, delay, LESS) for n, delay in enumerate((0.4, 1.5))]
    finally:
        left = place.close()
    assert wrong == [[], []]
    assert left == []
