"""Statistics against values that scipy 1.16 gave, written down once."""

import math

import pytest

from pf_jupyter.runs.evaluation.distributions import (
    beta_share,
    fair_coin_tail,
    t_quantile,
    t_tail,
)
from pf_jupyter.runs.evaluation.paired import sign_flips, wilcoxon
from pf_jupyter.runs.evaluation.statistics import (
    as_number,
    as_numbers,
    bootstrap,
    difference,
    estimate,
    mean_interval,
    number_and_interval,
    p_text,
    wilson,
)

CHANGES = [0.5, 0.4, -0.1, 0.8, 0.7, -0.3, 0.0, 0.9]
# numpy's default_rng(1).normal(0.15, 1, 60), to three digits
NORMAL = [
    *(0.496, 0.972, 0.48, -1.153, 1.055, 0.596, -0.387, 0.731, 0.515, 0.444, 0.178),
    *(0.697, -0.586, -0.013, -0.332, 0.749, 0.19, -0.142, -0.632, -0.107, 0.158),
    *(-0.126, 1.444, 1.157, -2.561, -1.739, -0.025, -0.272, 0.364, 0.367, 2.268),
    *(-0.962, -0.228, 2.193, 0.797, 0.813, -0.364, -1.498, 0.317, 0.259, -1.077),
    *(-0.533, 0.078, -0.795, 0.052, 0.245, 0.186, -0.356, 0.744, 1.041, 0.471),
    *(-0.668, 0.882, -0.351, 1.029, -0.922, 1.064, 0.13, -1.099, -0.164),
]


def near(value):
    return pytest.approx(value, rel=1e-9)


def test_distributions():
    assert t_quantile(0.95, 9) == near(2.262157162798205)
    assert t_quantile(0.99, 1) == near(63.656741162871526)
    assert t_quantile(0.95, 999) == near(1.9623414611334493)
    assert t_quantile(0.90, 2.5) == near(2.5582186141359355)
    assert t_tail(2.5, 7) == near(0.04099221858575289)
    assert t_tail(12, 40) == near(7.82417130425598e-15)
    assert beta_share(0.3, 2, 5) == near(0.5798250000000003)
    assert beta_share(1e-4, 0.5, 0.5) == near(0.006366303831746142)
    assert (beta_share(0, 2, 3), beta_share(1, 2, 3)) == (0, 1)


@pytest.mark.parametrize(
    ("yes", "count", "low", "high"),
    [
        (0, 10, 0.0, 0.27753279986288926),
        (87, 100, 0.7901964855992357, 0.9224283257275948),
        (870, 1000, 0.8477319733455311, 0.889436225375158),
        (10, 10, 0.7224672001371109, 1.0),
        (1, 3, 0.06149194472039626, 0.7923403991979523),
    ],
)
def test_the_interval_of_a_share(yes, count, low, high):
    found = wilson(yes, count)
    assert (found.low, found.high) == (near(low), near(high))
    whole = estimate([1.0] * yes + [0.0] * (count - yes))
    assert (whole.value, whole.kind, whole.interval) == (yes / count, "share", found)


def test_the_interval_of_a_mean():
    found = mean_interval(CHANGES)
    assert found.low == near(-0.011212974322134972)
    assert found.high == near(0.7362129743221347)
    assert estimate([0.5]).interval is None
    assert estimate([0.5, 0.25]).kind == "mean"


def test_the_bootstrap_agrees_with_the_formula_and_repeats():
    found, formula = bootstrap(NORMAL), mean_interval(NORMAL)
    assert found.low == pytest.approx(formula.low, abs=0.05)
    assert found.high == pytest.approx(formula.high, abs=0.05)
    assert found == bootstrap(NORMAL)
    assert bootstrap([3.0] * 5, statistic=max).low == 3.0


def test_mcnemar():
    assert fair_coin_tail(5, 20) == near(0.04138946533203125)
    assert fair_coin_tail(29, 40) == near(0.006426576095691416)
    assert fair_coin_tail(300, 700) == near(0.0001784763144856244)
    assert fair_coin_tail(0, 0) == fair_coin_tail(5, 10) == 1.0


def test_sign_flips():
    assert sign_flips(CHANGES) == (near(0.078125), "exact")
    assert sign_flips([3, -1, 4, 1.5, -5, 9, -2, 6, 5.5, -3.5]) == (
        near(0.265625),
        "exact",
    )
    p, how = sign_flips(NORMAL)  # scipy: 0.3726 of 400,000 flips
    assert how == "by chance"
    assert p == pytest.approx(0.3726, abs=0.012)
    assert sign_flips(NORMAL) == (p, how)
    many, how = sign_flips(NORMAL * 20)
    assert how == "normal law"
    z = abs(sum(NORMAL) * 20) / math.sqrt(20 * sum(c * c for c in NORMAL))
    assert many == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert sign_flips([0, 0]) == (1.0, "exact")
    assert sign_flips([1000.0, *[0.001] * 300])[1] == "by chance"


def test_wilcoxon():
    assert wilcoxon([3, -1, 4, 1.5, -5, 9, -2, 6, 5.5, -3.5]) == near(0.275390625)
    assert wilcoxon([1, 1, 2, -1, 3, 0, -2, 2, 2, 1, 4, -1]) == near(0.0784001157355714)
    assert wilcoxon([0.0]) == 1.0


def test_a_difference_of_shares():
    first = [1.0] * 80 + [0.0] * 20
    second = [1.0] * 77 + [0.0] * 3 + [1.0] * 12 + [0.0] * 8
    found = difference(first, second)
    assert (found.higher, found.lower, found.count) == (12, 3, 100)
    assert found.change == near(0.09)
    assert found.p == near(0.03515625)  # binomtest(3, 15)
    # Agresti and Min by hand: (12 - 3) / 102 ± 1.959964 sqrt(16 - 81 / 102) / 102
    half = 1.959963984540054 * math.sqrt(16 - 81 / 102) / 102
    assert found.interval.low == near(9 / 102 - half)
    assert found.interval.high == near(9 / 102 + half)
    assert (found.test, found.how) == ("mcnemar", "exact")
    assert str(found) == "+0.09 (+0.0133 to +0.163), p = 0.035, 12 up, 3 down"


def test_a_difference_of_means():
    first = [1.0, 2.0, 3.0, 4.0, 5.0, 3.0, 2.0, 4.5]
    second = [a + c for a, c in zip(first, CHANGES, strict=True)]
    found = difference(first, second)
    assert found.p == near(0.078125)
    assert (found.test, found.kind) == ("sign-flips", "mean")
    assert found.interval.low == near(-0.011212974322134972)
    assert difference([2.5], [3.5]).interval is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((True, 1), (False, 0), (3, 3), (0.5, 0.5), ("4.5", 4.5), ("1", 1)),
        *(("Correct", 1), (" incorrect ", 0), ("Pass", 1), ("NO", 0)),
        *(("maybe", None), (None, None), (math.nan, None), ("inf", None), ([], None)),
    ],
)
def test_what_a_line_counts(value, number):
    assert as_number(value) == number


def test_columns_of_numbers():
    assert as_numbers(["Correct", None, "Incorrect"]) == ([1.0, None, 0.0], "share")
    assert as_numbers([1, 2.5, math.nan]) == ([1.0, 2.5, None], "mean")
    assert as_numbers([1, "some text"]) is None
    assert as_numbers([None]) is None


def test_numbers_as_people_write_them():
    assert number_and_interval(0.87, wilson(870, 1000)) == "0.870 (0.848–0.889)"
    assert number_and_interval(0.5, None) == "0.5"
    assert number_and_interval(3, mean_interval([1.0, 5.0])) == "3 (-22–28)"
    assert (p_text(0.0004), p_text(0.0234)) == ("< 0.001", "= 0.023")
