"""The few distributions that the statistics need, so that scipy need not be there."""

from __future__ import annotations

import math

_STEPS = 300
_TINY = 1e-300


def t_tail(value: float, degrees: float) -> float:
    """Return the chance that Student's t is beyond ``value`` in either direction."""
    share = degrees / (degrees + value * value)
    return beta_share(share, degrees / 2, 0.5)


def t_quantile(confidence: float, degrees: float) -> float:
    """Return the ``t`` that a share ``confidence`` lies within, on both sides of 0."""
    low, high = 0.0, 1.0
    while t_tail(high, degrees) > 1 - confidence:
        low, high = high, high * 2
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if t_tail(middle, degrees) > 1 - confidence:
            low = middle
        else:
            high = middle


def beta_share(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    By its continued fraction (Lentz's way), on the side where that converges fast.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, _STEPS):
        for top in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + top * d)
            c = _away(1 + top / c)
            total *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * total / a


def _away(value: float) -> float:
    """Keep a divisor away from zero."""
    return value if abs(value) > _TINY else _TINY


def fair_coin_tail(heads: int, throws: int) -> float:
    """Return the two-sided chance of a result as uneven as this of a fair coin."""
    if not throws:
        return 1.0
    fewer = min(heads, throws - heads)
    logs = [
        math.lgamma(throws + 1)
        - math.lgamma(k + 1)
        - math.lgamma(throws - k + 1)
        - throws * math.log(2)
        for k in range(fewer + 1)
    ]
    return min(1.0, 2 * math.fsum(math.exp(value) for value in logs))
