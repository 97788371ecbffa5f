"""How sure a metric is, and how sure the difference between two runs.

What is done when, and why, is told to users in docs/evaluation.md. Everything here is
exact or says how it approximates; chance, where it is used, has a fixed seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, fmean, variance
from typing import Any

from .distributions import fair_coin_tail, t_quantile
from .paired import sign_flips

CONFIDENCE = 0.95
RESAMPLES = 2_000
SEED = 20_231
YES = frozenset({"correct", "pass", "passed", "true", "yes"})
NO = frozenset({"incorrect", "fail", "failed", "false", "no", "wrong"})


@dataclass(frozen=True)
class Interval:
    """Where the true value lies with this confidence.

    ``method`` is ``wilson`` (shares), ``t`` or ``bootstrap`` (means), ``agresti-min``
    (paired shares) or ``sequential`` (valid although the end was not planned).
    """

    low: float
    high: float
    confidence: float = CONFIDENCE
    method: str = ""


@dataclass(frozen=True)
class Estimate:
    """A share or a mean over lines, with its interval.

    ``interval`` is None when there are too few values to say anything.
    """

    value: float
    count: int
    kind: str
    interval: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return number_and_interval(self.value, self.interval)


@dataclass(frozen=True)
class Difference:
    """Two runs on the same lines: how much the second differs, and how sure that is.

    Attributes
    ----------
    first, second, change
        The share or mean of each over the common lines; the second less the first.
    interval
        Of the change, or None when there are too few lines.
    p
        The chance of a change as large as this if the runs were equally good.
    test, how
        ``mcnemar`` or ``sign-flips``; ``exact``, ``by chance`` or ``normal law``.
    count, higher, lower
        Common lines; those on which the second is higher, and lower.
    """

    first: float
    second: float
    change: float
    kind: str
    interval: Interval | None
    p: float
    test: str
    how: str
    count: int
    higher: int
    lower: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        told = f"{self.change:+.3g}"
        if self.interval:
            told += f" ({self.interval.low:+.3g} to {self.interval.high:+.3g})"
        return f"{told}, p {p_text(self.p)}, {self.higher} up, {self.lower} down"


def as_number(value: Any) -> float | None:
    """Return what a line's output counts: a number, 1 or 0 for a flag or its word.

    ``Correct`` counts 1 and ``Incorrect`` 0. Other texts, NaN and infinities count
    nothing, which is None.
    """
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in YES or word in NO:
            return float(word in YES)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def as_numbers(values: Iterable[Any]) -> tuple[list[float | None], str] | None:
    """Return a column as numbers, None where a line has none, and its kind.

    The kind is ``share`` when all are 0 or 1, else ``mean``. None when something in
    it is neither a number nor one of the known words, or nothing is there at all.
    """
    numbers: list[float | None] = []
    for value in values:
        number = None if value is None else as_number(value)
        if number is None and value is not None and value == value:  # not NaN
            return None
        numbers.append(number)
    present = {number for number in numbers if number is not None}
    if not present:
        return None
    return numbers, kind_of(present)


def kind_of(values: Iterable[float]) -> str:
    """Return ``share`` when all values are 0 or 1, else ``mean``."""
    return "share" if set(values) <= {0.0, 1.0} else "mean"


def estimate(
    values: Sequence[float], kind: str = "", confidence: float = CONFIDENCE
) -> Estimate:
    """Return the share or mean of values with its interval.

    Parameters
    ----------
    values
        At least one.
    kind
        ``share`` or ``mean``; found by looking if empty.
    confidence
        Between 0 and 1.
    """
    kind = kind or kind_of(values)
    if kind == "share":
        yes = int(sum(values))
        found: Interval | None = wilson(yes, len(values), confidence)
        return Estimate(yes / len(values), len(values), kind, found)
    found = mean_interval(values, confidence) if len(values) > 1 else None
    return Estimate(fmean(values), len(values), kind, found)


def wilson(yes: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval of a share.

    It holds its promise for few lines and near 0 and 1, where the textbook's interval
    does not.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = yes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    half /= 1 + z * z / count
    # At the ends the interval touches them exactly; rounding must not say otherwise.
    low = 0.0 if yes == 0 else max(0.0, middle - half)
    high = 1.0 if yes == count else min(1.0, middle + half)
    return Interval(low, high, confidence, "wilson")


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return Student's interval of a mean; at least two values."""
    middle = fmean(values)
    error = math.sqrt(variance(values, middle) / len(values))
    half = t_quantile(confidence, len(values) - 1) * error
    return Interval(middle - half, middle + half, confidence, "t")


def bootstrap(
    values: Sequence[float],
    confidence: float = CONFIDENCE,
    statistic: Callable[[Sequence[float]], float] = fmean,
) -> Interval:
    """Return the percentile interval of any statistic, by drawing lines anew.

    For what has no formula, a median for instance. The seed is fixed.
    """
    chance = random.Random(SEED)
    drawn = sorted(
        statistic(chance.choices(values, k=len(values))) for _ in range(RESAMPLES)
    )
    tail = (1 - confidence) / 2
    low, high = (quantile(drawn, share) for share in (tail, 1 - tail))
    return Interval(low, high, confidence, "bootstrap")


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of ordered values lies."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def difference(
    first: Sequence[float],
    second: Sequence[float],
    kind: str = "",
    confidence: float = CONFIDENCE,
) -> Difference:
    """Compare two runs on the same lines, paired line by line.

    Parameters
    ----------
    first, second
        Equally long, at least one value each; the same place is the same line.
    kind
        ``share`` or ``mean``; found by looking if empty.
    confidence
        Of the interval.
    """
    changes = [b - a for a, b in zip(first, second, strict=True)]
    higher = sum(change > 0 for change in changes)
    lower = sum(change < 0 for change in changes)
    kind = kind or kind_of([*first, *second])
    found: Interval | None
    if kind == "share":
        found = agresti_min(higher, lower, len(changes), confidence)
        p, how = fair_coin_tail(higher, higher + lower), "exact"
    else:
        found = mean_interval(changes, confidence) if len(changes) > 1 else None
        p, how = sign_flips(changes)
    return Difference(
        first=fmean(first),
        second=fmean(second),
        change=fmean(changes),
        kind=kind,
        interval=found,
        p=p,
        test="mcnemar" if kind == "share" else "sign-flips",
        how=how,
        count=len(changes),
        higher=higher,
        lower=lower,
    )


def agresti_min(
    higher: int, lower: int, count: int, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of a difference of paired shares.

    Wald's with half a line added to each of the four cells (Agresti and Min, 2005),
    which keeps its promise for few lines and few changes.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    total, up, down = count + 2, higher + 0.5, lower + 0.5
    middle = (up - down) / total
    half = z * math.sqrt(up + down - (up - down) ** 2 / total) / total
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return Interval(low, high, confidence, "agresti-min")


def number_and_interval(value: float, interval: Interval | None) -> str:
    """Return ``0.87 (0.85–0.89)``, with as many digits as the interval deserves."""
    if interval is None:
        return f"{value:.4g}"
    width = interval.high - interval.low
    digits = 2 if width <= 0 else min(6, max(0, 1 - math.floor(math.log10(width))))
    told = [f"{number:.{digits}f}" for number in (value, interval.low, interval.high)]
    return f"{told[0]} ({told[1]}–{told[2]})"


def p_text(p: float) -> str:
    """Return a p as people write it: ``= 0.02``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"
