"""An evaluation that knows when to stop, with a bound on the chance to be wrong.

A test by betting. Who doubts that the second run is better bets nothing; who believes
it stakes a part of a capital on each line. As long as the doubter is right the capital
cannot be expected to grow, whatever the stakes, and by Ville's inequality it reaches
``1 / a`` with a chance of at most ``a``, ever. So one may look after every line and
stop as soon as it does. The lines of the data are finitely many and drawn without
being put back, which the bets know: when all are seen, nothing is open any more.

Literature: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
betting" (2024), sections 4 and 5.

What it needs, and says: lines in random order, scores between two known ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .statistics import Interval

STAKES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
ROUNDS = 25


class Bet:
    """Capital of who bets that the mean of all values is above ``mean``.

    Parameters
    ----------
    mean
        What the doubter says the mean of all values is at most.
    low, high
        Ends that no value passes.
    total
        How many values there are in all.
    """

    def __init__(self, mean: float, low: float, high: float, total: int) -> None:
        self._goal = mean * total
        self._low, self._high, self._left = low, high, total
        self._sum = 0.0
        self._capitals = [1.0 / len(STAKES)] * len(STAKES)
        self.best = 1.0

    def take(self, value: float) -> None:
        """Bet on one more value."""
        # What the rest of the values has on average if the doubter is right.
        mean = (self._goal - self._sum) / self._left
        self._sum += value
        self._left -= 1
        if mean < self._low - 1e-9:
            self.best = math.inf
        elif mean < self._high and mean > self._low:
            gain = (value - self._low) / (mean - self._low)
            self._capitals = [
                capital * (1 - stake + stake * gain)
                for capital, stake in zip(self._capitals, STAKES, strict=True)
            ]
            self.best = max(self.best, sum(self._capitals))
        elif mean <= self._low and value > self._low + 1e-9:
            self.best = math.inf  # he said that nothing above the end was left


@dataclass(frozen=True)
class Verdict:
    """What is settled, and after how many lines.

    Attributes
    ----------
    result
        ``higher`` or ``lower`` than the comparison, ``equal`` (no difference as large
        as the smallest that matters), or ``open``.
    seen, total
        Lines that were looked at, and all lines.
    change
        Mean of the lines that were looked at.
    interval
        Where the mean of all lines lies, valid although the end was not planned.
    error
        The chance of a wrong result is at most this.
    """

    result: str
    seen: int
    total: int
    change: float
    interval: Interval
    error: float

    @property
    def saved(self) -> float:
        """The share of the lines that need not run."""
        return 1 - self.seen / self.total

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "saved": self.saved}

    def sentence(self, name: str, other: str) -> str:
        """Return the verdict in words.

        Parameters
        ----------
        name, other
            What is judged, and what it is compared with.
        """
        told = {
            "higher": f"{name} beats {other}",
            "lower": f"{other} beats {name}",
            "equal": f"{name} and {other} do not differ by as much as matters",
            "open": f"{name} and {other} cannot be told apart",
        }[self.result]
        if self.result == "open":
            return f"{told} after {self.seen:,} of {self.total:,} rows"
        return (
            f"{told}, settled after {self.seen:,} of {self.total:,} rows"
            f" ({self.saved:.0%} saved, wrong with a chance of at most"
            f" {self.error:.0%})"
        )


class Sequential:
    """Watches values as they come and says when the question is settled.

    Parameters
    ----------
    total
        How many values there are in all.
    low, high
        Ends that no value passes; of changes of a share, -1 and 1.
    null
        What the mean is compared with: 0 for changes.
    error
        Bound of the chance that the result is wrong, ever.
    smallest
        The smallest difference that matters; without it equality is never settled
        before the last line.
    """

    ASSUMPTIONS = (
        "the lines come in random order",
        "the data is all there is to know: the verdict is on these rows",
    )

    def __init__(
        self,
        total: int,
        low: float,
        high: float,
        null: float = 0.0,
        error: float = 0.05,
        smallest: float | None = None,
    ) -> None:
        if total < 1 or not low < null < high or not 0 < error < 1:
            raise ValueError("no lines, ends in the wrong order, or no error bound")
        self.total, self.low, self.high, self.null = total, low, high, null
        self.error, self.smallest = error, smallest
        self._values: list[float] = []
        self._above = Bet(null, low, high, total)
        self._below = Bet(-null, -high, -low, total)
        gap = smallest or 0.0
        self._gap = gap > 0
        self._not_more = Bet(-(null + gap), -high, -low, total)
        self._not_less = Bet(null - gap, low, high, total)

    @property
    def seen(self) -> int:
        """How many values were looked at."""
        return len(self._values)

    def take(self, value: float) -> str:
        """Look at one more value and return the result so far.

        Raises
        ------
        ValueError
            It passes an end, or there are more than ``total``.
        """
        if not self.low - 1e-9 <= value <= self.high + 1e-9:
            raise ValueError(f"{value} is not between {self.low} and {self.high}")
        if self.seen >= self.total:
            raise ValueError(f"more than {self.total} values")
        self._values.append(value)
        self._above.take(value)
        self._below.take(-value)
        if self._gap:
            self._not_more.take(-value)
            self._not_less.take(value)
        return self.result

    @property
    def result(self) -> str:
        """``higher``, ``lower``, ``equal`` or ``open``."""
        # A true mean can make one of each pair wrong, so each gets half of the bound.
        enough = 2 / self.error
        if self.seen == self.total:
            return self._known()
        if self._above.best >= enough:
            return "higher"
        if self._below.best >= enough:
            return "lower"
        if self._gap and min(self._not_more.best, self._not_less.best) >= enough:
            return "equal"
        return "open"

    def _known(self) -> str:
        """Return what all values together say: nothing is left to chance."""
        mean = math.fsum(self._values) / self.total - self.null
        if abs(mean) < (self.smallest or 1e-12):
            return "equal"
        return "higher" if mean > 0 else "lower"

    def verdict(self) -> Verdict:
        """Return the result with everything that belongs to it."""
        count = max(1, self.seen)
        return Verdict(
            result=self.result,
            seen=self.seen,
            total=self.total,
            change=math.fsum(self._values) / count - self.null,
            interval=self._interval(),
            error=self.error,
        )

    def _interval(self) -> Interval:
        low = self._edge(self._values, self.low, self.high)
        high = -self._edge([-v for v in self._values], -self.high, -self.low)
        low, high = low - self.null, high - self.null
        return Interval(low, high, 1 - self.error, "sequential")

    def _edge(self, values: list[float], low: float, high: float) -> float:
        """Return the lowest mean that no bet has refuted.

        A higher mean is harder to refute, so halving finds the border.
        """
        if not values:
            return low
        if len(values) == self.total:
            return math.fsum(values) / self.total
        refuted, kept = low, high
        if not self._refutes(values, low + 1e-9, low, high):
            return low
        for _ in range(ROUNDS):
            middle = (refuted + kept) / 2
            if self._refutes(values, middle, low, high):
                refuted = middle
            else:
                kept = middle
        return refuted

    def _refutes(
        self, values: Iterable[float], mean: float, low: float, high: float
    ) -> bool:
        bet = Bet(mean, low, high, self.total)
        for value in values:
            bet.take(value)
            if bet.best >= 2 / self.error:
                return True
        return False
