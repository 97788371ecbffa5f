"""Containers in which images are tried end with the process that made them."""

from __future__ import annotations

import pytest

from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.environments.trials import Trials, sweep


def names(engine):
    return [one.spec.name for one in engine.instances.values()]


def test_nothing_is_left_of_a_trial_however_it_ends(tmp_path):
    engine = FakeEngine(["base"])
    trials = Trials(engine, tmp_path, "fake")
    with trials.container("base") as instance:
        assert instance in engine.instances
        assert engine.instances[instance].spec.network == "none"
    with pytest.raises(KeyboardInterrupt), trials.container("base"):
        raise KeyboardInterrupt
    assert names(engine) == []
    assert list((tmp_path / "trials").iterdir()) == []


def test_what_a_dead_process_tried_is_removed_and_what_a_live_one_tries_is_not(
    tmp_path,
):
    engine = FakeEngine(["base"])
    trials = Trials(engine, tmp_path, "fake")
    dead = trials.container("base")
    dead.__enter__()
    left = dict(engine.instances)
    # its process is killed: the system lets go of the lock, and nobody tidies up
    (mark,) = (tmp_path / "trials").glob("*.json")
    mark.with_suffix(".lock").unlink()
    with trials.container("base") as living:
        sweep(tmp_path, {"fake": engine}.__getitem__)
        assert list(engine.instances) == [living]
        assert set(left) != {living}
    assert list((tmp_path / "trials").iterdir()) == []


def test_a_mark_stays_until_its_engine_answers(tmp_path):
    engine = FakeEngine(["base"])
    dead = Trials(engine, tmp_path, "fake").container("base")
    dead.__enter__()
    (mark,) = (tmp_path / "trials").glob("*.json")
    mark.with_suffix(".lock").unlink()
    engine.reachable = False
    sweep(tmp_path, {"fake": engine}.__getitem__)
    assert mark.exists()
    engine.reachable = True
    sweep(tmp_path, {"fake": engine}.__getitem__)
    assert names(engine) == []
    assert not mark.exists()
