"""Tests for paired changes: did the second run do better, or was it luck."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from statistics import NormalDist

EXACT_UP_TO = 16
FLIPS = 20_000
SEED = 20_231


def sign_flips(changes: Sequence[float]) -> tuple[float, str]:
    """Test whether paired changes are as likely up as down, by their sum.

    If the runs were equally good, each change could as well have the other sign: the p
    is the share of all such choices of signs whose sum is as large as the one seen.

    Returns
    -------
    tuple
        The two-sided p, and ``exact`` (all choices were counted), ``by chance``
        (20,000 of them, seed fixed) or ``normal law`` (many lines, none dominating).
    """
    sizes = [abs(change) for change in changes if change]
    if not sizes:
        return 1.0, "exact"
    # Sums that are equal but for rounding count as equal.
    seen = abs(math.fsum(changes)) - 1e-9 * math.fsum(sizes)
    if len(sizes) <= EXACT_UP_TO:
        sums = [0.0]
        for size in sizes:
            sums = [*(s + size for s in sums), *(s - size for s in sums)]
        return sum(abs(s) >= seen for s in sums) / len(sums), "exact"
    squares = math.fsum(size * size for size in sizes)
    if len(sizes) > 200 and max(sizes) ** 2 < 0.02 * squares:
        z = max(0.0, seen) / math.sqrt(squares)
        return 2 * (1 - NormalDist().cdf(z)), "normal law"
    return _by_chance(sizes, seen), "by chance"


def _by_chance(sizes: list[float], seen: float) -> float:
    chance = random.Random(SEED)
    count, total = len(sizes), math.fsum(sizes)
    reached = 0
    for _ in range(FLIPS):
        bits = chance.getrandbits(count)
        kept = itertools.compress(sizes, map(int, f"{bits:0{count}b}"))
        reached += abs(2 * sum(kept) - total) >= seen
    return (reached + 1) / (FLIPS + 1)


def wilcoxon(changes: Sequence[float]) -> float:
    """Return the two-sided p of Wilcoxon's signed ranks, zeros left out.

    Exact for up to 50 changes of different size, else by the normal law, corrected for
    ties. It asks by how many places lines moved, not by how much: for scores whose
    steps are not equally wide.
    """
    kept = sorted((change for change in changes if change), key=abs)
    count = len(kept)
    if not count:
        return 1.0
    ranks: list[float] = []
    ties = 0
    for _, group in itertools.groupby(kept, key=abs):
        size = len(list(group))
        ranks += [len(ranks) + (size + 1) / 2] * size
        ties += size**3 - size
    up = sum(rank for rank, change in zip(ranks, kept, strict=True) if change > 0)
    if not ties and count <= 50:
        return _signed_ranks_tail(int(up), count)
    spread = count * (count + 1) * (2 * count + 1) / 24 - ties / 48
    z = (up - count * (count + 1) / 4) / math.sqrt(spread)
    return 2 * (1 - NormalDist().cdf(abs(z)))


def _signed_ranks_tail(up: int, count: int) -> float:
    most = count * (count + 1) // 2
    ways: list[int] = [1] + [0] * most
    for rank in range(1, count + 1):
        for total in range(most, rank - 1, -1):
            ways[total] += ways[total - rank]
    tail = sum(ways[: min(up, most - up) + 1])
    return min(1.0, tail / 2.0 ** (count - 1))
