"""The stop rule: how often it is wrong, and what it saves."""

import itertools
import random

import pytest

from pf_jupyter.runs.evaluation.sequential import Bet, Sequential

ERROR = 0.05


def changes(total, up, down):
    return [1.0] * up + [-1.0] * down + [0.0] * (total - up - down)


def stop_early(values, **options):
    """Look at shuffled values until it is settled; return the test."""
    test = Sequential(len(values), -1, 1, error=ERROR, **options)
    for value in values:
        if test.take(value) != "open":
            break
    return test


def shuffled(values, times, seed):
    chance = random.Random(seed)
    for _ in range(times):
        chance.shuffle(values)
        yield values


def test_the_false_stop_rate_stays_under_its_bound():
    """1,000 evaluations of two runs that are equally good on these very rows."""
    wrong = 0
    designs = [(200, 60, 60), (200, 20, 20), (150, 4, 4), (300, 100, 100)]
    for seed, design in enumerate(designs):
        for values in shuffled(changes(*design), 250, seed):
            test = stop_early(values)
            wrong += test.seen < test.total
    assert wrong / 1000 <= ERROR
    assert wrong > 0, "it never dares anything: the simulation shows nothing"


def test_what_is_saved():
    """2,000 rows, 15 of 100 better and 5 worse: most of them need not run."""
    saved = []
    for values in shuffled(changes(2000, 300, 100), 60, 1):
        test = stop_early(values)
        assert test.result == "higher"
        saved.append(test.verdict().saved)
    assert sum(saved) / len(saved) > 0.85


def test_the_smaller_the_difference_the_longer_it_takes():
    seen = [
        sum(stop_early(v).seen for v in shuffled(changes(1000, up, 100), 10, 2))
        for up in (300, 200, 150)
    ]
    assert seen == sorted(seen)


def test_equality_is_settled_only_within_what_matters():
    rows = changes(2000, 40, 40)
    (values,) = shuffled(rows, 1, 4)
    assert stop_early(values).seen == 2000
    test = stop_early(values, smallest=0.05)
    assert test.result == "equal"
    assert test.verdict().saved > 0.5


def test_equality_is_rarely_claimed_wrongly():
    """The true difference is just what matters: ``equal`` is an error."""
    wrong = 0
    for values in shuffled(changes(200, 50, 30), 200, 4):
        test = stop_early(values, smallest=0.1)
        wrong += test.result in ("equal", "lower")
    assert wrong / 200 <= ERROR


def test_all_rows_settle_everything():
    test = Sequential(4, -1, 1)
    assert [test.take(v) for v in (1, 0, -1, 1)] == ["open", "open", "open", "higher"]
    verdict = test.verdict()
    assert (verdict.seen, verdict.saved, verdict.change) == (4, 0.0, 0.25)
    assert verdict.interval.low == verdict.interval.high == 0.25
    again = Sequential(2, -1, 1)
    assert [again.take(v) for v in (1, -1)][-1] == "equal"


def test_the_interval_holds_although_the_end_was_not_planned():
    rows = changes(400, 90, 50)
    missed = 0
    for values in shuffled(rows, 40, 5):
        found = stop_early(values).verdict().interval
        missed += not found.low <= 40 / 400 <= found.high
    assert missed / 40 <= 0.1  # 5 % are allowed; of 40, 4 would be rare


def test_a_bet_is_fair():
    """What Ville's inequality asks for: no expected gain, whatever the order."""
    values = [0.0, 0.2, 0.5, 0.9, 1.0, 0.4]
    mean = sum(values) / len(values)
    for count in range(1, len(values)):
        capital, ways = 0.0, 0
        for order in itertools.permutations(values, count):
            bet = Bet(mean, 0, 1, len(values))
            for value in order:
                bet.take(value)
            capital += sum(bet._capitals)
            ways += 1
        assert capital / ways == pytest.approx(1.0)


def test_a_threshold():
    chance = random.Random(6)
    scores = [float(chance.random() < 0.9) for _ in range(1000)]
    test = Sequential(1000, 0, 1, null=0.8)
    for score in scores:
        if test.take(score) != "open":
            break
    assert test.result == "higher"
    assert test.seen < 500
    assert test.verdict().interval.low > 0


def test_what_cannot_be():
    for wrong in ({"total": 0}, {"low": 1}, {"null": 2}, {"error": 0}):
        with pytest.raises(ValueError):
            Sequential(**{"total": 5, "low": -1, "high": 1, **wrong})
    test = Sequential(1, -1, 1)
    with pytest.raises(ValueError):
        test.take(1.5)
    test.take(1)
    with pytest.raises(ValueError):
        test.take(0)


def test_a_verdict_in_words():
    (values,) = shuffled(changes(2000, 300, 100), 1, 3)
    said = stop_early(values).verdict().sentence("B", "A")
    assert said.startswith("B beats A, settled after ")
    assert "of 2,000 rows" in said
    assert "at most 5%" in said
    said = Sequential(10, -1, 1).verdict().sentence("B", "A")
    assert said == "B and A cannot be told apart after 0 of 10 rows"
    down = stop_early([-v for v in values]).verdict()
    assert down.sentence("B", "A").startswith("A beats B")
    assert down.to_dict()["saved"] == down.saved
